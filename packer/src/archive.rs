//! Tar and zip archives: packs from them, and they from packs.

pub(crate) mod export;
