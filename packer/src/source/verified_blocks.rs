//! What is known of blocks that were verified, for who reads parts of them again.

use rangepack_core::{Codec, Content, Digest};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of a block have this length, in bytes.
const PART: usize = 16 << 10;

/// What one block takes beside its digests, in bytes, roughly.
const OVERHEAD: usize = 160;

/// Digests of parts of blocks, for all packs that are opened with it
/// ([`OpenOptions::verified`](crate::OpenOptions::verified)): when a block of a large stored file was verified, those of its parts of
/// 16 KiB are kept. Who reads a short range of it again has only these parts read and hashed, and not the block table.
///
/// A block is known by its number and the digest of its table, which comes from the verified index of its pack, and every byte is hashed
/// whenever it is read: files that are overwritten or replaced are noticed as ever.
#[derive(Debug)]
pub struct VerifiedBlocks {
    /// No generation has more bytes.
    most: usize,
    generations: Mutex<Generations>,
}

/// When the young one is full, the old one goes and the young one becomes old; what is found in the old one becomes young.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<BlockId, Parts>,
    young_bytes: usize,
    old: HashMap<BlockId, Parts>,
}

/// Which block it is, in whatever pack: equal tables of content of equal length speak of the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockId {
    table: Digest,
    size: u64,
    block_log2: u8,
    index: u64,
}

/// BLAKE3 of each of a block's parts: these stand in no pack, so they need not be SHA-256, which takes eight times as long on processors
/// without instructions for it.
type Parts = Arc<[blake3::Hash]>;

impl VerifiedBlocks {
    /// Keeps so many bytes at most: 2.6 for each KiB of content.
    pub fn new(bytes: usize) -> VerifiedBlocks {
        VerifiedBlocks { most: bytes / 2, generations: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a block.
    pub(crate) fn get(&self, block: &BlockId) -> Option<Parts> {
        let mut all = self.lock();
        if let Some(parts) = all.young.get(block) {
            return Some(Arc::clone(parts));
        }
        let parts = all.old.remove(block)?;
        all.put(*block, Arc::clone(&parts), self.most);
        Some(parts)
    }

    /// Remembers a block that was found to have its digest.
    pub(crate) fn put(&self, block: BlockId, bytes: &[u8]) {
        let parts = parts(bytes).into();
        self.lock().put(block, parts, self.most);
    }
}

impl Generations {
    fn put(&mut self, block: BlockId, parts: Parts, most: usize) {
        let bytes = parts.len() * size_of::<blake3::Hash>() + OVERHEAD;
        if bytes > most {
            return;
        }
        if self.young_bytes + bytes > most {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(block, parts).is_none() {
            self.young_bytes += bytes;
        }
    }
}

/// A block of a stored file, which can be read without its table.
#[derive(Debug)]
pub(crate) struct StoredBlock {
    pub(crate) id: BlockId,
    /// Which bytes of the file's content it holds.
    pub(crate) content: Range<u64>,
}

impl StoredBlock {
    /// The one that holds this position; none where blocks are not as long as their content.
    pub(crate) fn at(content: &Content, position: u64) -> Option<StoredBlock> {
        let table = content.blocks?;
        let is_stored = content.codec == Codec::Stored && content.stored_size == content.size;
        if !is_stored || position >= content.size {
            return None;
        }
        let len = 1u64.checked_shl(table.block_log2.into())?;
        let index = position / len;
        let start = index * len;
        let id = BlockId {
            table: table.digest,
            size: content.size,
            block_log2: table.block_log2,
            index,
        };
        Some(StoredBlock { id, content: start..start.saturating_add(len).min(content.size) })
    }

    /// Which of its parts hold the content from `start` to `end`, of which some lies in it: first byte in the block, and length.
    pub(crate) fn parts(&self, start: u64, end: u64) -> (u64, u64) {
        let part = PART as u64;
        let len = self.content.end.saturating_sub(self.content.start);
        let first = start.saturating_sub(self.content.start) / part * part;
        let wanted = end.saturating_sub(self.content.start);
        let last = wanted.max(first + 1).div_ceil(part).saturating_mul(part).min(len);
        (first, last.saturating_sub(first))
    }
}

/// Whether these bytes, which begin at `first`, are those of the parts.
pub(crate) fn are(parts: &[blake3::Hash], first: u64, bytes: &[u8]) -> bool {
    let first = usize::try_from(first).unwrap_or(usize::MAX) / PART;
    parts.get(first..).unwrap_or(&[]).starts_with(&self::parts(bytes))
}

/// The digests of the parts that these bytes begin with.
fn parts(bytes: &[u8]) -> Vec<blake3::Hash> {
    bytes.chunks(PART).map(blake3::hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(index: u64) -> BlockId {
        BlockId { table: Digest::of(b"table"), size: 1 << 40, block_log2: 18, index }
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_is_kept() {
        let blocks = VerifiedBlocks::new(10 * (OVERHEAD + 32));
        let content = |number: u64| number.to_le_bytes();
        for number in 0..100 {
            blocks.put(block(number), &content(number));
            assert!(blocks.get(&block(0)).is_some());
            let all = blocks.lock();
            assert!(all.young.len() + all.old.len() <= 10);
        }
        assert!(blocks.get(&block(1)).is_none());
        assert!(are(&blocks.get(&block(99)).unwrap(), 0, &content(99)));
    }

    #[test]
    fn parts_are_known_again() {
        let bytes: Vec<u8> = (0..50_000u32).map(|at| (at / 7) as u8).collect();
        let blocks = VerifiedBlocks::new(10_000);
        blocks.put(block(7), &bytes);
        let parts = blocks.get(&block(7)).unwrap();
        for first in [0, PART, 3 * PART] {
            assert!(are(&parts, first as u64, &bytes[first..]));
            let mut other = bytes[first..].to_vec();
            *other.last_mut().unwrap() ^= 1;
            assert!(!are(&parts, first as u64, &other));
        }
        assert!(!are(&parts, PART as u64, &bytes[..PART]));
        assert!(!are(&parts, 4 * PART as u64, b"more"));
    }
}
