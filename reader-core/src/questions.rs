//! What one asks of a pack (FORMAT.md, "Reading").

pub mod index;
