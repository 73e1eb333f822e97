//! One scrape: which files are read, which devices count, which samples come of them.

use std::collections::BTreeSet;

use super::collect::Samples;
use super::cpu::{self, CpuTimes, STATES};
use super::network::{self, Interface, Link};
use super::{Machine, disk, memory, metric, mount};
use crate::error::Result;

/// A total of processor time that falls by less than this is held: the kernel corrects itself, and
/// a counter that falls would read as one that began anew. Where a processor is taken out, it falls
/// by more.
const HELD_SECONDS: u64 = 60;

/// One scrape at work.
pub(super) struct Scrape<'a> {
    pub(super) machine: &'a mut dyn Machine,
    /// For small files beside the one that is gone through.
    pub(super) small: &'a mut String,
    pub(super) samples: Samples<'a>,
}

impl Scrape<'_> {
    /// Reads a file that every Linux has; where that fails it is told of, once.
    pub(super) fn read(&mut self, path: &str, text: &mut String) -> bool {
        text.clear();
        match self.machine.read(path, text) {
            Ok(()) => true,
            Err(why) => {
                self.samples.troubles.add(path, &format!("cannot read it ({why}); left out"));
                false
            }
        }
    }

    /// The text of a small file that need not be there; empty where it is not.
    fn small(&mut self, path: &str) -> &str {
        self.small.clear();
        if self.machine.read(path, self.small).is_err() {
            self.small.clear();
        }
        self.small
    }

    /// Goes through lines; an odd one is told of and left out.
    fn lines<'t, T>(
        &mut self,
        path: &str,
        text: &'t str,
        skip: usize,
        parse: impl Fn(&'t str) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (at, line) in text.lines().enumerate().skip(skip) {
            if let Some(entry) = parse(line) {
                found.push(entry);
                continue;
            }
            let start: String = line.chars().take(80).collect();
            let what = format!("line {} is odd ({start:?}); left out", at + 1);
            self.samples.troubles.add(path, &what);
        }
        found
    }

    pub(super) fn cpu(
        &mut self,
        text: &str,
        before: Option<&CpuTimes>,
        held_ticks: &mut [u64; STATES.len()],
        ticks_per_second: u64,
    ) -> Result<Option<CpuTimes>> {
        let Some(now) = cpu::parse(text) else {
            self.samples.troubles.add("/proc/stat", "it has no line of all processors; left out");
            return Ok(None);
        };
        if let Some(usage) = before.and_then(|before| now.usage_since(before)) {
            // A thousandth of a core: a tick is more than that of any interval up to 10 s.
            let usage = (usage * 1e3).round() / 1e3;
            self.samples.gauge(&metric::CPU_USAGE, "", usage)?;
        }
        if now.cores > 0 {
            self.samples.gauge(&metric::CPU_CAPACITY, "", f64::from(now.cores))?;
        }
        for ((state, ticks), held) in STATES.iter().zip(now.ticks).zip(held_ticks) {
            let fall = held.saturating_sub(ticks);
            if fall == 0 || fall >= HELD_SECONDS.saturating_mul(ticks_per_second) {
                *held = ticks;
            }
            let seconds = *held as f64 / ticks_per_second as f64;
            self.samples.gauge(&metric::CPU_SECONDS, state, seconds)?;
        }
        Ok(Some(now))
    }

    pub(super) fn memory(&mut self, text: &str) -> Result<()> {
        let memory = memory::parse(text);
        let Some(total) = memory.total else {
            self.samples.troubles.add("/proc/meminfo", "it has no MemTotal; left out");
            return Ok(());
        };
        let used = memory.available.map(|available| total.saturating_sub(available));
        if used.is_none() {
            let what = "it has no MemAvailable; memory_used_bytes is left out";
            self.samples.troubles.add("/proc/meminfo", what);
        }
        // A machine without swap has none that could run out.
        let swap = memory.swap_total.zip(memory.swap_free).filter(|(total, _)| *total > 0);
        for (metric, value) in [
            (&metric::MEMORY_USED, used),
            (&metric::MEMORY_SIZE, Some(total)),
            (&metric::MEMORY_FREE, memory.free),
            (&metric::MEMORY_BUFFERS, memory.buffers),
            (&metric::MEMORY_CACHED, memory.cached),
            (&metric::SWAP_USED, swap.map(|(total, free)| total.saturating_sub(free))),
            (&metric::SWAP_SIZE, swap.map(|(total, _)| total)),
        ] {
            if let Some(value) = value {
                self.samples.gauge(metric, "", value as f64)?;
            }
        }
        Ok(())
    }

    pub(super) fn file_systems(&mut self, text: &str) -> Result<()> {
        let mounts = self.lines("/proc/mounts", text, 0, mount::parse_line);
        for mount in mount::file_systems(mounts.into_iter()) {
            match self.machine.space(&mount.point) {
                Ok(space) => {
                    // What is kept back for root is nobody's headroom, so it is not in the size.
                    let used = space.size.saturating_sub(space.free);
                    let size = used.saturating_add(space.available);
                    if size > 0 {
                        self.samples.gauge(&metric::DISK_USED, &mount.point, used as f64)?;
                        self.samples.gauge(&metric::DISK_SIZE, &mount.point, size as f64)?;
                    }
                }
                Err(why) => {
                    let what = format!("cannot ask for its space ({why}); left out");
                    self.samples.troubles.add(&mount.point, &what);
                }
            }
        }
        Ok(())
    }

    pub(super) fn disks(&mut self, text: &str) -> Result<()> {
        for disk in self.lines("/proc/diskstats", text, 0, disk::parse_line) {
            let folder = disk::folder(disk.name);
            if !self.machine.exists(&format!("{folder}/device")) {
                continue;
            }
            let sectors: Option<u64> = self.small(&format!("{folder}/size")).trim().parse().ok();
            // A drive without a medium has no size, and nothing to count.
            let Some(sectors) = sectors.filter(|sectors| *sectors > 0) else { continue };
            let size = sectors.saturating_mul(disk::SECTOR_BYTES) as f64;
            self.samples.gauge(&metric::DISK_DEVICE_SIZE, disk.name, size)?;
            for (metric, value) in metric::DISK_COUNTERS.iter().zip(disk.counters) {
                self.samples.counter(metric, disk.name, value)?;
            }
        }
        Ok(())
    }

    pub(super) fn network(&mut self, text: &str) -> Result<()> {
        let all = self.lines("/proc/net/dev", text, network::HEADINGS, network::parse_line);
        let mut counted: Vec<_> =
            all.iter().filter(|interface| self.has_device(interface.name)).collect();
        let links: Vec<Link> = counted.iter().map(|interface| self.link(interface.name)).collect();
        let mut capacities = network::capacities(&links);
        if counted.is_empty() {
            counted = self.ways_out(&all);
            // The speed of an interface without a device is a constant of its driver.
            capacities = vec![None; counted.len()];
        }
        for (interface, capacity) in counted.iter().zip(capacities) {
            let name = interface.name;
            for (direction, counters) in metric::DIRECTIONS.iter().zip(interface.counters) {
                let mut usage = None;
                for (at, (metric, value)) in direction.counters.iter().zip(counters).enumerate() {
                    let rate = self.samples.counter(metric, name, value as f64)?;
                    // Bytes come first.
                    usage = if at == 0 { rate } else { usage };
                }
                if let Some(usage) = usage {
                    self.samples.gauge(&direction.usage, name, usage.round())?;
                }
                if let Some(capacity) = capacity {
                    self.samples.gauge(&direction.capacity, name, capacity)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a device stands behind an interface, and not only behind the interface it is part of
    /// with a device of its own: a virtual function under a synthetic card counts its bytes again.
    fn has_device(&mut self, name: &str) -> bool {
        let exists = |scrape: &mut Self, file: &str| {
            scrape.machine.exists(&format!("/sys/class/net/{name}/{file}"))
        };
        exists(self, "device") && !exists(self, "master/device")
    }

    /// In a container, where no interface has a device, those that lead out of it: that carry a
    /// default route, or where none does, those that are part of no other interface. The others
    /// lead to containers within, and what they carry for these goes through the first as well.
    fn ways_out<'i>(&mut self, all: &'i [Interface<'i>]) -> Vec<&'i Interface<'i>> {
        let mut elsewhere: Vec<_> =
            all.iter().filter(|interface| self.leads_elsewhere(interface.name)).collect();
        let mut routed = BTreeSet::new();
        let text = self.small("/proc/net/route").lines();
        routed.extend(text.filter_map(network::default_route).map(ToOwned::to_owned));
        let text = self.small("/proc/net/ipv6_route").lines();
        routed.extend(text.filter_map(network::default_route_v6).map(ToOwned::to_owned));
        if elsewhere.iter().any(|interface| routed.contains(interface.name)) {
            elsewhere.retain(|interface| routed.contains(interface.name));
        } else {
            let master = |name: &str| format!("/sys/class/net/{name}/master");
            elsewhere.retain(|interface| !self.machine.exists(&master(interface.name)));
        }
        elsewhere
    }

    fn leads_elsewhere(&mut self, name: &str) -> bool {
        let index = self.small(&format!("/sys/class/net/{name}/ifindex")).to_owned();
        network::leads_elsewhere(&index, self.small(&format!("/sys/class/net/{name}/iflink")))
    }

    fn link(&mut self, name: &str) -> Link {
        let speed = self.small(&format!("/sys/class/net/{name}/speed")).to_owned();
        let operstate = self.small(&format!("/sys/class/net/{name}/operstate")).to_owned();
        Link { speed, operstate }
    }
}
