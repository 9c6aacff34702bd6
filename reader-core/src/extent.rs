//! Ranges of bytes.

/// A range of bytes in a file: `start..start + len`, which never overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a range has a start and a length")]
pub struct Extent {
    /// Offset of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u64,
}

impl Extent {
    /// Offset of the byte after the last.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    /// Whether every byte of `other` lies in this range.
    pub fn contains(&self, other: &Extent) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }
}
