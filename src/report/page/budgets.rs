//! What keeps the error budgets of pools.

use super::document::Body;
use super::table::{Cell, Table, numbers, words};
use crate::capacity::{Plan, PoolBudget};
use crate::report::budgets::{
    COARSE, METHOD, budget, burn, change, enough, grows, minutes, next_nine, objective, shrinks,
};

/// Rows of the table.
const ROWS_MAX: usize = 100;

/// Writes the section.
pub(super) fn section(plan: &Plan, body: &mut Body) {
    let Some(pools) = plan.pools.as_ref().filter(|pools| !pools.budgets.is_empty()) else {
        return;
    };
    let all = &pools.budgets;
    body.section("budgets", "What keeps the error budget");
    let count = all.len();
    body.say(&match all.iter().filter(|budget| !budget.now.keeps()).count() {
        0 => format!("The hosts that there are keep all error budgets ({count})."),
        lost => {
            format!("{lost} of {count} error budgets are not kept by the hosts that there are.")
        }
    });
    let mut table = Table::sortable(vec![
        words("Pool"),
        words("Objective"),
        words("Resource"),
        numbers("Grows"),
        numbers("Hosts"),
        numbers("Bad minutes"),
        numbers("Budget"),
        numbers("Burn rate"),
        words("Enough"),
        numbers("More a month"),
        words("Next nine"),
        words("Shrinks to"),
    ]);
    for budget in all.iter().take(ROWS_MAX) {
        table.row(cells(budget));
    }
    body.table(&table, count);
    body.explain(METHOD);
    if all.iter().any(PoolBudget::is_coarse) {
        body.explain(COARSE);
    }
}

fn cells(of: &PoolBudget) -> Vec<Cell> {
    let class = if of.now.keeps() { "good" } else { "bad" };
    let rate = of.now.burn_rate();
    vec![
        Cell::name(&of.pool),
        Cell::name(format!("{} {}", of.name, objective(of))).sorted_by(of.slo.objective()),
        Cell::name(&of.resource),
        Cell::number(grows(of), of.growth_factor),
        Cell::number(of.now.hosts.to_string(), of.now.hosts as f64),
        Cell::number(minutes(of.now.bad_minutes), of.now.bad_minutes).class(class),
        Cell::number(budget(of), of.slo.budget_minutes()),
        Cell::number(burn(rate), rate).class(class),
        Cell::words(enough(of.fewest.as_ref())),
        Cell::number(change(of.change_per_month), of.change_per_month.unwrap_or(f64::NAN)),
        Cell::words(next_nine(of)),
        Cell::words(shrinks(of)),
    ]
}

#[cfg(test)]
mod tests {
    use crate::capacity::testing::pooled_plan;
    use crate::report::page::{Parts, page};

    #[test]
    fn budgets_have_a_section_of_their_own() {
        let slo = |objective: f64| {
            let more = format!(
                "[[slo]]\nname = \"<answers>\"\nwhere = '{{service=\"web\"}}'\n\
                 resource = \"cpu\"\nobjective = {objective}\nhost_mtbf = \"9d\"\n\
                 host_repair = \"3d\"\n"
            );
            let mut out = Vec::new();
            page(&pooled_plan(&more), &Parts::default(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let (kept, lost) = (slo(0.5), slo(0.999));
        assert!(kept.contains("The hosts that there are keep all error budgets (1)."));
        assert!(kept.contains("data-v=\"0.5\">&lt;answers&gt; 50%"));
        assert!(lost.contains("data-v=\"0.999\">&lt;answers&gt; 99.9%"));
        assert!(!kept.contains("<answers>"));
        assert!(
            lost.contains("1 of 1 error budgets are not kept") && lost.contains("none may leave")
        );
        let mut out = Vec::new();
        page(&pooled_plan(""), &Parts::default(), &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("id=\"budgets\""));
    }
}
