//! What can fail while packing, opening, reading and extracting.

mod action;
mod archive;
mod caller;
mod container;
mod difference;
mod entry_path;
mod grow;
mod kind;
mod left_out;
mod merge;
mod setting;

pub use action::Action;
pub use archive::ArchiveProblem;
pub use caller::CallerError;
pub use container::ContainerProblem;
pub use difference::Difference;
pub use entry_path::EntryPath;
pub use grow::GrowProblem;
pub use kind::ErrorKind;
pub use left_out::LeftOut;
pub use merge::MergeProblem;
pub use setting::Setting;

use crate::filter::FilterError;
use crate::source::location::{Location, Url};
use rangepack_core::Escaped;
use std::io;
use std::path::{Path, PathBuf};

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can fail. Each variant names the file that it happened to.
///
/// It shows what failed; why, its `source` says where there is one, and no message repeats that of its source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: Action,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file on disk lost bytes while it was open: it was cut short, or overwritten in place, or its disk failed.
    #[error("{}: {}", path.display(), lost(*expected, *found))]
    Lost {
        /// The file.
        path: PathBuf,
        /// Its length when it was opened, in bytes.
        expected: u64,
        /// Its length now.
        found: u64,
    },
    /// A pack or container is not what it should be.
    #[error("{pack} {}", of_pack(source))]
    Pack {
        /// The pack.
        pack: Location,
        /// What is wrong with it.
        source: Box<rangepack_core::Error>,
    },
    /// What was opened is no pack, or none any more, and begins like a file of another well-known format. A pack that was cut
    /// short begins like its first file, so it may be either.
    #[error(
        "{path}: it is no pack, but a {format}, or a pack that was cut short and begins with one"
    )]
    OtherFormat {
        /// The file.
        path: Location,
        /// What it seems to be.
        format: OtherFormat,
    },
    /// One entry of a pack is not what it should be.
    #[error("{entry} in {pack} {}", of_pack(source))]
    Entry {
        /// The pack.
        pack: Location,
        /// The entry's path inside the pack.
        entry: EntryPath,
        /// What is wrong with it.
        source: Box<rangepack_core::Error>,
    },
    /// The format says so of something that was at hand: of an entry, or of a path.
    #[error(transparent)]
    Format(Box<rangepack_core::Error>),
    /// Patterns are none.
    #[error(transparent)]
    Filter(Box<FilterError>),
    /// A digest is none.
    #[error(transparent)]
    Digest(rangepack_core::ParseDigestError),
    /// An option does not take this number.
    #[error("the option {setting} is {value}, and takes {least} to {most}")]
    Setting {
        /// The option.
        setting: Setting,
        /// What it was set to.
        value: u64,
        /// The least that it takes.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Zstandard was asked for where only the old programs' gzip can be: in a container, or a pack without paged index.
    #[error("containers and packs without a paged index are compressed with gzip only")]
    OnlyGzip,
    /// What was to be opened is a URL of a kind that is not read, and no file of that name is there.
    #[error("{}: packs are not read at addresses of this scheme", path.display())]
    Scheme {
        /// The URL.
        path: PathBuf,
    },
    /// Nothing is there under that path.
    #[error("{pack}: no entry {entry}")]
    NoEntry {
        /// The pack.
        pack: Location,
        /// The path asked for.
        entry: EntryPath,
    },
    /// A link is there, but it leads to nothing in the pack: out of it, in a circle, or to a path that is
    /// not there.
    #[error("{pack}: {entry} is a link to {target}, which leads nowhere in the pack")]
    BrokenLink {
        /// The pack.
        pack: Location,
        /// The path asked for.
        entry: EntryPath,
        /// What the link says.
        target: EntryPath,
    },
    /// The entry is something else: a directory where a file was asked for, say.
    #[error("{pack}: {} is not a {expected}", or_root(entry))]
    WrongKind {
        /// The pack.
        pack: Location,
        /// The path asked for.
        entry: EntryPath,
        /// What it should be.
        expected: Expected,
    },
    /// The payloads of an index lie in a file that cannot be taken for it.
    #[error("{index}: {problem}{}{}", after_colon(volume), looked_for(*problem, at.as_ref()))]
    Volume {
        /// The file that holds the index.
        index: Location,
        /// The name of the other file, as the index has it.
        volume: Vec<u8>,
        /// Where it lies, or was looked for; `None` when its name leads nowhere.
        at: Option<Location>,
        /// What stands in the way.
        problem: VolumeProblem,
    },
    /// Packs do not become one.
    #[error("{0}")]
    Merge(Box<MergeProblem>),
    /// A pack does not grow.
    #[error("{}: {problem}", path.display())]
    Grow {
        /// The pack.
        path: PathBuf,
        /// What stands in the way.
        problem: GrowProblem,
    },
    /// An archive cannot be packed.
    #[error("{}: {problem}", archive.display())]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        problem: ArchiveProblem,
    },
    /// A file at a URL cannot be read.
    #[error("cannot read {url}: {problem}")]
    Remote {
        /// The URL.
        url: Url,
        /// What stands in the way.
        problem: RemoteProblem,
    },
    /// A file at a URL cannot be written. Nothing of it is there.
    #[error("cannot write {url}: {problem}")]
    Upload {
        /// The URL.
        url: Url,
        /// What stands in the way.
        problem: RemoteProblem,
    },
    /// The observer wanted it to stop.
    #[error("stopped at {at}")]
    Cancelled {
        /// What it was at.
        at: Location,
    },
    /// A source file could not be packed, and the caller wanted to stop then.
    #[error("stopped at {}: {problem}", path.display())]
    Strict {
        /// The source file.
        path: PathBuf,
        /// What was wrong.
        problem: LeftOut,
    },
    /// A container, or the index beside it, cannot be worked on as asked.
    #[error("{}: {problem}", path.display())]
    Container {
        /// The container or index.
        path: PathBuf,
        /// What stands in the way.
        problem: ContainerProblem,
    },
    /// What is to be made is there already.
    #[error("{}: it exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What is there already would be replaced by a pack that lacks something, so it stays.
    #[error("{}: it is not replaced, for {failed} of what is to be packed could not be read", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// How many files and directories could not be read.
        failed: u64,
    },
    /// An output is also an input.
    #[error("{}: it is read and written at once", path.display())]
    SameFile {
        /// The output.
        path: PathBuf,
    },
    /// More was selected than the caller allows. The pack is not to blame.
    #[error("{pack}: {value} {what} are selected, more than the {limit} allowed")]
    TooMuch {
        /// The pack.
        pack: Location,
        /// What was limited.
        what: Limited,
        /// How many there are; of bytes at least so many.
        value: u64,
        /// How many are allowed.
        limit: u64,
    },
}

/// Formats that are taken for packs, and are not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtherFormat {
    /// A tar archive.
    #[error("tar archive")]
    Tar,
    /// A zip archive.
    #[error("zip archive")]
    Zip,
    /// Something in gzip, a tar archive perhaps.
    #[error("gzip file")]
    Gzip,
    /// The same in Zstandard.
    #[error("zstd file")]
    Zstd,
    /// The same in XZ.
    #[error("xz file")]
    Xz,
    /// The same in bzip2.
    #[error("bzip2 file")]
    Bzip2,
    /// A 7z archive.
    #[error("7z archive")]
    SevenZip,
    /// An image of SquashFS.
    #[error("squashfs image")]
    Squashfs,
}

/// What a caller can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limited {
    /// [`ExtractOptions::max_entries`](crate::ExtractOptions::max_entries).
    #[error("entries")]
    Entries,
    /// [`ExtractOptions::max_total_bytes`](crate::ExtractOptions::max_total_bytes).
    #[error("bytes")]
    Bytes,
}

/// What an entry should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expected {
    /// A regular file.
    #[error("file")]
    File,
    /// A directory.
    #[error("directory")]
    Directory,
    /// Anything that has an entry of its own, as the root has not.
    #[error("file or directory inside the pack")]
    Entry,
}

/// Why a file with payloads is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeProblem {
    /// No file can have that name here.
    #[error("no file can have this name here")]
    Name,
    /// The index belongs beside a container, and its own name does not tell which: it does not end in `.rpx`.
    #[error("it is an index that belongs beside a container, under its name and `.rpx`")]
    NotBeside,
    /// There is no such file.
    #[error("the file with the payloads is not there")]
    Missing,
    /// [`OpenOptions::alone`](crate::OpenOptions::alone) was set, and it is not the container that the index
    /// lies beside.
    #[error("the payloads lie in another file")]
    Elsewhere,
    /// It is not the pack that the index was made of, though as long as that.
    #[error("the file with the payloads is another one than when the index was made")]
    OtherPack,
    /// The index was made when it had another length.
    #[error(
        "the file with the payloads has {found} bytes, and had {expected} when the index was made"
    )]
    Length {
        /// When the index was made, in bytes.
        expected: u64,
        /// Now.
        found: u64,
    },
}

/// Why a remote file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteProblem {
    /// No such file.
    #[error("there is no such file (status {0})")]
    NotFound(u16),
    /// The server wants other credentials, or any.
    #[error("access is denied (status {0})")]
    Denied(u16),
    /// Any other answer that brings no bytes.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// The name is unknown, or nobody listens there.
    #[error("no connection: {0}")]
    Connect(String),
    /// So many seconds without a byte.
    #[error("nothing came for {0} seconds")]
    Timeout(u64),
    /// Fewer than so many bytes a second.
    #[error("less than {0} bytes a second came")]
    TooSlow(u64),
    /// It is another file than the one that was opened.
    #[error("it was replaced while it was read")]
    Changed,
    /// The server sends whole files only, and this one, of so many bytes, is long.
    #[error("the server does not send parts of files, and this one is too long to take as a whole")]
    NoRanges(Option<u64>),
    /// An answer that is none to the question.
    #[error("the server's answer is wrong: {0}")]
    BadAnswer(BadAnswer),
    /// Files are not written at URLs of this kind.
    #[error("files are written at s3://, gs:// and az:// only")]
    NotWritable,
    /// The bucket in which a file is to be written is not there.
    #[error("there is no such bucket")]
    NoBucket,
    /// The caller reads it, and said so: see [`Opener`](crate::Opener).
    #[error("{0}")]
    Caller(CallerError),
    /// Settings or credentials are not complete, or something rarer.
    #[error("{0}")]
    Other(String),
    /// The feature `remote` was left out.
    #[error("this rangepack was built without the feature `remote`")]
    NotBuilt,
}

/// What is wrong with a server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAnswer {
    /// There was none.
    #[error("there was none")]
    Nothing,
    /// The end of the file was asked for.
    #[error("these are not the file's last bytes")]
    NotTheEnd,
    /// Another part of the file.
    #[error("it is not the part that was asked for")]
    AnotherPart,
    /// A part of the file, and nobody knows which.
    #[error("it does not say which part it is")]
    UnknownPart,
    /// Its content is compressed.
    #[error("it is compressed on the way")]
    Compressed,
    /// Longer than what was asked for.
    #[error("it is more than was asked for")]
    TooMuch,
    /// Shorter than what was announced.
    #[error("it broke off")]
    BrokenOff,
}

impl RemoteProblem {
    /// Whether there is no such file, as far as the server tells.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            RemoteProblem::NotFound(_) | RemoteProblem::Denied(_) => true,
            RemoteProblem::Caller(error) => {
                let kind = error.as_io().kind();
                matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
            }
            _ => false,
        }
    }
}

impl Error {
    /// What failed and why, in one line: its message, and that of its source.
    pub fn in_one_line(&self) -> String {
        match self {
            Error::Io { source, .. } => format!("{self}: {source}"),
            Error::Pack { pack, source } => format!("{pack}: {source}"),
            Error::Entry { pack, entry, source } => format!("{pack}: {entry}: {source}"),
            error => error.to_string(),
        }
    }

    /// Wraps what happened to a remote file.
    pub(crate) fn remote(url: &Url) -> impl FnOnce(RemoteProblem) -> Error + use<'_> {
        move |problem| Error::Remote { url: url.clone(), problem }
    }

    /// Wraps an error of the operating system.
    pub(crate) fn io(action: Action, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source: without_temporary_name(source) }
    }

    /// Wraps an error of the format.
    pub(crate) fn pack(pack: &Location) -> impl FnOnce(rangepack_core::Error) -> Error + use<'_> {
        move |source| Error::Pack { pack: pack.clone(), source: Box::new(source) }
    }

    /// The same of a file on disk.
    pub(crate) fn pack_at(path: &Path) -> impl FnOnce(rangepack_core::Error) -> Error + use<'_> {
        move |source| Error::Pack {
            pack: Location::Disk(path.to_owned()),
            source: Box::new(source),
        }
    }

    /// Wraps what stands in a container's way.
    pub(crate) fn container(path: &Path, problem: ContainerProblem) -> Error {
        Error::Container { path: path.to_owned(), problem }
    }

    /// The same error, told of one entry if it is about bytes of a pack.
    pub(crate) fn of_entry(self, entry: impl FnOnce(rangepack_core::Error) -> Error) -> Error {
        match self {
            Error::Pack { source, .. } => entry(*source),
            error => error,
        }
    }

    /// What is wrong with the bytes of a pack, or the error itself when it is about something else.
    pub(crate) fn about_pack(self) -> std::result::Result<rangepack_core::Error, Error> {
        match self {
            Error::Pack { source, .. } | Error::Entry { source, .. } => Ok(*source),
            error => Err(error),
        }
    }

    /// Whether no more can be read of a file: a server does not give it, or it lost bytes while it was open.
    pub(crate) fn ends_reading(&self) -> bool {
        matches!(self, Error::Remote { .. } | Error::Lost { .. })
    }
}

/// What an error of the format means for the thing that it is told of.
fn of_pack(error: &rangepack_core::Error) -> &'static str {
    match error.kind() {
        rangepack_core::ErrorKind::NotAPack => "is no pack",
        rangepack_core::ErrorKind::Unsupported => "is of a later version",
        rangepack_core::ErrorKind::WrongPack => "is another pack",
        rangepack_core::ErrorKind::OverLimit => "is over a limit",
        rangepack_core::ErrorKind::BadQuestion => "cannot hold what is asked for",
        rangepack_core::ErrorKind::TooLarge => "cannot hold what is to be written",
        _ => "is damaged",
    }
}

/// The root has no name.
fn or_root(entry: &EntryPath) -> String {
    if entry.as_bytes().is_empty() { "its root".to_owned() } else { entry.to_string() }
}

fn lost(expected: u64, found: u64) -> String {
    if found < expected {
        format!("it was cut short while it was read: it has {found} bytes, and had {expected}")
    } else {
        "it was written anew while it was read, or its disk failed".to_owned()
    }
}

/// The name of a volume, if it has one.
fn after_colon(volume: &[u8]) -> String {
    if volume.is_empty() { String::new() } else { format!(": {}", Escaped(volume)) }
}

/// Of a file that is missing: where it should be.
fn looked_for(problem: VolumeProblem, at: Option<&Location>) -> String {
    match at {
        Some(at) if problem == VolumeProblem::Missing => format!(", looked for at {at}"),
        _ => String::new(),
    }
}

/// `tempfile` adds the path of the temporary file to what the system said. Nobody knows that name, and
/// the file is gone.
fn without_temporary_name(error: io::Error) -> io::Error {
    let text = error.get_ref().map(ToString::to_string);
    match text.as_deref().and_then(|text| text.split_once(" at path \"")) {
        Some((said, _)) => io::Error::new(error.kind(), said.to_owned()),
        None => error,
    }
}
