//! The columns of a leaf's rows: written and read (FORMAT.md, "Leaf pages").

use crate::bytes::{packed_width, push_packed, read_packed};
use alloc::vec::Vec;

/// A column, by its place in bases, widths and rows. What its values mean is told by `entry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Column {
    Flags = 0,
    Mode = 1,
    Mtime = 2,
    Offset = 3,
    StoredSize = 4,
    Size = 5,
    Record = 6,
    Uid = 7,
    Gid = 8,
    Volume = 9,
    Content = 10,
}

/// Number of columns.
pub(super) const COLUMNS: usize = 11;

/// Where the bases of the columns begin in the page.
const BASES: usize = 16;
/// Where the widths of the columns begin in the page.
pub(super) const WIDTHS: usize = 104;

/// What one entry puts into a leaf, besides its path and its record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    /// In the order of [`Column`].
    pub(super) columns: [u64; COLUMNS],
    pub(super) digest: [u8; 32],
    /// SHA-256 of the content, when that is another.
    pub(super) content_digest: Option<[u8; 32]>,
}

impl Row {
    /// Whether a digest of the content is kept beside that of the payload.
    pub(crate) fn has_content_digest(&self) -> bool {
        self.content_digest.is_some()
    }
}

/// The lowest and the highest value of each column: what bases and widths are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranges {
    low: [u64; COLUMNS],
    high: [u64; COLUMNS],
}

impl Default for Ranges {
    fn default() -> Self {
        Ranges { low: [u64::MAX; COLUMNS], high: [0; COLUMNS] }
    }
}

impl Ranges {
    /// The ranges with one more row.
    #[inline]
    pub(crate) fn with(mut self, row: &Row) -> Ranges {
        for ((low, high), value) in self.low.iter_mut().zip(&mut self.high).zip(row.columns) {
            *low = (*low).min(value);
            *high = (*high).max(value);
        }
        self
    }

    /// The widths of the columns, in bytes. Without any row they are 0.
    #[inline]
    pub(super) fn widths(&self) -> [u8; COLUMNS] {
        let mut widths = [0u8; COLUMNS];
        for ((low, high), width) in self.low.iter().zip(self.high).zip(&mut widths) {
            *width = packed_width(high.saturating_sub(*low));
        }
        widths
    }

    /// The lowest value of each column. Without any row they are 0.
    pub(super) fn bases(&self) -> [u64; COLUMNS] {
        let mut bases = self.low;
        for (base, high) in bases.iter_mut().zip(self.high) {
            *base = (*base).min(high);
        }
        bases
    }

    /// Length of a row in bytes.
    #[inline]
    pub(crate) fn stride(&self) -> u64 {
        self.widths().iter().map(|width| u64::from(*width)).sum()
    }

    /// Appends the rows, which all lie in these ranges.
    pub(super) fn push_rows(&self, rows: &[Row], out: &mut Vec<u8>) {
        let (bases, widths) = (self.bases(), self.widths());
        for row in rows {
            for ((value, base), width) in row.columns.iter().zip(bases).zip(widths) {
                push_packed(value.wrapping_sub(base), width, out);
            }
        }
    }
}

/// The value of a column in row number `slot` of `rows`, each `stride` bytes long, in which the columns begin at `begins`.
///
/// Eight bytes must follow each row, so that they are read in one go.
#[inline]
pub(super) fn read<'a>(
    page: &'a [u8],
    rows: impl FnOnce() -> &'a [u8],
    (stride, begins): (u8, &[u8; COLUMNS]),
    slot: usize,
    column: Column,
) -> Option<u64> {
    let index = column as usize;
    let widths = page.get(WIDTHS..)?.first_chunk::<COLUMNS>()?;
    let base = page.get(index.checked_mul(8)?.checked_add(BASES)?..)?.first_chunk()?;
    let begin = usize::from(*begins.get(index)?);
    let at = slot.checked_mul(usize::from(stride))?.checked_add(begin)?;
    let width = *widths.get(index)?;
    u64::from_le_bytes(*base).checked_add(read_packed(rows(), at, width)?)
}
