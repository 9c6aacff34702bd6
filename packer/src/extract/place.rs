//! What the ways to write have in common.

use rangepack_core::{Escaped, Owner};
use std::io;

/// What an entry gets beside its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// Permission bits; as the system likes when unknown.
    pub(super) mode: Option<u32>,
    /// Nanoseconds since 1970.
    pub(super) mtime: Option<i64>,
    /// Set only when the caller asks for owners.
    pub(super) owner: Option<Owner>,
}

/// The mode that the pack knows for one of its directories.
pub(super) type ModeOf<'p> = dyn Fn(&[u8]) -> Option<u32> + Sync + 'p;

/// The mode of a new directory that is to have `mode` when everything in it is done.
///
/// Meanwhile it is closed to others; without a mode of its own it is like any new directory.
#[cfg(unix)]
pub(super) fn new_mode(mode: Option<u32>) -> u32 {
    if mode.is_some() { 0o700 } else { 0o777 }
}

/// What has a name already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing.
    Nothing,
    /// A regular file of this length.
    File(u64),
    /// A symbolic link with this target.
    Symlink(Vec<u8>),
    /// A directory, a device.
    Other,
}

/// Something stands where an entry should go, and is not replaced.
pub(super) fn in_the_way(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("{what} is in the way"))
}

/// A directory on the way to an entry is a link.
pub(super) fn link_in_the_way(path: &[u8]) -> io::Error {
    let path = Escaped(path);
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{path} is a symbolic link in the target, and nothing is written through links"),
    )
}

/// A name for temporary files that nobody can guess: an entry could have a guessable one.
pub(super) fn unguessable() -> u64 {
    use std::hash::BuildHasher;
    std::collections::hash_map::RandomState::new().hash_one(std::process::id())
}
