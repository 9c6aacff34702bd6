//! What can be wrong with a pack, in numbers. The command adds the file's name and the advice.

use crate::digest::Digest;
use crate::entry::{ENCRYPTED, FOREIGN_METHOD, IN_PIECES};
use crate::extent::Extent;
use crate::tag::Tag;

/// The result of every question.
pub type Result<T> = core::result::Result<T, Error>;

/// What class of trouble an [`Error`] is, for callers that only decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are none of the formats that are read here.
    NotAPack,
    /// A later version or a required feature that this reader does not know.
    Unsupported,
    /// The bytes contradict themselves or their digest.
    Corrupt,
    /// A limit of the caller's was reached before an answer was found.
    OverLimit,
    /// The bytes are sound, but not those that the caller asked for.
    WrongPack,
    /// The question itself is malformed: a path that no pack can hold.
    BadQuestion,
    /// What is to be written does not fit into a pack.
    TooLarge,
}

/// What a digest was taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The root page of the paged index.
    Root,
    /// A leaf or inner page of the paged index.
    Page,
    /// A block table.
    BlockTable,
    /// One block of a large file's payload.
    Block,
    /// A whole stored payload.
    Payload,
    /// A file's content after decoding.
    Original,
    /// A section.
    Section,
    /// The extended attributes of an entry.
    Attributes,
    /// A dictionary.
    Dictionary,
}

impl core::fmt::Display for Part {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Part::Root => "the index's root page",
            Part::Page => "an index page",
            Part::BlockTable => "a block table",
            Part::Block => "a block of a payload",
            Part::Payload => "a stored payload",
            Part::Original => "a file's content",
            Part::Section => "a section",
            Part::Attributes => "a block of attributes",
            Part::Dictionary => "a dictionary",
        })
    }
}

/// Which structure a value was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structure {
    /// The fixed-size footer.
    Footer,
    /// The root page's header.
    RootHeader,
    /// A record of the table of sections.
    Section,
    /// The section of volumes.
    Volumes,
    /// The list of dictionaries.
    Dictionaries,
    /// A dictionary.
    Dictionary,
    /// The section of metadata.
    Metadata,
    /// A block of extended attributes.
    Attributes,
    /// A leaf page.
    Leaf,
    /// An inner page.
    Inner,
    /// A block table.
    BlockTable,
    /// The CTNRv1 trailer.
    Trailer,
    /// A line or element of the NDJSON index.
    IndexLine,
    /// A gzip member, or a raw deflate stream.
    Gzip,
    /// A Zstandard frame.
    Zstd,
    /// The header of an `.fpack` file.
    Fpack,
}

/// Why a payload is not read.
struct OfCodec(u8);

impl core::fmt::Display for OfCodec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self.0 {
            ENCRYPTED => "it is encrypted",
            FOREIGN_METHOD => "its codec is unknown",
            IN_PIECES => "it lies in pieces",
            number => return write!(f, "codec {number} is unknown"),
        })
    }
}

impl core::fmt::Display for Structure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Structure::Footer => "footer",
            Structure::RootHeader => "root page header",
            Structure::Section => "table of sections",
            Structure::Attributes => "attribute block",
            Structure::Metadata => "section of metadata",
            Structure::Volumes => "section of volumes",
            Structure::Leaf => "leaf page",
            Structure::Inner => "inner page",
            Structure::BlockTable => "block table",
            Structure::Trailer => "CTNRv1 trailer",
            Structure::IndexLine => "index entry",
            Structure::Gzip => "deflate data",
            Structure::Zstd => "Zstandard frame",
            Structure::Dictionaries => "list of dictionaries",
            Structure::Dictionary => "dictionary",
            Structure::Fpack => ".fpack header",
        })
    }
}

/// Everything that reading a pack, or writing its index, can fail with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a footer, nor a CTNRv1 trailer, nor an `.fpack` header was found.
    #[error("no Rangepack footer, CTNRv1 trailer or .fpack header in {file_len} bytes")]
    NotAPack {
        /// Length of the file in bytes.
        file_len: u64,
    },
    /// A format version that this reader does not know.
    #[error("format version {found} is newer than {newest}, the newest that this reader knows")]
    UnsupportedVersion {
        /// The version found.
        found: u16,
        /// The newest version known here.
        newest: u16,
    },
    /// A digest algorithm that this reader does not know.
    #[error(
        "the pack's digests are of an algorithm that this reader does not know (number {found})"
    )]
    UnsupportedAlgorithm {
        /// Its number.
        found: u8,
    },
    /// A required section that this reader does not know.
    #[error("the pack requires the section `{tag}`, which this reader does not know")]
    UnsupportedSection {
        /// Its tag.
        tag: Tag,
    },
    /// A required field of an entry that this reader does not know.
    #[error("the entry needs field {tag} of its record, which this reader does not know")]
    UnsupportedField {
        /// Its tag.
        tag: u8,
    },
    /// Flags of an entry that this reader does not know.
    #[error("the entry has flags that this reader does not know (bits {flags:#x})")]
    UnsupportedEntry {
        /// The unknown flags.
        flags: u64,
    },
    /// A payload that is encoded in a way that this reader does not know.
    #[error("{}", OfCodec(*number))]
    UnsupportedCodec {
        /// The codec's number.
        number: u8,
    },
    /// A structure ends before its last field.
    #[error("{structure} is cut off: {need} bytes needed, {have} there")]
    Truncated {
        /// What was read.
        structure: Structure,
        /// How many bytes it needs.
        need: u64,
        /// How many bytes there are.
        have: u64,
    },
    /// A field has a value that the format does not allow.
    #[error("{structure}: field `{field}` has the impossible value {value}")]
    BadField {
        /// What was read.
        structure: Structure,
        /// The field's name in FORMAT.md.
        field: &'static str,
        /// The value found.
        value: u64,
    },
    /// The footer speaks of a file of another length: this one was cut or grew, or holds a pack as its last
    /// bytes.
    #[error("the footer is that of a file of {recorded} bytes, and this one has {file_len}")]
    OtherLength {
        /// The length in the footer's `file_len`, in bytes.
        recorded: u64,
        /// The file's own, in bytes.
        file_len: u64,
    },
    /// A range of bytes reaches past the end of the file that it speaks of.
    #[error("bytes {start}..+{len} reach past the end of the file ({file_len} bytes)")]
    OutOfBounds {
        /// First byte.
        start: u64,
        /// Number of bytes.
        len: u64,
        /// Length of the file in bytes.
        file_len: u64,
    },
    /// Bytes whose SHA-256 is not the expected one.
    #[error("{part} at offset {} does not have its digest: {expected} expected, {found} found", extent.start)]
    DigestMismatch {
        /// What was hashed.
        part: Part,
        /// Where it lies.
        extent: Extent,
        /// The digest that its parent names.
        expected: Digest,
        /// The digest of the bytes at hand.
        found: Digest,
    },
    /// Bytes whose CRC-32 is not the expected one.
    #[error("{structure}: check sum {expected:#010x} expected, {found:#010x} found")]
    ChecksumMismatch {
        /// What was summed.
        structure: Structure,
        /// The sum written there.
        expected: u32,
        /// The sum of the bytes at hand.
        found: u32,
    },
    /// The pack is not the one whose root digest the caller gave.
    #[error("this is another pack: root digest {expected} asked for, {} found", Known(*found))]
    WrongRoot {
        /// The digest asked for.
        expected: Digest,
        /// The digest of this pack's root page; zeros where there is none, as in old containers.
        found: Digest,
    },
    /// Content that does not have the length that its entry states.
    #[error("content of {expected} bytes expected, {found} found")]
    SizeMismatch {
        /// The length stated.
        expected: u64,
        /// The length found (or reached when reading stopped).
        found: u64,
    },
    /// A stored payload (or block) that does not have the length that its entry states.
    #[error("{expected} stored bytes expected, {found} found")]
    PayloadLength {
        /// The length stated.
        expected: u64,
        /// The length found (or reached when reading stopped).
        found: u64,
    },
    /// Bytes after the end of a structure that must be the last thing there.
    #[error("bytes follow after the {structure}, which ends after {len} bytes")]
    TrailingBytes {
        /// What ended.
        structure: Structure,
        /// Where it ended, in bytes from its start.
        len: u64,
    },
    /// A Zstandard frame that cannot be decoded.
    #[error(
        "the Zstandard frame at byte {start} of the payload is damaged, or was made with another dictionary"
    )]
    BadFrame {
        /// Where it begins in the payload (of a block: in the block), in bytes.
        start: u64,
    },
    /// A payload that needs a dictionary, and was given none; or was given one that it does not need.
    #[error(
        "the payload needs a dictionary that is not at hand, or was given one that it does not need"
    )]
    NoDictionary,
    /// A deflate stream that cannot be decoded.
    #[error("the compressed data is damaged after {decoded} decoded bytes")]
    BadDeflate {
        /// How many bytes were decoded before.
        decoded: u64,
    },
    /// More content than its compressed payload could ever hold: a decompression bomb, or a lie.
    #[error("{stored} compressed bytes cannot hold {size} bytes of content")]
    ImplausibleSize {
        /// Length of the payload in bytes.
        stored: u64,
        /// Length that the content is said to have.
        size: u64,
    },
    /// A line of an index that is not an entry.
    #[error("index entry {number} (at byte {offset} of the index) is not a valid entry")]
    BadIndexLine {
        /// Which line or array element, counted from 1.
        number: u64,
        /// Byte offset inside the index.
        offset: u64,
    },
    /// Metadata that is not what it has to be.
    #[error("the metadata, {len} bytes, is no JSON object of strings")]
    BadMetadata {
        /// Length of the section in bytes.
        len: u64,
    },
    /// A name that no pack may hold.
    #[error("a name that cannot be stored: {problem}")]
    BadPath {
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The same path twice, or as a file and as a directory.
    #[error("the path of entry {number} is already taken by another entry")]
    DuplicatePath {
        /// Which entry, counted from 0 in key order.
        number: u64,
    },
    /// Keys that are not in ascending order.
    #[error("{structure} {number}: keys are not in ascending order")]
    KeyOrder {
        /// What was read.
        structure: Structure,
        /// Page or entry number.
        number: u64,
    },
    /// Something to be written that the format has no room for.
    #[error("{what} is {value}, but at most {limit} fits into a pack")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The value, or the most that a u64 holds where it is more.
        value: u64,
        /// The most that fits.
        limit: u64,
    },
    /// Names in the topmost page hold the CTNRv1 magic in so many forms that none of 256 masks hides them
    /// all: old programs would not find the trailer.
    #[error("the names in the root page cannot be hidden from old programs")]
    NoMask,
    /// One of the caller's [`crate::Limits`] was exceeded.
    #[error("{} is {value}, over the limit of {limit}", limited(what))]
    OverLimit {
        /// The field of [`crate::Limits`].
        what: &'static str,
        /// The value found.
        value: u64,
        /// The limit.
        limit: u64,
    },
}

/// A digest, or that there is none.
struct Known(Digest);

impl core::fmt::Display for Known {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.known() {
            Some(digest) => digest.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// A field of [`crate::Limits`] in words.
fn limited(what: &'static str) -> &'static str {
    match what {
        "v1_index_bytes" => "the length of the NDJSON index in bytes",
        "v1_entries" => "the number of entries",
        "line_bytes" => "the length of a line of the index in bytes",
        "idle_bytes" => "the length of an index that holds next to nothing, in bytes,",
        "implied_bytes" => "the memory for directories that paths imply, in bytes,",
        "pages" => "the number of index pages",
        "section_bytes" => "the length of a section in bytes",
        "generations" => "the number of earlier states in the file",
        "content_bytes" | "usize" => "the length of a file's content in bytes",
        what => what,
    }
}

/// Why a name cannot be a path inside a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathProblem {
    /// The path is empty.
    Empty,
    /// The path begins with a slash.
    Absolute,
    /// A component is `..`.
    Parent,
    /// A component is `.` or empty.
    EmptyComponent,
    /// A byte is NUL.
    Nul,
    /// The path is longer than the format allows.
    TooLong,
    /// A later entry makes a directory of the same path.
    AlsoDirectory,
    /// A later entry makes a file or a link of a directory above it.
    BelowFile,
}

impl core::fmt::Display for PathProblem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            PathProblem::Empty => "it is empty",
            PathProblem::Absolute => "it is absolute",
            PathProblem::Parent => "it contains `..`",
            PathProblem::EmptyComponent => "it has an empty or `.` component",
            PathProblem::Nul => "it contains a NUL byte",
            PathProblem::TooLong => "it is too long",
            PathProblem::AlsoDirectory => "a later entry makes it a directory",
            PathProblem::BelowFile => "a later entry makes a file of a directory above it",
        })
    }
}

impl Error {
    /// The same of a frame that begins at `start` of its payload.
    pub(crate) fn in_frame(self, start: u64) -> Error {
        match self {
            Error::BadFrame { .. } => Error::BadFrame { start },
            error => error,
        }
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotAPack { .. } => ErrorKind::NotAPack,
            Error::UnsupportedVersion { .. }
            | Error::UnsupportedAlgorithm { .. }
            | Error::UnsupportedSection { .. }
            | Error::UnsupportedField { .. }
            | Error::UnsupportedEntry { .. }
            | Error::UnsupportedCodec { .. } => ErrorKind::Unsupported,
            Error::WrongRoot { .. } => ErrorKind::WrongPack,
            Error::OverLimit { .. } => ErrorKind::OverLimit,
            Error::BadPath { .. } => ErrorKind::BadQuestion,
            Error::TooLarge { .. } | Error::NoMask => ErrorKind::TooLarge,
            _ => ErrorKind::Corrupt,
        }
    }
}
