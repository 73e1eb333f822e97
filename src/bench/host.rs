//! A host: what its tags say, and how they are written.

use crate::error::Result;
use crate::kernel::Random;
use crate::model::Labels;

/// What all fields of a row belong to: the first word of its line, and of its metrics' names.
const MEASUREMENT: &str = "cpu";

/// The tag of a host's name.
pub(super) const HOST_LABEL: &str = "hostname";

/// The regions, and the letters of the datacenters in each.
const REGIONS: [(&str, &[&str]); 9] = [
    ("us-east-1", &["a", "b", "c"]),
    ("us-west-1", &["a", "b"]),
    ("us-west-2", &["a", "b", "c"]),
    ("eu-west-1", &["a", "b", "c"]),
    ("eu-central-1", &["a", "b"]),
    ("ap-southeast-1", &["a", "b"]),
    ("ap-southeast-2", &["a", "b"]),
    ("ap-northeast-1", &["a", "c"]),
    ("sa-east-1", &["a", "b", "c"]),
];
const SYSTEMS: [&str; 3] = ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"];
const ARCHITECTURES: [&str; 2] = ["x64", "x86"];
const TEAMS: [&str; 4] = ["SF", "NYC", "LON", "CHI"];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "test"];
const RACKS: usize = 100;
const SERVICES: usize = 20;
const SERVICE_VERSIONS: usize = 2;

/// A host of the fleet. Its tags are drawn once and never change.
#[derive(Debug, Clone)]
pub struct Host {
    tags: [(&'static str, String); 10],
    /// The beginning of each of its lines: measurement, tags and a blank.
    line_start: Vec<u8>,
    /// The host's random numbers behind its tags.
    random: Random,
}

impl Host {
    /// Draws the tags of the host with this number, each evenly from its values.
    pub(super) fn draw(number: usize, mut random: Random) -> Self {
        let (region, letters) = any(&REGIONS, ("", &[]), &mut random);
        let datacenter = format!("{region}{}", any(letters, "", &mut random));
        let tags = [
            (HOST_LABEL, name(number)),
            ("region", region.to_owned()),
            ("datacenter", datacenter),
            ("rack", random.below(RACKS).to_string()),
            ("os", any(&SYSTEMS, "", &mut random).to_owned()),
            ("arch", any(&ARCHITECTURES, "", &mut random).to_owned()),
            ("team", any(&TEAMS, "", &mut random).to_owned()),
            ("service", random.below(SERVICES).to_string()),
            ("service_version", random.below(SERVICE_VERSIONS).to_string()),
            ("service_environment", any(&ENVIRONMENTS, "", &mut random).to_owned()),
        ];
        let mut line_start = MEASUREMENT.to_owned();
        for (name, value) in &tags {
            line_start.extend([",", name, "=", value]);
        }
        line_start.push(' ');
        Self { tags, line_start: line_start.into_bytes(), random }
    }

    /// Its tags, name and value, in the order in which they are written.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.tags.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The labels of the series of one field: those that line protocol is imported under.
    pub fn labels(&self, field: &str) -> Result<Labels> {
        Labels::new(&metric(field), self.tags())
    }

    pub(super) fn line_start(&self) -> &[u8] {
        &self.line_start
    }

    pub(super) fn random(&self) -> Random {
        self.random.clone()
    }
}

/// The name of the host with a number.
pub(super) fn name(number: usize) -> String {
    format!("host_{number}")
}

/// The metric that a field is imported as.
pub(super) fn metric(field: &str) -> String {
    format!("{MEASUREMENT}_{field}")
}

/// One of several, drawn evenly; `nothing` where there are none.
fn any<T: Copy>(of: &[T], nothing: T, random: &mut Random) -> T {
    of.get(random.below(of.len())).copied().unwrap_or(nothing)
}
