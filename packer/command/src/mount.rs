//! A pack as a directory of this machine: what the kernel asks of a file system, answered out of the pack.
//!
//! Nothing here grows with the number of entries, and nothing that was answered ever changes; so the kernel is told to
//! keep all it hears: names, attributes, lists and contents.

mod error;
mod place;
mod inodes;
mod attributes;
mod contents;
mod tree;
mod session;
mod daemon;

pub(crate) use daemon::Daemon;
pub(crate) use error::MountError;
pub(crate) use place::check;
pub(crate) use session::{MountOptions, Session};
