//! Tar and zip archives: packs from them, and they from packs.

pub(crate) mod import;
pub(crate) mod export;
