//! What the walk could not do.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Something in the tree that will be missing in the pack, or was not understood.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Its path on the disk.
    pub disk_path: PathBuf,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with something in the tree.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ProblemKind {
    /// It could not be opened, read or examined, or it vanished.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A followed link leads to nothing.
    #[error("the link leads nowhere")]
    DanglingLink,
    /// A followed link leads to a directory that it lies in.
    #[error("the link leads back to a directory above it")]
    LinkLoop,
    /// Its path inside the pack would be longer than [`MAX_PATH`](rangepack_core::MAX_PATH).
    #[error("the path is too long for a pack")]
    PathTooLong,
    /// Its name is not Unicode, on a system where such names cannot be packed.
    #[error("the name is not Unicode")]
    NotUnicode,
    /// A line of an ignore file is not a pattern: the first such line, the rest of the file holds.
    #[error("line {line} is not a pattern")]
    BadIgnoreLine {
        /// Its number, from 1.
        line: usize,
    },
}
