//! Many files in one file, and any of them at once.
//!
//! [`pack()`] puts a directory tree into one file; [`Pack`] opens it and answers the familiar questions of a
//! file system, without reading more than it needs.
//!
//! ```
//! use rangepack::{Compression, Entry, OpenOptions, Pack, PackOptions, Verify, pack};
//! use std::io::Read;
//! # let home = tempfile::tempdir()?;
//! # std::env::set_current_dir(home.path())?;
//! # std::fs::create_dir_all("photos/cats")?;
//! # std::fs::write("photos/cats/1.jpg", "not really a picture")?;
//! # std::fs::write("photos/readme.txt", "of cats")?;
//!
//! // Writing: the pack appears when it is complete, or not at all.
//! let packed = pack("photos", "photos.pack", &PackOptions::new().compress(Compression::Gzip(6)), &())?;
//! assert_eq!(packed.summary.files, 2);
//!
//! // Reading: no work that grows with the number of files.
//! let pack = Pack::open("photos.pack")?;
//! for entry in pack.read_dir("cats")? {
//!     assert_eq!(entry?.path()?, "cats/1.jpg");
//! }
//! // Borrowed from the mapping; `None` when it is stored compressed or lies at a URL.
//! let picture: Option<&[u8]> = pack.bytes("cats/1.jpg")?;
//! let mut text = String::new();
//! pack.open_file("readme.txt")?.read_to_string(&mut text)?;   // Read + Seek + BufRead
//! # assert_eq!(text, "of cats");
//! // What belongs to nobody else: entries, files, handles of the pack.
//! let entry: Entry = pack.metadata("readme.txt")?;
//! let file: rangepack::File = pack.clone().open_file("readme.txt")?;
//! std::thread::spawn(move || std::io::read_to_string(file)).join().unwrap()?;
//! // Only the pack that is meant, and every byte of it verified.
//! let digest = pack.digest().ok_or("an old container")?;
//! let options = OpenOptions::new().expected(digest).verify(Verify::Payloads);
//! Pack::open_with("photos.pack", &options)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is verified when
//!
//! Opening checks footer and root page, each index page is checked when it is first touched. Payloads of
//! remote packs are always checked before a byte of them is given out; those of local ones when they are
//! extracted or verified, and on every read with [`Verify::Payloads`]. Everything is SHA-256, from the digest
//! of the root page ([`Pack::digest`]) down; [`OpenOptions::expected`] accepts one pack only.
//!
//! # The way around
//!
//! - Packs: [`pack()`] makes one, [`extract()`] takes everything out, [`verify()`] checks all of it,
//!   [`compare()`] tells in what it and a tree on disk differ, [`merge()`] makes one of many without copying.
//! - Containers that can be continued after an interruption: [`create`], [`finalize`].
//! - Archives: [`import`] packs what is in one, [`export()`] makes one.
//! - Old containers and FilePacker's `.fpack` open like packs; [`rebuild`] and [`write_ndjson`] make new indexes.
//! - Every long operation takes an [`Observer`], which sees each [`Event`] and can stop it; `&()` looks away.
//! - Files lie on disk or at URLs: a [`Location`].
//! - Everything waits for disk or network in the thread that asks. Asynchronous programs put it where that is welcome, as
//!   `tokio::task::spawn_blocking` does; `examples/tokio.rs` shows how. (Requests of one read are made at the same time all the
//!   same.)
//!
//! The folder `examples/` has a program for each of these: what is in a pack, a slice of a large file, packs behind the crates
//! `zip`, `image` and `csv`, progress and cancelling, many threads, tokio, and a remote pack that is known by its digest.
//!
//! # Features
//!
//! - `remote` (on by default): packs at `http(s)://`, `s3://`, `gs://` and `az://` URLs. Without it nothing here
//!   knows a network, and the dependencies are a third.
//!
//! - `archives` (on by default): packs from tar and zip archives, and archives from packs; two small dependencies.
//!
//! - `parquet`: tables of what is in packs, as Parquet files.
//!
//! The command `rangepack` is the crate `rangepack-cli`; the format alone, without files, is `rangepack-core`.
#![warn(missing_debug_implementations)]

mod setters;
mod error;
mod progress;

mod source;
mod filter;
mod index;
mod read;
mod pack;
mod container;
mod verify;
mod recover;
mod extract;
mod compare;
mod merge;
mod grow;
#[cfg(feature = "archives")]
mod archive;
#[cfg(feature = "parquet")]
mod table;

// What the format is made of: `rangepack-core` has the rest.
pub use rangepack_core::layout::{Header, Section, Volume};
pub use rangepack_core::ndjson::{BadLine, Refused};
pub use rangepack_core::{
    Answer, AttributeBlock, Attributes, BlockTable, Codec, Content, Digest, Entry, EntryRef,
    Error as FormatError, ErrorKind as FormatErrorKind, Escaped, Extent, Hasher, Index, Kind,
    Limits, NameProblem, Owner, PackPath, PackPathBuf, ParseDigestError, Part, PathProblem, Scan,
    Source, Structure, Tag, Totals, is_deceptive, trim_path,
};

#[cfg(feature = "archives")]
pub use archive::export::{ArchiveFormat, ExportOptions, Exported, export, export_stream};
#[cfg(feature = "archives")]
pub use archive::import::{Archive, import, import_stream};
#[cfg(feature = "archives")]
pub use archive::lying::{ArchiveIndexOptions, ArchiveIndexed, index_archive, index_archives};
pub use compare::{CompareOptions, Compared, compare, compare_packs};
pub use container::create::{CreateOptions, Created, create};
pub use container::finalize::{FinalizeOptions, Finalized, finalize};
pub use container::journal::JournalState;
pub use container::known::{Resumed, Tail};
pub use container::ndjson::{NdjsonOptions, NdjsonWritten, stream_ndjson, write_ndjson};
pub use container::reindex::{IndexTarget, RebuildOptions, Reindexed, rebuild};
pub use error::{
    Action, ArchiveProblem, BadAnswer, CallerError, ContainerProblem, Difference, EntryPath, Error,
    ErrorKind, Expected, GrowProblem, LeftOut, Limited, MergeProblem, OtherFormat, RemoteProblem,
    Result, Setting, VolumeProblem,
};
pub use extract::{
    ExtractOptions, ExtractReport, NotExtracted, Present, Replace, Selection, Stopped, extract,
};
pub use filter::{Filter, FilterError, FilterOptions, Globs};
pub use grow::generations::{Generation, Generations};
pub use grow::{GrowOptions, Grown, add, remove, sync, sync_pack};
pub use index::writer::{DirectoryLines, Finished, IndexFormat, IndexOptions};
pub use merge::{
    CompactOptions, Compacted, MergeInput, MergeOptions, Merged, OnConflict, compact, merge,
};
pub use pack::{
    Compression, Dictionaries, PackOptions, Packed, Share, Sources, Split, Summary, Survey,
    listed_name, pack, pack_sources, pack_stream, pack_url, split, survey, survey_sources,
};
pub use progress::{Event, Observer, PROBLEMS_KEPT};
pub use read::any_entry::AnyEntry;
pub use read::file::File;
pub use read::format::Format;
pub use read::legacy::{Notes, Unfinished};
pub use read::many::FileBytes;
pub use read::mapped_bytes::MappedBytes;
pub use read::numbers::Numbers;
pub use read::pack::{Entries, Pack};
pub use recover::{RecoverOptions, Recovered, recover};
pub use source::data::Data;
pub use source::given::{ByteRanges, Opener};
pub use source::location::{Location, Url, idx_path, sidecar_path};
pub use source::options::{OpenOptions, RemoteOptions, Verify};
pub use source::platform::{default_readers, default_threads, same_file};
pub use source::replace::replace_file;
pub use source::shared::SharedBytes;
pub use source::traffic::Traffic;
pub use source::verified_blocks::VerifiedBlocks;
#[cfg(feature = "parquet")]
pub use table::{TableOptions, TableWritten, write_table};
pub use verify::{Counted, Flaw, LineFlaw, Problem, VerifyOptions, VerifyReport, verify};
