//! The bytes of one file that were brought, and which of them to drop.

use core::cell::Cell;
use rangepack_core::{Extent, Source};

/// Ranges of a file, the least recently used of which make room for new ones.
#[derive(Debug, Default)]
pub struct Pieces {
    /// In the order of their places. A search tree would be 4.6 KB of the module, with gzip.
    pieces: Vec<Piece>,
    bytes: u64,
    clock: Cell<u64>,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    bytes: Box<[u8]>,
    used: Cell<u64>,
}

impl Pieces {
    /// Keeps `bytes`, which lie at `start`.
    pub fn insert(&mut self, start: u64, bytes: Box<[u8]>) {
        self.bytes += bytes.len() as u64;
        let piece = Piece { start, bytes, used: Cell::new(self.tick()) };
        let at = self.pieces.partition_point(|piece| piece.start < start);
        match self.pieces.get_mut(at).filter(|old| old.start == start) {
            Some(old) => {
                self.bytes -= old.bytes.len() as u64;
                *old = piece;
            }
            None => self.pieces.insert(at, piece),
        }
    }

    /// Drops what was not used for longest until at most `limit` bytes are left, but keeps the newest
    /// piece in any case; says what it dropped.
    pub fn shrink(&mut self, limit: u64) -> Vec<Extent> {
        let mut dropped = Vec::new();
        while self.bytes > limit && self.pieces.len() > 1 {
            let used = |at: &usize| self.pieces.get(*at).map(|piece| piece.used.get());
            let Some(oldest) = (0..self.pieces.len()).min_by_key(used) else { break };
            let Piece { start, bytes, .. } = self.pieces.remove(oldest);
            let len = bytes.len() as u64;
            self.bytes -= len;
            dropped.push(Extent { start, len });
        }
        dropped
    }

    /// How many bytes are kept.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }
}

impl Source for Pieces {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        // A piece that was asked for begins where it is needed; the others are few.
        let (before, _) = self
            .pieces
            .split_at_checked(self.pieces.partition_point(|piece| piece.start <= extent.start))?;
        before.iter().rev().find_map(|piece| {
            let from = usize::try_from(extent.start - piece.start).ok()?;
            let to = from.checked_add(usize::try_from(extent.len).ok()?)?;
            let found = piece.bytes.get(from..to)?;
            piece.used.set(self.tick());
            Some(found)
        })
    }
}

/// The bytes in which the pages of an index lie.
#[derive(Debug)]
pub enum Pages<'a> {
    /// In the file itself.
    Pack(&'a Pieces),
    /// In memory: that of an old container was built there.
    Memory(&'a [u8]),
}

impl Source for Pages<'_> {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        match self {
            Pages::Pack(pieces) => pieces.bytes(extent),
            Pages::Memory(bytes) => bytes.bytes(extent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(start: u64, len: u64) -> Extent {
        Extent { start, len }
    }

    #[test]
    fn a_range_inside_a_piece_is_found() {
        let mut pieces = Pieces::default();
        pieces.insert(100, (0..50).collect());
        pieces.insert(110, Box::new([10, 11]));
        assert_eq!(pieces.bytes(extent(110, 2)), Some(&[10, 11][..]));
        assert_eq!(pieces.bytes(extent(120, 3)), Some(&[20, 21, 22][..]));
        assert_eq!(pieces.bytes(extent(149, 2)), None);
        assert_eq!(pieces.bytes(extent(99, 2)), None);
        assert_eq!(pieces.bytes(extent(u64::MAX, 2)), None);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut pieces = Pieces::default();
        for start in [0, 10, 20] {
            pieces.insert(start, Box::new([1; 10]));
        }
        assert!(pieces.bytes(extent(0, 1)).is_some());
        assert_eq!(pieces.shrink(20), [extent(10, 10)]);
        assert_eq!(pieces.shrink(0), [extent(20, 10)], "the newest use stays");
        assert_eq!(pieces.len(), 10);
    }

    #[test]
    fn a_piece_that_is_brought_again_counts_once() {
        let mut pieces = Pieces::default();
        pieces.insert(5, Box::new([1; 10]));
        pieces.insert(5, Box::new([2; 4]));
        assert_eq!(pieces.len(), 4);
        assert!(!pieces.is_empty());
    }
}
