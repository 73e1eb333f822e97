//! The inventory: what the owners say of their hosts, and what they asked for beside what they use.
//!
//! In: the text of a CSV table with a row per host; what hosts were measured to have and to use.
//! Out: checked rows, hosts without a row and rows without a host, and what was requested,
//! provisioned and used per owner or service. Never: a file, a clock, or an empty cell that is read
//! as zero.
//!
//! `docs/inventory.md` has the columns.

mod design;
mod read;

pub use design::{By, DesignRow, Measured, designed_versus_actual};
pub use read::{Amount, Inventory, InventoryRow, Mismatch};
