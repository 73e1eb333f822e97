//! Typed buffers: how much more than its use a resource is to have, and within which bounds.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::limits::is_amount;

/// What a buffer is for. The two kinds cover resources: compute is processors and network, storage
/// is memory and disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// Processors and network.
    Compute,
    /// Processors.
    Cpu,
    /// Network.
    Network,
    /// Memory and disk.
    Storage,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
}

/// What a buffer asks for. Ratios and bounds are above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Intent {
    /// So many times the use.
    Desired(f64),
    /// So many times what is desired: growth, or a shift of traffic.
    Scale(f64),
    /// As `Scale`, and never less than what there is now.
    ScaleUp(f64),
    /// As `Scale`, and never more than what there is now.
    ScaleDown(f64),
    /// What there is now.
    Preserve,
    /// No less than so many times what there is now.
    Floor(f64),
    /// No more than so many times what there is now.
    Ceiling(f64),
}

/// One buffer: for what, and how much.
///
/// ```
/// use plimsoll::capacity::remaining::{Buffer, Component, Intent};
/// let buffer: Buffer = "disk:scale-up:2".parse()?;
/// assert_eq!(buffer, Buffer { component: Component::Disk, intent: Intent::ScaleUp(2.0) });
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buffer {
    /// For what.
    pub component: Component,
    /// How much.
    pub intent: Intent,
}

/// All buffers of a service.
///
/// Those that cover a resource multiply, the kind's with the resource's own; floors merge to the
/// greatest, ceilings to the least (Netflix, service-capacity-modeling).
///
/// ```
/// use plimsoll::capacity::remaining::{Buffers, Component};
/// let buffers = ["storage:desired:2", "disk:desired:3", "memory:desired:5"];
/// let buffers = Buffers::new(buffers.iter().map(|one| one.parse()).collect::<Result<_, _>>()?);
/// // capacity.md, 2.4.
/// assert_eq!(buffers.combined(Component::Disk)?.desired, 6.0);
/// assert_eq!(buffers.combined(Component::Memory)?.desired, 10.0);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buffers(Vec<Buffer>);

/// What the buffers of one resource come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CombinedBuffer {
    /// So many times the use are desired; 1 where no buffer says more.
    pub desired: f64,
    /// Times so many.
    pub scale: f64,
    /// No less than so many times what there is now.
    pub floor: Option<f64>,
    /// No more than so many times what there is now.
    pub ceiling: Option<f64>,
}

impl Component {
    /// The name, as it is parsed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Cpu => "cpu",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// The kind that a resource is of; `None` of a kind.
    fn kind(self) -> Option<Self> {
        match self {
            Self::Cpu | Self::Network => Some(Self::Compute),
            Self::Memory | Self::Disk => Some(Self::Storage),
            Self::Compute | Self::Storage => None,
        }
    }
}

impl Buffers {
    /// Buffers in any order.
    pub fn new(buffers: Vec<Buffer>) -> Self {
        Self(buffers)
    }

    /// What they come to for a resource.
    ///
    /// # Errors
    ///
    /// For a kind, which is no resource; where a ratio or bound is not above 0, and where the
    /// floor lies above the ceiling.
    pub fn combined(&self, resource: Component) -> Result<CombinedBuffer> {
        let Some(kind) = resource.kind() else {
            let what = format!("{resource} covers two resources: ask for one of them");
            return Err(Error::invalid(what));
        };
        let mut combined = CombinedBuffer { desired: 1.0, scale: 1.0, floor: None, ceiling: None };
        for buffer in self.0.iter().filter(|one| [resource, kind].contains(&one.component)) {
            combined.add(*buffer)?;
        }
        match (combined.floor, combined.ceiling) {
            (Some(floor), Some(ceiling)) if floor > ceiling => Err(Error::invalid(format!(
                "buffers of {resource}: the floor {floor} lies above the ceiling {ceiling}; drop \
                 one of them"
            ))),
            _ => Ok(combined),
        }
    }
}

impl CombinedBuffer {
    /// What the resource should have, where `used` is used of `capacity` now.
    ///
    /// For processors the use is first divided by what the headroom leaves,
    /// `1 - `[`cpu_headroom_fit`](super::cpu_headroom_fit).
    pub fn required(&self, used: f64, capacity: f64) -> f64 {
        let wanted = self.scale * self.desired * used;
        let capped = self.ceiling.map_or(wanted, |ceiling| wanted.min(ceiling * capacity));
        self.floor.map_or(capped, |floor| capped.max(floor * capacity))
    }

    fn add(&mut self, buffer: Buffer) -> Result<()> {
        let Buffer { component, intent } = buffer;
        if !intent.is_positive() {
            let what = format!("a buffer of {component} is not above 0: give a factor, as 1.5");
            return Err(Error::invalid(what));
        }
        match intent {
            Intent::Desired(ratio) => self.desired *= ratio,
            Intent::Scale(ratio) => self.scale *= ratio,
            Intent::ScaleUp(ratio) => {
                self.scale *= ratio;
                self.raise_floor(1.0);
            }
            Intent::ScaleDown(ratio) => {
                self.scale *= ratio;
                self.lower_ceiling(1.0);
            }
            Intent::Preserve => {
                self.raise_floor(1.0);
                self.lower_ceiling(1.0);
            }
            Intent::Floor(floor) => self.raise_floor(floor),
            Intent::Ceiling(ceiling) => self.lower_ceiling(ceiling),
        }
        Ok(())
    }

    fn raise_floor(&mut self, floor: f64) {
        self.floor = Some(self.floor.map_or(floor, |known| known.max(floor)));
    }

    fn lower_ceiling(&mut self, ceiling: f64) {
        self.ceiling = Some(self.ceiling.map_or(ceiling, |known| known.min(ceiling)));
    }
}

impl Intent {
    fn is_positive(self) -> bool {
        match self {
            Self::Preserve => true,
            Self::Desired(number)
            | Self::Scale(number)
            | Self::ScaleUp(number)
            | Self::ScaleDown(number)
            | Self::Floor(number)
            | Self::Ceiling(number) => is_amount(number) && number > 0.0,
        }
    }

    /// From its name and, unless it is `preserve`, its number.
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        let number = match number {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(match (name, number) {
            ("desired", Some(ratio)) => Self::Desired(ratio),
            ("scale", Some(ratio)) => Self::Scale(ratio),
            ("scale-up", Some(ratio)) => Self::ScaleUp(ratio),
            ("scale-down", Some(ratio)) => Self::ScaleDown(ratio),
            ("floor", Some(floor)) => Self::Floor(floor),
            ("ceiling", Some(ceiling)) => Self::Ceiling(ceiling),
            ("preserve", None) => Self::Preserve,
            _ => return None,
        })
    }
}

impl fmt::Display for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Component {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all =
            [Self::Compute, Self::Cpu, Self::Network, Self::Storage, Self::Memory, Self::Disk];
        all.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is none of compute, cpu, network, storage, memory and disk"
            ))
        })
    }
}

impl FromStr for Buffer {
    type Err = Error;

    /// `component:intent:ratio`, or `component:preserve`.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, ':');
        let component = parts.next().unwrap_or_default().parse()?;
        let intent = Intent::parse(parts.next().unwrap_or_default(), parts.next());
        match intent.filter(|intent| intent.is_positive()) {
            Some(intent) => Ok(Self { component, intent }),
            None => Err(Error::invalid(format!(
                "{text:?} is no buffer: write component:intent:factor, the intent one of desired, \
                 scale, scale-up, scale-down, floor and ceiling, as in disk:desired:3; or \
                 component:preserve"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::remaining::{buffered_headroom, cpu_headroom_fit};

    fn combined(buffers: &[&str], resource: Component) -> Result<CombinedBuffer> {
        let buffers = buffers.iter().map(|one| one.parse().unwrap()).collect();
        Buffers::new(buffers).combined(resource)
    }

    fn required(buffers: &[&str], resource: Component, used: f64, capacity: f64) -> f64 {
        combined(buffers, resource).unwrap().required(used, capacity)
    }

    #[test]
    fn buffers_of_a_kind_and_of_a_resource_multiply() {
        // Netflix's tests of buffers.
        let storage = ["storage:desired:2", "disk:desired:3", "memory:desired:5"];
        assert_eq!(combined(&storage, Component::Disk).unwrap().desired, 6.0);
        assert_eq!(combined(&storage, Component::Memory).unwrap().desired, 10.0);
        let compute = ["compute:desired:3", "cpu:desired:5", "network:desired:7"];
        assert_eq!(combined(&compute, Component::Cpu).unwrap().desired, 15.0);
        assert_eq!(combined(&compute, Component::Network).unwrap().desired, 21.0);
        assert_eq!(combined(&compute, Component::Disk).unwrap().desired, 1.0);
        assert!(combined(&compute, Component::Compute).is_err(), "a kind is no resource");
    }

    #[test]
    fn floors_merge_to_the_greatest_and_ceilings_to_the_least() {
        let floors = combined(&["memory:floor:0.5", "storage:floor:0.8"], Component::Memory);
        assert_eq!(floors.unwrap().floor, Some(0.8));
        let ceilings = combined(&["memory:ceiling:1.5", "memory:ceiling:1.2"], Component::Memory);
        assert_eq!(ceilings.unwrap().ceiling, Some(1.2));
        let both = combined(&["memory:floor:2", "storage:ceiling:1"], Component::Memory);
        let why = both.unwrap_err().to_string();
        assert!(why.contains("floor 2 lies above the ceiling 1"), "{why}");
    }

    #[test]
    fn intents_scale_within_what_there_is() {
        // Netflix's tests of requirements: 50, 150, 20, 100 or 200 used of 100.
        let memory = Component::Memory;
        assert_eq!(required(&["memory:preserve", "memory:desired:2"], memory, 50.0, 100.0), 100.0);
        assert_eq!(required(&["memory:preserve"], memory, 150.0, 100.0), 100.0);
        assert_eq!(required(&["memory:scale-up:1.5"], memory, 100.0, 100.0), 150.0);
        assert_eq!(required(&["memory:scale-up:1.5"], memory, 20.0, 100.0), 100.0);
        assert_eq!(required(&["memory:scale-down:0.8"], memory, 100.0, 100.0), 80.0);
        assert_eq!(required(&["memory:scale-down:0.8"], memory, 200.0, 100.0), 100.0);
        assert_eq!(required(&["memory:scale:2"], memory, 50.0, 100.0), 100.0);
        assert_eq!(required(&["memory:scale:2", "memory:desired:1.5"], memory, 50.0, 100.0), 150.0);
    }

    #[test]
    fn disks_of_the_published_clusters() {
        // capacity.md, 2.4 (Netflix's tests): GiB used a node, nodes, desired 4.
        let disk = |more: &[&str], used: f64, capacity: f64| {
            required(&[&["storage:desired:4"], more].concat(), Component::Disk, used, capacity)
        };
        assert_eq!(disk(&[], 20.0 * 8.0, 13_968.0), 640.0);
        assert_eq!(disk(&["disk:scale:8"], 150.0 * 8.0, 13_968.0), 38_400.0);
        assert_eq!(disk(&["disk:scale-up:2"], 4_000.0 * 2.0, 27_940.0), 64_000.0);
        assert_eq!(disk(&["disk:scale-up:2"], 5_500.0 * 2.0, 27_940.0), 88_000.0);
        assert_eq!(disk(&["disk:scale-up:2"], 1_000.0 * 2.0, 27_940.0), 27_940.0);
        assert_eq!(disk(&["disk:scale-down:1"], 4_000.0 * 2.0, 27_940.0), 27_940.0);
        assert_eq!(disk(&["disk:scale-down:1"], 1_000.0 * 2.0, 27_940.0), 8_000.0);
        assert_eq!(disk(&["disk:preserve"], 20.0 * 8.0, 13_968.0), 13_968.0);
    }

    #[test]
    fn processors_of_the_published_cluster() {
        // capacity.md, 2.4: 8 hosts of 8 virtual processors at 13.2%, buffers 2.0 and 1.5.
        let cores = |more: &[&str], headroom: f64| {
            let buffers = [&["compute:desired:1.5", "cpu:desired:2"], more].concat();
            required(&buffers, Component::Cpu, 64.0 * 0.132 / (1.0 - headroom), 64.0)
        };
        // The fit itself: 35.2 to the digit that is printed, and the published whole cores.
        let fit = cpu_headroom_fit(8.0, true).unwrap();
        assert!((1.0 - buffered_headroom(fit, 3.0) - 0.24).abs() < 5e-3);
        assert!((cores(&[], fit) - 35.2).abs() < 0.05);
        assert_eq!(cores(&[], fit).ceil(), 36.0);
        assert_eq!(cores(&["cpu:scale:4"], fit).ceil(), 141.0);
        // With the target rounded to 0.24, as the source prints it.
        assert!((cores(&[], 0.28) / 35.2 - 1.0).abs() < 1e-12);
        assert!((cores(&["cpu:scale:4"], 0.28) / 140.8 - 1.0).abs() < 1e-12);
        assert_eq!(cores(&["cpu:scale-up:1"], fit), 64.0);
        assert_eq!(cores(&["cpu:scale-up:4"], fit).ceil(), 141.0);
        assert_eq!(cores(&["cpu:scale-down:4"], fit), 64.0);
        assert_eq!(cores(&["cpu:preserve"], fit), 64.0);
    }

    #[test]
    fn what_is_no_buffer_is_refused() {
        for text in [
            "",
            "disk",
            "disk:desired",
            "disk:desired:",
            "disk:desired:0",
            "disk:desired:-1",
            "disk:desired:inf",
            "disk:preserve:1",
            "disk:shrink:2",
            "tape:desired:2",
            "disk:desired:2:3",
        ] {
            assert!(text.parse::<Buffer>().is_err(), "{text:?}");
        }
        let unchecked = Buffer { component: Component::Disk, intent: Intent::Scale(f64::NAN) };
        assert!(Buffers::new(vec![unchecked]).combined(Component::Disk).is_err());
    }
}
