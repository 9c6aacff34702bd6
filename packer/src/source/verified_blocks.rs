//! What is known of blocks that were verified, for who reads parts of them again.

use rangepack_core::blocks::Block;
use rangepack_core::{Codec, Content, Digest};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of a block have this length, in bytes.
const PART: usize = 16 << 10;

/// What one block takes beside its digests, in bytes, roughly.
const OVERHEAD: usize = 128;

/// Digests of parts of blocks, for all packs that are opened with it
/// ([`OpenOptions::verified`](crate::OpenOptions::verified)): when a block of a large stored file was verified, those of its parts of
/// 16 KiB are kept. Who reads a short range of it again has only these parts read and hashed.
///
/// A block is known by its digest, which comes from the verified index of its pack, and every byte is hashed whenever it is read:
/// files that are overwritten or replaced are noticed as ever.
#[derive(Debug)]
pub struct VerifiedBlocks {
    /// No generation has more bytes.
    most: usize,
    generations: Mutex<Generations>,
}

/// When the young one is full, the old one goes and the young one becomes old; what is found in the old one becomes young.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest, Parts>,
    young_bytes: usize,
    old: HashMap<Digest, Parts>,
}

/// The digests of a block's parts.
type Parts = Arc<[Digest]>;

impl VerifiedBlocks {
    /// Keeps so many bytes at most: 2.5 for each KiB of content.
    pub fn new(bytes: usize) -> VerifiedBlocks {
        VerifiedBlocks { most: bytes / 2, generations: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a block with this digest.
    pub(crate) fn get(&self, block: &Digest) -> Option<Parts> {
        let mut all = self.lock();
        if let Some(parts) = all.young.get(block) {
            return Some(Arc::clone(parts));
        }
        let parts = all.old.remove(block)?;
        all.put(*block, Arc::clone(&parts), self.most);
        Some(parts)
    }

    /// Remembers a block that was found to have this digest.
    pub(crate) fn put(&self, block: Digest, bytes: &[u8]) {
        self.lock().put(block, parts(bytes).into(), self.most);
    }
}

impl Generations {
    fn put(&mut self, block: Digest, parts: Parts, most: usize) {
        let bytes = parts.len() * size_of::<Digest>() + OVERHEAD;
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

/// Whether parts of this file's blocks can be read alone.
pub(crate) fn has_parts(content: &Content) -> bool {
    content.codec == Codec::Stored
}

/// Which parts of a block hold the content from `start` to `end`, of which some lies in it: first byte in the block, and length.
pub(crate) fn parts_of(block: &Block, start: u64, end: u64) -> (u64, u64) {
    let part = PART as u64;
    let len = block.content.end.saturating_sub(block.content.start);
    let first = start.saturating_sub(block.content.start) / part * part;
    let wanted = end.saturating_sub(block.content.start);
    let last = wanted.max(first + 1).div_ceil(part).saturating_mul(part).min(len);
    (first, last.saturating_sub(first))
}

/// Whether these bytes, which begin at `first`, are those of the parts.
pub(crate) fn are(parts: &[Digest], first: u64, bytes: &[u8]) -> bool {
    let first = usize::try_from(first).unwrap_or(usize::MAX) / PART;
    parts.get(first..).unwrap_or(&[]).starts_with(&self::parts(bytes))
}

/// The digests of the parts that these bytes begin with.
fn parts(bytes: &[u8]) -> Vec<Digest> {
    Digest::of_each(&bytes.chunks(PART).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_is_kept() {
        let blocks = VerifiedBlocks::new(10 * (OVERHEAD + 32));
        let content = |number: u64| number.to_le_bytes();
        let digest = |number: u64| Digest::of(&content(number));
        for number in 0..100 {
            blocks.put(digest(number), &content(number));
            assert!(blocks.get(&digest(0)).is_some());
            let all = blocks.lock();
            assert!(all.young.len() + all.old.len() <= 10);
        }
        assert!(blocks.get(&digest(1)).is_none());
        assert!(are(&blocks.get(&digest(99)).unwrap(), 0, &content(99)));
    }

    #[test]
    fn parts_are_known_again() {
        let bytes: Vec<u8> = (0..50_000u32).map(|at| (at / 7) as u8).collect();
        let blocks = VerifiedBlocks::new(10_000);
        let digest = Digest::of(&bytes);
        blocks.put(digest, &bytes);
        let parts = blocks.get(&digest).unwrap();
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
