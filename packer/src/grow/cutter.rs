//! The block table of a payload that passes by, made anew: so a table that came with it is verified, all of it.

use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::{BlockTable, Codec, Content, Digest, Hasher};

/// Length of a record of the lowest level: u32 length, digest (FORMAT.md, "Block tables").
const RECORD: usize = 36;

/// See [the module](self).
pub(super) struct Cutter {
    builder: BlockTableBuilder,
    hasher: Hasher,
    /// Lengths of the blocks as stored, the last one first.
    lengths: Vec<u32>,
    /// Of the block that passes by: its length, and how much of it is to come.
    block: u32,
    left: u32,
}

impl Cutter {
    /// For a content with a block table, whose lowest level is `records`; of stored content that is not needed.
    pub(super) fn new(content: &Content, records: &[u8]) -> Cutter {
        let mut lengths = Vec::new();
        if content.codec == Codec::Stored {
            let block = content.blocks.map_or(u64::MAX, |blocks| 1 << blocks.block_log2.min(31));
            let mut left = content.stored_size;
            while left > 0 {
                // At most 2^31.
                lengths.push(u32::try_from(left.min(block)).unwrap_or(u32::MAX));
                left -= left.min(block);
            }
        } else {
            let len =
                |record: &[u8]| record.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
            lengths.extend(records.chunks(RECORD).map(len));
        }
        lengths.reverse();
        let (builder, hasher) = (BlockTableBuilder::new(), Hasher::new());
        Cutter { builder, hasher, lengths, block: 0, left: 0 }
    }

    /// How long the lowest level is, in bytes.
    pub(super) fn lowest_level(content: &Content, blocks: &BlockTable) -> u64 {
        content.size.div_ceil(1 << blocks.block_log2.min(63)).saturating_mul(RECORD as u64)
    }

    /// The next bytes of the payload. What no block is for is passed over: then the table comes to another digest.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let Some(next) = self.lengths.pop() else { return };
                (self.block, self.left) = (next, next);
            }
            let (here, rest) = bytes.split_at(bytes.len().min(self.left as usize));
            self.hasher.update(here);
            bytes = rest;
            self.left -= here.len() as u32;
            if self.left == 0 {
                let hasher = std::mem::replace(&mut self.hasher, Hasher::new());
                self.builder.push(self.block, hasher.finish());
            }
        }
    }

    /// The table and its digest.
    pub(super) fn finish(self) -> (Vec<u8>, Digest) {
        self.builder.finish()
    }
}
