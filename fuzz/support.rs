//! What of `tests/support` the bodies need that run a store on a simulated machine.

#[path = "../tests/support/failure.rs"]
pub(crate) mod failure;
#[path = "../tests/support/life.rs"]
pub(crate) mod life;
#[path = "../tests/support/prng.rs"]
pub(crate) mod prng;
#[path = "../tests/support/sim/mod.rs"]
pub(crate) mod sim;
#[path = "../tests/support/small.rs"]
pub(crate) mod small;
