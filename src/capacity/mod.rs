//! x
pub mod study;
pub use study::Study;
