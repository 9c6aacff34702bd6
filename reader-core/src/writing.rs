//! Pages from entries in key order.

pub(crate) mod leaf;
pub(crate) mod inner;
pub(crate) mod root;
pub(crate) mod tree;
pub(crate) mod sums;
pub(crate) mod window;
