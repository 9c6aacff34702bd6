//! A slot of a leaf: its path, before anything else of the entry is read.

use crate::PackPath;
use crate::path::{is_name, no_separator};
use alloc::vec::Vec;

/// A slot of a leaf and the three parts of its path.
#[derive(Debug, Clone, Copy)]
pub struct LeafSlot<'a> {
    pub(super) slot: usize,
    pub(super) directory: &'a [u8],
    pub(super) prefix: &'a [u8],
    pub(super) suffix: &'a [u8],
}

impl LeafSlot<'_> {
    /// Appends the whole path.
    pub fn push_path(&self, out: &mut Vec<u8>) {
        if !self.directory.is_empty() {
            out.extend_from_slice(self.directory);
            out.push(b'/');
        }
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.suffix);
    }

    /// Whether this is a path that a pack may hold, its length apart.
    pub(super) fn is_sound(&self) -> bool {
        self.name_is_sound() && PackPath::directory(self.directory).is_ok()
    }

    /// Whether the name is one that a path may hold. Inlined, so that the slot need not be copied before it is
    /// looked at.
    #[inline]
    pub(super) fn name_is_sound(&self) -> bool {
        if self.prefix.len() >= 3 {
            return no_separator(self.prefix) && no_separator(self.suffix);
        }
        let mut name = [0u8; 5];
        // Only names this short can be empty, `.` or `..`.
        let short = self.prefix.iter().chain(self.suffix.iter().take(3));
        for (place, byte) in name.iter_mut().zip(short) {
            *place = *byte;
        }
        let len = self.prefix.len().saturating_add(self.suffix.len().min(3));
        name.get(..len).is_some_and(is_name) && no_separator(self.suffix)
    }
}
