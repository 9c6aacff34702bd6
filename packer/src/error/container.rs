//! Why a container, or the index beside it, cannot be worked on as asked.

use rangepack_core::PathProblem;
use std::path::PathBuf;

fn left(under_way: Option<u64>) -> String {
    match under_way {
        Some(most) => format!("an interrupted run has left {most} of them at most"),
        None => "nothing tells whether an interrupted run has left them".to_owned(),
    }
}

fn bad_line(problem: Option<&PathProblem>) -> String {
    match problem {
        Some(problem) => format!("holds a name that no pack may hold: {problem}"),
        None => "is damaged".to_owned(),
    }
}

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
    /// A line of an index is damaged, or names what no pack may hold.
    #[error("its line {number}, at byte {offset}, {}", bad_line(problem.as_ref()))]
    BadLine {
        /// The line's number, from 1.
        number: u64,
        /// Where it begins.
        offset: u64,
        /// What is wrong with the name in it; `None` when it is damaged.
        problem: Option<PathProblem>,
    },
    /// A container has bytes behind the last payload that its index names, which are not those of a run that was
    /// interrupted.
    #[error("it has {bytes} bytes behind the last payload that its index names, and {}", left(*under_way))]
    Tail {
        /// So many bytes.
        bytes: u64,
        /// So many can have been under way; `None` when nobody noted it.
        under_way: Option<u64>,
    },
    /// A container without a paged index cannot have bytes that no entry names before its trailer.
    #[error("bytes that no entry names can only be kept by a container with a paged index")]
    KeepsNoTail,
    /// An index names payloads that are not those of its container.
    #[error(
        "it is not the index of {}, or that is damaged: the payload of {entry}, at byte {offset}, is not the \
         one that it names", container.display()
    )]
    Foreign {
        /// The container.
        container: PathBuf,
        /// The entry whose payload it is, escaped.
        entry: String,
        /// Where the payload should lie.
        offset: u64,
    },
    /// An index would be replaced by one that lacks entries of it.
    #[error("it names {entry}, which the new index does not: it is not replaced")]
    WouldLose {
        /// The first entry that would be lost, escaped.
        entry: String,
    },
    /// Nothing tells of any entry.
    #[error("nothing in it, or beside it, tells of any entry")]
    NothingLeft,
    /// A container's own index is damaged, and there is none beside it.
    #[error("its index is damaged, and there is none beside it: {problem}")]
    Damaged {
        /// What is wrong with it.
        problem: String,
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
    /// It is finished, something is to be added, and [`CreateOptions::reopen`](crate::CreateOptions::reopen) is not
    /// set.
    #[error("it is finished, and there is something to add")]
    Finished,
    /// A finished pack has a part that would be lost if more were added.
    #[error("the pack has a section `{tag}`, which would be lost")]
    Section {
        /// Its tag.
        tag: rangepack_core::Tag,
    },
    /// A container has no paged index of its own, and so it is not compacted.
    #[error("it has no paged index of its own")]
    NoPagedIndex,
    /// A container has a paged index, so none is made.
    #[error("it has a paged index already")]
    HasPagedIndex,
    /// An index that is to lie beside a container would lie in another directory.
    #[error("it is not in the directory of its container")]
    SidecarElsewhere,
}
