//! Promises of the page as a whole.

use super::document::{SCRIPT, SCRIPT_SHA256, STYLE_SHA256, style};
use super::*;
use crate::capacity::exhaustion::score::{ScoreOptions, score_exhaustion};
use crate::capacity::exhaustion::{Fan, PastForecast, PeakInterval};
use crate::capacity::{HeadroomMap, History, HostDays, Plan, PlanRow, RowHistory, testing};
use crate::model::{Labels, Span, Timestamp};
use crate::report::Explanation;
use crate::report::testing::{check_golden, plan as small_plan};

const HOSTILE: &str = "</script></style><script>alert(1)</script>'\"><img src=x onerror=alert(1)>\
                       \u{2028}\u{2029}\u{202e}\0\u{1b}[31m=cmd|'/C calc'!A0{{7*7}}";

fn written(plan: &Plan, parts: &Parts) -> String {
    let mut out = Vec::new();
    page(plan, parts, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// SHA-256 as FIPS 180-4 defines it, in base 64; its constants are worked out, not copied.
fn sha256(text: &str) -> String {
    let primes = || (2_u128..).filter(|n| (2..*n).all(|d| n % d != 0));
    // The first 32 bits of the fraction of a root: that of the prime times 2^(32 power).
    let fraction = |prime: u128, power: u32| {
        let wanted = prime << (32 * power);
        let (mut low, mut high) = (0_u128, 1_u128 << 37);
        while high - low > 1 {
            let middle = u128::midpoint(low, high);
            if middle.pow(power) <= wanted { low = middle } else { high = middle }
        }
        low as u32
    };
    let constants: Vec<u32> = primes().take(64).map(|prime| fraction(prime, 3)).collect();
    let mut state: Vec<u32> = primes().take(8).map(|prime| fraction(prime, 2)).collect();
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0x80);
    bytes.resize(bytes.len().next_multiple_of(64) + if bytes.len() % 64 > 56 { 64 } else { 0 }, 0);
    let end = bytes.len() - 8;
    bytes[end..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
    for block in bytes.chunks(64) {
        let mut words: Vec<u32> =
            block.chunks(4).map(|four| u32::from_be_bytes(four.try_into().unwrap())).collect();
        for at in 16..64 {
            let (a, b) = (words[at - 15], words[at - 2]);
            let first = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let second = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(
                [words[at - 16], first, words[at - 7], second]
                    .into_iter()
                    .fold(0, u32::wrapping_add),
            );
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h]: [u32; 8] =
            state.clone().try_into().unwrap();
        for (word, constant) in words.iter().zip(&constants) {
            let sigma = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let first = [h, sigma, choice, *constant, *word].into_iter().fold(0, u32::wrapping_add);
            let sigma = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let second = sigma.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e) = (g, f, e, d.wrapping_add(first));
            (d, c, b, a) = (c, b, a, first.wrapping_add(second));
        }
        for (sum, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *sum = sum.wrapping_add(new);
        }
    }
    base64(&state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>())
}

fn base64(bytes: &[u8]) -> String {
    let letters: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3)
            .fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = letters[(bits >> (18 - 6 * at)) & 63];
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[test]
fn the_policy_names_this_script_and_this_style() {
    // FIPS 180-4's examples, "" and "abc".
    assert_eq!(sha256(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(sha256("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_eq!(SCRIPT_SHA256, sha256(SCRIPT), "the script changed: put its new hash");
    assert_eq!(STYLE_SHA256, sha256(&style()), "the style changed: put its new hash");
    let html = written(&small_plan(), &Parts::default());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; \
         script-src 'sha256-{SCRIPT_SHA256}'; base-uri 'none'; form-action 'none'"
    );
    assert!(html.contains(&policy));
}

#[test]
fn the_script_is_small_and_keeps_nothing() {
    assert!(SCRIPT.len() < 8 << 10, "{} bytes", SCRIPT.len());
    for word in ["</script", "fetch", "XMLHttp", "import", "Storage", "cookie", "innerHTML", "eval"]
    {
        assert!(!SCRIPT.contains(word), "{word}");
    }
}

#[test]
fn nothing_is_asked_for() {
    let html = written(&testing::plan_with_history(), &parts());
    for word in
        ["http://", "https://", "src=", "url(", "@import", "<link", "<iframe", "<img", "<object"]
    {
        let found = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(word), "{word}");
    }
    // Links lead to sections of the page itself, and each is there.
    let targets = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for target in targets {
        let id = target.strip_prefix('#').unwrap();
        assert!(html.contains(&format!(" id=\"{id}\"")), "{target}");
    }
}

fn day(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// One of everything that a plan does not hold.
fn parts() -> Parts {
    let fitted = |n: i32| {
        let (x, y) = (f64::from(n), 100.0 * f64::from(n) / (1.0 + 0.03 * f64::from(n)));
        Fitted { x, y, low: 0.95 * y, high: 1.05 * y }
    };
    Parts {
        orders: vec![Order {
            name: "db disks".into(),
            quantity: "4 × 2 TB".into(),
            order_by: day("2026-03-20"),
            arrives: day("2026-04-19"),
            needed_by: Some(day("2026-04-25")),
        }],
        failovers: vec![Failover {
            group: "web".into(),
            failure: "1 of 4 hosts".into(),
            resource: "cpu".into(),
            unit: "GHz".parse().ok(),
            demand: 30.0,
            capacity: 27.0,
            used_share: Some(30.0 / 27.0),
            in_time: None,
        }],
        scenarios: Some(Scenarios {
            names: vec!["as it is".into(), "+20% demand".into()],
            measures: vec![Measure {
                name: "rows full".into(),
                unit: None,
                values: vec![1.0, 4.0],
            }],
        }),
        curves: vec![Curve {
            name: "web throughput".into(),
            note: "fitted to 5 points".into(),
            x: "clients".into(),
            y: "requests per second".into(),
            measured: (1..6).map(|n| (f64::from(4 * n), fitted(4 * n).y)).collect(),
            fitted: (1..40).map(fitted).collect(),
            knee: Some((24.0, "no more from here on".into())),
            level: Some((900.0, "promised".into())),
        }],
        explanations: vec![Explanation {
            subject: "db disks".into(),
            sentences: vec!["Two shelves are full.".into()],
        }],
    }
}

const SECTIONS: [&str; 10] = [
    "runs-out",
    "headroom",
    "order",
    "reclaim",
    "failover",
    "scenarios",
    "curves",
    "trust",
    "unsaid",
    "why",
];

#[test]
fn sections_stand_in_their_order_and_are_left_out_without_data() {
    let found = |html: &str| -> Vec<&'static str> {
        let mut places: Vec<(usize, &str)> = SECTIONS
            .iter()
            .filter_map(|id| Some((html.find(&format!("<h2 id=\"{id}\">"))?, *id)))
            .collect();
        places.sort_unstable();
        places.into_iter().map(|(_, id)| id).collect()
    };
    assert_eq!(found(&written(&testing::plan_with_history(), &parts())), SECTIONS);
    let of_plan = ["runs-out", "headroom", "order", "reclaim", "trust", "unsaid", "why"];
    assert_eq!(found(&written(&testing::plan_with_history(), &Parts::default())), of_plan);
    let without_history = ["runs-out", "order", "reclaim", "unsaid"];
    assert_eq!(found(&written(&testing::plan(7, |_| ()), &Parts::default())), without_history);
}

#[test]
fn every_chart_has_words_and_a_table() {
    let html = written(&testing::plan_with_history(), &parts());
    let figures: Vec<&str> =
        html.split("<figure").skip(1).filter_map(|rest| rest.split("</figure>").next()).collect();
    assert!(figures.len() >= 10, "{}", figures.len());
    for figure in figures {
        for part in
            ["<figcaption><b>", "<title id=", "<desc id=", "role=\"img\"", "<details>", "<table>"]
        {
            assert_eq!(figure.matches(part).count(), 1, "{part}: {figure:.300}");
        }
    }
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let first = written(&testing::plan_with_history(), &parts());
    assert!(first == written(&testing::new_plan_with_history(), &parts()));
}

/// Days behind the first two rows of the small plan.
fn small_history(plan: &Plan) -> History {
    let interval = |day: i32| {
        let p50 = 440.0 + f64::from(day);
        PeakInterval { p10: p50 - 10.0, p50, p90: p50 + 15.0 }
    };
    let past = PastForecast { origin: 85, days: (-7..0).map(interval).collect() };
    let rows = (0..2).map(|row| RowHistory {
        row,
        first_day: plan.window.start,
        peaks: (0..92).map(|day| 348.0 + f64::from(day)).collect(),
        fan: Fan { ahead: (0..90).map(interval).collect(), past: vec![past.clone()] },
    });
    let host = |row: &PlanRow| HostDays {
        labels: row.labels.clone(),
        shares: (0..92).map(|day| 0.2 - f64::from(day) / 400.0).collect(),
    };
    let headroom = HeadroomMap {
        first_day: plan.window.start,
        days: 92,
        hosts: plan.hosts.rows[..3].iter().map(host).collect(),
        of: 6,
    };
    let score = score_exhaustion(&[], &ScoreOptions::default());
    History { rows: rows.collect(), headroom, score }
}

#[test]
fn golden() {
    let mut plan = small_plan();
    plan.history = Some(small_history(&plan));
    check_golden("page.html", &written(&plan, &parts()));
}

/// The small plan, every text of which is hostile, with a history.
fn hostile() -> (Plan, Parts) {
    let mut plan = small_plan();
    let labels = Labels::from_pairs([("host", HOSTILE)]).unwrap();
    plan.study = HOSTILE.into();
    plan.groups[0].name = HOSTILE.into();
    plan.idle.rule = HOSTILE.into();
    plan.overprovisioned.rule = HOSTILE.into();
    plan.notes[0].what = HOSTILE.into();
    plan.notes[0].examples = vec![HOSTILE.into()];
    for row in &mut plan.hosts.rows {
        row.labels = labels.clone();
        row.resource = HOSTILE.into();
        row.unit = HOSTILE.parse().ok().or(row.unit.take());
    }
    plan.idle.hosts[0].labels = labels.clone();
    plan.idle.hosts[0].evidence[0].resource = HOSTILE.into();
    plan.overprovisioned.rows[0].resource = HOSTILE.into();
    plan.overprovisioned.totals[0].resource = HOSTILE.into();
    plan.history = Some(small_history(&plan));
    let text = || HOSTILE.to_owned();
    let mut parts = parts();
    parts.orders[0].name = text();
    parts.orders[0].quantity = text();
    parts.failovers[0].group = text();
    parts.failovers[0].failure = text();
    parts.scenarios.iter_mut().for_each(|s| s.names = vec![text(), text()]);
    parts.curves[0].name = text();
    parts.curves[0].x = text();
    parts.curves[0].knee = Some((24.0, text()));
    parts.curves[0].level = Some((900.0, text()));
    parts.explanations[0].sentences = vec![text()];
    (plan, parts)
}

#[test]
fn hostile_names_stay_words() {
    let (plan, parts) = hostile();
    let html = written(&plan, &parts);
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(!html.contains("<img") && !html.contains("onerror=alert(1)>"));
    // Between the tags of the page, nothing steers.
    let body = html.replace(SCRIPT, "");
    assert!(body.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!body.contains(['\u{2028}', '\u{2029}', '\u{202e}']));
    assert!(html.contains("&lt;/script&gt;&lt;/style&gt;&lt;script&gt;alert(1)"));
    // Every attribute is quoted, and its quotes pair up.
    for tag in body.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
}

#[test]
fn two_hundred_hosts_take_two_megabytes_at_most() {
    let mut plan = testing::plan_with_history();
    let labels = |at: usize| {
        let name = format!("application-server-{at:04}.example.net");
        Labels::from_pairs([("host", name.as_str())]).unwrap()
    };
    let rows = plan.hosts.rows.clone();
    let history = plan.history.as_mut().unwrap();
    let past = history.rows.clone();
    plan.hosts.rows = (0..600)
        .map(|at| {
            let mut row = rows[at % rows.len()].clone();
            row.labels = labels(at / 3);
            row
        })
        .collect();
    // As much as a history holds: 12 rows of 184 and 184 days, 200 hosts of 92 restless days.
    history.rows = (0..12)
        .map(|at| {
            let mut one = past[at % past.len()].clone();
            one.peaks = (0..184).map(|day| 1e6 * (1.0 + f64::from(day % 7) / 9.0)).collect();
            let interval = PeakInterval { p10: 1.1e6, p50: 1.2e6, p90: 1.31e6 };
            one.fan.ahead = vec![interval; 184];
            one
        })
        .collect();
    history.headroom = HeadroomMap {
        first_day: testing::start().minus(Span::from_days(30)),
        days: 92,
        hosts: (0..200)
            .map(|at| HostDays {
                labels: labels(at),
                shares: (0..92).map(|day| ((at * 7 + day * 13) % 97) as f64 / 100.0).collect(),
            })
            .collect(),
        of: 200,
    };
    let html = written(&plan, &parts());
    println!("{} bytes", html.len());
    assert!(html.len() <= 2_000_000, "{} bytes", html.len());
}

#[test]
fn an_empty_plan_is_a_page() {
    let mut plan = small_plan();
    plan.hosts.rows.clear();
    plan.groups.clear();
    plan.summary = crate::capacity::Summary::default();
    plan.idle = crate::capacity::IdleReport::default();
    plan.overprovisioned = crate::capacity::OverprovisionedReport::default();
    plan.notes.clear();
    let html = written(&plan, &Parts::default());
    assert!(html.contains("Nothing can be said: there are no rows."));
    assert!(html.contains("No row is full, and none has a date within 90d."));
}
