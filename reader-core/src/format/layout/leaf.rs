//! Leaf pages: sections and runs (FORMAT.md, "Leaf pages").

use super::columns::{self, COLUMNS, Column, Ranges, Row, WIDTHS};
use super::put::{Put, to_u16, to_u32};
use super::strings::{Heap, Strings, places_len};
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use alloc::vec::Vec;
use core::ops::Range;

/// First byte of a leaf page.
const KIND: u8 = 1;
/// Length of the header, in bytes: the runs begin behind it.
const HEADER_LEN: u32 = 120;
/// Length of one run, in bytes.
const RUN_LEN: usize = 8;
/// Length of a digest, in bytes.
const DIGEST_LEN: usize = 32;

/// Where the sections of a leaf page begin, as far as its counts tell.
struct Sections {
    name_places: u64,
    rows: u64,
    digests: u64,
    content_digests: u64,
    heap: u64,
    end: u64,
}

impl Sections {
    #[inline]
    fn new(counts: LeafCounts, stride: u64, heap_len: u64) -> Sections {
        let LeafCounts { entries, runs, content_digests: contents } = counts;
        // Of a page at most 120 + 8 · 65535 + 2 · 65536 + 120 · 65535 + 32 · 65535 + 2^32: no u64 overflows.
        let name_places = runs.saturating_mul(RUN_LEN as u64).saturating_add(u64::from(HEADER_LEN));
        let rows = name_places.saturating_add(places_len(entries));
        let digests = rows.saturating_add(entries.saturating_mul(stride));
        let content_digests = digests.saturating_add(entries.saturating_mul(DIGEST_LEN as u64));
        let heap = content_digests.saturating_add(contents.saturating_mul(DIGEST_LEN as u64));
        let end = heap.saturating_add(heap_len);
        Sections { name_places, rows, digests, content_digests, heap, end }
    }
}

/// What a leaf page has how many of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafCounts {
    pub(crate) entries: u64,
    pub(crate) runs: u64,
    pub(crate) content_digests: u64,
}

/// How long a page with so much in it is, in bytes; `stride` is the length of a row.
#[inline]
pub(crate) fn leaf_len(counts: LeafCounts, stride: u64, heap_len: u64) -> u64 {
    Sections::new(counts, stride, heap_len).end
}

/// A leaf page whose sections were found: nothing was copied, nothing else is believed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafPage<'a> {
    page: &'a [u8],
    entries: u16,
    runs: u16,
    records: u16,
    stride: u8,
    /// Where in a row each column begins.
    columns: [u8; COLUMNS],
    name_places: u32,
    rows: u32,
    digests: u32,
    content_digests: u32,
    heap: u32,
    end: u32,
}

/// Neighbours in the same directory: a run, and what its places in the heap lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafRun<'a> {
    /// The first entry.
    pub(crate) first: usize,
    /// The entry behind the last.
    pub(crate) end: usize,
    pub(crate) directory: &'a [u8],
    /// What all names of the run begin with.
    pub(crate) prefix: &'a [u8],
}

impl<'a> LeafPage<'a> {
    /// Reads the header, and checks that all sections are there. Trailing zeros are ignored.
    #[inline]
    pub(crate) fn from_bytes(page: &'a [u8]) -> Result<LeafPage<'a>> {
        let bad = |field, value| Err(Error::BadField { structure: Structure::Leaf, field, value });
        let truncated = |need| {
            let have = page.len() as u64;
            Err(Error::Truncated { structure: Structure::Leaf, need, have })
        };
        let mut cursor = Cursor::new(Structure::Leaf, page);
        let [kind, reserved] = cursor.array()?;
        let entries = cursor.u16()?;
        let runs = cursor.u16()?;
        let records = cursor.u16()?;
        let heap_len = cursor.u32()?;
        let content_digests = cursor.u16()?;
        let Some(widths) = page.get(WIDTHS..).and_then(|rest| rest.first_chunk::<COLUMNS>()) else {
            return truncated(u64::from(HEADER_LEN));
        };
        if kind != KIND || reserved != 0 {
            return bad("kind", u64::from(kind));
        }
        let (mut stride, mut columns) = (0u8, [0; COLUMNS]);
        for (width, begins) in widths.iter().zip(&mut columns) {
            if *width > 8 {
                return bad("width", u64::from(*width));
            }
            *begins = stride;
            stride = stride.saturating_add(*width);
        }
        if entries > 0 && runs == 0 {
            return bad("runs", 0);
        }
        let counts = LeafCounts {
            entries: entries.into(),
            runs: runs.into(),
            content_digests: content_digests.into(),
        };
        let sections = Sections::new(counts, stride.into(), heap_len.into());
        if sections.end > page.len() as u64 {
            return truncated(sections.end);
        }
        let place = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(LeafPage {
            page,
            entries,
            runs,
            records,
            stride,
            columns,
            name_places: place(sections.name_places),
            rows: place(sections.rows),
            digests: place(sections.digests),
            content_digests: place(sections.content_digests),
            heap: place(sections.heap),
            end: place(sections.end),
        })
    }

    /// What lies from `start` on, up to `end`.
    #[inline]
    fn part(&self, start: u32, end: u32) -> &'a [u8] {
        let place = |value| usize::try_from(value).unwrap_or(usize::MAX);
        self.page.get(place(start)..place(end)).unwrap_or(&[])
    }

    #[inline]
    fn heap(&self) -> &'a [u8] {
        self.part(self.heap, self.end)
    }

    /// Whether it is the same page in memory.
    #[inline]
    pub(crate) fn is_same(&self, other: &LeafPage<'_>) -> bool {
        core::ptr::eq(self.page.as_ptr(), other.page.as_ptr())
    }

    /// Number of entries.
    #[inline]
    pub(crate) fn entries(&self) -> usize {
        usize::from(self.entries)
    }

    /// Number of runs.
    #[inline]
    pub(crate) fn runs(&self) -> usize {
        usize::from(self.runs)
    }

    #[inline]
    fn run_records(&self) -> &'a [[u8; RUN_LEN]] {
        self.part(HEADER_LEN, self.name_places).as_chunks().0
    }

    /// Run number `index`; nothing when it contradicts the page.
    #[inline]
    pub(crate) fn run(&self, index: usize) -> Option<LeafRun<'a>> {
        let records = self.run_records();
        let run = RunRecord::from_bytes(records.get(index)?);
        // The next run's beginning is this one's end.
        let end = match records.get(index.checked_add(1)?) {
            Some(bytes) => usize::from(RunRecord::from_bytes(bytes).first),
            None => self.entries(),
        };
        let rest = self.heap().get(usize::from(run.directory)..)?;
        let (directory, rest) = rest.split_at_checked(usize::from(run.directory_len))?;
        let prefix = rest.get(..usize::from(run.prefix_len))?;
        let first = usize::from(run.first);
        (first < end && end <= self.entries()).then_some(LeafRun { first, end, directory, prefix })
    }

    /// The last run that does not begin behind the entry.
    #[inline]
    pub(crate) fn run_of(&self, slot: usize) -> Option<LeafRun<'a>> {
        let begins = |run: &[u8; RUN_LEN]| usize::from(RunRecord::from_bytes(run).first) <= slot;
        self.run(self.run_records().partition_point(begins).checked_sub(1)?)
    }

    /// The names, without what the runs keep of them.
    #[inline]
    pub(crate) fn names(&self) -> Strings<'a> {
        Strings::new(self.part(self.name_places, self.rows), self.heap())
    }

    /// The value of a column of an entry.
    #[inline]
    pub(crate) fn column(&self, slot: usize, column: Column) -> Option<u64> {
        // The digests behind the rows make it safe to read eight bytes from any place in them.
        let rows = || self.part(self.rows, self.end);
        columns::read(self.page, rows, (self.stride, &self.columns), slot, column)
    }

    /// The first byte of the row of an entry, whatever it means.
    #[inline]
    pub(crate) fn glance(&self, slot: usize) -> u8 {
        let at = slot.saturating_mul(usize::from(self.stride));
        self.part(self.rows, self.end).get(at).copied().unwrap_or(0)
    }

    /// The 32 bytes of an entry that hold its digest.
    #[inline]
    pub(crate) fn digest(&self, slot: usize) -> Option<&'a [u8; DIGEST_LEN]> {
        self.part(self.digests, self.content_digests).as_chunks().0.get(slot)
    }

    /// Digest number `index` of those of contents.
    #[inline]
    pub(super) fn content_digest(&self, index: usize) -> Option<&'a [u8; DIGEST_LEN]> {
        self.part(self.content_digests, self.heap).as_chunks().0.get(index)
    }

    /// Where in the page those bytes lie.
    pub(super) fn digest_range(&self, slot: usize) -> Option<Range<usize>> {
        let start =
            usize::try_from(self.digests).ok()?.checked_add(slot.checked_mul(DIGEST_LEN)?)?;
        Some(start..start.checked_add(DIGEST_LEN)?)
    }

    /// What lies in the heap from `place` in the records on.
    #[inline]
    pub(super) fn record(&self, place: usize) -> Option<&'a [u8]> {
        self.heap().get(usize::from(self.records)..)?.get(place..)
    }

    /// Where in the page the bytes at `place` in the records lie.
    pub(super) fn record_start(&self, place: usize) -> Option<usize> {
        let heap = usize::try_from(self.heap).ok()?;
        heap.checked_add(usize::from(self.records))?.checked_add(place)
    }
}

/// A run as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunRecord {
    /// The first entry.
    pub(crate) first: u16,
    /// Where in the heap the directory's path begins.
    pub(crate) directory: u16,
    /// Length of that path.
    pub(crate) directory_len: u16,
    /// Length of the common prefix of the names; it follows the path in the heap.
    pub(crate) prefix_len: u16,
}

impl RunRecord {
    #[inline]
    fn from_bytes(bytes: &[u8; RUN_LEN]) -> RunRecord {
        let [a, b, c, d, e, f, g, h] = *bytes;
        RunRecord {
            first: u16::from_le_bytes([a, b]),
            directory: u16::from_le_bytes([c, d]),
            directory_len: u16::from_le_bytes([e, f]),
            prefix_len: u16::from_le_bytes([g, h]),
        }
    }

    fn to_bytes(self) -> [u8; RUN_LEN] {
        let mut out = [0u8; RUN_LEN];
        let mut put = Put { out: &mut out };
        for field in [self.first, self.directory, self.directory_len, self.prefix_len] {
            put.bytes(&field.to_le_bytes());
        }
        out
    }
}

/// What a leaf page is made of.
#[derive(Debug)]
pub(crate) struct LeafParts<'a> {
    pub(crate) runs: &'a [RunRecord],
    pub(crate) rows: &'a [Row],
    /// Of all these rows.
    pub(crate) ranges: &'a Ranges,
    /// The names, paths and prefixes of the runs, records.
    pub(crate) heap: &'a Heap,
    /// Where in the heap the records begin.
    pub(crate) records: u16,
}

impl LeafParts<'_> {
    /// Appends the page, without padding.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut header = [0u8; HEADER_LEN as usize];
        let mut put = Put { out: &mut header };
        put.bytes(&[KIND, 0]);
        put.bytes(&to_u16("entries of a leaf", self.rows.len())?.to_le_bytes());
        put.bytes(&to_u16("runs of a leaf", self.runs.len())?.to_le_bytes());
        put.bytes(&self.records.to_le_bytes());
        put.bytes(&to_u32("heap_len of a leaf", self.heap.bytes.len() as u64)?.to_le_bytes());
        let contents = || self.rows.iter().filter_map(|row| row.content_digest);
        put.bytes(&to_u16("content digests of a leaf", contents().count())?.to_le_bytes());
        put.bytes(&[0; 2]);
        for base in self.ranges.bases() {
            put.bytes(&base.to_le_bytes());
        }
        put.bytes(&self.ranges.widths());
        out.extend_from_slice(&header);
        for run in self.runs {
            out.extend_from_slice(&run.to_bytes());
        }
        self.heap.push_places(out);
        self.ranges.push_rows(self.rows, out);
        for row in self.rows {
            out.extend_from_slice(&row.digest);
        }
        contents().for_each(|digest| out.extend_from_slice(&digest));
        out.extend_from_slice(&self.heap.bytes);
        Ok(())
    }
}
