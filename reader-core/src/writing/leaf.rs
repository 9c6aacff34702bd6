//! Writes leaf pages: takes entries in key order until a page is full.

use crate::bytes::common_prefix;
use crate::error::{Error, Result};
use crate::format::layout::put::to_u16;
use crate::format::layout::{Above, Heap, LeafCounts, LeafParts, Ranges, Row, RunRecord, leaf_len};
use crate::{Entry, Kind};
use alloc::vec::Vec;

/// Collects entries in key order for one leaf page, and knows how long that page would be.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeafBuilder {
    rows: Vec<Row>,
    ranges: Ranges,
    names: Vec<u8>,
    name_ends: Vec<usize>,
    runs: Vec<OpenRun>,
    directories: Vec<u8>,
    records: Vec<u8>,
    /// Bytes of names that the runs' common prefixes save, all runs but the last.
    saved: usize,
    /// What the next row takes over.
    above: Above,
}

#[derive(Debug, Clone, Copy)]
struct OpenRun {
    first: usize,
    directory_start: usize,
    directory_len: usize,
    prefix_len: usize,
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
    /// `dictionary` is the number of the one that its payload was compressed with.
    /// Keys must ascend; the caller has checked that. Fails with [`Error::TooLarge`] when something of the
    /// entry does not fit into its field, or the entry into no page.
    pub(crate) fn push(
        &mut self,
        entry: &Entry,
        dictionary: Option<u32>,
        capacity: usize,
    ) -> Result<bool> {
        let (parent, name) = entry.path.split();
        let parent = parent.as_bytes();
        let records_before = self.records.len();
        let mut row = Row::default();
        row.write(entry, self.above, dictionary, &mut self.records)?;
        let ranges = self.ranges.with(&row);
        let same_run = self.runs.last().is_some_and(|run| self.directory(run) == parent);
        let prefix = match self.runs.last().filter(|_| same_run) {
            Some(run) => run.prefix_len.min(common_prefix(self.name(run.first), name)),
            // A run of one name has the whole name as its prefix.
            None => name.len(),
        };
        let len = self.len_with((parent, name), same_run, prefix, (&row, &ranges));
        let fits_u16 = self.rows.len() < usize::from(u16::MAX);
        if len > capacity as u64 || !fits_u16 {
            self.records.truncate(records_before);
            if self.is_empty() {
                let (what, limit) = ("length of a page with one entry", capacity as u64);
                return Err(Error::TooLarge { what, value: len, limit });
            }
            return Ok(false);
        }
        self.append((parent, name), same_run, prefix);
        self.ranges = ranges;
        if let Kind::File(content) = &entry.kind {
            self.above.offset = content.offset;
        }
        self.above.plain = self.above.plain.saturating_add(u64::from(!row.has_content_digest()));
        self.rows.push(row);
        Ok(true)
    }

    /// How long the page would be with one more entry, whose record is there already. Lengths that
    /// saturate are over any capacity.
    fn len_with(
        &self,
        (parent, name): (&[u8], &[u8]),
        same_run: bool,
        prefix: usize,
        (row, ranges): (&Row, &Ranges),
    ) -> u64 {
        let mut runs = self.runs.len();
        let mut heap =
            self.names.len().saturating_add(name.len()).saturating_add(self.records.len());
        heap = heap.saturating_add(self.directories.len());
        if same_run {
            if let Some(run) = self.runs.last() {
                // One prefix is kept for the run, every name of it saves as much.
                heap = heap.saturating_sub(
                    prefix.saturating_mul(self.rows.len().saturating_sub(run.first)),
                );
            }
        } else {
            // Its prefix is kept once: a run of one name saves nothing.
            runs = runs.saturating_add(1);
            heap = heap.saturating_add(parent.len()).saturating_sub(self.open_saving());
        }
        heap = heap.saturating_sub(self.saved);
        let before = self.rows.len() as u64;
        let counts = LeafCounts {
            entries: before.saturating_add(1),
            runs: runs as u64,
            content_digests: before
                .saturating_sub(self.above.plain)
                .saturating_add(u64::from(row.has_content_digest())),
        };
        leaf_len(counts, ranges.stride(), heap as u64)
    }

    /// What the last run's prefix saves so far.
    fn open_saving(&self) -> usize {
        self.runs.last().map_or(0, |run| {
            let names = self.rows.len().saturating_sub(run.first);
            run.prefix_len.saturating_mul(names.saturating_sub(1))
        })
    }

    fn append(&mut self, (parent, name): (&[u8], &[u8]), same_run: bool, prefix: usize) {
        if same_run {
            if let Some(run) = self.runs.last_mut() {
                run.prefix_len = prefix;
            }
        } else {
            self.saved = self.saved.saturating_add(self.open_saving());
            self.runs.push(OpenRun {
                first: self.rows.len(),
                directory_start: self.directories.len(),
                directory_len: parent.len(),
                prefix_len: prefix,
            });
            self.directories.extend_from_slice(parent);
        }
        self.names.extend_from_slice(name);
        self.name_ends.push(self.names.len());
    }

    /// Writes the page, without padding, and empties the builder.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let mut heap = Heap::with_capacity(self.rows.len());
        let mut ends = self.runs.iter().skip(1).map(|run| run.first);
        for run in &self.runs {
            let end = ends.next().unwrap_or(self.rows.len());
            for slot in run.first..end {
                heap.push(self.name(slot).get(run.prefix_len..).unwrap_or(&[]))?;
            }
        }
        heap.end_strings()?;
        let mut runs = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            runs.push(RunRecord {
                first: to_u16("entries of a leaf", run.first)?,
                directory: heap.place()?,
                directory_len: to_u16("directory_len", run.directory_len)?,
                prefix_len: to_u16("prefix_len", run.prefix_len)?,
            });
            heap.put(self.directory(run));
            heap.put(self.name(run.first).get(..run.prefix_len).unwrap_or(&[]));
        }
        let records = heap.place()?;
        heap.put(&self.records);
        let (rows, ranges) = (&self.rows[..], &self.ranges);
        LeafParts { runs: &runs, rows, ranges, heap: &heap, records }.write(out)?;
        // Keep the buffers: the next page needs them again.
        self.rows.clear();
        self.ranges = Ranges::default();
        self.names.clear();
        self.name_ends.clear();
        self.runs.clear();
        self.directories.clear();
        self.records.clear();
        self.saved = 0;
        self.above.plain = 0;
        Ok(())
    }
}
