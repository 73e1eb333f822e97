//! The order: by when, and how much.
//!
//! In: when each resource runs out and what will be asked of it when the order has arrived, as
//! distributions; lead time, review period, the costs of too little and of too much, prices. Out:
//! the day to order on with the risk of being late, and whole hosts in whole lots with the risk of
//! falling short. Never: a calendar date, a mean without its risk, or a fraction of a host.
//!
//! `docs/method/order.md` has the formulas and their sources.

mod date;
mod demand;
mod newsvendor;
mod quantity;

pub use date::{ExhaustionTime, LeadTime, OrderDate};
pub use demand::Demand;
pub use newsvendor::ShortageCosts;
pub use quantity::{HOSTS_MAX, Order, OrderLine, OrderTerms, ResourceOrder};
