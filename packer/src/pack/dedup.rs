//! Remembers where content was stored, so that the same content is stored once.

use reader_core::{BlockTable, Codec, Digest};
use std::collections::HashMap;

/// How many contents each of the two generations holds. Together they stay under 60 MB.
const GENERATION: usize = 1 << 18;

/// Where a payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its offset.
    pub(crate) offset: u64,
    /// Its stored length.
    pub(crate) stored_size: u64,
    /// How it is encoded: the same stored bytes may mean two contents.
    pub(crate) codec: Codec,
    /// Its block table.
    pub(crate) blocks: Option<BlockTable>,
}

/// The last quarter to half a million distinct contents, by the digest of their stored bytes.
///
/// When the young generation is full, the old one is forgotten and the young one becomes old; what is
/// found in the old one is kept. So memory is bounded, and the outcome depends on the order of the
/// files alone.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    young: HashMap<Digest, Placed>,
    old: HashMap<Digest, Placed>,
}

impl Dedup {
    /// Where the same stored bytes lie already.
    pub(crate) fn find(
        &mut self,
        digest: &Digest,
        codec: Codec,
        stored_size: u64,
    ) -> Option<Placed> {
        let placed = match self.young.get(digest) {
            Some(placed) => *placed,
            None => {
                let placed = self.old.remove(digest)?;
                self.insert(*digest, placed);
                placed
            }
        };
        (placed.codec == codec && placed.stored_size == stored_size).then_some(placed)
    }

    /// Remembers where a payload lies.
    pub(crate) fn insert(&mut self, digest: Digest, placed: Placed) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, placed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_is_kept() {
        let digest = |n: usize| Digest::of(&n.to_le_bytes());
        let placed = |n: usize| Placed {
            offset: n as u64,
            stored_size: 1,
            codec: Codec::Stored,
            blocks: None,
        };
        let mut dedup = Dedup::default();
        dedup.insert(digest(0), placed(0));
        for n in 1..GENERATION * 3 {
            dedup.insert(digest(n), placed(n));
            if n % 100_000 == 0 {
                assert_eq!(dedup.find(&digest(0), Codec::Stored, 1), Some(placed(0)));
            }
        }
        assert!(dedup.young.len() + dedup.old.len() <= 2 * GENERATION + 2);
        assert_eq!(dedup.find(&digest(1), Codec::Stored, 1), None);
        assert_eq!(dedup.find(&digest(0), Codec::Gzip, 1), None);
    }
}
