//! What archives hold, whatever kind they are.

use crate::error::{LeftOut, Result};
use rangepack_core::{Codec, Owner, PackPathBuf};
use std::io::{self, Read};

/// A member of an archive, as far as it is known before its content is read.
pub(in crate::archive) struct Member {
    /// Its name as it stands there.
    pub(in crate::archive) name: Vec<u8>,
    pub(in crate::archive) kind: MemberKind,
    pub(in crate::archive) mode: Option<u32>,
    /// In nanoseconds.
    pub(in crate::archive) mtime: Option<i64>,
    /// Whether that is the time that stands there.
    pub(in crate::archive) is_time_right: bool,
    pub(in crate::archive) owner: Option<Owner>,
    /// Extended attributes.
    pub(in crate::archive) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the payload of a file lies, when that is asked for.
    pub(in crate::archive) lies: Option<Lies>,
}

/// Where a payload lies in an archive, and how it is encoded there.
#[derive(Debug, Clone, Copy)]
pub(in crate::archive) struct Lies {
    pub(in crate::archive) codec: Codec,
    pub(in crate::archive) offset: u64,
    pub(in crate::archive) len: u64,
    /// CRC-32 of the content, as the archive says it.
    pub(in crate::archive) crc32: Option<u32>,
}

/// What a member is.
pub(in crate::archive) enum MemberKind {
    /// A file of so many bytes.
    File {
        size: u64,
        sparse: bool,
    },
    Directory,
    Symlink(Vec<u8>),
    /// Another name of the member that came under this one.
    HardLink(Vec<u8>),
    /// It cannot be packed, for this reason.
    LeftOut(LeftOut),
}

/// What becomes of members, one after the other.
pub(in crate::archive) trait Visit {
    /// Takes a member; `content` gives what a file holds.
    fn member(&mut self, member: Member, content: &mut dyn Content) -> Result<()>;

    /// Takes something that is not as it should be with the archive as a whole.
    fn problem(&mut self, problem: LeftOut) -> Result<()>;
}

/// What a file holds.
pub(in crate::archive) trait Content: Read {
    /// What a failed read means: that this member is not packed, or that nothing is.
    fn failed(&self, error: io::Error) -> Result<LeftOut>;
}

/// Without content.
pub(in crate::archive) struct Nothing;

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Content for Nothing {
    fn failed(&self, error: io::Error) -> Result<LeftOut> {
        Ok(error.into())
    }
}

/// The path of a member in the pack, and whether a slash was taken off; `None` is the root.
pub(in crate::archive) fn path_of(
    name: &[u8],
) -> std::result::Result<(Option<PackPathBuf>, bool), LeftOut> {
    let is_absolute = name.first() == Some(&b'/');
    let mut path = Vec::with_capacity(name.len());
    for part in name.split(|byte| *byte == b'/') {
        if part.is_empty() || part == b"." {
            continue;
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    if path.is_empty() {
        return Ok((None, false));
    }
    match PackPathBuf::new(path) {
        Ok(path) => Ok((Some(path), is_absolute)),
        Err(error) => Err(LeftOut::Name(error)),
    }
}

/// Fills as much of `buffer` as there is.
pub(in crate::archive) fn fill(
    reader: &mut (impl Read + ?Sized),
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        for (name, path, is_absolute) in [
            ("a", "a", false),
            ("./a/", "a", false),
            ("/a//b/./c", "a/b/c", true),
            ("./", "", false),
            ("/", "", false),
        ] {
            let (found, absolute) = path_of(name.as_bytes()).unwrap();
            let found = found.map(PackPathBuf::into_bytes).unwrap_or_default();
            assert_eq!((&found[..], absolute), (path.as_bytes(), is_absolute), "{name}");
        }
        for name in [&b"../a"[..], b"a/..", b"a/../b", b"..", b"a\0b"] {
            assert!(matches!(path_of(name), Err(LeftOut::Name(_))), "{name:?}");
        }
    }
}
