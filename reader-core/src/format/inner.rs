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
        while low < high {
            let middle = low.midpoint(high);
            if self.before(middle)? <= ordinal {
                low = middle.saturating_add(1)
            } else {
                high = middle
            }
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
}
