//! `/proc/net/dev` and `/sys/class/net`: what each interface received and sent, and how fast it is.

/// Lines of headings at the top of `/proc/net/dev`.
pub(super) const HEADINGS: usize = 2;
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
    fn a_containers_end_of_a_pair_leads_elsewhere() {
        assert!(leads_elsewhere("2\n", "17\n"));
        for (index, peer) in [("2", "2"), ("3", "0"), ("", "4"), ("2", "x")] {
            assert!(!leads_elsewhere(index, peer), "{index} {peer}");
        }
    }
}
