//! `calc network`: work that visits several stations, from outside or round and round.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::capacity::queueing::{
    ClosedClass, LongRun, NetworkSolution, OpenClass, Station, StationKind, Work, solve_closed,
    solve_open, visits,
};
use crate::error::{Error, Result};
use crate::report::{Column, Sheet, Value};

/// What a network's file looks like.
const FILE_HELP: &str = "\
The file, in TOML:

  [[station]]
  name = \"cpu\"
  servers = 4                         # 1 if left out
  [[station]]
  name = \"line\"
  delay = true                        # nobody waits here

  [[class]]                           # an open class: work comes from outside
  name = \"query\"
  rate_per_s = 20
  service_s = { cpu = 0.1, line = 0.05 }   # of one visit
  visits = { cpu = 1, line = 2 }           # 1 where a service time is given, if left out

  [[class]]                           # or closed: so many users, who think between their jobs
  name = \"user\"
  population = 30
  think_s = 10
  service_s = { cpu = 0.1 }

In place of visits, routing may be given as probabilities; what a row lacks to 1 leaves:

  enter = { cpu = 1 }
  route = { cpu = { disk = 0.7 }, disk = { cpu = 1 } }

All classes are open, or all are closed.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = FILE_HELP)]
pub(super) struct NetworkArgs {
    /// The stations and classes of work, in a TOML file; --help shows what is in it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    station: Vec<StationSection>,
    class: Vec<ClassSection>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StationSection {
    name: Spanned<String>,
    servers: Option<Spanned<usize>>,
    #[serde(default)]
    delay: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassSection {
    name: Spanned<String>,
    rate_per_s: Option<f64>,
    population: Option<usize>,
    think_s: Option<f64>,
    service_s: Spanned<BTreeMap<String, f64>>,
    visits: Option<Spanned<BTreeMap<String, f64>>>,
    enter: Option<Spanned<BTreeMap<String, f64>>>,
    route: Option<Spanned<BTreeMap<String, BTreeMap<String, f64>>>>,
}

/// A network as its file says.
struct Network {
    stations: Vec<Station>,
    open: Vec<OpenClass>,
    closed: Vec<ClosedClass>,
}

/// What the network of a file comes to.
pub(super) fn network(args: &NetworkArgs) -> Result<Sheet> {
    let path = &args.file;
    let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
    let network = Reader { text: &text, path }.network()?;
    if network.open.is_empty() {
        let solved = solve_closed(&network.stations, &network.closed)?;
        return Ok(sheet("Closed network", &network, &solved));
    }
    match solve_open(&network.stations, &network.open)? {
        LongRun::Steady(solved) => Ok(sheet("Open network", &network, &solved)),
        LongRun::Saturated(limit) => {
            let mut sheet = Sheet::new("Open network");
            let bottleneck = network.stations[limit.station].name.clone();
            sheet.fact("state", "state", "saturated", "");
            sheet.fact("bottleneck", "bottleneck", bottleneck, "");
            sheet.fact("utilisation", "its utilisation asked for", limit.utilisation, "");
            let factor = limit.rate_factor_max;
            sheet.fact("rate_factor_max", "all rates must be less than", factor, "times as high");
            sheet.note("More arrives than can be served: the queue grows for as long as it does.");
            Ok(sheet)
        }
    }
}

fn sheet(title: &str, network: &Network, solved: &NetworkSolution) -> Sheet {
    let mut sheet = Sheet::new(title);
    sheet.fact("state", "state", "steady", "");
    let open = network.open.iter().map(|class| &class.name);
    let names: Vec<&String> = open.chain(network.closed.iter().map(|class| &class.name)).collect();
    let busy = network.stations.iter().zip(&solved.stations);
    let busy = busy.filter_map(|(station, solved)| Some((station, solved.utilisation?)));
    if let Some((station, utilisation)) = busy.max_by(|a, b| a.1.total_cmp(&b.1)) {
        sheet.fact("bottleneck", "busiest station", station.name.clone(), "");
        sheet.fact("utilisation", "its utilisation", utilisation, "");
    }
    let columns = [
        Column::new("class", "class"),
        Column::new("throughput_per_s", "throughput, per second"),
        Column::new("response_mean_s", "mean response, s"),
        Column::new("present_mean", "mean number present"),
    ];
    let table = sheet.table("classes", &columns);
    for (name, class) in names.iter().zip(&solved.classes) {
        let name: Value = name.as_str().into();
        let (response, present) = (class.response_mean_s, class.present_mean);
        table.row([name, class.throughput_per_s.into(), response.into(), present.into()]);
    }
    let columns = [
        Column::new("station", "station"),
        Column::new("utilisation", "utilisation"),
        Column::new("present_mean", "mean number present"),
    ];
    let table = sheet.table("stations", &columns);
    for (station, solved) in network.stations.iter().zip(&solved.stations) {
        let name: Value = station.name.as_str().into();
        table.row([name, solved.utilisation.into(), solved.present_mean.into()]);
    }
    let columns = [
        Column::new("class", "class"),
        Column::new("station", "station"),
        Column::new("throughput_per_s", "visits, per second"),
        Column::new("utilisation", "utilisation"),
        Column::new("residence_s", "time there, s"),
        Column::new("present_mean", "mean number present"),
    ];
    let table = sheet.table("visits", &columns);
    for (name, class) in names.iter().zip(&solved.classes) {
        for (station, visit) in network.stations.iter().zip(&class.visits) {
            table.row([
                name.as_str().into(),
                station.name.as_str().into(),
                visit.throughput_per_s.into(),
                visit.utilisation.into(),
                visit.residence_s.into(),
                visit.present_mean.into(),
            ]);
        }
    }
    sheet
}

/// A file's text, and its name for errors.
struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn error(&self, at: Range<usize>, what: impl Into<String>) -> Error {
        let before = self.text.get(..at.start).unwrap_or("");
        let line = before.matches('\n').count() as u64 + 1;
        Error::Parse { origin: self.path.display().to_string(), line, what: what.into() }
    }

    fn network(&self) -> Result<Network> {
        let file: File = toml::from_str(self.text).map_err(|why| {
            let message = why.message().replace('\n', " ");
            self.error(why.span().unwrap_or(0..0), message)
        })?;
        let mut stations: Vec<Station> = Vec::new();
        for section in &file.station {
            let name = section.name.as_ref();
            if stations.iter().any(|station| station.name == *name) {
                let what = format!("there are two stations {name}: rename one");
                return Err(self.error(section.name.span(), what));
            }
            let kind = match (&section.servers, section.delay) {
                (Some(servers), true) => {
                    let what = "a delay has no servers: leave one of the two out";
                    return Err(self.error(servers.span(), what));
                }
                (None, true) => StationKind::Delay,
                (servers, false) => {
                    let servers = servers.as_ref().map_or(1, |servers| *servers.as_ref());
                    StationKind::Queue { servers }
                }
            };
            stations.push(Station { name: name.clone(), kind });
        }
        let mut network = Network { stations, open: Vec::new(), closed: Vec::new() };
        for class in &file.class {
            self.class(class, &mut network)?;
        }
        Ok(network)
    }

    fn class(&self, class: &ClassSection, network: &mut Network) -> Result<()> {
        let name = class.name.as_ref().clone();
        let at = class.name.span();
        let work = self.work(class, &network.stations)?;
        match (class.rate_per_s, class.population, class.think_s) {
            (Some(arrival_rate_per_s), None, None) => {
                network.open.push(OpenClass { name, arrival_rate_per_s, work });
            }
            (None, Some(population), think_s) => {
                let think_s = think_s.unwrap_or(0.0);
                network.closed.push(ClosedClass { name, population, think_s, work });
            }
            _ => {
                let what = format!(
                    "class {name} is open with rate_per_s, or closed with population and think_s: \
                     give one of the two"
                );
                return Err(self.error(at, what));
            }
        }
        if network.open.is_empty() || network.closed.is_empty() {
            return Ok(());
        }
        let what = "some classes are open and some closed: ask about them apart";
        Err(self.error(at, what))
    }

    fn work(&self, class: &ClassSection, stations: &[Station]) -> Result<Vec<Work>> {
        let service_s = self.by_station(&class.service_s, stations)?;
        let visits = match (&class.visits, &class.enter, &class.route) {
            (Some(given), None, None) => {
                // Visits without a service time would be forgotten silently.
                let visits = self.by_station(given, stations)?;
                let bare = (0..stations.len())
                    .find(|at| visits[*at].is_some() && service_s[*at].is_none());
                if let Some(bare) = bare {
                    let name = &stations[bare].name;
                    let what = format!("{name} is visited but has no service time in service_s");
                    return Err(self.error(given.span(), what));
                }
                visits.into_iter().map(|visits| visits.unwrap_or(0.0)).collect()
            }
            (None, Some(enter), Some(route)) => self.routed(enter, route, stations)?,
            (None, None, None) => {
                service_s.iter().map(|given| if given.is_some() { 1.0 } else { 0.0 }).collect()
            }
            _ => {
                let what = format!(
                    "class {} takes visits, or enter and route, not parts of both",
                    class.name.as_ref()
                );
                return Err(self.error(class.name.span(), what));
            }
        };
        let pairs = visits.into_iter().zip(service_s);
        Ok(pairs
            .map(|(visits, service)| Work { visits, service_s: service.unwrap_or(0.0) })
            .collect())
    }

    fn routed(
        &self,
        enter: &Spanned<BTreeMap<String, f64>>,
        route: &Spanned<BTreeMap<String, BTreeMap<String, f64>>>,
        stations: &[Station],
    ) -> Result<Vec<f64>> {
        let plain = |shares: Vec<Option<f64>>| -> Vec<f64> {
            shares.into_iter().map(|share| share.unwrap_or(0.0)).collect()
        };
        let entry = plain(self.by_station(enter, stations)?);
        let mut rows = vec![vec![0.0; stations.len()]; stations.len()];
        for (from, shares) in route.as_ref() {
            let row = self.station(from, route.span(), stations)?;
            for (to, share) in shares {
                rows[row][self.station(to, route.span(), stations)?] = *share;
            }
        }
        visits(&entry, &rows).map_err(|why| self.error(route.span(), why.to_string()))
    }

    /// A number per station, where one is given.
    fn by_station(
        &self,
        given: &Spanned<BTreeMap<String, f64>>,
        stations: &[Station],
    ) -> Result<Vec<Option<f64>>> {
        let mut numbers = vec![None; stations.len()];
        for (name, number) in given.as_ref() {
            numbers[self.station(name, given.span(), stations)?] = Some(*number);
        }
        Ok(numbers)
    }

    fn station(&self, name: &str, at: Range<usize>, stations: &[Station]) -> Result<usize> {
        stations.iter().position(|station| station.name == name).ok_or_else(|| {
            let names: Vec<&str> = stations.iter().map(|station| station.name.as_str()).collect();
            self.error(at, format!("no station {name}; there are {}", names.join(", ")))
        })
    }
}
