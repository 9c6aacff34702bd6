//! What can fail: the kinds of the native library, as far as there are files and servers in a page.

use rangepack_core::Escaped;
use std::fmt;
use wasm_bindgen::JsValue;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can fail. `pack` is the address without its query, or the name of the file that was chosen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// A pack or container is not what it should be.
    Pack {
        /// The pack.
        pack: String,
        /// What is wrong with it.
        source: Box<rangepack_core::Error>,
    },
    /// One entry of a pack is not what it should be.
    Entry {
        /// The pack.
        pack: String,
        /// The entry's path inside the pack.
        entry: String,
        /// What is wrong with it.
        source: Box<rangepack_core::Error>,
    },
    /// Nothing is there under that path.
    NoEntry {
        /// The pack.
        pack: String,
        /// The path asked for.
        entry: String,
    },
    /// The entry is something else: a directory where a file was asked for, say.
    WrongKind {
        /// The pack.
        pack: String,
        /// The path asked for.
        entry: String,
        /// What it should be.
        expected: Expected,
    },
    /// The payloads of an index lie in a file that cannot be had.
    Volume {
        /// The file that holds the index.
        index: String,
        /// The name of the other file, as the index has it.
        volume: Vec<u8>,
        /// What stands in the way.
        problem: VolumeProblem,
    },
    /// The file cannot be read.
    Remote {
        /// Its address or name.
        url: String,
        /// What stands in the way.
        problem: RemoteProblem,
    },
    /// The signal wanted it to stop.
    Aborted {
        /// The signal's reason.
        reason: JsValue,
    },
}

/// What an entry should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything that has an entry of its own, as the root has not.
    Entry,
}

/// Why a file with payloads is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeProblem {
    /// Nobody knows where it lies: what was opened has no address, or not one that ends in `.rpx`.
    Elsewhere,
    /// It has another length than when the index was made.
    Length {
        /// When the index was made, in bytes.
        expected: u64,
        /// Now.
        found: u64,
    },
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteProblem {
    /// The text is no address of a web server, or holds a password.
    Address,
    /// No such file.
    NotFound(u16),
    /// The server wants other credentials, or any.
    Denied(u16),
    /// Any other answer that brings no bytes.
    Status(u16),
    /// The connection could not be made, or broke, and trying again did not help.
    Connect(String),
    /// The browser let nothing through from another origin: there are no headers for CORS, or nobody listens there;
    /// browsers do not tell which.
    Cors,
    /// The browser says that there is no network.
    Offline,
    /// So many milliseconds without a byte.
    Timeout(u32),
    /// Fewer than so many bytes a second.
    TooSlow(u32),
    /// It is another file than the one that was opened, or the file that was chosen was changed.
    Changed,
    /// The server sends whole files only, and this one, of so many bytes, is long.
    NoRanges(Option<u64>),
    /// The server does not say how long the file is.
    NoSize,
    /// An answer that is none to the question.
    BadAnswer(BadAnswer),
}

/// What is wrong with a server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadAnswer {
    /// Another part of the file.
    AnotherPart,
    /// It says that the file has no such part.
    NoSuchPart,
    /// Its content is compressed.
    Compressed,
    /// Longer than what was asked for.
    TooMuch,
    /// Shorter than what was announced.
    BrokenOff,
}

impl Error {
    /// Whether the bytes of a pack are at fault, rather than the way to them or the question.
    #[must_use]
    pub fn is_bad_pack(&self) -> bool {
        matches!(self, Error::Pack { .. } | Error::Entry { .. })
    }

    /// Whether a signal wanted it to stop.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        matches!(self, Error::Aborted { .. })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Pack { source, .. } | Error::Entry { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Pack { pack, source } => write!(f, "{pack}: {source}"),
            Error::Entry { pack, entry, source } => write!(f, "{pack}: {entry}: {source}"),
            Error::NoEntry { pack, entry } => write!(f, "{pack}: no entry {entry}"),
            Error::WrongKind { pack, entry, expected } => {
                write!(f, "{pack}: {entry} is not a {expected}")
            }
            Error::Volume { index, volume, problem } => {
                write!(f, "{index}: {problem}: {}", Escaped(volume))
            }
            Error::Remote { url, problem } => write!(f, "cannot read {url}: {problem}"),
            Error::Aborted { .. } => f.write_str("it was aborted"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::File => "file",
            Expected::Directory => "directory",
            Expected::Entry => "file or directory inside the pack",
        })
    }
}

impl fmt::Display for VolumeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeProblem::Elsewhere => f.write_str("the payloads lie in another file"),
            VolumeProblem::Length { expected, found } => write!(
                f,
                "the file with the payloads has {found} bytes, and had {expected} when the index was made"
            ),
        }
    }
}

impl fmt::Display for RemoteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoteProblem::Address => f.write_str("this is not an address of a web server"),
            RemoteProblem::NotFound(status) => write!(f, "there is no such file (status {status})"),
            RemoteProblem::Denied(status) => write!(f, "access is denied (status {status})"),
            RemoteProblem::Status(status) => write!(f, "the server answers with status {status}"),
            RemoteProblem::Connect(said) => write!(f, "no connection: {said}"),
            RemoteProblem::Cors => f.write_str(
                "the browser let nothing through: the server does not allow this page to read, or cannot be reached",
            ),
            RemoteProblem::Offline => f.write_str("there is no network"),
            RemoteProblem::Timeout(milliseconds) => {
                write!(f, "nothing came for {} seconds", f64::from(*milliseconds) / 1000.0)
            }
            RemoteProblem::TooSlow(least) => write!(f, "less than {least} bytes a second came"),
            RemoteProblem::Changed => f.write_str("it was replaced while it was read"),
            RemoteProblem::NoRanges(_) => f.write_str(
                "the server does not send parts of files, and this one is too long to take as a whole",
            ),
            RemoteProblem::NoSize => f.write_str("the server does not say how long it is"),
            RemoteProblem::BadAnswer(bad) => write!(f, "the server's answer is wrong: {bad}"),
        }
    }
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadAnswer::AnotherPart => "it is not the part that was asked for",
            BadAnswer::NoSuchPart => "it says that the file has no such part",
            BadAnswer::Compressed => "it is compressed on the way",
            BadAnswer::TooMuch => "it is more than was asked for",
            BadAnswer::BrokenOff => "it broke off",
        })
    }
}
