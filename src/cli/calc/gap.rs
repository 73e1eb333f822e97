//! `calc gap`: what the gap between designed and actual costs.

use std::path::PathBuf;

use super::table::{Row, Table};
use crate::capacity::cost::{Asset, Gap, Power, StraightLine, repeated};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

const REQUIRED: [&str; 4] = ["asset", "resource", "requested", "used"];
const OPTIONAL: [&str; 8] = [
    "provisioned",
    "price_per_month",
    "purchase_price",
    "residual_value",
    "life_months",
    "age_months",
    "idle_watts",
    "peak_watts",
];

#[derive(Debug, clap::Args)]
pub(super) struct GapArgs {
    /// A CSV file, one resource of one asset a row: `asset`, `resource`, `requested`, `used`; and
    /// where known `provisioned` (else the greater of the two), `price_per_month` of a unit; of the
    /// whole row `purchase_price`, `residual_value`, `life_months` and `age_months`, `idle_watts`
    /// and `peak_watts`. Give what is bought or powered as a whole in one of its rows only.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What a kilowatt-hour costs; needed where there are watts.
    #[arg(long, value_name = "MONEY")]
    price_per_kwh: Option<f64>,
    /// Kilowatt-hours paid for each that a host draws: power usage effectiveness, for cooling and
    /// distribution.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pue: f64,
}

/// What is paid for and not used, in capital and in operating cost.
pub(super) fn gap(args: &GapArgs) -> Result<Sheet> {
    let table = Table::read_exact(&args.file, &REQUIRED, &OPTIONAL)?;
    let rows: Vec<Row> = table.rows().collect();
    let mut assets = Vec::with_capacity(rows.len());
    for row in &rows {
        let asset = row.at(asset(*row, args))?;
        row.at(asset.costs())?;
        assets.push(asset);
    }
    if let Some((first, again)) = repeated(&assets) {
        let Asset { id, resource, .. } = &assets[first];
        return Err(rows[again].error(format!(
            "{resource} of {id} stands in line {} already: count each asset once",
            rows[first].line()
        )));
    }
    let gap = Gap::of(&assets)?;
    let mut sheet = Sheet::new("Designed versus actual, per month");
    let total = gap.total;
    for (key, name, cost) in [
        ("total", "cost", total.total),
        ("used", "of it used", total.used),
        ("slack", "requested and not used", total.slack),
        ("idle", "neither requested nor used", total.idle),
        ("overcommitted", "requested beyond what there is", total.overcommitted),
        ("gap", "gap: paid for and not used", total.gap()),
        ("gap_capex", "of it capital", total.gap_capex),
        ("gap_opex", "of it operating", total.gap_opex),
    ] {
        sheet.fact(key, name, cost, "");
    }
    sheet.fact("efficiency", "efficiency: used by requested", total.efficiency(), "");
    let mut order: Vec<usize> = (0..assets.len()).collect();
    order.sort_by(|a, b| gap.rows[*b].gap().total_cmp(&gap.rows[*a].gap()));
    let columns = [
        Column::new("asset", "asset"),
        Column::new("resource", "resource"),
        Column::new("total", "cost"),
        Column::new("used", "used"),
        Column::new("slack", "slack"),
        Column::new("idle", "idle"),
        Column::new("gap", "gap"),
        Column::new("efficiency", "efficiency"),
    ];
    let table = sheet.table("assets", &columns);
    for at in order {
        let (asset, costs) = (&assets[at], gap.rows[at]);
        table.row([
            asset.id.as_str().into(),
            asset.resource.as_str().into(),
            costs.total.into(),
            costs.used.into(),
            costs.slack.into(),
            costs.idle.into(),
            costs.gap().into(),
            costs.efficiency().into(),
        ]);
    }
    sheet.note("The gap is no saving: it becomes one when a whole host leaves (calc savings).");
    Ok(sheet)
}

fn asset(row: Row<'_>, args: &GapArgs) -> Result<Asset> {
    let (requested, used) = (row.number("requested")?, row.number("used")?);
    let provisioned = row.number_if_any("provisioned")?.unwrap_or_else(|| requested.max(used));
    let (idle_power, power_of_use) = power(row, args, used / provisioned)?;
    let rent = row.number_if_any("price_per_month")?.unwrap_or(0.0) * provisioned;
    Ok(Asset {
        id: row.text("asset").to_owned(),
        resource: row.text("resource").to_owned(),
        provisioned,
        requested,
        used,
        capex: depreciation(row)?,
        opex: rent + idle_power,
        opex_of_use: power_of_use,
    })
}

fn depreciation(row: Row<'_>) -> Result<f64> {
    let (price, life) = (row.number_if_any("purchase_price")?, row.number_if_any("life_months")?);
    match (price, life) {
        (None, None) => Ok(0.0),
        (Some(price), Some(life)) => {
            let residual = row.number_if_any("residual_value")?.unwrap_or(0.0);
            let age = row.number_if_any("age_months")?.unwrap_or(0.0);
            Ok(StraightLine::new(price, residual, life)?.per_month(age))
        }
        _ => Err(Error::invalid("give both purchase_price and life_months, or none of them")),
    }
}

/// What power costs for being on, and what use adds.
fn power(row: Row<'_>, args: &GapArgs, utilization: f64) -> Result<(f64, f64)> {
    match (row.number_if_any("idle_watts")?, row.number_if_any("peak_watts")?) {
        (None, None) => Ok((0.0, 0.0)),
        (Some(idle), Some(peak)) => {
            let Some(price) = args.price_per_kwh else {
                return Err(Error::invalid("there are watts: give --price-per-kwh"));
            };
            let power = Power::new(idle, peak, args.pue, price)?;
            let at_idle = power.idle_per_month();
            Ok((at_idle, power.per_month(utilization) - at_idle))
        }
        _ => Err(Error::invalid("give both idle_watts and peak_watts, or none of them")),
    }
}
