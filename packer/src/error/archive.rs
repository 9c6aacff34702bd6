//! What is wrong with an archive that is to be packed.

use super::OtherFormat;
use std::io;

/// Why an archive is not packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveProblem {
    /// It begins like no archive.
    #[error("it is no tar or zip archive")]
    NotAnArchive,
    /// It is of a kind that is not read.
    #[error("it is a {0}, which is not read")]
    Other(OtherFormat),
    /// It is compressed as a whole, so its members cannot be read where they lie.
    #[error("it is a {0}, whose members cannot be read where they lie")]
    NotInPlace(OtherFormat),
    /// It was written to, or replaced, while it was read.
    #[error("it changed while it was read")]
    Changed,
    /// A zip archive has its directory at its end, so it cannot come from front to back.
    #[error("it is a zip archive, which has to be a file")]
    NeedsFile,
    /// It ends within a member.
    #[error("it was cut short: it ends within a member, after {at} bytes of tar")]
    CutShort {
        /// How many bytes came, decompressed.
        at: u64,
    },
    /// A tar header is none: its sum is wrong, or one of its fields.
    #[error("it is damaged: no tar header is at byte {at}, where one should be")]
    Header {
        /// Where it is, in bytes of tar.
        at: u64,
    },
    /// The pax records of a member cannot be read, or the places of its holes.
    #[error("it is damaged: the records at byte {at} of the tar archive are none")]
    Records {
        /// Where the header is, in bytes of tar.
        at: u64,
    },
    /// A name, or the pax records of a member, would take too much memory.
    #[error(
        "what stands before the member at byte {at} of the tar archive has {len} bytes, which is too long"
    )]
    TooLong {
        /// Where the header is, in bytes of tar.
        at: u64,
        /// How many bytes.
        len: u64,
    },
    /// It cannot be decompressed.
    #[error("it cannot be decompressed: {0}")]
    Compressed(io::Error),
    /// A zip archive without the directory at its end.
    #[error("it has no directory at its end: it was cut short, or is no zip archive")]
    NoDirectory,
    /// The directory at the end of a zip archive is damaged.
    #[error("its directory is damaged")]
    Directory,
}
