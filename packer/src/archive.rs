//! Tar and zip archives: packs from them, and they from packs; and indexes of them as they lie.

pub(crate) mod import;
pub(crate) mod export;
pub(crate) mod lying;
