//! Promise: what a study asks of pools is in the plan as it is printed: whether their hosts keep
//! the error budget, and answer in time when some are lost.

use super::user::{FAILED, User, golden};
use super::with_store;

/// Three hosts as one pool; the last day's peaks ask for 2,540 MHz of 8,000 at most each.
fn study(more: &str) -> String {
    format!(
        "[study]\nname = \"three hosts\"\nstep = \"1h\"\nas_of = \"2026-02-16\"\n\
         [[resource]]\nname = \"cpu\"\nusage = \"cpu_usage_mhz\"\nlimit = \"cpu_capacity_mhz\"\n\
         unit = \"MHz\"\nsafety_margin = 0.2\n\
         [[group]]\nname = \"fleet\"\nby = []\npool = true\n{more}"
    )
}

const SLO: &str = "[[slo]]\nname = \"answers\"\nresource = \"cpu\"\nobjective = 0.99\n\
                   host_mtbf = \"30d\"\nhost_repair = \"2d\"\n";

fn with_study(more: &str) -> User {
    let user = with_store();
    user.write("study.toml", &study(more));
    user
}

/// The sections of a plan from a heading on.
fn from<'a>(text: &'a str, heading: &str) -> &'a str {
    let at = text.find(heading);
    &text[at.unwrap_or_else(|| panic!("no {heading}\n{text}"))..]
}

#[test]
fn error_budgets_are_told_and_explained() {
    let user = with_study(SLO);
    let text = user.ok("plan --store s --study study.toml");
    golden("plan-budgets.txt", from(&text, "WHAT KEEPS THE ERROR BUDGET"));
    let plan = user.json("plan --store s --study study.toml");
    let budget = &plan["pools"]["error_budgets"][0];
    assert_eq!((&budget["slo"], &budget["hosts"]), (&"answers".into(), &3.into()));
    // 30 of 32 days up: all of three are away in 1/4096, two of three in 45/4096 of the time.
    let bad = budget["bad_minutes"].as_f64().unwrap();
    let share = bad / (30.0 * 1_440.0);
    assert!((1.0 / 4_096.0..=46.0 / 4_096.0).contains(&share), "{budget}");
    let said = user.ok("explain --store s --study study.toml all");
    assert!(
        said.contains("Error budget \"answers\": 99% of 30d leave 432.0 minutes bad."),
        "{said}"
    );
    user.write("wrong.toml", &study(&SLO.replace("0.99", "99")));
    let wrong = user.ends(FAILED, "plan --store s --study wrong.toml").err;
    assert!(wrong.contains("wrong.toml:18: ") && wrong.contains("as 0.999"), "{wrong}");
}

#[test]
fn failures_are_told_with_whether_survivors_answer_in_time() {
    let failover = "[failover]\nlose = [\"1 host\", \"2 hosts\"]\nresources = [\"cpu\"]\n";
    let user = with_study(&format!("{failover}response_times_max = 1.3\n"));
    let text = user.ok("plan --store s --study study.toml");
    golden("plan-failures-in-time.txt", from(&text, "WHAT BREAKS UNDER WHICH FAILURE"));
    let in_time = user.json("plan --store s --study study.toml")["pools"]["failures"].clone();
    let of = |lost: u64| {
        let failures = in_time.as_array().unwrap().iter();
        let mut found = failures.filter(|failure| failure["lost_hosts"] == lost);
        found.next().unwrap().clone()
    };
    // Of one server the mean response is 1 / (1 - u): up to 0.3 / 1.3 it is in time.
    let (one, two) = (of(1), of(2));
    let most = two["in_time"]["utilisation_max"].as_f64().unwrap();
    assert!((most - 0.3 / 1.3).abs() < 1e-9, "{two}");
    assert_eq!((&two["holds"], &two["survived"]), (&true.into(), &false.into()));
    // Of two 1 / (1 - u^2): the square root of that.
    let most = one["in_time"]["utilisation_max"].as_f64().unwrap();
    assert!((most - (0.3_f64 / 1.3).sqrt()).abs() < 1e-9, "{one}");
    user.write("wrong.toml", &study(&format!("{failover}response_times_max = 1\n")));
    let wrong = user.ends(FAILED, "plan --store s --study wrong.toml").err;
    assert!(wrong.contains("wrong.toml:18: ") && wrong.contains("write 1.5"), "{wrong}");
}
