//! The study that the demo plans with.

use std::fmt::Write;

use super::FleetOptions;
use super::resource::{CONNECTIONS, CONNECTIONS_MAX, RESOURCES};
use super::served::{REQUESTS, RESPONSE_MAX, SERVICE};
use crate::model::Span;

const HEAD: &str = r#"
# The study of the simulated fleet: what is limited by what, and how far ahead to look.

[study]
name = "simulated fleet"
horizon = "90d"
lead_time = "30d"
by = ["host"]
"#;

const TAIL: &str = r#"
[inventory]
file = "hosts.csv"

[[group]]
name = "service"
by = ["service"]
pool = true

[[group]]
name = "zone"
by = ["zone"]

[[shape]]
name = "standard"
price = 240
lead_time = "30d"
provides = { cpu = "16 cores", memory = "64 GiB" }

[order]
risk = 0.1
review = "30d"

[failover]
lose = ["1 host", "zone"]
resources = ["cpu", "memory"]

[[slo]]
name = "web answers"
where = '{service="web"}'
resource = "cpu"
objective = 0.999
host_mtbf = "90d"
host_repair = "8h"

[[scenario]]
name = "a third more web traffic"
change = [
    { kind = "demand", factor = 1.33, where = '{service="web"}', resources = ["cpu"] },
]

[[scenario]]
name = "zone a is gone"
change = [{ kind = "lose", where = '{zone="a"}' }]

[idle]
below = { cpu = "5%" }
burst = { cpu = "20%" }
share = 0.95
window = "14d"

[overprovisioned]
resources = ["cpu", "memory"]
quantile = 0.995
below = 0.4
headroom = 0.2
"#;

/// The text of a `study.toml` for a fleet of this room: its five resources with their limits and
/// margins, groups by service and zone, and the rules for idle and over-provisioned hosts.
pub fn study_toml() -> String {
    study_toml_in_steps(FleetOptions::default().step)
}

/// The same study in other steps, for a fleet that is [scraped](FleetOptions::step) less often.
pub fn study_toml_in_steps(step: Span) -> String {
    let mut text = HEAD.trim_start().to_owned();
    // Writing to a String does not fail.
    let _ = writeln!(text, "step = \"{step}\"");
    for resource in &RESOURCES {
        let kind = if resource.is_counter { "counter" } else { "gauge" };
        let limit = match resource.capacity {
            Some(metric) => format!("{metric:?}"),
            None => format!("{CONNECTIONS_MAX}"),
        };
        let _ = write!(
            text,
            "\n[[resource]]\nname = {:?}\nusage = {:?}\nkind = {kind:?}\nlimit = {limit}\n\
             unit = {:?}\nsafety_margin = {}\n",
            resource.name, resource.usage, resource.unit, resource.safety_margin
        );
    }
    let _ = write!(
        text,
        "\n[[law]]\nname = \"{SERVICE} answers requests\"\nload = '{}{{service=\"{SERVICE}\"}}'\n\
         throughput = 'rate({REQUESTS}{{service=\"{SERVICE}\"}})'\n\
         response_max = \"{RESPONSE_MAX}\"\n",
        RESOURCES[CONNECTIONS].usage
    );
    text + TAIL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_in_the_study() {
        let study: toml::Table = study_toml().parse().unwrap();
        let resources = study["resource"].as_array().unwrap();
        assert_eq!(resources.len(), RESOURCES.len());
        for (found, expected) in resources.iter().zip(&RESOURCES) {
            assert_eq!(found["name"].as_str(), Some(expected.name));
            assert_eq!(found["limit"].as_str(), expected.capacity);
            assert_eq!(found["safety_margin"].as_float(), Some(expected.safety_margin));
        }
        assert_eq!(resources[4]["limit"].as_integer(), Some(10_000));
        assert_eq!(study["law"][0]["load"].as_str(), Some("connections_open{service=\"web\"}"));
        assert_eq!(study["slo"][0]["resource"].as_str(), Some("cpu"));
        assert_eq!(study["study"]["horizon"].as_str(), Some("90d"));
        assert_eq!(study["study"]["step"].as_str(), Some("5m"));
        let hourly: toml::Table = study_toml_in_steps(Span::HOUR).parse().unwrap();
        assert_eq!(hourly["study"]["step"].as_str(), Some("1h"));
    }
}
