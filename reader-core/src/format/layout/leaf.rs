//! Leaf pages: header, sections, runs (FORMAT.md, "Leaf pages").

use super::put::Put;
use super::row::{COLUMNS, Column};
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};

/// First byte of a leaf page.
pub const LEAF: u8 = 1;
/// Length of a leaf page's header, in bytes.
pub const LEAF_HEADER_LEN: usize = 104;
/// Where the runs of a leaf page begin: behind its header.
pub const LEAF_RUNS: u32 = 104;
/// Length of one run of a leaf page, in bytes.
pub const RUN_LEN: usize = 8;
/// A leaf page's fixed header, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct LeafHeader {
    /// Number of entries.
    pub entries: u16,
    /// Number of runs: neighbours in the same directory.
    pub runs: u16,
    /// Where the extra records begin in the heap.
    pub extras: u16,
    /// Length of the heap.
    pub heap_len: u32,
    /// Each column's smallest value.
    pub bases: [u64; COLUMNS],
    /// How many bytes each column takes in a row, 0 to 8.
    pub widths: [u8; COLUMNS],
}

/// Where the bases of the columns begin.
const LEAF_BASES: usize = 16;
/// Where the widths of the columns begin.
const LEAF_WIDTHS: usize = 88;

impl LeafHeader {
    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; LEAF_HEADER_LEN] {
        let mut out = [0u8; LEAF_HEADER_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&[LEAF, 0]);
        put.bytes(&self.entries.to_le_bytes());
        put.bytes(&self.runs.to_le_bytes());
        put.bytes(&self.extras.to_le_bytes());
        put.bytes(&self.heap_len.to_le_bytes());
        put.bytes(&[0; 4]);
        for base in self.bases {
            put.bytes(&base.to_le_bytes());
        }
        put.bytes(&self.widths);
        out
    }
}

/// Where the parts of a leaf page lie, as its header tells: all that a look-up needs at first.
#[derive(Debug, Clone, Copy)]
pub struct LeafShape {
    /// Number of entries.
    pub entries: u16,
    /// Number of runs.
    pub runs: u16,
    /// Where the extra records begin in the heap.
    pub extras: u16,
    /// Length of a row.
    pub stride: u8,
    /// Where the names' places begin.
    pub name_offsets: u32,
    /// Where the rows begin.
    pub rows: u32,
    /// Where the digests begin.
    pub digests: u32,
    /// Where the heap begins.
    pub heap: u32,
    /// Where the heap ends.
    pub end: u32,
}

impl LeafShape {
    /// Reads the header of a leaf page, and checks that all its parts are there.
    #[inline]
    pub fn from_bytes(page: &[u8]) -> Result<LeafShape> {
        let bad = |field, value| Err(Error::BadField { structure: Structure::Leaf, field, value });
        let mut cursor = Cursor::new(Structure::Leaf, page);
        let [kind, reserved] = cursor.array()?;
        let entries = cursor.u16()?;
        let runs = cursor.u16()?;
        let extras = cursor.u16()?;
        let heap_len = cursor.u32()?;
        let Some(widths) = page.get(LEAF_WIDTHS..).and_then(|rest| rest.first_chunk::<COLUMNS>())
        else {
            let (structure, need, have) =
                (Structure::Leaf, LEAF_HEADER_LEN as u64, page.len() as u64);
            return Err(Error::Truncated { structure, need, have });
        };
        if kind != LEAF || reserved != 0 {
            return bad("kind", u64::from(kind));
        }
        let mut stride = 0u8;
        for width in widths {
            if *width > 8 {
                return bad("width", u64::from(*width));
            }
            stride = stride.saturating_add(*width);
        }
        if entries > 0 && runs == 0 {
            return bad("runs", 0);
        }
        // At most 104 + 8 · 65535 + 2 · 65536 + 104 · 65535 + 2^32: no u64 overflows.
        let count = u64::from(entries);
        let name_offsets =
            u64::from(runs).saturating_mul(RUN_LEN as u64).saturating_add(LEAF_HEADER_LEN as u64);
        let rows = name_offsets.saturating_add(count.saturating_add(1).saturating_mul(2));
        let digests = rows.saturating_add(count.saturating_mul(u64::from(stride)));
        let heap = digests.saturating_add(count.saturating_mul(32));
        let end = heap.saturating_add(u64::from(heap_len));
        if end > page.len() as u64 {
            let (need, have) = (end, page.len() as u64);
            return Err(Error::Truncated { structure: Structure::Leaf, need, have });
        }
        let place = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(LeafShape {
            entries,
            runs,
            extras,
            stride,
            name_offsets: place(name_offsets),
            rows: place(rows),
            digests: place(digests),
            heap: place(heap),
            end: place(end),
        })
    }
}

/// A column of a leaf page: its smallest value, where it begins in a row, how many bytes it takes.
#[inline]
pub fn leaf_column(page: &[u8], column: Column) -> Option<(u64, usize, u8)> {
    let index = column as usize;
    let widths = page.get(LEAF_WIDTHS..)?.first_chunk::<COLUMNS>()?;
    let base = page.get(index.checked_mul(8)?.checked_add(LEAF_BASES)?..)?.first_chunk()?;
    let before = widths.get(..index)?.iter().map(|width| usize::from(*width)).sum();
    Some((u64::from_le_bytes(*base), before, *widths.get(index)?))
}

/// Neighbours in a leaf that lie in the same directory, and what their names begin with.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The first of them.
    pub first: u16,
    /// Where in the heap the directory's path begins.
    pub directory: u16,
    /// Length of that path.
    pub directory_len: u16,
    /// Length of the common prefix of the names; it follows the path in the heap.
    pub prefix_len: u16,
}

impl Run {
    /// Reads a run.
    #[inline]
    pub fn from_bytes(bytes: &[u8; RUN_LEN]) -> Run {
        let [a, b, c, d, e, f, g, h] = *bytes;
        Run {
            first: u16::from_le_bytes([a, b]),
            directory: u16::from_le_bytes([c, d]),
            directory_len: u16::from_le_bytes([e, f]),
            prefix_len: u16::from_le_bytes([g, h]),
        }
    }

    /// The run's bytes.
    pub fn to_bytes(&self) -> [u8; RUN_LEN] {
        let mut out = [0u8; RUN_LEN];
        let mut put = Put { out: &mut out };
        for field in [self.first, self.directory, self.directory_len, self.prefix_len] {
            put.bytes(&field.to_le_bytes());
        }
        out
    }
}
