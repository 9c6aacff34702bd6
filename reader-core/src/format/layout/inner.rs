//! Inner pages: header and sections (FORMAT.md, "Inner pages").

use super::put::{Put, to_u16, to_u32};
use super::strings::{Heap, Strings, places_len};
use crate::Digest;
use crate::bytes::{Cursor, packed_width, push_packed, read_packed};
use crate::error::{Error, Result, Structure};
use alloc::vec::Vec;

/// First byte of an inner page.
const KIND: u8 = 2;
/// Length of an inner page's header, in bytes.
pub const INNER_HEADER_LEN: usize = 16;
/// Length of a digest, in bytes.
const DIGEST_LEN: usize = 32;

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Inner, field, value })
}

/// Whether a page is an inner page, if it is one at all.
#[inline]
pub(crate) fn is_inner(page: &[u8]) -> bool {
    page.first() == Some(&KIND)
}

/// An inner page's fixed header.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a record of version 1, all of it")]
pub struct InnerHeader {
    /// 1 for pages just above the leaves.
    pub level: u8,
    /// Number of children.
    pub children: u16,
    /// Length of what all separators begin with; it stands first in the heap.
    pub prefix_len: u16,
    /// Bytes of each count, 0 to 8.
    pub count_width: u8,
    /// Page number of the first child; the others follow it.
    pub first_child: u32,
    /// Length of the heap.
    pub heap_len: u32,
}

impl InnerHeader {
    /// Reads the header of an inner page.
    ///
    /// # Errors
    /// [`Error::Truncated`], or [`Error::BadField`] for values that no inner page has.
    #[inline]
    pub fn from_bytes(page: &[u8]) -> Result<InnerHeader> {
        let mut cursor = Cursor::new(Structure::Inner, page);
        let [kind, level] = cursor.array()?;
        let children = cursor.u16()?;
        let prefix_len = cursor.u16()?;
        let [count_width, reserved] = cursor.array()?;
        let first_child = cursor.u32()?;
        let heap_len = cursor.u32()?;
        if kind != KIND || reserved != 0 {
            return bad("kind", u64::from(kind));
        }
        if level == 0 {
            return bad("level", 0);
        }
        if children == 0 {
            return bad("children", 0);
        }
        if count_width > 8 {
            return bad("count_width", u64::from(count_width));
        }
        Ok(InnerHeader { level, children, prefix_len, count_width, first_child, heap_len })
    }

    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; INNER_HEADER_LEN] {
        let mut out = [0u8; INNER_HEADER_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&[KIND, self.level]);
        put.bytes(&self.children.to_le_bytes());
        put.bytes(&self.prefix_len.to_le_bytes());
        put.bytes(&[self.count_width, 0]);
        put.bytes(&self.first_child.to_le_bytes());
        put.bytes(&self.heap_len.to_le_bytes());
        out
    }
}

/// An inner page whose sections were found: nothing was copied, nothing else is believed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InnerPage<'a> {
    pub(crate) header: InnerHeader,
    /// Without the prefix; the first one is never compared.
    pub(crate) separators: Strings<'a>,
    /// What all separators but the first begin with.
    pub(crate) prefix: &'a [u8],
    counts: &'a [u8],
    digests: &'a [u8],
}

impl<'a> InnerPage<'a> {
    /// Reads the header, and checks that all sections are there. Trailing zeros are ignored.
    #[inline]
    pub(crate) fn from_bytes(page: &'a [u8]) -> Result<InnerPage<'a>> {
        let header = InnerHeader::from_bytes(page)?;
        let children = usize::from(header.children);
        let mut cursor = Cursor::new(Structure::Inner, page);
        cursor.take(INNER_HEADER_LEN)?;
        let places = places_len(u64::from(header.children));
        let places = cursor.take(usize::try_from(places).unwrap_or(usize::MAX))?;
        // Counts are read with eight-byte loads: the digests behind them make that safe.
        let counts = cursor.rest();
        cursor.take(children.saturating_mul(usize::from(header.count_width)))?;
        let digests = cursor.take(children.saturating_mul(DIGEST_LEN))?;
        let heap = cursor.take(usize::try_from(header.heap_len).unwrap_or(usize::MAX))?;
        let Some(prefix) = heap.get(..usize::from(header.prefix_len)) else {
            return bad("prefix_len", u64::from(header.prefix_len));
        };
        let separators = Strings::new(places, heap);
        Ok(InnerPage { header, separators, prefix, counts, digests })
    }

    /// Number of entries below the children before this one.
    #[inline]
    pub(crate) fn count(&self, index: usize) -> Option<u64> {
        let width = self.header.count_width;
        read_packed(self.counts, index.checked_mul(usize::from(width))?, width)
    }

    /// SHA-256 of a child's page.
    #[inline]
    pub(crate) fn digest(&self, index: usize) -> Option<Digest> {
        let digest = self.digests.get(index.checked_mul(DIGEST_LEN)?..)?.first_chunk()?;
        Some(Digest(*digest))
    }
}

/// How long a page with so many children is, in bytes, when `last_count` is the highest of their counts.
pub(crate) fn inner_len(children: u64, last_count: u64, heap_len: u64) -> u64 {
    let record = u64::from(packed_width(last_count)).saturating_add(DIGEST_LEN as u64);
    (INNER_HEADER_LEN as u64)
        .saturating_add(places_len(children))
        .saturating_add(children.saturating_mul(record))
        .saturating_add(heap_len)
}

/// What an inner page is made of.
#[derive(Debug)]
pub(crate) struct InnerParts<'a> {
    pub(crate) level: u8,
    pub(crate) first_child: u32,
    /// Length of the prefix, with which the heap begins.
    pub(crate) prefix_len: usize,
    /// The prefix, then the separators.
    pub(crate) heap: &'a Heap,
    /// Of each child, ascending.
    pub(crate) counts: &'a [u64],
    /// Of each child's page.
    pub(crate) digests: &'a [Digest],
}

impl InnerParts<'_> {
    /// Appends the page, without padding.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let count_width = packed_width(self.counts.last().copied().unwrap_or(0));
        let header = InnerHeader {
            level: self.level,
            children: to_u16("children of an inner page", self.counts.len())?,
            prefix_len: to_u16("prefix_len of an inner page", self.prefix_len)?,
            count_width,
            first_child: self.first_child,
            heap_len: to_u32("heap_len of an inner page", self.heap.bytes.len() as u64)?,
        };
        out.extend_from_slice(&header.to_bytes());
        self.heap.push_places(out);
        for count in self.counts {
            push_packed(*count, count_width, out);
        }
        for digest in self.digests {
            out.extend_from_slice(&digest.0);
        }
        out.extend_from_slice(&self.heap.bytes);
        Ok(())
    }
}
