//! Inner pages: separators and the digests of the pages below (FORMAT.md, "Inner pages").

use crate::Digest;
use crate::bytes::Probe;
use crate::error::{Error, Result, Structure};
use crate::format::key::Key;
use crate::format::layout::InnerPage;
use core::cmp::Ordering;

/// An inner page, parsed: sections found, nothing copied.
///
/// Every access is checked: a page that contradicts itself gives errors, never a panic.
#[derive(Debug, Clone, Copy)]
pub struct Inner<'a> {
    page: InnerPage<'a>,
}

/// A page below an inner page.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Child {
    /// Its page number.
    pub page: u32,
    /// Its level: 0 for a leaf.
    pub level: u8,
    /// SHA-256 of the whole page.
    pub digest: Digest,
    /// Entries below the children before it, in the same inner page.
    pub before: u64,
    /// Which child of the page it is.
    pub(crate) index: usize,
}

/// Between which encoded keys those of a page lie: not below the one, and below the other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds<'a> {
    low: Option<[&'a [u8]; 2]>,
    high: Option<[&'a [u8]; 2]>,
}

impl Bounds<'_> {
    /// Whether an encoded key lies between them.
    pub(crate) fn contain(&self, key: &[u8]) -> bool {
        let is_below = |parts: [&[u8]; 2]| key < parts.concat().as_slice();
        !self.low.is_some_and(is_below) && self.high.is_none_or(is_below)
    }
}

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Inner, field, value })
}

impl<'a> Inner<'a> {
    /// Parses a page (or the node of a root page); trailing zeros are ignored.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::BadField`] when it is no inner page.
    #[inline]
    pub fn parse(page: &'a [u8]) -> Result<Inner<'a>> {
        Ok(Inner { page: InnerPage::from_bytes(page)? })
    }

    /// 1 for pages just above the leaves.
    pub fn level(&self) -> u8 {
        self.page.header.level
    }

    /// Number of children.
    pub fn len(&self) -> usize {
        usize::from(self.page.header.children)
    }

    /// Never: an inner page has a child at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks everything that the rest of this type takes for granted (FORMAT.md, "Inner pages"): that
    /// separators ascend between `bounds`, counts up to `entries`, and all children are among so many `pages`.
    ///
    /// # Errors
    /// [`Error::BadField`] and [`Error::KeyOrder`].
    pub(crate) fn check(&self, bounds: &Bounds<'_>, entries: u64, pages: u32) -> Result<()> {
        let first = u64::from(self.page.header.first_child);
        if first.saturating_add(self.len() as u64) > u64::from(pages) {
            return bad("first_child", first);
        }
        let mut before = None;
        for index in 0..self.len() {
            let count = self.before(index)?;
            let ascends = before.map_or(count == 0, |before| count > before);
            if !ascends || count >= entries {
                return bad("count", count);
            }
            before = Some(count);
        }
        let mut last: Option<&[u8]> = None;
        for index in 1..self.len() {
            let Some(rest) = self.page.separators.get(index) else {
                return bad("separator", index as u64);
            };
            if last.is_some_and(|last| last >= rest) {
                let number = index as u64;
                return Err(Error::KeyOrder { structure: Structure::Inner, number });
            }
            last = Some(rest);
        }
        let outer = [1, self.len().saturating_sub(1)];
        for index in outer.into_iter().filter(|index| (1..self.len()).contains(index)) {
            if !bounds.contain(&self.separator(index).concat()) {
                let number = index as u64;
                return Err(Error::KeyOrder { structure: Structure::Inner, number });
            }
        }
        Ok(())
    }

    /// A separator in two parts: what all share, and the rest. The first one is empty.
    fn separator(&self, index: usize) -> [&'a [u8]; 2] {
        match self.page.separators.get(index) {
            Some(rest) if index > 0 => [self.page.prefix, rest],
            _ => [&[], &[]],
        }
    }

    /// Between which keys those below a child lie, where this page's lie between `bounds`.
    pub(crate) fn bounds_of(&self, child: &Child, bounds: &Bounds<'a>) -> Bounds<'a> {
        let next = child.index.saturating_add(1);
        Bounds {
            low: if child.index > 0 { Some(self.separator(child.index)) } else { bounds.low },
            high: if next < self.len() { Some(self.separator(next)) } else { bounds.high },
        }
    }

    /// How many entries lie below a child, where `entries` lie below this page.
    pub(crate) fn entries_of(&self, child: &Child, entries: u64) -> Result<u64> {
        let next = child.index.saturating_add(1);
        let end = if next < self.len() { self.before(next)? } else { entries };
        Ok(end.saturating_sub(child.before))
    }

    /// The child below which `key` lies if it exists.
    ///
    /// # Errors
    /// Here and below: [`Error::BadField`] when the page contradicts itself where it was looked at.
    #[inline]
    pub fn child_of(&self, key: &Key) -> Result<Child> {
        let key = key.as_bytes();
        let Some(rest) = key.strip_prefix(self.page.prefix) else {
            let index = if key < self.page.prefix { 0 } else { self.len().saturating_sub(1) };
            return self.child(index);
        };
        let probe = Probe::new(rest);
        // The last child whose separator is not above the key. The first one counts as lowest of all.
        let mut low = 1usize;
        let mut high = self.len();
        while low < high {
            let middle = low.midpoint(high);
            match self.page.separators.compare(middle, &probe) {
                Some(Ordering::Greater) => high = middle,
                Some(_) => low = middle.saturating_add(1),
                None => return bad("separator", middle as u64),
            }
        }
        self.child(low.saturating_sub(1))
    }

    /// The child below which entry number `ordinal` (counted from this page's first) lies.
    #[inline]
    pub fn child_at(&self, ordinal: u64) -> Result<Child> {
        let mut low = 1usize;
        let mut high = self.len();
        // Children have about as many entries each: it is looked for where it would lie then, and further and further away
        // from there until it lies between.
        let last = high.saturating_sub(1) as u64;
        let all = self.before(high.saturating_sub(1))?.max(1);
        let guess = ordinal.saturating_mul(last).checked_div(all);
        let guess = guess.and_then(|guess| usize::try_from(guess).ok()).unwrap_or(usize::MAX);
        let (mut probe, mut step, mut turns) = (guess, 1usize, [false; 2]);
        while low < high {
            probe = probe.clamp(low, high.saturating_sub(1));
            probe = if self.before(probe)? <= ordinal {
                low = probe.saturating_add(1);
                turns[0] = true;
                probe.saturating_add(step)
            } else {
                high = probe;
                turns[1] = true;
                probe.saturating_sub(step)
            };
            if turns == [true; 2] {
                probe = low.midpoint(high);
            }
            step = step.saturating_mul(2);
        }
        self.child(low.saturating_sub(1))
    }

    #[inline]
    fn before(&self, index: usize) -> Result<u64> {
        self.page.count(index).map_or_else(|| bad("count", index as u64), Ok)
    }

    /// Child number `index`.
    #[inline]
    pub fn child(&self, index: usize) -> Result<Child> {
        let page =
            u32::try_from(index).ok().and_then(|i| self.page.header.first_child.checked_add(i));
        match (self.page.digest(index), page) {
            (Some(digest), Some(page)) => Ok(Child {
                page,
                level: self.page.header.level.saturating_sub(1),
                digest,
                before: self.before(index)?,
                index,
            }),
            _ => bad("child", index as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writing::inner::{ChildSlot, fitting, write};
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn children_are_found_by_key_and_by_number() {
        let slots: Vec<ChildSlot> = (0..50u8)
            .map(|i| ChildSlot {
                separator: if i == 0 { Vec::new() } else { format!("d\0\0{i:03}").into_bytes() },
                digest: Digest([i; 32]),
                entries: 10,
            })
            .collect();
        let mut page = Vec::new();
        assert_eq!(fitting(&slots, 10_000), 50);
        write(&slots, 1, 7, &mut page).unwrap();
        assert_eq!(fitting(&slots, page.len()), 50);
        assert_eq!(fitting(&slots, page.len() - 1), 49);
        let inner = Inner::parse(&page).unwrap();
        for (name, child) in
            [("", 0), ("000", 0), ("001", 1), ("0015", 1), ("049", 49), ("zzz", 49)]
        {
            let found = inner.child_of(&Key::new(b"d", name.as_bytes())).unwrap();
            assert_eq!((found.page, found.before), (7 + child, u64::from(child) * 10), "{name}");
        }
        assert_eq!(inner.child_of(&Key::new(b"a", b"x")).unwrap().page, 7);
        assert_eq!(inner.child_of(&Key::new(b"e", b"x")).unwrap().page, 56);
        for ordinal in 0..500 {
            assert_eq!(u64::from(inner.child_at(ordinal).unwrap().page), 7 + ordinal / 10);
        }
        for cut in 0..page.len() {
            assert!(Inner::parse(&page[..cut]).is_err());
        }
    }

    proptest! {
        #[test]
        fn children_with_any_numbers_of_entries_are_found(
            entries in proptest::collection::vec(prop_oneof![1u64..4, 1u64..100_000], 1..60),
            ordinals in proptest::collection::vec(any::<u64>(), 20),
        ) {
            let slots: Vec<ChildSlot> = entries
                .iter()
                .zip(0u8..)
                .map(|(entries, i)| ChildSlot {
                    separator: if i == 0 { Vec::new() } else { format!("d\0\0{i:03}").into_bytes() },
                    digest: Digest([i; 32]),
                    entries: *entries,
                })
                .collect();
            let mut page = Vec::new();
            write(&slots, 1, 7, &mut page).unwrap();
            let inner = Inner::parse(&page).unwrap();
            let all: u64 = entries.iter().sum();
            let ordinals = ordinals.into_iter().map(|ordinal| ordinal % (all * 2)).chain([0, all - 1, u64::MAX]);
            for ordinal in ordinals {
                // The last child before which there are no more entries.
                let befores = entries.iter().scan(0, |sum, entries| {
                    *sum += entries;
                    Some(*sum - entries)
                });
                let child = befores.take_while(|before| *before <= ordinal).count() - 1;
                prop_assert_eq!(inner.child_at(ordinal).unwrap().index, child);
            }
        }
    }
}
