//! What a pack knows of each path, in owned form.

use crate::{Digest, Extent, blocks, path::PackPathBuf};
use alloc::vec::Vec;

/// One path of a pack with everything known of it (FORMAT.md, "Entries").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Where it is; never the root.
    pub path: PackPathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits (`0o7777` at most); `None` when the pack does not say.
    pub mode: Option<u32>,
    /// Time of last modification in nanoseconds since 1970-01-01 UTC; `None` when not known.
    pub mtime: Option<i64>,
    /// Owner, when the packer was asked to keep it.
    pub owner: Option<Owner>,
    /// Extended attributes, when the packer was asked to keep them.
    pub attributes: Option<AttributeBlock>,
    /// What lies below a directory, whatever its layout and times (FORMAT.md, "Tree digests"); `None` when not
    /// known, and of all but directories.
    pub tree_digest: Option<Digest>,
}

impl Entry {
    /// An entry of which nothing else is known.
    pub fn new(path: PackPathBuf, kind: Kind) -> Entry {
        let (mode, mtime, owner) = (None, None, None);
        Entry { path, kind, mode, mtime, owner, attributes: None, tree_digest: None }
    }

    /// The entry with these permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: Option<u32>) -> Entry {
        self.mode = mode;
        self
    }

    /// The entry with this time of modification, in nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn with_mtime(mut self, mtime: Option<i64>) -> Entry {
        self.mtime = mtime;
        self
    }

    /// The entry with this owner.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<Owner>) -> Entry {
        self.owner = owner;
        self
    }

    /// The entry with these extended attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Option<AttributeBlock>) -> Entry {
        self.attributes = attributes;
        self
    }

    /// The last component of its path.
    pub fn name(&self) -> &[u8] {
        self.path.split().1
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        matches!(self.kind, Kind::Symlink(_))
    }

    /// Length of a file's content in bytes; 0 for everything else.
    pub fn size(&self) -> u64 {
        self.content().map_or(0, |content| content.size)
    }

    /// Where a file's bytes lie; `None` for everything else.
    pub fn content(&self) -> Option<&Content> {
        if let Kind::File(content) = &self.kind { Some(content) } else { None }
    }

    /// The target of a symbolic link; `None` for everything else.
    pub fn link_target(&self) -> Option<&[u8]> {
        if let Kind::Symlink(target) = &self.kind { Some(target) } else { None }
    }

    /// Sums over everything below a directory; `None` for everything else.
    pub fn totals(&self) -> Option<&Totals> {
        if let Kind::Directory(totals) = &self.kind { Some(totals) } else { None }
    }

    /// Where the last byte ends that it speaks of in the file that holds the index: of its payload, its block table and
    /// its dictionary, its attributes. 0 when there is none.
    pub fn end(&self) -> u64 {
        let block =
            self.attributes.map_or(0, |block| block.offset.saturating_add(block.len.into()));
        let Kind::File(content) = &self.kind else { return block };
        let payload = match content.volume {
            0 => content.offset.saturating_add(content.stored_size),
            _ => 0,
        };
        let table = content.blocks.map_or(0, |table| {
            table.offset.saturating_add(blocks::table_len(content.size, table.block_log2))
        });
        let dictionary = match content.dictionary {
            Some(DictionaryRef::Place(place)) if place.volume == 0 => place.extent().end(),
            _ => 0,
        };
        payload.max(table).max(block).max(dictionary)
    }
}

/// What the sums of directories take of an entry: see [`DirectorySums`](crate::DirectorySums).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gist<'a> {
    pub(crate) path: &'a PackPathBuf,
    pub(crate) mode: Option<u32>,
    pub(crate) what: What<'a>,
}

/// What an entry is, as far as sums depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What<'a> {
    File { size: u64, stored_size: u64, content_digest: Option<Digest> },
    Directory,
    Symlink(&'a [u8]),
}

impl Gist<'_> {
    /// That of a directory of which nothing else is known.
    pub fn directory(path: &PackPathBuf) -> Gist<'_> {
        Gist { path, mode: None, what: What::Directory }
    }

    /// That of an entry.
    pub fn of(entry: &Entry) -> Gist<'_> {
        let what = match &entry.kind {
            Kind::File(content) => What::File {
                size: content.size,
                stored_size: content.stored_size,
                content_digest: content.content_digest(),
            },
            Kind::Directory(_) => What::Directory,
            Kind::Symlink(target) => What::Symlink(target),
        };
        Gist { path: &entry.path, mode: entry.mode, what }
    }

    /// What it adds to the totals of its directory.
    pub(crate) fn totals(&self) -> Totals {
        let (files, directories, bytes, stored_bytes) = match self.what {
            What::File { size, stored_size, .. } => (1, 0, size, stored_size),
            What::Directory => (0, 1, 0, 0),
            What::Symlink(_) => (1, 0, 0, 0),
        };
        Totals { files, directories, bytes, stored_bytes }
    }
}

/// Where the extended attributes of an entry lie (FORMAT.md, "Entries").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what every index holds of a block")]
pub struct AttributeBlock {
    /// Offset in the file that holds the index.
    pub offset: u64,
    /// Length in bytes, 1 to [`MAX_ATTRIBUTES`].
    pub len: u32,
    /// SHA-256 of the block.
    pub digest: Digest,
}

impl AttributeBlock {
    /// Where the block lies.
    pub fn extent(&self) -> Extent {
        Extent { start: self.offset, len: u64::from(self.len) }
    }
}

/// The longest attribute block, in bytes.
pub const MAX_ATTRIBUTES: u32 = 1 << 20;

/// The longest metadata of a pack, in bytes.
pub const MAX_METADATA: u32 = 1 << 20;

/// Numeric owner and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the two numbers are the value")]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "who extracts decides about every kind; a new one takes a required feature"
)]
pub enum Kind {
    /// A regular file.
    File(Content),
    /// A directory, with the totals of everything below it.
    Directory(Totals),
    /// A symbolic link and its target, as raw bytes.
    Symlink(Vec<u8>),
}

/// Where a file's bytes lie and how they are stored (FORMAT.md, "Payloads").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// Which file holds the payload: 0 is the pack itself, others are named in the root page.
    pub volume: u32,
    /// The payload's first byte in that volume.
    pub offset: u64,
    /// Length of the payload as stored, in bytes.
    pub stored_size: u64,
    /// Length of the file's content, in bytes.
    pub size: u64,
    /// How the payload is encoded.
    pub codec: Codec,
    /// SHA-256 of the payload as stored; `None` in `.fpack` files, which have none.
    pub digest: Option<Digest>,
    /// SHA-256 of the content, kept beside `digest` when the payload is encoded.
    pub original_digest: Option<Digest>,
    /// Digests of the blocks of a large payload.
    pub blocks: Option<BlockTable>,
    /// What a zstd payload was compressed with.
    pub dictionary: Option<DictionaryRef>,
    /// Number of the group of hard links to which the file belongs, from 1.
    pub hard_link: Option<u64>,
    /// The file had holes: runs of zeros need not be written.
    pub sparse: bool,
}

impl Content {
    /// A payload of `stored_size` bytes at `offset` of the pack itself, which holds `size` bytes of content.
    /// Nothing can be verified before a digest is given.
    pub fn new(codec: Codec, offset: u64, stored_size: u64, size: u64) -> Content {
        Content {
            volume: 0,
            offset,
            stored_size,
            size,
            codec,
            digest: None,
            original_digest: None,
            blocks: None,
            dictionary: None,
            hard_link: None,
            sparse: false,
        }
    }

    /// The same in another volume.
    #[must_use]
    pub fn with_volume(mut self, volume: u32) -> Content {
        self.volume = volume;
        self
    }

    /// With the SHA-256 of the payload as stored.
    #[must_use]
    pub fn with_digest(mut self, digest: Option<Digest>) -> Content {
        self.digest = digest;
        self
    }

    /// With the SHA-256 of the content of an encoded payload.
    #[must_use]
    pub fn with_original_digest(mut self, digest: Option<Digest>) -> Content {
        self.original_digest = digest;
        self
    }

    /// With a block table.
    #[must_use]
    pub fn with_blocks(mut self, blocks: Option<BlockTable>) -> Content {
        self.blocks = blocks;
        self
    }

    /// With the dictionary of a zstd payload.
    #[must_use]
    pub fn with_dictionary(mut self, dictionary: Option<DictionaryRef>) -> Content {
        self.dictionary = dictionary;
        self
    }

    /// As a member of this group of hard links.
    #[must_use]
    pub fn with_hard_link(mut self, group: Option<u64>) -> Content {
        self.hard_link = group;
        self
    }

    /// With holes.
    #[must_use]
    pub fn with_sparse(mut self, sparse: bool) -> Content {
        self.sparse = sparse;
        self
    }

    /// Where the payload lies in its volume; of an empty one, which may have any offset, its beginning.
    pub fn extent(&self) -> Extent {
        let start = if self.stored_size == 0 { 0 } else { self.offset };
        Extent { start, len: self.stored_size }
    }

    /// SHA-256 of the file's content, if the pack knows it.
    pub fn content_digest(&self) -> Option<Digest> {
        match self.codec {
            Codec::Stored => self.digest,
            Codec::Gzip | Codec::Deflate | Codec::Zstd | Codec::Other(_) => self.original_digest,
        }
    }
}

/// How a payload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// As it is.
    Stored,
    /// One gzip member.
    Gzip,
    /// One raw deflate stream, as zip archives have them.
    Deflate,
    /// One Zstandard frame, or one for each block of the block table.
    Zstd,
    /// A codec of a later version, by its number: the entry can be listed, but not be read.
    Other(u8),
}

impl Codec {
    /// The name in the NDJSON index.
    pub fn name(&self) -> &'static str {
        match self {
            Codec::Stored => "stored",
            Codec::Gzip => "gzip",
            Codec::Deflate => "deflate",
            Codec::Zstd => "zstd",
            Codec::Other(_) => "unknown",
        }
    }

    /// The number of the codec in leaf pages.
    pub fn number(&self) -> u8 {
        match self {
            Codec::Stored => 0,
            Codec::Gzip => 1,
            Codec::Deflate => 2,
            Codec::Zstd => 3,
            Codec::Other(number) => *number,
        }
    }

    /// The codec with this number.
    #[inline]
    pub fn from_number(number: u8) -> Codec {
        match number {
            0 => Codec::Stored,
            1 => Codec::Gzip,
            2 => Codec::Deflate,
            3 => Codec::Zstd,
            other => Codec::Other(other),
        }
    }
}

/// The number of the codec of payloads in archives that are encrypted, which no version reads.
pub const ENCRYPTED: u8 = 240;

/// The same of those that are compressed in a way that is no codec.
pub const FOREIGN_METHOD: u8 = 241;

/// The same of files with holes, of which the pieces lie in the archive that are none.
pub const IN_PIECES: u8 = 242;

/// The longest dictionary, in bytes.
pub const MAX_DICTIONARY: u32 = 1 << 20;

/// Which dictionary a payload was compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a paged index has numbers, an index of lines has places"
)]
pub enum DictionaryRef {
    /// The one with this number in the pack's list, from 1.
    Number(u32),
    /// The one that lies here.
    Place(DictionaryPlace),
}

/// Where a dictionary lies (FORMAT.md, "Dictionaries").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what every index holds of a dictionary")]
pub struct DictionaryPlace {
    /// Which file holds it, as for payloads.
    pub volume: u32,
    /// Its first byte in that volume.
    pub offset: u64,
    /// Length in bytes, 1 to [`MAX_DICTIONARY`].
    pub len: u32,
    /// SHA-256 of the dictionary.
    pub digest: Digest,
}

impl DictionaryPlace {
    /// Where it lies in its volume.
    pub fn extent(&self) -> Extent {
        Extent { start: self.offset, len: u64::from(self.len) }
    }
}

/// Where a payload's block table lies (FORMAT.md, "Block tables").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what every index holds of a table")]
pub struct BlockTable {
    /// Offset of the table in the file that holds the index, wherever the payload lies.
    pub offset: u64,
    /// SHA-256 of the table's upper level.
    pub digest: Digest,
    /// Content bytes in each block but the last, as a power of two.
    pub block_log2: u8,
}

/// Sums over everything below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "the four sums of the format")]
pub struct Totals {
    /// Regular files and symbolic links, at any depth.
    pub files: u64,
    /// Directories, at any depth, without the directory itself.
    pub directories: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Bytes as stored, each entry counted even where identical content is stored once.
    pub stored_bytes: u64,
}

impl Totals {
    /// Adds another sum; hostile sums saturate.
    pub fn add(&mut self, other: &Totals) {
        self.files = self.files.saturating_add(other.files);
        self.directories = self.directories.saturating_add(other.directories);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.stored_bytes = self.stored_bytes.saturating_add(other.stored_bytes);
    }

    /// What one entry adds to each directory above it. For a directory that is itself alone.
    pub fn of(kind: &Kind) -> Totals {
        match kind {
            Kind::File(content) => Totals {
                files: 1,
                bytes: content.size,
                stored_bytes: content.stored_size,
                ..Totals::default()
            },
            Kind::Directory(_) => Totals { directories: 1, ..Totals::default() },
            Kind::Symlink(_) => Totals { files: 1, ..Totals::default() },
        }
    }
}
