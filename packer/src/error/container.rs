//! Why a container, or the index beside it, cannot be worked on as asked.

use std::path::PathBuf;

/// What stands in the way. Each speaks of the file that [`Error::Container`](super::Error::Container) names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerProblem {
    /// An index has bytes, but no line of it is an entry.
    #[error("it holds no entry: it is not the index of a container")]
    NoEntries,
    /// An index has a line that is longer than any entry.
    #[error("it has a line of more than {limit} bytes: it is not the index of a container")]
    LineTooLong {
        /// No entry is longer.
        limit: u64,
    },
    /// An index has no byte, but its container has some.
    #[error("it is empty, but its container has {bytes} bytes, which it should name")]
    Empty {
        /// The bytes that nothing names.
        bytes: u64,
    },
    /// Lines of an index cannot be read, and may name bytes that would be cut off.
    #[error(
        "{lines} of its lines cannot be read, and the container has {bytes} bytes behind the last \
         payload that the others name"
    )]
    BadLines {
        /// So many lines.
        lines: u64,
        /// So many bytes behind the last payload that is known.
        bytes: u64,
    },
    /// An index and the one inside its container are not the same.
    #[error(
        "it differs from the index that {} holds itself; the last payload that it names ends at byte {end}",
        container.display()
    )]
    Differs {
        /// The container.
        container: PathBuf,
        /// Where the last payload ends that the index beside it names.
        end: u64,
    },
    /// An index names payloads that its container does not have.
    #[error("its index names payloads up to byte {end}, but it has only {len} bytes")]
    TooShort {
        /// Where the last payload ends that the index names.
        end: u64,
        /// The container's length.
        len: u64,
    },
    /// A container has neither an index of its own nor one beside it.
    #[error("it holds {len} bytes, but its index {} is missing", index.display())]
    IndexMissing {
        /// Where the index should lie.
        index: PathBuf,
        /// The container's length.
        len: u64,
    },
    /// Another process has the container open for writing.
    #[error("another process is packing into it")]
    Locked,
    /// A container has its index inside.
    #[error("it is finalized already")]
    Finalized,
    /// A finished pack has a part that would be lost if more were added.
    #[error("the pack has a section `{tag}`, which would be lost")]
    Section {
        /// Its tag.
        tag: rangepack_core::Tag,
    },
    /// A container has a paged index, so none is made.
    #[error("it has a paged index already")]
    HasPagedIndex,
    /// An index that is to lie beside a container would lie in another directory.
    #[error("it is not in the directory of its container")]
    SidecarElsewhere,
}
