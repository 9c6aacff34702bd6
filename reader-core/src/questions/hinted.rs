//! Look-up by way of the hash section, for sources that have the whole file at hand.

use super::index::Index;
use crate::PackPath;
use crate::bytes::{Answer, Source};
use crate::error::Result;
use crate::format::hash;
use crate::format::layout::{HASH_SLOT_LEN, HashSlot};
use crate::format::leaf::{EntryRef, Leaf};

/// What the hash section says of a path.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "all that a hint can come to")]
pub enum Hint<'a> {
    /// It names this entry, which has the path.
    Entry(EntryRef<'a>),
    /// It knows of no entry, or of one in a leaf that was not verified yet.
    Nothing,
    /// All slots that may hold the path hold others: if it has an entry, there was no room for it.
    Crowded,
}

impl Index {
    /// The entry at `path`, if there is one: like [`Index::lookup`], and faster where the pack has a hash
    /// section and `source` the whole file.
    ///
    /// It asks `source` for bytes of that section, but never asks for them to be brought; a source that
    /// would have to fetch them is better asked with [`Index::lookup`].
    #[inline]
    pub fn lookup_hinted<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        path: PackPath<'_>,
    ) -> Result<Answer<Option<EntryRef<'a>>>> {
        match self.hint(source, path) {
            Hint::Entry(entry) => Ok(Answer::Ready(Some(entry))),
            _ => self.lookup(source, path),
        }
    }

    /// Has the memory bring what [`Index::lookup_hinted`] reads first, for who will look several paths up. What it returns means
    /// nothing.
    #[inline]
    pub fn glance<S: Source + ?Sized>(&self, source: &S, path: &[u8]) -> u8 {
        let Some(section) = self.header.hash() else { return 0 };
        let (first, count) = hash::probed(hash::hash_of(path), section.slots);
        let bytes = source.bytes(section.part(first, count));
        bytes.and_then(<[u8]>::first).copied().unwrap_or(0)
    }

    /// What the hash section says of `path`. It is believed only where a verified leaf confirms it.
    #[inline]
    pub fn hint<'a, S: Source + ?Sized>(&'a self, source: &'a S, path: PackPath<'_>) -> Hint<'a> {
        let Some(section) = self.header.hash() else { return Hint::Nothing };
        let hash = hash::hash_of(path.as_bytes());
        let (first, count) = hash::probed(hash, section.slots);
        let Some(bytes) = source.bytes(section.part(first, count)) else { return Hint::Nothing };
        let (slots, _) = bytes.as_chunks::<HASH_SLOT_LEN>();
        let (fingerprint, parts) = (hash::fingerprint(hash), path.split());
        for slot in slots {
            let Some(slot) = HashSlot::from_bytes(slot) else { return Hint::Nothing };
            if slot.fingerprint == fingerprint
                && let Some(entry) = self.hinted(source, &slot, parts)
            {
                return Hint::Entry(entry);
            }
        }
        Hint::Crowded
    }

    /// The entry that a slot names, if its leaf was verified before and its path is this one.
    #[inline]
    fn hinted<'a, S: Source + ?Sized>(
        &'a self,
        source: &'a S,
        slot: &HashSlot,
        (directory, name): (PackPath<'_>, &[u8]),
    ) -> Option<EntryRef<'a>> {
        if !self.is_verified(slot.leaf) {
            return None;
        }
        let page = source.bytes(self.header.page(slot.leaf).ok()?)?;
        let leaf = Leaf::parse(page).ok()?;
        let slot = leaf.slot_of(usize::from(slot.entry), directory.as_bytes(), name)?;
        leaf.entry_of(slot).ok()
    }
}
