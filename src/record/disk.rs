//! `/proc/diskstats`: what each block device read and wrote since the system was started.

/// The file's sectors have 512 bytes, whatever the device's have.
pub(super) const SECTOR_BYTES: u64 = 512;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Disk<'a> {
    /// The device's name, as in `/dev`.
    pub(super) name: &'a str,
    /// In the order of [`DISK_COUNTERS`](super::metric::DISK_COUNTERS), in their units.
    pub(super) counters: [f64; 7],
}

/// `None` where the line is odd. Older kernels end it earlier, newer ones later.
pub(super) fn parse_line(line: &str) -> Option<Disk<'_>> {
    let mut columns = line.split_ascii_whitespace().skip(2);
    let name = columns.next()?;
    let mut numbers = [0_u64; 10];
    for place in &mut numbers {
        *place = columns.next()?.parse().ok()?;
    }
    // The others are merged requests, and requests in flight.
    let [reads, _, sectors_read, read_ms, writes, _, sectors_written, write_ms, _, io_ms] = numbers;
    let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES) as f64;
    let seconds = |milliseconds: u64| milliseconds as f64 / 1e3;
    let counters = [
        reads as f64,
        bytes(sectors_read),
        seconds(read_ms),
        writes as f64,
        bytes(sectors_written),
        seconds(write_ms),
        seconds(io_ms),
    ];
    Some(Disk { name, counters })
}

/// The folder of a whole disk below `/sys/block`, where `!` stands for the `/` of a name. A
/// partition has none there.
pub(super) fn folder(name: &str) -> String {
    format!("/sys/block/{}", name.replace('/', "!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_any_kernel() {
        let expected = Disk {
            name: "vda",
            counters: [
                1_467_110.0,
                45_040_522.0 * 512.0,
                2_484.334,
                1_058_084.0,
                215_391_192.0 * 512.0,
                649.29,
                198.604,
            ],
        };
        let line = " 254       0 vda 1467110 45281 45040522 2484334 1058084 294133 215391192 \
                    649290 0 198604 3229626";
        assert_eq!(parse_line(line), Some(expected));
        let newer = format!("{line} 268457 72 536050008 50689 294837 45311");
        assert_eq!(parse_line(&newer), Some(expected));
        for odd in
            ["", "7 0", "7 0 loop0", "254 0 vda 1 2 3 4 5 6 7 8 9", &line.replace("1058084", "x")]
        {
            assert_eq!(parse_line(odd), None, "{odd:?}");
        }
        assert_eq!(folder("cciss/c0d0"), "/sys/block/cciss!c0d0");
    }
}
