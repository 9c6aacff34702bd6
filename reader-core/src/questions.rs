//! What one asks of a pack (FORMAT.md, "Reading").

pub(crate) mod index;
pub(crate) mod hinted;
pub(crate) mod scan;
pub(crate) mod pages;
pub(crate) mod follow;
