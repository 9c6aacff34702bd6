//! What a pack knows of each path, in owned form.

use crate::{Digest, Extent, path::PackPathBuf};
use alloc::vec::Vec;

/// One path of a pack with everything known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// Numeric owner and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File(Content),
    /// A directory, with the totals of everything below it.
    Directory(Totals),
    /// A symbolic link and its target, as raw bytes.
    Symlink(Vec<u8>),
}

/// Where a file's bytes lie and how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Which file holds the payload: 0 is the pack itself, others are named in the root page.
    pub volume: u16,
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
}

impl Content {
    /// Where the payload lies in its volume.
    pub fn extent(&self) -> Extent {
        Extent { start: self.offset, len: self.stored_size }
    }

    /// SHA-256 of the file's content, if the pack knows it.
    pub fn content_digest(&self) -> Option<Digest> {
        match self.codec {
            Codec::Stored => self.digest,
            Codec::Gzip => self.original_digest,
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
}

impl Codec {
    /// The name in the NDJSON index.
    pub fn name(&self) -> &'static str {
        match self {
            Codec::Stored => "stored",
            Codec::Gzip => "gzip",
        }
    }
}

/// Where a payload's block table lies (FORMAT.md, "Block tables").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
