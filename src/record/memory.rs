//! `/proc/meminfo`: the machine's memory and swap.

/// In bytes; `None` where the text does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Memory {
    pub(super) total: Option<u64>,
    pub(super) free: Option<u64>,
    /// What new programs could have without swapping: free, and what the system would give back.
    pub(super) available: Option<u64>,
    pub(super) buffers: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) swap_total: Option<u64>,
    pub(super) swap_free: Option<u64>,
}

pub(super) fn parse(text: &str) -> Memory {
    let mut memory = Memory::default();
    for line in text.lines() {
        let Some((name, amount)) = line.split_once(':') else { continue };
        let place = match name {
            "MemTotal" => &mut memory.total,
            "MemFree" => &mut memory.free,
            "MemAvailable" => &mut memory.available,
            "Buffers" => &mut memory.buffers,
            "Cached" => &mut memory.cached,
            "SwapTotal" => &mut memory.swap_total,
            "SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        *place = bytes(amount);
    }
    memory
}

/// `24684096 kB`, where the file's `kB` are 1,024 bytes.
fn bytes(amount: &str) -> Option<u64> {
    let kibibytes: u64 = amount.trim().strip_suffix(" kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_bytes_and_odd_ones_are_missing() {
        let text = "MemTotal:       24684096 kB\nMemFree:        16899316 kB\n\
                    MemAvailable:   23159452 kB\nBuffers:           29204 kB\n\
                    Cached:          6094884 kB\nSwapCached:            3 kB\n\
                    SwapTotal:             0 kB\nHugePages_Total:       0\n";
        let found = parse(text);
        assert_eq!(found.total, Some(24_684_096 * 1_024));
        assert_eq!(found.available, Some(23_159_452 * 1_024));
        assert_eq!((found.buffers, found.cached), (Some(29_904_896), Some(6_241_161_216)));
        assert_eq!((found.swap_total, found.swap_free), (Some(0), None));
        for odd in ["MemTotal: 5", "MemTotal: kB", "MemTotal: -5 kB", "MemTotal", "MemTotal:  MB"] {
            assert_eq!(parse(odd), Memory::default(), "{odd:?}");
        }
        assert_eq!(parse(&format!("MemTotal: {} kB", u64::MAX)), Memory::default());
    }
}
