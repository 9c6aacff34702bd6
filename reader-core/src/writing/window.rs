//! Makes the hash section, a window at a time (FORMAT.md, "Hash section").

use crate::format::hash::{PROBES, fingerprint, place};
use crate::format::layout::{HASH_SLOT_LEN, HashSlot};
use alloc::vec::Vec;

/// A part of the section while it is made: the entries of each window come in key order, whichever others come between them.
///
/// The section is the same on every machine: it depends on the entries and on the length of a window alone.
#[derive(Debug)]
pub struct Window {
    /// Slots of the whole section.
    total: u64,
    /// Number of the window's first slot.
    first: u64,
    /// How many slots are the window's own.
    len: usize,
    /// Those, then the ones into which its entries may be pushed.
    slots: Vec<[u8; HASH_SLOT_LEN]>,
}

impl Window {
    /// The first window of a section of `total` slots; each has `len` slots, the last one perhaps fewer.
    pub fn new(total: u64, len: usize) -> Window {
        let mut window = Window { total, first: 0, len, slots: Vec::new() };
        window.stretch();
        window
    }

    /// Appends empty slots up to the end.
    fn stretch(&mut self) {
        let left = usize::try_from(self.total.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.slots.resize(left.min(self.len.saturating_add(PROBES)), HashSlot::EMPTY);
    }

    /// How many windows make the section.
    pub fn count(&self) -> u64 {
        self.total.div_ceil(self.len.max(1) as u64)
    }

    /// The number of the window that takes a path with this hash; the first is 0.
    #[inline]
    pub fn number_of(&self, hash: u64) -> u64 {
        place(hash, self.total).checked_div(self.len as u64).unwrap_or(0)
    }

    /// Has the memory bring the place of an entry. What it returns means nothing.
    #[inline]
    pub fn glance(&self, hash: u64) -> u8 {
        let first = place(hash, self.total).saturating_sub(self.first);
        let slot = usize::try_from(first).ok().and_then(|first| self.slots.get(first));
        slot.map_or(0, |slot| slot[0])
    }

    /// Takes in an entry, by the [hash](crate::hash::hash_of) of its path, if its place is in this window and one of the slots
    /// there is free. What finds no room is found through the tree.
    #[inline]
    pub fn insert(&mut self, hash: u64, leaf: u32, entry: u16) {
        let slot = HashSlot { leaf, entry, fingerprint: fingerprint(hash) };
        let first = place(hash, self.total).checked_sub(self.first);
        let first = first.and_then(|first| usize::try_from(first).ok());
        let (Some(bytes), Some(first)) = (slot.to_bytes(), first.filter(|first| *first < self.len))
        else {
            return;
        };
        let mut probed = self.slots.iter_mut().skip(first).take(PROBES);
        if let Some(free) = probed.find(|slot| **slot == HashSlot::EMPTY) {
            *free = bytes;
        }
    }

    /// The window's own slots, when all entries were offered.
    pub fn bytes(&self) -> &[u8] {
        self.slots.get(..self.len).unwrap_or(&self.slots).as_flattened()
    }

    /// Goes on to the next window; `false` when this one was the last.
    pub fn advance(&mut self) -> bool {
        self.first = self.first.saturating_add(self.len as u64);
        self.slots.drain(..self.len.min(self.slots.len()));
        self.stretch();
        self.first < self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::hash::{hash_of, probed, slots_for, taken};
    use crate::path::PackPathBuf;
    use alloc::format;

    fn paths(count: usize) -> Vec<PackPathBuf> {
        (0..count).map(|i| PackPathBuf::new(format!("a/{i}").into_bytes()).unwrap()).collect()
    }

    /// The whole section over these paths; the number of each is that of its leaf.
    fn section(paths: &[PackPathBuf], total: u64, len: usize) -> Vec<u8> {
        let mut window = Window::new(total, len);
        let mut out = Vec::new();
        loop {
            for (number, path) in (0..).zip(paths) {
                window.insert(hash_of(path.as_bytes()), number, 7);
            }
            out.extend_from_slice(window.bytes());
            if !window.advance() {
                return out;
            }
        }
    }

    /// The slot that names leaf `number`, as a reader looks for it.
    fn find(section: &[u8], path: &PackPathBuf, number: u32) -> Option<HashSlot> {
        let hash = hash_of(path.as_bytes());
        let slots = section.as_chunks::<HASH_SLOT_LEN>().0;
        let (first, count) = probed(hash, slots.len() as u64);
        slots[first as usize..]
            .iter()
            .take(count as usize)
            .map_while(HashSlot::from_bytes)
            .find(|slot| slot.leaf == number && slot.fingerprint == fingerprint(hash))
    }

    #[test]
    fn nearly_every_entry_has_its_slot_whatever_the_windows() {
        for count in [2, 3, 1000, 20_000] {
            let paths = paths(count);
            let total = slots_for(count as u64);
            for len in [33, 100, 1000, 1 << 20] {
                let section = section(&paths, total, len);
                assert_eq!(section.len() as u64, 6 * total);
                assert!(section.len() <= 8 * count);
                let found =
                    (0..).zip(&paths).filter(|(n, path)| find(&section, path, *n).is_some());
                let found = found.count();
                assert_eq!(found as u64, taken(&section));
                assert!(found * 100 >= count * 98, "{found} of {count}, windows of {len}");
            }
        }
    }

    #[test]
    fn entries_that_find_no_room_are_left_out() {
        let paths = paths(1000);
        let full = section(&paths, 100, 1000);
        assert!(taken(&full) <= 100 && taken(&full) > 90);
        assert!(section(&paths, 0, 1000).is_empty());
        // Neither does a slot hold numbers of any size.
        let mut window = Window::new(10, 10);
        let hash = hash_of(paths[0].as_bytes());
        window.insert(hash, 1 << 24, 0);
        window.insert(hash, 0, 1 << 12);
        assert_eq!(taken(window.bytes()), 0);
    }
}
