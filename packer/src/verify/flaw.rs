//! What can be wrong with a pack, in kinds and numbers.

use crate::error::{Error, VolumeProblem};
use crate::source::location::Location;
use rangepack_core::{Error as FormatError, Escaped, PathProblem, Tag, Totals};

/// What is wrong with an entry, or with the index. It shows itself in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// An entry that was asked for is not there.
    #[error("it is not in the pack")]
    Missing,
    /// Bytes are not what they should be.
    #[error("{0}")]
    Format(Box<FormatError>),
    /// The payload lies in another file, which cannot be taken for it.
    #[error("{index}: {problem}{}", after_colon(volume))]
    Volume {
        /// The file that holds the index.
        index: Location,
        /// The name of the other file, as the index has it.
        volume: Vec<u8>,
        /// What stands in the way.
        problem: VolumeProblem,
    },
    /// Entries, by number, lie in pages that cannot be read.
    #[error("entries {start}..{end} cannot be read: {problem}")]
    Unreadable {
        /// The first.
        start: u64,
        /// The one behind the last.
        end: u64,
        /// What is wrong with the page.
        problem: Box<FormatError>,
    },
    /// A section does not have its digest.
    #[error("the section `{tag}` does not have its digest")]
    Section {
        /// Its tag.
        tag: Tag,
    },
    /// Index pages are not named exactly once.
    #[error("{never} index pages are named by no other, {again} by more than one")]
    Pages {
        /// So many are named by none.
        never: u64,
        /// So many by more than one.
        again: u64,
    },
    /// An entry comes before its directory, or has none.
    #[error("its directory has no entry before it")]
    NoDirectory,
    /// A file has the number of a group of hard links, and is not like them.
    #[error("it is no hard link of the files with the same number")]
    HardLink,
    /// The header counts otherwise than the entries.
    #[error("the header says {said} {what}, the entries make {found}")]
    Count {
        /// What is counted.
        what: Counted,
        /// In the header.
        said: u64,
        /// By the entries.
        found: u64,
    },
    /// A directory has other totals than what is in it.
    #[error("its totals are {said:?}, what is in it makes {found:?}")]
    Totals {
        /// As they are written.
        said: Totals,
        /// As they should be.
        found: Totals,
    },
    /// A directory has another tree digest than what is in it.
    #[error("its tree digest is not that of what is in it")]
    TreeDigest,
    /// So has the pack as a whole.
    #[error("the tree digest in the header is not that of the entries")]
    PackTreeDigest,
    /// The hash section does not lead to all entries, or to others.
    #[error(
        "the hash section misses {missing} entries, and {wrong} of its slots lead to none: looking these up takes \
         longer, but every answer is right"
    )]
    Hashes {
        /// Entries without a slot.
        missing: u64,
        /// Slots without an entry.
        wrong: u64,
    },
    /// The CTNRv1 trailer is not where the header says.
    #[error("the CTNRv1 trailer is not where the header says")]
    NoTrailer,
    /// The NDJSON index cannot be read.
    #[error("NDJSON index: {0}")]
    Lines(Box<FormatError>),
    /// Lines of the NDJSON index are not entries.
    #[error("{count} lines of the NDJSON index are not entries (first: {first})")]
    BadLines {
        /// How many.
        count: u64,
        /// The number of the first, from 1.
        first: u64,
    },
    /// A line of the NDJSON index has a name that no pack may hold.
    #[error("NDJSON index: {} cannot be a path: {problem}", Escaped(name))]
    BadName {
        /// The name.
        name: Vec<u8>,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// Lines of the NDJSON index cannot be compared with their entries.
    #[error(
        "{count} lines of the NDJSON index are of entries that cannot be read (first: {}): {problem}",
        Escaped(first)
    )]
    UnreadableLines {
        /// How many.
        count: u64,
        /// The path of the first.
        first: Vec<u8>,
        /// Why not.
        problem: Box<FormatError>,
    },
    /// An entry's line in the NDJSON index is not right.
    #[error("its line in the NDJSON index: {0}")]
    Line(LineFlaw),
    /// An entry has no line in the NDJSON index.
    #[error("it has no line in the NDJSON index")]
    NoLine,
}

/// What is wrong with an entry's line in the NDJSON index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFlaw {
    /// There is no such entry.
    #[error("the paged index has no such entry")]
    NoEntry,
    /// The entry has two.
    #[error("there is another one before it")]
    Again,
    /// It does not say what the paged index says.
    #[error("the paged index says something else")]
    Differs,
}

/// What the header of a pack counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Counted {
    /// Symbolic links.
    #[error("symbolic links")]
    Symlinks,
    /// Regular files and links.
    #[error("files")]
    Files,
    /// Directories.
    #[error("directories")]
    Directories,
    /// Bytes of content.
    #[error("bytes")]
    Bytes,
    /// Bytes as stored.
    #[error("stored bytes")]
    StoredBytes,
}

impl From<FormatError> for Flaw {
    fn from(error: FormatError) -> Flaw {
        Flaw::Format(Box::new(error))
    }
}

impl Flaw {
    /// What an error says of a pack; the error itself when it is about something else.
    pub(super) fn of(error: Error) -> Result<Flaw, Error> {
        match error {
            Error::Volume { index, volume, problem, .. } => {
                Ok(Flaw::Volume { index, volume, problem })
            }
            error => error.about_pack().map(Flaw::from),
        }
    }
}

fn after_colon(volume: &[u8]) -> String {
    if volume.is_empty() { String::new() } else { format!(": {}", Escaped(volume)) }
}
