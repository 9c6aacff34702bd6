//! Packs directory trees into one file, and reads such files through a memory map.

pub mod filter;
pub mod walk;
