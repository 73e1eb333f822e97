//! `/proc/stat`: where the time of the processors went.

/// The states that time is counted in, as the columns of the file. Guest time is inside `user` and
/// `nice` already, so its own columns are left out.
pub(super) const STATES: [&str; 8] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const IDLE: usize = 3;
const IOWAIT: usize = 4;

/// All processors together, since the system was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuTimes {
    /// Ticks per state of [`STATES`]; old kernels lack the last ones, which are then zero.
    pub(super) ticks: [u64; STATES.len()],
    /// Processors that are online.
    pub(super) cores: u32,
}

/// `None` where the text has no line of all processors, or that line is odd.
pub(super) fn parse(text: &str) -> Option<CpuTimes> {
    let mut all = None;
    let mut cores = 0;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("cpu") else { continue };
        if rest.starts_with(' ') {
            all = ticks(rest);
        } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
            cores += 1;
        }
    }
    Some(CpuTimes { ticks: all?, cores })
}

fn ticks(columns: &str) -> Option<[u64; STATES.len()]> {
    let mut found = [0; STATES.len()];
    let mut columns = columns.split_ascii_whitespace();
    for (at, place) in found.iter_mut().enumerate() {
        match columns.next() {
            Some(column) => *place = column.parse().ok()?,
            // The first four have been there always.
            None if at <= IDLE => return None,
            None => break,
        }
    }
    Some(found)
}

impl CpuTimes {
    /// Cores that were busy on average since `before`: the share of ticks in which a processor was
    /// neither idle nor waiting for a disk, times the cores. Stolen time is busy: it was asked for.
    /// No clock is needed, and the result is at most the cores. `None` where no tick passed.
    pub(super) fn usage_since(&self, before: &Self) -> Option<f64> {
        let mut busy = 0_u64;
        let mut all = 0_u64;
        for (at, (now, before)) in self.ticks.iter().zip(&before.ticks).enumerate() {
            // The kernel takes back some time of `idle` and `iowait` now and then.
            let passed = now.saturating_sub(*before);
            all = all.saturating_add(passed);
            if at != IDLE && at != IOWAIT {
                busy = busy.saturating_add(passed);
            }
        }
        (all > 0).then(|| f64::from(self.cores) * busy as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "\
cpu  1187672 129687 159772 986200 3525 0 1237 1553 40 7
cpu0 593302 61369 77454 500863 1060 0 72 764 20 3
cpu1 594370 68317 82317 485337 2464 0 1165 788 20 4
intr 9162552 0 0 13 0 0
ctxt 19105508
btime 1795583026
";

    #[test]
    fn the_line_of_all_processors_and_their_number() {
        let found = parse(STAT).unwrap();
        assert_eq!(found.ticks, [1_187_672, 129_687, 159_772, 986_200, 3_525, 0, 1_237, 1_553]);
        assert_eq!(found.cores, 2);
        // Linux 2.4 had four columns.
        assert_eq!(parse("cpu  1 2 3 4\ncpu0 1 2 3 4\n").unwrap().ticks, [1, 2, 3, 4, 0, 0, 0, 0]);
        for odd in ["", "cpu0 1 2 3 4", "cpu  1 2 3", "cpu  1 2 3 x", "cpu  -1 2 3 4", "cpu"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn usage_is_the_share_of_busy_ticks_in_cores() {
        let times = |ticks| CpuTimes { ticks, cores: 4 };
        let before = times([100, 0, 50, 1_000, 30, 0, 0, 0]);
        // 100 ticks busy, 10 of them stolen, of 400.
        let now = times([160, 10, 60, 1_290, 40, 5, 5, 10]);
        assert_eq!(now.usage_since(&before), Some(1.0));
        assert_eq!(now.usage_since(&now), None);
        // `iowait` fell by 20: nothing is counted for it.
        let now = times([200, 0, 50, 1_000, 10, 0, 0, 0]);
        assert_eq!(now.usage_since(&before), Some(4.0));
    }
}
