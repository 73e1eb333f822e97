//! `calc budget`: an error budget, what burns it, and the cheapest plan that keeps it.

use super::demand_args::DemandArgs;
use crate::capacity::budget::{
    Availability, BudgetPlan, BurnAlert, DemandProfile, HostShape, Severity, ShrinkAdvice,
    ShrinkPolicy, ShrinkStep, Slo, cheapest, cost_of_nines,
};
use crate::cli::numbers::amount;
use crate::error::{Error, Result};
use crate::report::{Column, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct BudgetArgs {
    /// The share of time in which all is to be well: 99.9% or 0.999.
    #[arg(long, value_name = "SHARE|PERCENT%")]
    objective: String,
    /// The period of the objective.
    #[arg(long, value_name = "DAYS", default_value_t = 30.0)]
    period_days: f64,
    /// A burn rate and how many hours it lasts, as 14.4:1. Several may be given.
    #[arg(long, value_name = "RATE:HOURS")]
    burn: Vec<String>,
    #[command(flatten)]
    demand: DemandArgs,
    /// What a host carries, in the demand's unit: its limit less the margin. Asks for a plan.
    #[arg(long, value_name = "AMOUNT", requires = "price")]
    per_host: Option<f64>,
    /// What a host costs a month.
    #[arg(long, value_name = "MONEY", requires = "per_host")]
    price: Option<f64>,
    /// The mean time from a host's repair to its next failure. Hosts never fail without it.
    #[arg(long, value_name = "HOURS", requires = "mttr_hours", requires = "per_host")]
    mtbf_hours: Option<f64>,
    /// The mean time to repair a host.
    #[arg(long, value_name = "HOURS", requires = "mtbf_hours")]
    mttr_hours: Option<f64>,
    /// How many nines are priced.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, requires = "per_host")]
    nines: u32,
    /// The hosts that there are: asks how far they may shrink.
    #[arg(long, value_name = "HOSTS", requires = "per_host")]
    hosts: Option<u64>,
    /// Shrinking stops where what is left of the budget would burn faster than this.
    #[arg(long, value_name = "RATE", default_value_t = 1.0, requires = "hosts")]
    burn_rate_max: f64,
    /// How much of the period has passed.
    #[arg(long, value_name = "DAYS", default_value_t = 0.0, requires = "hosts")]
    elapsed_days: f64,
    /// What of the budget is spent.
    #[arg(long, value_name = "MINUTES", default_value_t = 0.0, requires = "hosts")]
    spent_minutes: f64,
}

/// The budget's arithmetic; with demand and a host, the cheapest plan and the price of each nine.
pub(super) fn budget(args: &BudgetArgs) -> Result<Sheet> {
    let slo = Slo::new(objective(&args.objective)?, args.period_days)?;
    let mut sheet = Sheet::new("Error budget");
    sheet.fact("objective", "objective", slo.objective(), "");
    sheet.fact("budget_minutes", "error budget", slo.budget_minutes(), "minutes");
    burns(&mut sheet, &slo, &args.burn)?;
    alerts(&mut sheet, &slo);
    let demand = args.demand.demand()?;
    match (demand, args.per_host, args.price) {
        (Some(demand), Some(capacity), Some(price_per_month)) => {
            let availability = match args.mtbf_hours.zip(args.mttr_hours) {
                Some((mtbf, mttr)) => Availability::new(mtbf, mttr)?,
                None => Availability::always(),
            };
            let name = "host".to_owned();
            let shape = HostShape { name, capacity, price_per_month, availability };
            let samples = demand.sample_count();
            plan(&mut sheet, args, &slo, &DemandProfile::constant(demand), shape)?;
            if let Some(samples) = samples {
                known_shares(&mut sheet, samples);
            }
        }
        (None, None, None) => {}
        _ => {
            let what = "a plan takes a demand (--mean and --deviation, or --samples), --per-host \
                        and --price";
            return Err(Error::invalid(what));
        }
    }
    Ok(sheet)
}

fn objective(text: &str) -> Result<f64> {
    let (number, divisor) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    match amount(number) {
        Some(number) => Ok(number / divisor),
        None => Err(Error::invalid(format!(
            "--objective {text} is no share: give one, as 0.999, or a percentage, as 99.9%"
        ))),
    }
}

fn burns(sheet: &mut Sheet, slo: &Slo, burns: &[String]) -> Result<()> {
    if burns.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::new("burn_rate", "burn rate"),
        Column::new("hours", "for hours"),
        Column::new("spent", "spends of the budget"),
        Column::new("hours_to_spend", "all of it in hours"),
    ];
    let table = sheet.table("burns", &columns);
    for text in burns {
        let number = |text: &str| amount(text).filter(|number| *number >= 0.0);
        let pair = text.split_once(':').and_then(|(a, b)| number(a).zip(number(b)));
        let Some((rate, hours)) = pair else {
            let what = format!("--burn {text}: give a rate and hours of 0 or more, as 14.4:1");
            return Err(Error::invalid(what));
        };
        let cells = [rate, hours, slo.spent(rate, hours)].map(Into::into);
        table.row(cells.into_iter().chain([slo.hours_to_spend(rate).into()]));
    }
    Ok(())
}

/// The SRE workbook's alerts for this objective, and how soon each sees an outage of everything.
fn alerts(sheet: &mut Sheet, slo: &Slo) {
    let columns = [
        Column::new("severity", "alert"),
        Column::new("long_hours", "long window, hours"),
        Column::new("short_hours", "short window, hours"),
        Column::new("burn_rate", "burn rate"),
        Column::new("spent", "of the budget"),
        Column::new("detection_minutes", "sees an outage in minutes"),
    ];
    let table = sheet.table("alerts", &columns);
    let (can_fire, left_out): (Vec<_>, Vec<_>) =
        BurnAlert::workbook(slo).into_iter().partition(|alert| {
            alert.long_hours <= slo.period_days() * 24.0 && alert.burn_rate < slo.burn_rate(1.0)
        });
    for alert in can_fire {
        let severity = match alert.severity {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        };
        table.row([
            severity.into(),
            alert.long_hours.into(),
            alert.short_hours.into(),
            alert.burn_rate.into(),
            alert.spent.into(),
            alert.detection_minutes(slo.burn_rate(1.0)).into(),
        ]);
    }
    if !left_out.is_empty() {
        sheet.note(format!(
            "{} of the workbook's alerts cannot fire and are left out: their window is \
             longer than the period, or not even an outage of everything burns so fast.",
            left_out.len()
        ));
    }
}

fn plan(
    sheet: &mut Sheet,
    args: &BudgetArgs,
    slo: &Slo,
    profile: &DemandProfile,
    shape: HostShape,
) -> Result<()> {
    let shapes = [shape];
    let best = cheapest(&shapes, profile, slo)?;
    sheet.fact("hosts", "fewest hosts that keep it", best.hosts, "");
    sheet.fact("cost_per_month", "what they cost a month", best.cost_per_month, "");
    sheet.fact("bad_minutes", "bad minutes that are expected", best.bad_minutes, "minutes");
    if let Some(fewer) = best.hosts.checked_sub(1) {
        let fewer = BudgetPlan::of(fewer, &shapes[0], profile, slo)?;
        sheet.fact("bad_minutes_one_less", "with one host less", fewer.bad_minutes, "minutes");
    }
    if let Some(hosts) = args.hosts {
        let policy = ShrinkPolicy {
            burn_rate_max: args.burn_rate_max,
            elapsed_days: args.elapsed_days,
            spent_minutes: args.spent_minutes,
        };
        shrink(sheet, &ShrinkAdvice::of(hosts, &shapes[0], profile, slo, policy)?, policy);
    }
    let columns = [
        Column::new("nines", "nines"),
        Column::new("hosts", "hosts"),
        Column::new("cost_per_month", "cost a month"),
        Column::new("extra_per_month", "this nine costs"),
        Column::new("bad_minutes", "bad minutes"),
        Column::new("budget_minutes", "of a budget of"),
    ];
    let costs = cost_of_nines(&shapes, profile, slo.period_days(), args.nines)?;
    let table = sheet.table("nines", &columns);
    for cost in costs {
        let plan = cost.plan.as_ref();
        table.row([
            u64::from(cost.nines).into(),
            plan.map(|plan| plan.hosts).into(),
            plan.map(|plan| plan.cost_per_month).into(),
            cost.extra_per_month.into(),
            plan.map(|plan| plan.bad_minutes).into(),
            plan.map(|plan| plan.budget_minutes).into(),
        ]);
    }
    sheet.note(args.demand.source());
    sheet.note("A minute is bad where more is asked for than the hosts that are up carry.");
    sheet.note("Each host fails on its own: what takes several at once is not counted.");
    Ok(())
}

/// Says which shares of time so many samples tell nothing of.
fn known_shares(sheet: &mut Sheet, samples: usize) {
    let nines = samples.ilog10() + 1;
    sheet.note(format!(
        "{samples} samples tell of no share of time below {:.2}%: for {nines} nines and more \
         enough is what carries the highest of them, and the next may be higher.",
        100.0 / samples as f64
    ));
}

fn shrink(sheet: &mut Sheet, advice: &ShrinkAdvice, policy: ShrinkPolicy) {
    sheet.fact("hosts_now", "hosts now", advice.now.hosts, "");
    // Of a budget that is gone nothing can burn, at any rate.
    let rate = |step: ShrinkStep| Some(step.burn_rate).filter(|rate| rate.is_finite());
    let now = rate(advice.now);
    sheet.fact("burn_rate_now", "burn rate of what is left, now", now, "");
    sheet.fact("hosts_advised", "may shrink to", advice.advised.hosts, "hosts");
    sheet.fact("burn_rate_advised", "burn rate, then", rate(advice.advised), "");
    let refused = advice.refused.and_then(rate);
    sheet.fact("burn_rate_refused", "burn rate with one host less", refused, "");
    let why = match (advice.leaving(), advice.now.burn_rate > policy.burn_rate_max) {
        _ if now.is_none() => {
            "No host may leave: nothing is left of the budget, so that it has no burn rate."
        }
        (0, true) => "No host may leave: the budget that is left burns too fast already.",
        (0, false) => "No host may leave: one less would burn the budget that is left too fast.",
        _ if advice.refused.is_none() => {
            "What is left of the budget outlasts the period without any host: so it is by \
             arithmetic, which knows of no period after this one."
        }
        _ => "Shrinking stops where what is left of the budget would burn faster than the policy.",
    };
    sheet.note(why);
}
