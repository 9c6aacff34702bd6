//! Block tables: digests for the parts of a large payload (FORMAT.md, "Block tables").
//!
//! With a table any range of a large file is read and verified without the rest: [`locate`] names
//! the blocks that hold the range, the caller brings their stored bytes, [`decode_block`] verifies
//! and decodes each. [`BlockTableBuilder`] makes the table while a payload is written.
//!
//! ```text
//! levels above  per page:   stored offset of its first block, in the payload (u64) · SHA-256 of the page
//! level 0       per block:  stored length (u32) · SHA-256 of the stored bytes     (1024 records a page)
//! ```

use crate::{
    Answer, Codec, Content, Digest, Extent, Source,
    bytes::ready,
    error::{Error, Part, Result},
    format::layout::TableShape,
    payloads::zstd::{Context, Dictionary, check_dictionary},
};
use alloc::{borrow::Cow, vec::Vec};
use core::ops::Range;
use inflate::inflate_block;
use table::Table;

pub use table::{Block, table_len};

mod table;
mod inflate;

/// The block size that the packer uses unless told otherwise: 256 KiB.
pub const DEFAULT_BLOCK_LOG2: u8 = 18;

/// How many blocks one answer of [`locate`] names at most.
pub const MAX_BLOCKS: u64 = 1024;

/// What to read for a range of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "either there is a block table or there is none")]
pub enum Slice {
    /// These blocks, each of which [`decode_block`] verifies and decodes on its own.
    Blocks {
        /// The blocks that hold `range`, in order; their stored bytes are adjacent.
        blocks: Vec<Block>,
        /// What they hold of the range asked for. It starts where that starts and is all of it
        /// unless that takes more than [`MAX_BLOCKS`] blocks: then ask again from `range.end`.
        range: Range<u64>,
    },
    /// The payload has no block table: only the whole of it can be verified, by [`crate::Decoder`].
    Whole {
        /// The payload in its volume.
        stored: Extent,
        /// The range asked for.
        range: Range<u64>,
    },
}

/// Which stored bytes hold the `range` of a file's content, in bytes.
///
/// `source` is the file that holds the index (a container itself, where its index is NDJSON): tables
/// lie there, whatever the payload's volume. With a block table at most two pages of each of its levels
/// are read and verified, on each call; that takes one [`Answer::Need`] for each level at most, and one in
/// all if the table is short or the pages near its start. What is
/// returned is covered by the digest in `content`; a table that contradicts itself or the entry is
/// refused.
///
/// # Errors
/// [`Error::OutOfBounds`] when the range is not in the content, [`Error::UnsupportedCodec`],
/// [`Error::DigestMismatch`] and [`Error::BadField`] when the table is not sound.
pub fn locate<S: Source + ?Sized>(
    content: &Content,
    range: Range<u64>,
    source: &S,
) -> Result<Answer<Slice>> {
    if range.start > range.end || range.end > content.size {
        let len = range.end.saturating_sub(range.start);
        return Err(Error::OutOfBounds { start: range.start, len, file_len: content.size });
    }
    let stored = Extent::new(content.offset, content.stored_size, u64::MAX)?;
    let Some(blocks) = &content.blocks else {
        return Ok(Answer::Ready(Slice::Whole { stored, range }));
    };
    let shape = TableShape::new(content.size, blocks.block_log2)?;
    if let Codec::Other(number) = content.codec {
        return Err(Error::UnsupportedCodec { number });
    }
    if content.codec == Codec::Stored && content.size != content.stored_size {
        let found = content.stored_size;
        return Err(Error::SizeMismatch { expected: content.size, found });
    }
    if range.is_empty() {
        return Ok(Answer::Ready(Slice::Blocks { blocks: Vec::new(), range }));
    }
    let first = shape.block_at(range.start);
    let last = shape
        .block_at(range.end.saturating_sub(1))
        .min(first.saturating_add(MAX_BLOCKS).saturating_sub(1));
    let table = Table { content, shape, start: blocks.offset, digest: blocks.digest };
    let found = ready!(table.blocks(first..=last, source)?);
    let end = range.end.min(shape.content(last).end);
    Ok(Answer::Ready(Slice::Blocks { blocks: found, range: range.start..end }))
}

/// The verified content of one block, from its stored bytes: borrowed when stored as they are. `dictionary` is the one that the
/// file needs.
///
/// # Errors
/// [`Error::PayloadLength`] or [`Error::DigestMismatch`] when `stored` are not the block's bytes;
/// [`Error::BadDeflate`], [`Error::BadField`] or [`Error::SizeMismatch`] when the pack was written with
/// a block that does not hold what its entry says. A gzip block must decode without those before it
/// and end on a byte border between deflate blocks (the last: with the final one), so that blocks
/// side by side are what the whole member decodes to.
///
/// Memory: the block's content, and never more than some thousand times the length of `stored`.
pub fn decode_block<'a>(
    content: &Content,
    block: &Block,
    stored: &'a [u8],
    dictionary: Option<&Dictionary>,
) -> Result<Cow<'a, [u8]>> {
    let found = stored.len() as u64;
    if found != block.stored.len {
        return Err(Error::PayloadLength { expected: block.stored.len, found });
    }
    let digest = Digest::of(stored);
    if digest != block.digest {
        return Err(Error::DigestMismatch {
            part: Part::Block,
            extent: block.stored,
            expected: block.digest,
            found: digest,
        });
    }
    let size = block.content.end.saturating_sub(block.content.start);
    match content.codec {
        Codec::Stored if found != size => Err(Error::SizeMismatch { expected: size, found }),
        Codec::Stored => Ok(Cow::Borrowed(stored)),
        // A raw stream has no blocks: none would begin with a header.
        Codec::Gzip | Codec::Deflate => {
            let (first, last) = (block.index == 0, block.content.end == content.size);
            inflate_block(stored, size, content.size, first, last).map(Cow::Owned)
        }
        Codec::Zstd => {
            check_dictionary(content, dictionary)?;
            let mut decoded = Vec::new();
            Context::new().decode_frame(stored, size, dictionary, &mut decoded)?;
            Ok(Cow::Owned(decoded))
        }
        Codec::Other(number) => Err(Error::UnsupportedCodec { number }),
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic here is a failed test"
)]
mod tests;
