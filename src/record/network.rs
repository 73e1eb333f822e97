//! `/proc/net/dev` and `/sys/class/net`: what each interface received and sent, and how fast it is;
//! `/proc/net/route` and `/proc/net/ipv6_route`: which of them carries a default route.

/// Lines of headings at the top of `/proc/net/dev`.
pub(super) const HEADINGS: usize = 2;
/// In the flags of a route: packets are refused, and not sent.
const ROUTE_REJECTS: u32 = 0x200;
/// Bytes per second of one megabit per second.
const MEGABIT: f64 = 125_000.0;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interface<'a> {
    /// The interface's name.
    pub(super) name: &'a str,
    /// Bytes, packets, errors and drops, received and sent, since the interface was made.
    pub(super) counters: [[u64; 4]; 2],
}

/// `None` where the line is odd.
pub(super) fn parse_line(line: &str) -> Option<Interface<'_>> {
    // The name of an alias has a colon; the last one ends the name.
    let (name, columns) = line.rsplit_once(':')?;
    let name = name.trim();
    if name.is_empty() || name.contains(['/', ' ', '\t']) || name.starts_with('.') {
        return None;
    }
    let mut numbers = [0_u64; 12];
    let mut columns = columns.split_ascii_whitespace();
    for place in &mut numbers {
        *place = columns.next()?.parse().ok()?;
    }
    // The four between are fifo, frame, compressed and multicast.
    let [bytes, packets, errors, drops, _, _, _, _, sent @ ..] = numbers;
    Some(Interface { name, counters: [[bytes, packets, errors, drops], sent] })
}

/// What `/sys/class/net/NAME` says of an interface: the texts of its files, empty where unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Link {
    pub(super) speed: String,
    pub(super) operstate: String,
}

impl Link {
    /// Bytes per second in one direction; `None` where the driver does not know, as on most
    /// virtual machines, or the link is down.
    pub(super) fn capacity(&self) -> Option<f64> {
        let megabits: i64 = self.speed.trim().parse().ok()?;
        // u32::MAX is how some drivers spell -1.
        (megabits > 0 && megabits < i64::from(u32::MAX)).then_some(megabits as f64 * MEGABIT)
    }

    /// Whether it may carry traffic. Drivers that do not tell say "unknown".
    pub(super) fn is_up(&self) -> bool {
        matches!(self.operstate.trim(), "up" | "unknown" | "")
    }
}

/// The capacities of a host's links, or none at all where a link that may carry traffic does not
/// say how fast it is: the sum over the host would then be too low, and the host falsely full.
pub(super) fn capacities(links: &[Link]) -> Vec<Option<f64>> {
    if links.iter().any(|link| link.is_up() && link.capacity().is_none()) {
        return vec![None; links.len()];
    }
    links.iter().map(Link::capacity).collect()
}

/// Whether the other end of an interface without a device is elsewhere, as that of a container's
/// `eth0` is: `iflink` is another number than `ifindex`, and not 0, which tunnels have.
pub(super) fn leads_elsewhere(ifindex: &str, iflink: &str) -> bool {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (number(ifindex), number(iflink)) {
        (Some(own), Some(peer)) => peer != 0 && peer != own,
        _ => false,
    }
}

/// The interface of a line of `/proc/net/route`, if it is a default route: to everywhere, by a mask
/// of no bits.
pub(super) fn default_route(line: &str) -> Option<&str> {
    let mut columns = line.split_ascii_whitespace();
    let name = columns.next()?;
    let destination = columns.next()?;
    let flags = u32::from_str_radix(columns.nth(1)?, 16).ok()?;
    let mask = columns.nth(3)?;
    let is_default = [destination, mask].into_iter().all(is_zero);
    (is_default && flags & ROUTE_REJECTS == 0).then_some(name)
}

/// The interface of a line of `/proc/net/ipv6_route`, if it is a default route.
pub(super) fn default_route_v6(line: &str) -> Option<&str> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let [destination, bits, _, _, _, _, _, _, flags, name] = columns[..] else { return None };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let is_default = [destination, bits].into_iter().all(is_zero);
    (is_default && flags & ROUTE_REJECTS == 0).then_some(name)
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_of_a_line() {
        let line = "  eth0: 885845683   26826    1    2    0     0          0         9  \
                    1519761   18767    3    4    0     0       0          0";
        let counters = [[885_845_683, 26_826, 1, 2], [1_519_761, 18_767, 3, 4]];
        assert_eq!(parse_line(line), Some(Interface { name: "eth0", counters }));
        // Counters of many digits leave no space after the colon.
        let tight = line.replace(": ", ":");
        assert_eq!(parse_line(&tight), Some(Interface { name: "eth0", counters }));
        let named = |name: &str| format!("{name}: 1 2 3 4 5 6 7 8 9 10 11 12");
        assert_eq!(parse_line(&named("eth0:1")).unwrap().name, "eth0:1");
        for odd in
            ["", "eth0", "eth0: 1 2", &named(""), &named("../x"), &named(".."), &named("a b")]
        {
            assert_eq!(parse_line(odd), None, "{odd:?}");
        }
    }

    fn link(speed: &str, operstate: &str) -> Link {
        Link { speed: speed.to_owned(), operstate: operstate.to_owned() }
    }

    #[test]
    fn a_link_that_hides_its_speed_hides_the_sum() {
        let gigabit = link("1000\n", "up\n");
        assert_eq!(gigabit.capacity(), Some(125e6));
        for unknown in ["-1\n", "4294967295\n", "", "fast", "0"] {
            assert_eq!(link(unknown, "up").capacity(), None, "{unknown:?}");
        }
        let down = link("", "down\n");
        assert_eq!(capacities(&[gigabit.clone(), down]), [Some(125e6), None]);
        assert_eq!(capacities(&[gigabit, link("-1", "up")]), [None, None]);
    }

    #[test]
    fn default_routes_are_those_to_everywhere() {
        let lines = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                     eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth1\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n\
                     *\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth2 00000000\n";
        let found: Vec<&str> = lines.lines().filter_map(default_route).collect();
        assert_eq!(found, ["eth0"]);
        let none = "0".repeat(32);
        let line = |to: &str, bits: &str, flags: &str, name: &str| {
            format!("{to} {bits} {none} 00 {none} 00000400 00000001 00000000 {flags} {name}\n")
        };
        let local = format!("fe80{}", "0".repeat(28));
        let lines = [
            line(&none, "00", "00000003", "eth0"),
            line(&local, "40", "00000001", "eth1"),
            line(&none, "01", "00000001", "tun0"),
            line(&none, "00", "00200200", "lo"),
            "odd".to_owned(),
        ];
        let lines = lines.concat();
        let found: Vec<&str> = lines.lines().filter_map(default_route_v6).collect();
        assert_eq!(found, ["eth0"]);
    }

    #[test]
    fn a_containers_end_of_a_pair_leads_elsewhere() {
        assert!(leads_elsewhere("2\n", "17\n"));
        for (index, peer) in [("2", "2"), ("3", "0"), ("", "4"), ("2", "x")] {
            assert!(!leads_elsewhere(index, peer), "{index} {peer}");
        }
    }
}
