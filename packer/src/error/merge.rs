//! Why packs do not become one.

use crate::source::location::Location;
use rangepack_core::Escaped;
use std::fmt;

/// Why packs do not become one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeProblem {
    /// Two of them have a path with different content.
    Content {
        /// The path.
        path: Box<[u8]>,
        /// The pack that was named first.
        first: Location,
        /// The other.
        second: Location,
    },
    /// A path is a directory in one of them, and something else in another.
    Kind {
        /// The path.
        path: Box<[u8]>,
        /// The pack that was named first.
        first: Location,
        /// The other.
        second: Location,
    },
    /// A file with payloads lies where the merged pack could not find it.
    Elsewhere {
        /// The file.
        volume: Location,
        /// The directory, or the beginning of URLs, below which it should lie.
        folder: Location,
    },
}

impl fmt::Display for MergeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeProblem::Content { path, first, second } => {
                write!(f, "{}: {first} and {second} have different content", Escaped(path))
            }
            MergeProblem::Kind { path, first, second } => {
                write!(f, "{}: a directory in one of {first} and {second}", Escaped(path))
            }
            MergeProblem::Elsewhere { volume, folder } => {
                write!(
                    f,
                    "{volume} does not lie below {folder}, where its payloads would be looked for"
                )
            }
        }
    }
}
