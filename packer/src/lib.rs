//! Packs directory trees into one file, and reads such files through a memory map.
//!
//! [`Pack`] opens a pack and answers the familiar questions of a file system; [`pack::pack`] makes one.
#![warn(missing_debug_implementations)]

mod error;
mod platform;
mod format;
mod record;

pub mod filter;
pub mod walk;
mod spool;
mod sort;
mod ndjson_index;
pub mod index_writer;
pub mod pack;
mod journal;
pub mod create;
pub mod finalize;

pub mod location;
mod mapped;
#[cfg(feature = "remote")]
mod remote;
mod data;
pub mod legacy;
pub mod open;
pub mod file;
mod batch;
pub mod progress;
pub mod verify;
pub mod extract;
pub mod reindex;
#[cfg(feature = "serve")]
pub mod serve;

#[doc(hidden)]
pub mod cli;

pub use data::Traffic;
pub use error::{Error, RemoteProblem, Result};
pub use file::File;
pub use journal::JournalState;
pub use open::{Format, OpenOptions, Pack, RemoteOptions, Verify};
