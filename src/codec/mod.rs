//! The room `codec`.
