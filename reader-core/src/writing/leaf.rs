//! Writes leaf pages: takes entries in key order until a page is full.

use crate::bytes::{common_prefix, packed_width};
use crate::error::{Error, Result, Structure};
use crate::format::layout::{
    self, COLUMNS, Column, FLAG_BLOCKS, FLAG_GZIP, FLAG_NO_DIGEST, FLAG_ORIGINAL_DIGEST,
    KIND_DIRECTORY, KIND_FILE, KIND_SYMLINK, LEAF_HEADER_LEN, LeafHeader, RUN_LEN, Run,
};
use crate::{Codec, Entry, Kind, PackPath};
use alloc::vec::Vec;

/// Collects entries in key order for one leaf page, and knows how long that page would be.
#[derive(Debug, Clone)]
pub(crate) struct LeafBuilder {
    rows: Vec<[u64; COLUMNS]>,
    digests: Vec<[u8; 32]>,
    names: Vec<u8>,
    name_ends: Vec<usize>,
    runs: Vec<OpenRun>,
    directories: Vec<u8>,
    extras: Vec<u8>,
    low: [u64; COLUMNS],
    high: [u64; COLUMNS],
    /// Bytes of names that the runs' common prefixes save, all runs but the last.
    saved: usize,
    /// Offset given to entries that have no payload, so that they do not widen the column.
    last_offset: u64,
}

#[derive(Debug, Clone, Copy)]
struct OpenRun {
    first: usize,
    directory_start: usize,
    directory_len: usize,
    prefix_len: usize,
}

impl Default for LeafBuilder {
    fn default() -> Self {
        LeafBuilder {
            rows: Vec::new(),
            digests: Vec::new(),
            names: Vec::new(),
            name_ends: Vec::new(),
            runs: Vec::new(),
            directories: Vec::new(),
            extras: Vec::new(),
            low: [u64::MAX; COLUMNS],
            high: [0; COLUMNS],
            saved: 0,
            last_offset: 0,
        }
    }
}

/// What an entry puts into a leaf.
struct Row {
    columns: [u64; COLUMNS],
    digest: [u8; 32],
    extra: Vec<u8>,
}

impl LeafBuilder {
    /// Number of entries so far.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The path of the last entry in two parts, directory and name.
    pub(crate) fn last(&self) -> Option<(&[u8], &[u8])> {
        let run = self.runs.last()?;
        let last = self.rows.len().checked_sub(1)?;
        Some((self.directory(run), self.name(last)))
    }

    fn directory(&self, run: &OpenRun) -> &[u8] {
        let end = run.directory_start.saturating_add(run.directory_len);
        self.directories.get(run.directory_start..end).unwrap_or(&[])
    }

    fn name(&self, slot: usize) -> &[u8] {
        let start = slot.checked_sub(1).and_then(|i| self.name_ends.get(i)).copied().unwrap_or(0);
        let end = self.name_ends.get(slot).copied().unwrap_or(start);
        self.names.get(start..end).unwrap_or(&[])
    }

    /// Adds an entry if the page then is at most `capacity` bytes long; `false` when it is not.
    ///
    /// Keys must ascend; the caller has checked that.
    pub(crate) fn push(&mut self, entry: &Entry, capacity: usize) -> Result<bool> {
        let path = entry.path.as_path();
        let row = self.row(entry);
        let mut low = self.low;
        let mut high = self.high;
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(row.columns) {
            *low = (*low).min(value);
            *high = (*high).max(value);
        }
        let same_run =
            self.runs.last().is_some_and(|run| self.directory(run) == path.parent().as_bytes());
        let len = self.len_with(path, same_run, &low, &high, row.extra.len());
        let fits_u16 = self.rows.len() < usize::from(u16::MAX);
        if len > capacity || !fits_u16 {
            return Ok(false);
        }
        self.append(path, same_run);
        self.low = low;
        self.high = high;
        if let Kind::File(content) = &entry.kind {
            self.last_offset = content.offset;
        }
        self.rows.push(row.columns);
        self.digests.push(row.digest);
        self.extras.extend_from_slice(&row.extra);
        Ok(true)
    }

    fn row(&self, entry: &Entry) -> Row {
        let mut columns = [0u64; COLUMNS];
        let mut digest = [0u8; 32];
        let mut extra = Vec::new();
        let mut set = |column: Column, value: u64| {
            if let Some(place) = columns.get_mut(column as usize) {
                *place = value;
            }
        };
        set(Column::Mode, entry.mode.map_or(0, |mode| u64::from(mode & 0o7777) | (1 << 16)));
        set(Column::Mtime, entry.mtime.map_or(0, |mtime| mtime.cast_unsigned() ^ (1 << 63)));
        let owner = entry.owner;
        set(Column::Uid, owner.map_or(0, |owner| u64::from(owner.uid).saturating_add(1)));
        set(Column::Gid, owner.map_or(0, |owner| u64::from(owner.gid).saturating_add(1)));
        set(Column::Offset, self.last_offset);
        match &entry.kind {
            Kind::File(content) => {
                let mut flags = KIND_FILE;
                set(Column::Volume, u64::from(content.volume));
                set(Column::Offset, content.offset);
                set(Column::StoredSize, content.stored_size);
                match content.digest {
                    Some(value) => digest = value.0,
                    None => flags |= FLAG_NO_DIGEST,
                }
                if content.codec == Codec::Gzip {
                    flags |= FLAG_GZIP;
                    extra.extend(content.size.to_le_bytes());
                }
                if let Some(original) = content.original_digest {
                    flags |= FLAG_ORIGINAL_DIGEST;
                    extra.extend(original.0);
                }
                if let Some(blocks) = content.blocks {
                    flags |= FLAG_BLOCKS;
                    extra.extend(blocks.offset.to_le_bytes());
                    extra.push(blocks.block_log2);
                    extra.extend(blocks.digest.0);
                }
                set(Column::Flags, flags);
            }
            Kind::Directory(totals) => {
                digest = layout::totals_to_bytes(totals);
                set(Column::Flags, KIND_DIRECTORY);
            }
            Kind::Symlink(target) => {
                let len = u16::try_from(target.len()).unwrap_or(u16::MAX);
                extra.extend(len.to_le_bytes());
                extra.extend_from_slice(target);
                set(Column::Flags, KIND_SYMLINK);
            }
        }
        if !extra.is_empty() {
            set(Column::Extra, (self.extras.len() as u64).saturating_add(1));
        }
        Row { columns, digest, extra }
    }

    /// How long the page would be with one more entry.
    fn len_with(
        &self,
        path: PackPath<'_>,
        same_run: bool,
        low: &[u64; COLUMNS],
        high: &[u64; COLUMNS],
        extra: usize,
    ) -> usize {
        let name = path.name();
        let mut runs = self.runs.len();
        let mut heap =
            self.names.len().saturating_add(name.len()).saturating_add(self.extras.len());
        heap = heap.saturating_add(extra).saturating_add(self.directories.len());
        if same_run {
            if let Some(run) = self.runs.last() {
                let prefix = run.prefix_len.min(common_prefix(self.name(run.first), name));
                // One prefix is kept for the run, every name of it saves as much.
                heap = heap.saturating_sub(
                    prefix.saturating_mul(self.rows.len().saturating_sub(run.first)),
                );
            }
        } else {
            // A run of one name has the whole name as its prefix, kept once: nothing is saved.
            runs = runs.saturating_add(1);
            heap = heap
                .saturating_add(path.parent().as_bytes().len())
                .saturating_sub(self.open_saving());
        }
        heap = heap.saturating_sub(self.saved);
        let entries = self.rows.len().saturating_add(1);
        let stride: usize = low
            .iter()
            .zip(high)
            .map(|(low, high)| usize::from(packed_width(high.saturating_sub(*low))))
            .sum();
        LEAF_HEADER_LEN
            .saturating_add(runs.saturating_mul(RUN_LEN))
            .saturating_add(entries.saturating_add(1).saturating_mul(2))
            .saturating_add(entries.saturating_mul(stride.saturating_add(32)))
            .saturating_add(heap)
    }

    /// What the last run's prefix saves so far.
    fn open_saving(&self) -> usize {
        self.runs.last().map_or(0, |run| {
            let names = self.rows.len().saturating_sub(run.first);
            run.prefix_len.saturating_mul(names.saturating_sub(1))
        })
    }

    fn append(&mut self, path: PackPath<'_>, same_run: bool) {
        let name = path.name();
        if same_run {
            let prefix =
                self.runs.last().map_or(0, |run| common_prefix(self.name(run.first), name));
            if let Some(run) = self.runs.last_mut() {
                run.prefix_len = run.prefix_len.min(prefix);
            }
        } else {
            self.saved = self.saved.saturating_add(self.open_saving());
            let directory = path.parent().as_bytes();
            self.runs.push(OpenRun {
                first: self.rows.len(),
                directory_start: self.directories.len(),
                directory_len: directory.len(),
                prefix_len: name.len(),
            });
            self.directories.extend_from_slice(directory);
        }
        self.names.extend_from_slice(name);
        self.name_ends.push(self.names.len());
    }

    /// Writes the page, without padding, and empties the builder.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let too_long = || Error::BadField { structure: Structure::Leaf, field: "len", value: 0 };
        let to_u16 = |value: usize| u16::try_from(value).map_err(|_| too_long());
        let mut heap = Vec::new();
        let mut offsets = Vec::with_capacity(self.rows.len().saturating_add(1));
        let mut ends = self.runs.iter().skip(1).map(|run| run.first);
        for run in &self.runs {
            let end = ends.next().unwrap_or(self.rows.len());
            for slot in run.first..end {
                offsets.push(to_u16(heap.len())?);
                heap.extend_from_slice(self.name(slot).get(run.prefix_len..).unwrap_or(&[]));
            }
        }
        offsets.push(to_u16(heap.len())?);
        let mut runs = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            runs.push(Run {
                first: to_u16(run.first)?,
                directory: to_u16(heap.len())?,
                directory_len: to_u16(run.directory_len)?,
                prefix_len: to_u16(run.prefix_len)?,
            });
            heap.extend_from_slice(self.directory(run));
            heap.extend_from_slice(self.name(run.first).get(..run.prefix_len).unwrap_or(&[]));
        }
        let extras = to_u16(heap.len())?;
        heap.extend_from_slice(&self.extras);
        let mut bases = [0u64; COLUMNS];
        let mut widths = [0u8; COLUMNS];
        for (column, (low, high)) in self.low.iter().zip(self.high).enumerate() {
            if let (Some(base), Some(place), false) =
                (bases.get_mut(column), widths.get_mut(column), self.is_empty())
            {
                *base = *low;
                *place = packed_width(high.saturating_sub(*low));
            }
        }
        let header = LeafHeader {
            entries: to_u16(self.rows.len())?,
            runs: to_u16(runs.len())?,
            extras,
            heap_len: u32::try_from(heap.len()).map_err(|_| too_long())?,
            bases,
            widths,
        };
        out.extend_from_slice(&header.to_bytes());
        for run in &runs {
            out.extend_from_slice(&run.to_bytes());
        }
        for offset in offsets {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        for row in &self.rows {
            for ((value, base), width) in row.iter().zip(bases).zip(widths) {
                let delta = value.saturating_sub(base).to_le_bytes();
                out.extend_from_slice(delta.get(..usize::from(width)).unwrap_or(&[]));
            }
        }
        for digest in &self.digests {
            out.extend_from_slice(digest);
        }
        out.extend_from_slice(&heap);
        // Keep the buffers: the next page needs them again.
        self.rows.clear();
        self.digests.clear();
        self.names.clear();
        self.name_ends.clear();
        self.runs.clear();
        self.directories.clear();
        self.extras.clear();
        self.low = [u64::MAX; COLUMNS];
        self.high = [0; COLUMNS];
        self.saved = 0;
        Ok(())
    }
}
