//! What the ways to write have in common.

use crate::source::attributes::is_privileged;
use rangepack_core::{Escaped, Owner};
use std::io;
use std::sync::Arc;

/// After so many extended attributes that cannot be set the rest of an entry's are not tried: a stranger's pack can have
/// a hundred thousand that all entries share.
const MOST_REFUSED: usize = 64;

/// What an entry gets beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// Permission bits; as the system likes when unknown.
    pub(super) mode: Option<u32>,
    /// Nanoseconds since 1970.
    pub(super) mtime: Option<i64>,
    /// Set only when the caller asks for owners.
    pub(super) owner: Option<Owner>,
    /// Set only when the caller asks for them.
    pub(super) extended: Option<Arc<rangepack_core::Attributes>>,
}

impl Attributes {
    /// Sets the extended attributes of an open file or directory, as far as that can be done.
    ///
    /// Privileged ones are like the bits that make a program run as somebody else: they come with the owner only.
    pub(super) fn set_extended(
        &self,
        set: impl Fn(&[u8], &[u8]) -> io::Result<()>,
    ) -> Result<(), Unset> {
        let (mut result, mut refused) = (Ok(()), 0);
        for (name, value) in self.extended.iter().flat_map(|extended| extended.iter()) {
            if is_privileged(name) && self.owner.is_none() {
                continue;
            }
            let Err(source) = set(name, value) else { continue };
            if result.is_ok() {
                result = Err(Unset { name: Escaped(name).to_string(), source });
            }
            refused += 1;
            if refused == MOST_REFUSED {
                break;
            }
        }
        result
    }
}

/// The first extended attribute that could not be set.
#[derive(Debug, thiserror::Error)]
#[error("its extended attribute {name} cannot be set: {source}")]
pub(super) struct Unset {
    name: String,
    source: io::Error,
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

/// What has a name already. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing.
    Nothing,
    /// A regular file.
    File { size: u64, mtime: i128 },
    /// A symbolic link.
    Symlink { target: Vec<u8>, mtime: i128 },
    /// A directory.
    Directory,
    /// A pipe, a socket or a device.
    Special,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_is_refused_again_and_again_is_not_tried_for_ever() {
        let pairs = (0..1000u32).map(|number| (number.to_be_bytes().to_vec(), Vec::new()));
        let extended = Some(Arc::new(rangepack_core::Attributes::new(pairs.collect())));
        let attributes = Attributes { extended, ..Attributes::default() };
        let tried = RefCell::new(0);
        let done = attributes.set_extended(|_, _| {
            *tried.borrow_mut() += 1;
            Err(io::ErrorKind::Unsupported.into())
        });
        assert!(done.is_err());
        assert_eq!(tried.into_inner(), MOST_REFUSED);
    }

    #[test]
    fn privileged_attributes_come_with_the_owner_only() {
        let names = [
            "security.capability",
            "system.posix_acl_access",
            "trusted.overlay.redirect",
            "user.a",
        ];
        let pairs = names.iter().map(|name| (name.as_bytes().to_vec(), Vec::new())).collect();
        let extended = Some(Arc::new(rangepack_core::Attributes::new(pairs)));
        let mut attributes = Attributes { extended, ..Attributes::default() };
        let set = |attributes: &Attributes| {
            let set = RefCell::new(Vec::new());
            let done = attributes.set_extended(|name, _| {
                set.borrow_mut().push(Escaped(name).to_string());
                Ok(())
            });
            assert!(done.is_ok());
            set.into_inner()
        };
        assert_eq!(set(&attributes), ["system.posix_acl_access", "user.a"]);
        attributes.owner = Some(Owner { uid: 0, gid: 0 });
        assert_eq!(set(&attributes), names);
    }
}
