//! Strings side by side in a heap, and their places: the names of a leaf, the separators of an inner page.

use super::put::to_u16;
use crate::bytes::{Probe, u16_at};
use crate::error::Result;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// The strings of a page: each ends where the next one begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strings<'a> {
    places: &'a [u8],
    heap: &'a [u8],
}

/// Length of the places of so many strings, in bytes: one more, where the last string ends.
#[inline]
pub(super) fn places_len(strings: u64) -> u64 {
    strings.saturating_add(1).saturating_mul(2)
}

impl<'a> Strings<'a> {
    #[inline]
    pub(super) fn new(places: &'a [u8], heap: &'a [u8]) -> Strings<'a> {
        Strings { places, heap }
    }

    #[inline]
    fn bounds(&self, index: usize) -> Option<(usize, usize)> {
        Some((u16_at(self.places, index)?, u16_at(self.places, index.checked_add(1)?)?))
    }

    /// String number `index`; nothing when it does not lie in the heap.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = self.bounds(index)?;
        self.heap.get(start..end)
    }

    /// How string number `index` compares with that of `probe`.
    #[inline]
    pub(crate) fn compare(&self, index: usize, probe: &Probe<'_>) -> Option<Ordering> {
        let (start, end) = self.bounds(index)?;
        probe.compare(self.heap, start, end)
    }
}

/// Takes strings for a page, in order, and what else lies in its heap.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    pub(super) places: Vec<u16>,
    pub(super) bytes: Vec<u8>,
}

impl Heap {
    /// An empty one with room for the places of `strings`.
    pub(crate) fn with_capacity(strings: usize) -> Heap {
        Heap { places: Vec::with_capacity(strings.saturating_add(1)), bytes: Vec::new() }
    }

    /// Where the next bytes will lie.
    pub(crate) fn place(&self) -> Result<u16> {
        to_u16("place in the heap", self.bytes.len())
    }

    /// Adds the next string.
    pub(crate) fn push(&mut self, string: &[u8]) -> Result<()> {
        self.places.push(self.place()?);
        self.bytes.extend_from_slice(string);
        Ok(())
    }

    /// The last string ends here.
    pub(crate) fn end_strings(&mut self) -> Result<()> {
        self.places.push(self.place()?);
        Ok(())
    }

    /// Adds bytes that are none of the strings.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn push_places(&self, out: &mut Vec<u8>) {
        for place in &self.places {
            out.extend_from_slice(&place.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn strings_come_back_and_none_lies_beyond_a_place() {
        let mut heap = Heap::default();
        heap.put(b"before");
        for string in [&b"a"[..], b"", b"bc"] {
            heap.push(string).unwrap();
        }
        heap.end_strings().unwrap();
        let mut places = Vec::new();
        heap.push_places(&mut places);
        assert_eq!(places.len() as u64, places_len(3));
        let strings = Strings::new(&places, &heap.bytes);
        let found: Vec<_> = (0..4).map(|index| strings.get(index)).collect();
        assert_eq!(found, [Some(&b"a"[..]), Some(b""), Some(b"bc"), None]);
        assert_eq!(strings.compare(2, &Probe::new(b"bb")), Some(Ordering::Greater));

        heap.put(&[0; 1 << 16]);
        let (what, value, limit) = ("place in the heap", 65_545, 65_535);
        assert_eq!(heap.push(b"x"), Err(Error::TooLarge { what, value, limit }));
    }
}
