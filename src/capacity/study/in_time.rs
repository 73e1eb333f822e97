//! How fast those who are left after a failure are to answer.

use toml::Spanned;

use super::Resource;
use super::checked::{check, index_of};
use super::parse::Place;
use crate::error::Result;
use crate::model::limits::QUEUE_SERVERS_MAX;

/// By when survivors of a failure are to answer, on average.
#[derive(Debug, Clone, PartialEq)]
pub struct InTimeRule {
    /// The resource whose use is the work, by index; one of those that move.
    pub resource: usize,
    /// The mean response that is allowed, in service times; above 1.
    pub response_times_max: f64,
    /// How many servers a host is.
    pub servers: HostServers,
}

/// How many servers a host is: what works on one request at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostServers {
    /// So many.
    Number(usize),
    /// As many as its limit of this resource, which is in cores, is whole cores.
    Cores(usize),
}

/// The keys of `[failover]` that are of answers.
pub(super) struct Keys<'a> {
    pub(super) response_times_max: Option<&'a Spanned<f64>>,
    pub(super) servers_per_host: Option<&'a Spanned<ServersWord>>,
    pub(super) latency_resource: Option<&'a Spanned<String>>,
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "write a whole number, or the name of a resource in cores")]
pub(super) enum ServersWord {
    Number(u64),
    Resource(String),
}

/// `moved` are the resources whose work moves.
pub(super) fn rule(
    keys: &Keys<'_>,
    moved: &[usize],
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<Option<InTimeRule>> {
    let Some(times) = keys.response_times_max else {
        let strays = [
            (keys.servers_per_host.map(Spanned::span), "servers_per_host"),
            (keys.latency_resource.map(Spanned::span), "latency_resource"),
        ];
        for (at, key) in strays {
            let Some(at) = at else { continue };
            let what = format!("{key} means nothing without response_times_max; write 1.5");
            return Err(place.error(at, what));
        }
        return Ok(None);
    };
    let response_times_max = *times.get_ref();
    let fits = response_times_max > 1.0 && response_times_max.is_finite();
    let what = "response_times_max is a mean response in service times, above 1, which idle \
                servers take; write 1.5";
    check(fits, times.span(), what, place)?;
    let named = |moved: &[usize]| {
        let names: Vec<&str> = moved.iter().map(|one| resources[*one].name.as_str()).collect();
        names.join(", ")
    };
    let resource = match (keys.latency_resource, moved) {
        (Some(name), _) => {
            let resource = index_of(name, resources, place)?;
            let what = format!("its work does not move; name one of: {}", named(moved));
            check(moved.contains(&resource), name.span(), what, place)?;
            resource
        }
        (None, [only]) => *only,
        (None, _) => {
            let what = format!(
                "which work is waited for? write latency_resource = one of: {}",
                named(moved)
            );
            return Err(place.error(times.span(), what));
        }
    };
    let servers = keys.servers_per_host.map(|written| servers(written, resources, place));
    let servers = servers.transpose()?.unwrap_or(HostServers::Number(1));
    Ok(Some(InTimeRule { resource, response_times_max, servers }))
}

fn servers(
    written: &Spanned<ServersWord>,
    resources: &[Resource],
    place: &Place<'_>,
) -> Result<HostServers> {
    let at = written.span();
    match written.get_ref() {
        ServersWord::Number(number) => {
            let fits = (1..=QUEUE_SERVERS_MAX as u64).contains(number);
            let what = format!("servers_per_host is a number from 1 to {QUEUE_SERVERS_MAX}");
            check(fits, at, what, place)?;
            Ok(HostServers::Number(*number as usize))
        }
        ServersWord::Resource(name) => {
            let index = index_of(&Spanned::new(at.clone(), name.clone()), resources, place)?;
            let resource = &resources[index];
            let in_cores = resource.unit.as_ref().is_some_and(|unit| unit.as_str() == "cores");
            let what = format!(
                "{name} has no limit in cores, so its servers cannot be counted; write a number"
            );
            check(in_cores && resource.limit.is_some(), at, what, place)?;
            Ok(HostServers::Cores(index))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;

    const HEAD: &str = r#"
[[resource]]
name = "cpu"
usage = "c"
limit = 8
unit = "cores"
[[resource]]
name = "memory"
usage = "m"
limit = 64
unit = "GB"
[[group]]
name = "service"
by = ["service"]
pool = true
[failover]
lose = ["1 host"]
"#;

    fn parse(more: &str) -> Result<Option<InTimeRule>> {
        let study = Study::parse(&format!("{HEAD}{more}"), "s")?;
        Ok(study.failover.unwrap().in_time)
    }

    #[test]
    fn keys_are_read_and_have_defaults() {
        assert_eq!(parse("").unwrap(), None);
        let found = parse(
            "response_times_max = 1.5\nlatency_resource = \"cpu\"\n\
                           servers_per_host = \"cpu\"\n",
        );
        let servers = HostServers::Cores(0);
        let rule = InTimeRule { resource: 0, response_times_max: 1.5, servers };
        assert_eq!(found.unwrap(), Some(rule));
        let found = parse("response_times_max = 2\nresources = [\"memory\"]\n").unwrap().unwrap();
        assert_eq!((found.resource, found.servers), (1, HostServers::Number(1)));
        let eight = "response_times_max = 2\nresources = [\"cpu\"]\nservers_per_host = 8\n";
        assert_eq!(parse(eight).unwrap().unwrap().servers, HostServers::Number(8));
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_remedy() {
        for (more, line, part) in [
            ("response_times_max = 1", 18, "above 1, which idle servers take; write 1.5"),
            ("servers_per_host = 8", 18, "servers_per_host means nothing without"),
            ("latency_resource = \"cpu\"", 18, "latency_resource means nothing without"),
            ("response_times_max = 1.5", 18, "write latency_resource = one of: cpu, memory"),
            (
                "response_times_max = 1.5\nresources = [\"cpu\"]\nlatency_resource = \"memory\"",
                20,
                "its work does not move; name one of: cpu",
            ),
            (
                "response_times_max = 1.5\nresources = [\"cpu\"]\nservers_per_host = \"memory\"",
                20,
                "memory has no limit in cores",
            ),
            (
                "response_times_max = 1.5\nresources = [\"cpu\"]\nservers_per_host = 0",
                20,
                "servers_per_host is a number from 1",
            ),
            (
                "response_times_max = 1.5\nresources = [\"cpu\"]\nservers_per_host = 1.5",
                20,
                "write a whole number",
            ),
        ] {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.starts_with(&format!("s:{line}: ")), "{more:?}: {error}");
            assert!(error.contains(part), "{more:?}: {error}");
        }
    }
}
