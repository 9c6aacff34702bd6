//! Why a pack does not grow.

use crate::read::format::Format;
use rangepack_core::Escaped;
use std::fmt;
use std::path::PathBuf;

/// Why a pack does not grow. Each speaks of the file that [`Error::Grow`](super::Error::Grow) names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrowProblem {
    /// It has no paged index of its own, behind which another could follow.
    Format(Format),
    /// Its paged index lies in a file of its own.
    Beside {
        /// That file.
        index: PathBuf,
    },
    /// It has as many generations as readers look for.
    Generations {
        /// Earlier ones that a pack may have.
        limit: u64,
    },
    /// A path is a directory in the pack and something else among what is added, or the other way round.
    Kind {
        /// The path.
        path: Box<[u8]>,
        /// Whether it is a directory in the pack.
        is_directory: bool,
    },
}

impl fmt::Display for GrowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GrowProblem::Format(_) => f.write_str("it has no paged index of its own"),
            GrowProblem::Beside { index } => {
                write!(f, "its index lies beside it, in {}", index.display())
            }
            GrowProblem::Generations { limit } => {
                write!(f, "it has {limit} earlier generations, and more are not looked for")
            }
            GrowProblem::Kind { path, is_directory: true } => {
                write!(f, "{} is a directory in it, and none in what is added", Escaped(path))
            }
            GrowProblem::Kind { path, is_directory: false } => {
                write!(f, "{} is a directory in what is added, and none in it", Escaped(path))
            }
        }
    }
}
