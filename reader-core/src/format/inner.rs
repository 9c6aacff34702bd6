//! Inner pages: separators and the digests of the pages below (FORMAT.md, "Inner pages").

use crate::Digest;
use crate::bytes::{Cursor, Probe, common_prefix, packed_width};
use crate::error::{Error, Result, Structure};
use crate::format::layout::{INNER_HEADER_LEN, InnerHeader};
use crate::format::leaf::{read_packed, u16_at};
use crate::path::directory_byte;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// An inner page, parsed: sections found, nothing copied.
#[derive(Debug, Clone, Copy)]
pub struct Inner<'a> {
    header: InnerHeader,
    offsets: &'a [u8],
    counts: &'a [u8],
    digests: &'a [u8],
    prefix: &'a [u8],
    heap: &'a [u8],
}

/// A page below an inner page.
#[derive(Debug, Clone, Copy)]
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
    #[inline]
    pub fn parse(page: &'a [u8]) -> Result<Inner<'a>> {
        let header = InnerHeader::from_bytes(page)?;
        let children = usize::from(header.children);
        let mut cursor = Cursor::new(Structure::Inner, page);
        cursor.take(INNER_HEADER_LEN)?;
        let offsets = cursor.take(children.saturating_add(1).saturating_mul(2))?;
        // Counts are read with eight-byte loads: the digests behind them make that safe.
        let counts = cursor.rest();
        cursor.take(children.saturating_mul(usize::from(header.count_width)))?;
        let digests = cursor.take(children.saturating_mul(32))?;
        let heap = cursor.take(usize::try_from(header.heap_len).unwrap_or(usize::MAX))?;
        let Some(prefix) = heap.get(..usize::from(header.prefix_len)) else {
            return bad("prefix_len", u64::from(header.prefix_len));
        };
        Ok(Inner { header, offsets, counts, digests, prefix, heap })
    }

    /// 1 for pages just above the leaves.
    pub fn level(&self) -> u8 {
        self.header.level
    }

    /// Number of children.
    pub fn len(&self) -> usize {
        usize::from(self.header.children)
    }

    /// Never: an inner page has a child at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The child below which `key` lies if it exists.
    #[inline]
    pub fn child_of(&self, key: &Key) -> Result<Child> {
        let key = key.as_bytes();
        let Some(rest) = key.strip_prefix(self.prefix) else {
            let index = if key < self.prefix { 0 } else { self.len().saturating_sub(1) };
            return self.child(index);
        };
        let probe = Probe::new(rest);
        // The last child whose separator is not above the key. The first one counts as lowest of all.
        let mut low = 1usize;
        let mut high = self.len();
        while low < high {
            let middle = low.midpoint(high);
            let order = || {
                let start = u16_at(self.offsets, middle)?;
                let end = u16_at(self.offsets, middle.checked_add(1)?)?;
                probe.compare(self.heap, start, end)
            };
            match order() {
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
        let width = self.header.count_width;
        let at = index.checked_mul(usize::from(width));
        match at.and_then(|at| read_packed(self.counts, at, width)) {
            Some(count) => Ok(count),
            None => bad("count", index as u64),
        }
    }

    /// Child number `index`.
    #[inline]
    pub fn child(&self, index: usize) -> Result<Child> {
        let digest = || self.digests.get(index.checked_mul(32)?..)?.first_chunk();
        let page = u32::try_from(index).ok().and_then(|i| self.header.first_child.checked_add(i));
        match (digest(), page) {
            (Some(digest), Some(page)) => Ok(Child {
                page,
                level: self.header.level.saturating_sub(1),
                digest: Digest(*digest),
                before: self.before(index)?,
            }),
            _ => bad("child", index as u64),
        }
    }
}

/// A key as inner pages hold it: bytes whose plain order is the order of the keys.
///
/// The directory with `/` as 0, then 0 0, then the name (FORMAT.md, "Keys").
pub struct Key {
    short: [u8; 256],
    len: usize,
    long: Vec<u8>,
}

impl Key {
    /// The key of a directory and a name in it. Allocates only for paths of more than 254 bytes.
    #[inline]
    pub fn new(directory: &[u8], name: &[u8]) -> Key {
        let mut key = Key { short: [0; 256], len: 0, long: Vec::new() };
        let directory_len = directory.len();
        let total = directory_len.saturating_add(2).saturating_add(name.len());
        let place = if let Some(place) = key.short.get_mut(..total) {
            key.len = total;
            place
        } else {
            key.long.resize(total, 0);
            &mut key.long
        };
        if let Some((head, tail)) = place.split_at_mut_checked(directory_len) {
            for (to, from) in head.iter_mut().zip(directory) {
                *to = directory_byte(*from);
            }
            if let Some(tail) = tail.get_mut(2..) {
                tail.copy_from_slice(name);
            }
        }
        key
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { self.short.get(..self.len).unwrap_or(&[]) } else { &self.long }
    }
}

/// The shortest key that is above `low` and not above `high`.
pub fn separator(low: &Key, high: &Key) -> Vec<u8> {
    let high = high.as_bytes();
    let common = common_prefix(low.as_bytes(), high);
    high.get(..common.saturating_add(1)).unwrap_or(high).to_vec()
}

/// What an inner page holds of one child, while it is being built.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Separator; empty for the first child of a level.
    pub separator: Vec<u8>,
    /// SHA-256 of the child's page.
    pub digest: Digest,
    /// Entries below the child.
    pub entries: u64,
}

/// How many of `slots`, from the first, fit into an inner page of `capacity` bytes.
pub fn fitting(slots: &[Slot], capacity: usize) -> usize {
    let mut best = 0usize;
    let mut suffixes = 0usize;
    let mut total = 0u64;
    let mut prefix: Option<usize> = None;
    for (index, slot) in slots.iter().enumerate() {
        // The first separator of a page is never compared.
        if index > 0 {
            let with =
                slots.get(1).map_or(0, |first| common_prefix(&first.separator, &slot.separator));
            prefix = Some(prefix.map_or(with, |prefix: usize| prefix.min(with)));
            suffixes = suffixes.saturating_add(slot.separator.len());
        }
        let prefix = prefix.unwrap_or(0);
        let children = index.saturating_add(1);
        let heap = suffixes.saturating_sub(prefix.saturating_mul(index)).saturating_add(prefix);
        let len = INNER_HEADER_LEN
            .saturating_add(children.saturating_add(1).saturating_mul(2))
            .saturating_add(
                children.saturating_mul(usize::from(packed_width(total)).saturating_add(32)),
            )
            .saturating_add(heap);
        if len > capacity || children > usize::from(u16::MAX) {
            break;
        }
        best = children;
        total = total.saturating_add(slot.entries);
    }
    best
}

/// Writes an inner page over `slots`, whose pages are numbered from `first_child`.
pub fn write(slots: &[Slot], level: u8, first_child: u32, out: &mut Vec<u8>) -> Result<()> {
    let too_long = || Error::BadField { structure: Structure::Inner, field: "len", value: 0 };
    let to_u16 = |value: usize| u16::try_from(value).map_err(|_| too_long());
    let separators = || slots.iter().skip(1).map(|slot| slot.separator.as_slice());
    let first = separators().next().unwrap_or(&[]);
    let prefix_len =
        separators().map(|separator| common_prefix(first, separator)).min().unwrap_or(0);
    let mut heap = first.get(..prefix_len).unwrap_or(&[]).to_vec();
    let mut offsets = Vec::new();
    let mut counts = Vec::new();
    let mut before = 0u64;
    for (index, slot) in slots.iter().enumerate() {
        offsets.push(to_u16(heap.len())?);
        if index > 0 {
            heap.extend_from_slice(slot.separator.get(prefix_len..).unwrap_or(&[]));
        }
        counts.push(before);
        before = before.saturating_add(slot.entries);
    }
    offsets.push(to_u16(heap.len())?);
    let width = packed_width(counts.last().copied().unwrap_or(0));
    let header = InnerHeader {
        level,
        children: to_u16(slots.len())?,
        prefix_len: to_u16(prefix_len)?,
        count_width: width,
        first_child,
        heap_len: u32::try_from(heap.len()).map_err(|_| too_long())?,
    };
    out.extend_from_slice(&header.to_bytes());
    for offset in offsets {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    for count in counts {
        out.extend_from_slice(count.to_le_bytes().get(..usize::from(width)).unwrap_or(&[]));
    }
    for slot in slots {
        out.extend_from_slice(&slot.digest.0);
    }
    out.extend_from_slice(&heap);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PackPathBuf;
    use alloc::format;

    #[test]
    fn encoded_keys_sort_like_paths() {
        let paths = ["a", "a-", "a/b", "a/b/c", "a/b-/c", "b", "a-/x", "a/\u{1}/x", "a/b/\u{1}"];
        for a in paths {
            for b in paths {
                let (a, b) =
                    (PackPathBuf::new(a.into()).unwrap(), PackPathBuf::new(b.into()).unwrap());
                let key = |path: &PackPathBuf| {
                    Key::new(path.as_path().parent().as_bytes(), path.as_path().name())
                };
                assert_eq!(a.cmp(&b), key(&a).as_bytes().cmp(key(&b).as_bytes()), "{a} {b}");
            }
        }
        let long = [b'x'; 300];
        assert_eq!(Key::new(&long, b"y").as_bytes().len(), 303);
    }

    #[test]
    fn separators_are_short_and_separate() {
        let (low, high) = (Key::new(b"d", b"file_0199"), Key::new(b"d", b"file_0200"));
        let between = separator(&low, &high);
        assert_eq!(between, b"d\0\0file_02");
        assert!(low.as_bytes() < &between[..] && &between[..] <= high.as_bytes());
    }

    #[test]
    fn children_are_found_by_key_and_by_number() {
        let slots: Vec<Slot> = (0..50u8)
            .map(|i| Slot {
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
