//! Pages from entries in key order.

pub(crate) mod leaf;
pub(crate) mod inner;
pub mod tree;
pub mod sums;
pub mod window;
