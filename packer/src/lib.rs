//! Packs directory trees into one file, and reads such files through a memory map.
//!
//! [`Pack`] opens a pack and answers the familiar questions of a file system; [`pack()`] makes one.
#![warn(missing_debug_implementations)]

mod error;
mod progress;

mod source;
mod filter;
mod index;
mod read;
mod pack;
mod container;
mod verify;
mod extract;

pub use container::create::{CreateOptions, Created, create};
pub use container::finalize::{FinalizeOptions, Finalized, finalize};
pub use container::journal::JournalState;
pub use container::known::Resumed;
pub use container::reindex::{NdjsonWritten, Reindexed, Target, rebuild, write_ndjson};
pub use error::{ContainerProblem, Error, Expected, RemoteProblem, Result, VolumeProblem};
pub use extract::{
    ExtractOptions, ExtractReport, NotExtracted, PROBLEMS_KEPT, Selection, Stopped, extract,
};
pub use filter::{Filter, FilterOptions};
pub use index::writer::{DirectoryLines, Finished, IndexFormat, IndexOptions};
pub use pack::{PackOptions, Packed, Summary, Survey, default_threads, pack, survey};
pub use progress::{Event, Observer};
pub use read::file::File;
pub use read::legacy::Notes;
pub use read::pack::{Entries, Format, Pack};
pub use source::data::{Data, Traffic};
pub use source::location::{Location, Url, idx_path, sidecar_path};
pub use source::options::{OpenOptions, RemoteOptions, Verify};
pub use source::platform::same_file;
pub use source::replace::replace_file;
pub use verify::{Problem, VerifyOptions, VerifyReport, verify};
