//! Erlang's formulas, by a recursion that neither overflows nor loses digits.

use super::{amount, server_count};
use crate::error::Result;

/// Erlang's loss formula B: the share of arrivals that find all `servers` busy and are turned away,
/// where work for `offered` servers arrives (arrival rate times service time).
///
/// `B(n) = a B(n - 1) / (n + a B(n - 1))`, `B(0) = 1` (Erlang 1917; Jagerman 1974): sums of
/// positive numbers, and an error in `B(n - 1)` is smaller in `B(n)`.
///
/// ```
/// use plimsoll::capacity::queueing::erlang_b;
/// // capacity.md, 2.6.
/// assert!((erlang_b(10, 5.0)? - 0.018_384_6).abs() < 5e-8);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless there is a server, and `offered` is 0 or more.
pub fn erlang_b(servers: usize, offered: f64) -> Result<f64> {
    let (servers, offered) = (server_count(servers)?, amount("the offered load", offered)?);
    Ok(loss(servers, offered))
}

/// Erlang's delay formula C: the probability that an arrival has to wait, where nobody is turned
/// away (M/M/c). `None` where `offered` is not below the number of servers: that is saturated.
///
/// ```
/// use plimsoll::capacity::queueing::erlang_c;
/// // capacity.md, 2.6.
/// assert!((erlang_c(10, 8.0)?.unwrap() - 0.409_180_2).abs() < 5e-8);
/// assert_eq!(erlang_c(10, 10.0)?, None);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless there is a server, and `offered` is 0 or more.
pub fn erlang_c(servers: usize, offered: f64) -> Result<Option<f64>> {
    let (servers, offered) = (server_count(servers)?, amount("the offered load", offered)?);
    Ok((offered < servers as f64).then(|| delay(servers, offered)))
}

/// Formula C of what was checked: `offered` is below the number of servers.
pub(super) fn delay(servers: usize, offered: f64) -> f64 {
    of_loss(servers as f64, offered, loss(servers, offered))
}

fn loss(servers: usize, offered: f64) -> f64 {
    (1..=servers).fold(1.0, |before, count| next_loss(count as f64, offered, before))
}

/// `B(servers)` from `B(servers - 1)`.
pub(super) fn next_loss(servers: f64, offered: f64, before: f64) -> f64 {
    let kept = offered * before;
    kept / (servers + kept)
}

/// C from B: `C = B / (1 - u (1 - B))`, written as a sum of positive numbers.
pub(super) fn of_loss(servers: f64, offered: f64, loss: f64) -> f64 {
    loss / ((servers - offered) / servers + offered / servers * loss)
}
