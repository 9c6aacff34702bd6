//! Why something in a tree is not in the pack.

use rangepack_core::MAX_LINK_TARGET;
use std::fmt;
use std::io;

/// Why something in a tree, or a part of it, was left out of the pack, or was not understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// It could not be opened, read or examined, or it vanished.
    #[error("{}", InWords(.0))]
    Io(io::Error),
    /// It changed each time it was read.
    #[error("it changed while it was read")]
    Changed,
    /// It was a file when its directory was read, and is none any more.
    #[error("it is not a file any more")]
    NotAFile,
    /// A socket, a pipe or a device: these are left out on purpose.
    #[error("it is a socket, a pipe or a device")]
    Special,
    /// A symbolic link whose target is empty or longer than a pack can hold.
    #[error("its target is {len} bytes long")]
    LinkTarget {
        /// Its length in bytes.
        len: usize,
    },
    /// A symbolic link, in an archive, whose target no system can have.
    #[error("its target has a NUL byte")]
    LinkTargetNul,
    /// A followed link leads to nothing.
    #[error("the link leads nowhere")]
    DanglingLink,
    /// A followed link leads to a directory that it lies in.
    #[error("the link leads back to a directory above it")]
    LinkLoop,
    /// Another source was put at its path, or above it.
    #[error("another source has its place in the pack")]
    Taken,
    /// Its path inside the pack would be longer than [`MAX_PATH`](rangepack_core::MAX_PATH).
    #[error("the path is too long for a pack")]
    PathTooLong,
    /// No pack may hold its name.
    #[error(transparent)]
    Name(rangepack_core::Error),
    /// Its name is not Unicode, on a system where such names cannot be packed.
    #[error("the name is not Unicode")]
    NotUnicode,
    /// Its extended attributes cannot be found out. It is packed without them.
    #[error("its extended attributes cannot be read: {}", InWords(.0))]
    Attributes(io::Error),
    /// One of its extended attributes, or several, cannot be read. It is packed with the others.
    #[error("its extended attribute {name} cannot be read: {}", InWords(.problem))]
    Attribute {
        /// The name of the first, fit for a terminal.
        name: String,
        /// What the system said.
        problem: io::Error,
    },
    /// It has more extended attributes than a pack can hold. It is packed without them.
    #[error("its extended attributes have {len} bytes, more than a pack can hold")]
    AttributesTooLarge {
        /// Bytes in their names and values.
        len: u64,
    },
    /// No pack can hold the time of its last change. It is packed with the nearest one that fits.
    #[error("its time is before 1677 or after 2262; it is packed with the nearest time that fits")]
    Time,
    /// A slash stands in front of the name of a member of an archive, and is left out. It is told of once.
    #[error("the `/` in front of its name, and of those of others, is left out")]
    Absolute,
    /// A member of an archive is a hard link to something that is not packed.
    #[error("it is a hard link to {target}, which is not packed")]
    HardLink {
        /// The name of that, fit for a terminal.
        target: String,
    },
    /// A member of an archive is of a type that is not known.
    #[error("members of the type {:?} are not known", char::from(*.0))]
    MemberType(u8),
    /// A member of a zip archive is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// A member of a zip archive is compressed in a way that is not known.
    #[error("it is compressed by method {0}, which is not read")]
    Method(u16),
    /// A member of an archive is in its index, and cannot be read.
    #[error("it is listed, and cannot be read: {}", rangepack_core::Error::UnsupportedCodec { number: *codec })]
    Unreadable {
        /// The codec that it has in the index (FORMAT.md, "Payloads").
        codec: u8,
    },
    /// A member of a zip archive lies where another one does.
    #[error("it lies where another member does, as in no honest archive")]
    Overlapping,
    /// The content of a member of a zip archive is not what it should be.
    #[error("its content is damaged: {0}")]
    Damaged(io::Error),
    /// A tar archive ends without saying so.
    #[error(
        "it ends without the mark of its end, so it may have been cut short between two members"
    )]
    NoEnd,
    /// Something stands behind the end of a tar archive.
    #[error("what stands behind its end was not read")]
    Behind,
    /// A line of an ignore file is not a pattern: the first such line, the rest of the file holds. The file
    /// itself is in the pack.
    #[error("line {line} is not a pattern")]
    BadIgnoreLine {
        /// Its number, from 1.
        line: usize,
    },
}

impl From<io::Error> for LeftOut {
    fn from(error: io::Error) -> LeftOut {
        LeftOut::Io(error)
    }
}

impl LeftOut {
    /// Why a pack holds no link to this target, if it holds none.
    pub(crate) fn of_target(target: &[u8]) -> Option<LeftOut> {
        if !(1..=MAX_LINK_TARGET).contains(&target.len()) {
            return Some(LeftOut::LinkTarget { len: target.len() });
        }
        memchr::memchr(0, target).map(|_| LeftOut::LinkTargetNul)
    }

    /// Whether it is in the pack, and lacks nothing but extended attributes, or its time.
    pub(crate) fn is_of_attributes(&self) -> bool {
        matches!(
            self,
            LeftOut::Attributes(_)
                | LeftOut::Attribute { .. }
                | LeftOut::AttributesTooLarge { .. }
                | LeftOut::Time
        )
    }
}

/// An error of the system, in fewer words where there is no doubt.
struct InWords<'e>(&'e io::Error);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            io::ErrorKind::NotFound => f.write_str("it vanished"),
            io::ErrorKind::PermissionDenied => f.write_str("permission denied"),
            _ => self.0.fmt(f),
        }
    }
}
