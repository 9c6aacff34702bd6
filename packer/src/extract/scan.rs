//! Entries by their numbers, and how threads share them.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::read::small_files::Share;
use rangepack_core::{Content, EntryRef};
use std::iter::Peekable;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Entries and their numbers.
pub(super) fn scan(
    pack: &Pack,
    range: Range<u64>,
) -> impl Iterator<Item = Result<(u64, EntryRef<'_>)>> {
    let numbers = range.start..;
    numbers.zip(pack.entries_at(range)).map(|(ordinal, entry)| Ok((ordinal, entry?)))
}

/// Numbers of entries, as ranges in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// Adds entries, in any order when [`Ranges::normalise`] follows.
    pub(super) fn push(&mut self, range: Range<u64>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push(range),
        }
    }

    /// Sorts, and leaves every number once.
    pub(super) fn normalise(&mut self) {
        self.0.sort_unstable_by_key(|range| range.start);
        self.0.dedup_by(|later, kept| {
            let overlaps = later.start <= kept.end;
            if overlaps {
                kept.end = kept.end.max(later.end);
            }
            overlaps
        });
    }

    /// The ranges.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> {
        self.0.iter().cloned()
    }

    /// Those of them that lie in `range`.
    #[cfg(feature = "archives")]
    pub(crate) fn within(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let first = self.0.partition_point(|one| one.end <= range.start);
        let here = self.0[first..].iter().take_while(|one| one.start < range.end);
        here.map(|one| one.start.max(range.start)..one.end.min(range.end)).collect()
    }

    /// How many entries.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }
}

/// No more entries than this are handed out at once.
const CHUNK: u64 = 256;

/// Hands out entries to threads, in key order, so that reads go forward.
#[derive(Debug)]
pub(super) struct Chunks<'r> {
    threads: u64,
    state: Mutex<State<'r>>,
}

#[derive(Debug)]
struct State<'r> {
    ranges: &'r [Range<u64>],
    /// How many of the first range are gone.
    gone: u64,
    left: u64,
}

impl<'r> Chunks<'r> {
    /// Chunks of `ranges` for so many threads.
    pub(super) fn new(ranges: &'r Ranges, threads: usize) -> Chunks<'r> {
        let state = State { ranges: &ranges.0, gone: 0, left: ranges.len() };
        Chunks { threads: threads as u64, state: Mutex::new(state) }
    }

    /// Fills `chunk` with the next entries; `false` when there are none.
    pub(super) fn take(&self, chunk: &mut Vec<Range<u64>>) -> bool {
        chunk.clear();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Towards the end the shares become small, so that all threads end together.
        let mut wanted = (state.left / (self.threads * 8)).clamp(1, CHUNK);
        while let Some(range) = state.ranges.first().filter(|_| wanted > 0) {
            let start = range.start + state.gone;
            let end = range.end.min(start + wanted);
            chunk.push(start..end);
            wanted -= end - start;
            state.left -= end - start;
            state.gone += end - start;
            if end == range.end {
                state.ranges = &state.ranges[1..];
                state.gone = 0;
            }
        }
        !chunk.is_empty()
    }
}

/// Hands out files of a remote pack to threads: shares that come in few requests, in the order in which payloads lie.
pub(super) struct Shares<'r, I: Iterator<Item = u64>> {
    pack: &'r Pack,
    numbers: Mutex<Peekable<I>>,
}

impl<'r, I: Iterator<Item = u64>> Shares<'r, I> {
    /// Shares of the files with these numbers.
    pub(super) fn new(pack: &'r Pack, numbers: I) -> Shares<'r, I> {
        Shares { pack, numbers: Mutex::new(numbers.peekable()) }
    }

    /// Fills `files` with the next ones; `false` when there are none.
    pub(super) fn take(&self, files: &mut Vec<(u64, EntryRef<'r>, Content)>) -> Result<bool> {
        files.clear();
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut share = Share::REMOTE;
        while let Some(number) = numbers.peek() {
            // It was read before, and its page is here.
            if let Some(entry) = self.pack.entry_numbered(*number)?
                && let Ok(Some(content)) = entry.content()
            {
                if !share.take_content(Some(&content)) {
                    break;
                }
                files.push((*number, entry, content));
            }
            numbers.next();
        }
        Ok(!files.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_all_numbers_once_and_in_order() {
        let mut ranges = Ranges::default();
        for range in [900..2000, 5..5, 3..4, 0..2, 10..600, 500..700] {
            ranges.push(range);
        }
        ranges.normalise();
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [0..2, 3..4, 10..700, 900..2000]);
        let chunks = Chunks::new(&ranges, 2);
        let (mut chunk, mut seen) = (Vec::new(), Vec::new());
        while chunks.take(&mut chunk) {
            assert!(chunk.iter().map(|range| range.end - range.start).sum::<u64>() <= CHUNK);
            seen.extend(chunk.iter().cloned().flatten());
        }
        assert_eq!(seen, ranges.iter().flatten().collect::<Vec<_>>());
    }
}
