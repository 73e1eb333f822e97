//! Reads an inventory: a header, then a row per host.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::model::limits::{AMOUNT_ASKED, is_amount};
use crate::model::{Timestamp, Unit};

const REQUESTED: &str = "requested_";
const PROVISIONED: &str = "provisioned_";

/// The last words of an amount's column, and the units that they stand for. Any other last word is
/// a unit of its own.
const UNITS: [(&str, &str); 17] = [
    ("bytes_per_second", "B/s"),
    ("kb_per_second", "KB/s"),
    ("mb_per_second", "MB/s"),
    ("gb_per_second", "GB/s"),
    ("cores", "cores"),
    ("mhz", "MHz"),
    ("ghz", "GHz"),
    ("bytes", "B"),
    ("kb", "KB"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("tb", "TB"),
    ("kib", "KiB"),
    ("mib", "MiB"),
    ("gib", "GiB"),
    ("tib", "TiB"),
    ("percent", "%"),
];

/// What the owners say of their hosts.
///
/// ```
/// use plimsoll::capacity::inventory::Inventory;
/// let text = "host,owner,price,standby,requested_memory_gib,gpu\n\
///             db-1,ann,120.5,,64,\n\
///             db-2,ann,120.5,yes,64,a100\n";
/// let inventory = Inventory::read(text, "inventory.csv")?;
/// let second = inventory.get("db-2").unwrap();
/// assert_eq!((second.owner.as_deref(), second.price_per_month), (Some("ann"), Some(120.5)));
/// assert_eq!((second.standby, second.requested[0].value), (true, 64.0));
/// assert_eq!(second.requested[0].resource, "memory");
/// assert_eq!(second.labels, [("gpu".to_owned(), "a100".to_owned())]);
/// let twice = Inventory::read("host\na\na\n", "inventory.csv").unwrap_err();
/// assert_eq!(twice.to_string(), "inventory.csv:3: host \"a\" is in line 2 already");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    rows: Vec<InventoryRow>,
    by_host: BTreeMap<String, usize>,
}

/// One host of an inventory. What is empty in the text is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InventoryRow {
    /// Its line in the text, from 1.
    pub line: u64,
    /// Its name, as in the label `host` of its series.
    pub host: String,
    /// What it serves.
    pub service: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it stands.
    pub zone: Option<String>,
    /// Where in the zone.
    pub rack: Option<String>,
    /// Its size, by name.
    pub shape: Option<String>,
    /// What it costs in a month, in the currency of the inventory.
    pub price_per_month: Option<f64>,
    /// When it was bought or rented: since when it is there.
    pub purchase_date: Option<Timestamp>,
    /// It waits for others to fail, and is kept whatever it uses.
    pub standby: bool,
    /// What was asked for.
    pub requested: Vec<Amount>,
    /// What it has.
    pub provisioned: Vec<Amount>,
    /// Columns beside these, where they are not empty.
    pub labels: Vec<(String, String)>,
}

/// An amount of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    /// The resource, as in `cpu`.
    pub resource: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
}

/// Hosts that are in one place only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mismatch {
    /// Hosts with data that have no row.
    pub without_row: Vec<String>,
    /// Rows, by host, that have no data.
    pub without_data: Vec<String>,
}

/// What a column is.
enum Column {
    Host,
    Service,
    Owner,
    Zone,
    Rack,
    Shape,
    Price,
    PurchaseDate,
    Standby,
    Amount { requested: bool, resource: String, unit: Unit },
    Label(String),
}

impl Inventory {
    /// Reads an inventory; `origin` names the text in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Parse`] with the line: no column `host`, a column twice, a row with more or fewer
    /// cells, an empty or repeated host, a price or amount below zero, a date that is none, or a
    /// standby that is neither yes nor no.
    pub fn read(text: &str, origin: &str) -> Result<Self> {
        let refused = |line, what| Error::Parse { origin: origin.to_owned(), line, what };
        let failed = |why: csv::Error| {
            refused(why.position().map_or(1, csv::Position::line), why.to_string())
        };
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns = columns(reader.headers().map_err(failed)?);
        let columns = columns.map_err(|what| refused(1, what))?;
        let mut inventory = Self::default();
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let line = record.position().map_or(1, csv::Position::line);
            let row = row(&columns, &record, line).map_err(|what| refused(line, what))?;
            if let Some(earlier) = inventory.get(&row.host) {
                let what = format!("host {:?} is in line {} already", row.host, earlier.line);
                return Err(refused(line, what));
            }
            inventory.by_host.insert(row.host.clone(), inventory.rows.len());
            inventory.rows.push(row);
        }
        Ok(inventory)
    }

    /// The row of a host.
    pub fn get(&self, host: &str) -> Option<&InventoryRow> {
        self.by_host.get(host).and_then(|row| self.rows.get(*row))
    }

    /// The rows, in the order of the text.
    pub fn rows(&self) -> &[InventoryRow] {
        &self.rows
    }

    /// Which hosts have no row, and which rows no host, both in order.
    pub fn mismatch<'h>(&self, hosts: impl IntoIterator<Item = &'h str>) -> Mismatch {
        let hosts: BTreeSet<&str> = hosts.into_iter().collect();
        let without_row = hosts.iter().filter(|host| self.get(host).is_none());
        let without_data = self.by_host.keys().filter(|host| !hosts.contains(host.as_str()));
        Mismatch {
            without_row: without_row.map(|host| (*host).to_owned()).collect(),
            without_data: without_data.cloned().collect(),
        }
    }
}

fn columns(headers: &csv::StringRecord) -> Result<Vec<Column>, String> {
    let mut seen = BTreeSet::new();
    let mut columns = Vec::with_capacity(headers.len());
    for (index, name) in headers.iter().map(|name| name.trim_start_matches('\u{feff}')).enumerate()
    {
        if name.is_empty() {
            return Err(format!("column {} has no name", index + 1));
        }
        if !seen.insert(name) {
            return Err(format!("column {name:?} is there twice"));
        }
        columns.push(column(name)?);
    }
    if seen.contains("host") { Ok(columns) } else { Err("there is no column \"host\"".to_owned()) }
}

fn column(name: &str) -> Result<Column, String> {
    let amount = |requested, rest: &str| {
        let known = UNITS
            .iter()
            .find_map(|(word, unit)| Some((rest.strip_suffix(word)?.strip_suffix('_')?, *unit)));
        let split = known
            .or_else(|| rest.rsplit_once('_'))
            .filter(|(resource, unit)| !resource.is_empty() && !unit.is_empty());
        let refused =
            || format!("column {name:?} has no unit; write it last, as in {REQUESTED}memory_gib");
        let (resource, unit) = split.ok_or_else(refused)?;
        let unit = unit.parse().map_err(|why: Error| why.to_string())?;
        Ok(Column::Amount { requested, resource: resource.to_owned(), unit })
    };
    Ok(match name {
        "host" => Column::Host,
        "service" => Column::Service,
        "owner" => Column::Owner,
        "zone" => Column::Zone,
        "rack" => Column::Rack,
        "shape" => Column::Shape,
        "price" => Column::Price,
        "purchase_date" => Column::PurchaseDate,
        "standby" => Column::Standby,
        name => match (name.strip_prefix(REQUESTED), name.strip_prefix(PROVISIONED)) {
            (Some(rest), _) => return amount(true, rest),
            (_, Some(rest)) => return amount(false, rest),
            _ => Column::Label(name.to_owned()),
        },
    })
}

fn row(columns: &[Column], record: &csv::StringRecord, line: u64) -> Result<InventoryRow, String> {
    let mut row = InventoryRow { line, ..InventoryRow::default() };
    for (column, cell) in columns.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        let text = || Some(cell.to_owned());
        match column {
            Column::Host => cell.clone_into(&mut row.host),
            Column::Service => row.service = text(),
            Column::Owner => row.owner = text(),
            Column::Zone => row.zone = text(),
            Column::Rack => row.rack = text(),
            Column::Shape => row.shape = text(),
            Column::Price => row.price_per_month = Some(number("price", cell)?),
            Column::PurchaseDate => {
                let at = cell.parse().map_err(|why: Error| format!("purchase_date: {why}"))?;
                row.purchase_date = Some(at);
            }
            Column::Standby => row.standby = yes_or_no(cell)?,
            Column::Amount { requested, resource, unit } => {
                let value = number(resource, cell)?;
                let amount = Amount { resource: resource.clone(), value, unit: unit.clone() };
                if *requested { row.requested.push(amount) } else { row.provisioned.push(amount) }
            }
            Column::Label(name) => row.labels.push((name.clone(), cell.to_owned())),
        }
    }
    if row.host.is_empty() { Err("the host is empty".to_owned()) } else { Ok(row) }
}

fn number(what: &str, cell: &str) -> Result<f64, String> {
    let number = cell.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    match number {
        None => Err(format!("{what} {cell:?} is no number from 0 on")),
        Some(number) if is_amount(number) => Ok(number),
        Some(_) => Err(format!("{what} {cell:?}: {AMOUNT_ASKED}")),
    }
}

fn yes_or_no(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err(format!("standby {cell:?} is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_read() {
        let text = "\u{feff}host,service,owner,zone,rack,shape,price,purchase_date,standby,\
                    requested_cpu_cores,requested_disk_write_mb_per_second,provisioned_memory_gib,\
                    requested_seats_seats,gpu\n\
                    a,shop,ann,z1,r7,m5.large,12.5,2024-02-03,no,4,1.5,16,3, \n\
                    \"b, the second\",,,,,,,,,,,,,\n";
        let inventory = Inventory::read(text, "i.csv").unwrap();
        let (a, b) = (&inventory.rows()[0], &inventory.rows()[1]);
        let owners = [&a.service, &a.owner, &a.zone, &a.rack, &a.shape].map(Option::as_deref);
        assert_eq!(owners, ["shop", "ann", "z1", "r7", "m5.large"].map(Some));
        assert_eq!((a.price_per_month, a.standby, a.line), (Some(12.5), false, 2));
        assert_eq!(a.purchase_date.unwrap().date(), "2024-02-03");
        let amounts: Vec<(&str, f64, &str)> = a
            .requested
            .iter()
            .chain(&a.provisioned)
            .map(|amount| (amount.resource.as_str(), amount.value, amount.unit.as_str()))
            .collect();
        assert_eq!(
            amounts,
            [
                ("cpu", 4.0, "cores"),
                ("disk_write", 1.5, "MB/s"),
                ("seats", 3.0, "seats"),
                ("memory", 16.0, "GiB"),
            ]
        );
        assert!(a.labels.is_empty(), "an empty cell says nothing");
        let empty =
            InventoryRow { line: 3, host: "b, the second".to_owned(), ..InventoryRow::default() };
        assert_eq!(*b, empty);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, expected) in [
            ("name\na\n", "i.csv:1: there is no column \"host\""),
            ("", "i.csv:1: there is no column \"host\""),
            ("host,host\n", "i.csv:1: column \"host\" is there twice"),
            ("host,\n", "i.csv:1: column 2 has no name"),
            (
                "host,requested_cpu\n",
                "i.csv:1: column \"requested_cpu\" has no unit; write it last",
            ),
            ("host,requested_cores\n", "i.csv:1: column \"requested_cores\" has no unit"),
            ("host,owner\na,b\n ,b\n", "i.csv:3: the host is empty"),
            ("host\na\nb\na\n", "i.csv:4: host \"a\" is in line 2 already"),
            ("host,price\na,-1\n", "i.csv:2: price \"-1\" is no number from 0 on"),
            (
                "host,price\na,1e308\n",
                "i.csv:2: price \"1e308\": amounts are 0, or of a size from 1e-60",
            ),
            ("host,price\na,nan\n", "i.csv:2: price \"nan\" is no number from 0 on"),
            ("host,requested_cpu_cores\na,four\n", "i.csv:2: cpu \"four\" is no number from 0 on"),
            (
                "host,purchase_date\na,3.2.2024\n",
                "i.csv:2: purchase_date: \"3.2.2024\" is not a time",
            ),
            ("host,standby\na,maybe\n", "i.csv:2: standby \"maybe\" is neither yes nor no"),
            ("host,owner\na\n", "i.csv:2: CSV error"),
        ] {
            let found = Inventory::read(text, "i.csv").unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}, not {expected}");
        }
    }

    #[test]
    fn both_kinds_of_strays_are_listed() {
        let inventory = Inventory::read("host\nb\nc\na\n", "i.csv").unwrap();
        let found = inventory.mismatch(["x", "b", "d", "b"]);
        assert_eq!(found.without_row, ["d", "x"]);
        assert_eq!(found.without_data, ["a", "c"]);
    }
}
