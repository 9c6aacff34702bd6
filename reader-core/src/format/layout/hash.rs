//! The hash section's slots (FORMAT.md, "Hash section").

use crate::extent::Extent;

/// Where the hash section lies (FORMAT.md, "Hash section").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a place and a length")]
pub struct HashSection {
    /// Offset of its first slot.
    pub offset: u64,
    /// Number of slots.
    pub slots: u64,
}

impl HashSection {
    /// The slots that fit into `extent`.
    pub fn new(extent: Extent) -> HashSection {
        let slots = extent.len.checked_div(HASH_SLOT_LEN as u64).unwrap_or(0);
        HashSection { offset: extent.start, slots }
    }

    /// All its bytes.
    pub fn extent(&self) -> Extent {
        self.part(0, self.slots)
    }

    /// The bytes of `count` slots from number `first` on.
    #[inline]
    pub(crate) fn part(&self, first: u64, count: u64) -> Extent {
        let len = |slots: u64| slots.saturating_mul(HASH_SLOT_LEN as u64);
        Extent { start: self.offset.saturating_add(len(first)), len: len(count) }
    }
}

/// Length of one slot of the hash section, in bytes.
pub const HASH_SLOT_LEN: usize = 6;

/// A slot of the hash section: which entry a path may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record of version 1, all of it")]
pub struct HashSlot {
    /// Page number of the entry's leaf, at most 2^24 − 1.
    pub leaf: u32,
    /// Which of the leaf's entries it is, at most 2^12 − 1.
    pub entry: u16,
    /// The lowest twelve bits of the path's hash.
    pub fingerprint: u16,
}

impl HashSlot {
    /// A slot that holds nothing.
    pub const EMPTY: [u8; HASH_SLOT_LEN] = [0xff; HASH_SLOT_LEN];

    /// Reads a slot; `None` when it is empty.
    #[inline]
    pub fn from_bytes(bytes: &[u8; HASH_SLOT_LEN]) -> Option<HashSlot> {
        if *bytes == HashSlot::EMPTY {
            return None;
        }
        let [a, b, c, d, e, f] = *bytes;
        Some(HashSlot {
            leaf: u32::from_le_bytes([a, b, c, 0]),
            entry: u16::from_le_bytes([d, e & 0x0f]),
            fingerprint: u16::from_le_bytes([e, f]) >> 4,
        })
    }

    /// The slot's bytes; `None` when a number is too large for one.
    pub fn to_bytes(&self) -> Option<[u8; HASH_SLOT_LEN]> {
        let [a, b, c, 0] = self.leaf.to_le_bytes() else { return None };
        if self.entry >= 1 << 12 || self.fingerprint >= 1 << 12 {
            return None;
        }
        let [d, high] = self.entry.to_le_bytes();
        let [low, f] = (self.fingerprint << 4).to_le_bytes();
        let bytes = [a, b, c, d, high | low, f];
        (bytes != HashSlot::EMPTY).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_slot_round_trips() {
        for (leaf, entry, fingerprint) in
            [(0, 0, 0), (1, 2, 3), ((1 << 24) - 1, 4095, 4094), (0x12_3456, 0x789, 0xabc)]
        {
            let slot = HashSlot { leaf, entry, fingerprint };
            assert_eq!(HashSlot::from_bytes(&slot.to_bytes().unwrap()), Some(slot));
        }
        for (leaf, entry, fingerprint) in
            [(1 << 24, 0, 0), (0, 4096, 0), (0, 0, 4096), ((1 << 24) - 1, 4095, 4095)]
        {
            assert_eq!(HashSlot { leaf, entry, fingerprint }.to_bytes(), None);
        }
        assert_eq!(HashSlot::from_bytes(&HashSlot::EMPTY), None);
        let slot = HashSlot { leaf: 0x12_3456, entry: 0x789, fingerprint: 0xabc };
        assert_eq!(slot.to_bytes(), Some([0x56, 0x34, 0x12, 0x89, 0xc7, 0xab]));
    }
}
