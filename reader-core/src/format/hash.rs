//! The hash section: where the entry of a path probably is (FORMAT.md, "Hash section").
//!
//! It only shortens the way. Whoever uses it compares the path with the entry that it names, in a leaf
//! that was verified before, and asks the tree when they differ. So it has no digest, and whatever it
//! says does no harm.

use crate::format::layout::{HASH_SLOT_LEN, HashSlot};

/// So many slots may hold a path: that at its place and those behind.
pub const PROBES: usize = 32;

/// The hash of a path: XXH3 with 64 bits and seed 0 of its bytes.
#[inline]
pub fn hash_of(path: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(path)
}

/// How many slots so many entries get: three of four are taken, which makes 8 bytes an entry.
pub fn slots_for(entries: u64) -> u64 {
    entries.saturating_add(entries.checked_div(3).unwrap_or(0))
}

/// The first slot that may hold a hash: the hash as a fraction of 2^64, times the number of slots.
#[inline]
pub(crate) fn place(hash: u64, slots: u64) -> u64 {
    let product = u128::from(hash).saturating_mul(u128::from(slots));
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

/// What a slot keeps of a hash: its lowest twelve bits.
#[inline]
pub fn fingerprint(hash: u64) -> u16 {
    u16::try_from(hash & 0xfff).unwrap_or(0)
}

/// The slots that may hold `hash`: number of the first one, and how many. None when there are no slots.
#[inline]
pub fn probed(hash: u64, slots: u64) -> (u64, u64) {
    let first = place(hash, slots);
    (first, slots.saturating_sub(first).min(PROBES as u64))
}

/// How many slots are taken.
pub fn taken(slots: &[u8]) -> u64 {
    let (slots, _) = slots.as_chunks::<HASH_SLOT_LEN>();
    slots.iter().filter(|slot| **slot != HashSlot::EMPTY).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_xxh3() {
        // The published value for no bytes.
        assert_eq!(hash_of(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(probed(u64::MAX, 100), (99, 1));
        assert_eq!(probed(1 << 63, 100), (50, 32));
        assert_eq!(probed(12, 0), (0, 0));
    }
}
