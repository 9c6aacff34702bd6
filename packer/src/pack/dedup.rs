//! Remembers where content was stored, so that the same content is stored once.

use rangepack_core::{BlockTable, Codec, Digest, Entry, Kind};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// How many contents each of the two generations holds. Together they stay under 50 MB.
const GENERATION: usize = 1 << 18;

/// Where a payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its offset.
    pub(crate) offset: u64,
    /// Its block table.
    pub(crate) blocks: Option<BlockTable>,
}

/// The last quarter to half a million distinct contents, by codec and digest of their stored bytes: the
/// same bytes may be one file compressed and another as it is.
///
/// When the young generation is full, the old one is forgotten and the young one becomes old; what is
/// found in the old one is kept. So memory is bounded, and the outcome depends on the order of the
/// files alone.
#[derive(Debug)]
pub(crate) struct Dedup {
    /// How many contents a generation holds.
    size: usize,
    young: Generation,
    old: Generation,
}

impl Default for Dedup {
    fn default() -> Dedup {
        Dedup::new(GENERATION)
    }
}

#[derive(Debug, Default)]
struct Generation {
    /// Offsets as bytes, which take no more room than they need.
    offsets: HashMap<(Codec, Digest), [u8; 8], BuildHasherDefault<DigestHasher>>,
    /// Only large payloads have block tables; they are few.
    tables: HashMap<u64, BlockTable>,
}

impl Dedup {
    /// Remembers so many contents at least, and twice as many at most.
    pub(crate) fn new(size: usize) -> Dedup {
        Dedup { size, young: Generation::default(), old: Generation::default() }
    }

    /// Where the same stored bytes lie already.
    pub(crate) fn find(&mut self, digest: &Digest, codec: Codec) -> Option<Placed> {
        let key = (codec, *digest);
        if let Some(offset) = self.young.offsets.get(&key) {
            let offset = u64::from_le_bytes(*offset);
            return Some(Placed { offset, blocks: self.young.tables.get(&offset).copied() });
        }
        let offset = u64::from_le_bytes(self.old.offsets.remove(&key)?);
        let placed = Placed { offset, blocks: self.old.tables.remove(&offset) };
        self.insert(*digest, codec, placed);
        Some(placed)
    }

    /// Whether [`Dedup::find`] would find them now.
    pub(crate) fn knows(&self, digest: &Digest, codec: Codec) -> bool {
        let key = (codec, *digest);
        self.young.offsets.contains_key(&key) || self.old.offsets.contains_key(&key)
    }

    /// Remembers the payload of an entry that an earlier run wrote into the same file.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        if let Kind::File(content) = &entry.kind
            && let Some(digest) = content.digest
            && content.volume == 0
            && content.stored_size > 0
        {
            let placed = Placed { offset: content.offset, blocks: content.blocks };
            self.insert(digest, content.codec, placed);
        }
    }

    /// Remembers where a payload lies.
    pub(crate) fn insert(&mut self, digest: Digest, codec: Codec, placed: Placed) {
        if self.young.offsets.len() >= self.size {
            std::mem::swap(&mut self.old, &mut self.young);
            // Its memory serves again, and is never there twice, as it is while a table grows.
            self.young.offsets.clear();
            self.young.offsets.reserve(self.size);
            self.young.tables.clear();
        }
        self.young.offsets.insert((codec, digest), placed.offset.to_le_bytes());
        if let Some(blocks) = placed.blocks {
            self.young.tables.insert(placed.offset, blocks);
        }
    }
}

/// A digest is as evenly spread as any hash of it: its last bytes serve.
///
/// Nobody gains by choosing them: who can make many digests collide in eight bytes makes his own
/// packing slow.
#[derive(Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 ^= u64::from_le_bytes(*last);
        }
    }

    fn write_isize(&mut self, codec: isize) {
        self.0 ^= codec.cast_unsigned() as u64;
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_is_kept() {
        let digest = |n: usize| Digest::of(&n.to_le_bytes());
        let placed = |n: usize| Placed { offset: n as u64, blocks: None };
        let mut dedup = Dedup::default();
        dedup.insert(digest(0), Codec::Stored, placed(0));
        for n in 1..GENERATION * 3 {
            dedup.insert(digest(n), Codec::Stored, placed(n));
            if n % 100_000 == 0 {
                assert_eq!(dedup.find(&digest(0), Codec::Stored), Some(placed(0)));
            }
        }
        assert!(dedup.young.offsets.len() + dedup.old.offsets.len() <= 2 * GENERATION + 2);
        assert_eq!(dedup.find(&digest(1), Codec::Stored), None);
        assert_eq!(dedup.find(&digest(0), Codec::Gzip), None);
    }
}
