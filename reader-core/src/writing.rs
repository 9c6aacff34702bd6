//! Pages from entries in key order.

pub mod leaf;
pub mod tree;
