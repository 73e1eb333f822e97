//! The room `capacity`.
