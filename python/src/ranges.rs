//! Ranges of entries, for those who read a pack in many tasks: each reads no more of the index than its range.

use crate::arguments::{self, Texts};
use crate::files::{Files, Wanted};
use crate::pack::Pack;
use crate::state::ask;
use pyo3::prelude::*;
use std::sync::Arc;

/// Neighbours, and what is in them.
#[derive(Debug, Default, Clone, Copy)]
struct Range {
    /// The first entry, as the index counts, and the one behind the last.
    start: u64,
    stop: u64,
    files: u64,
    /// Bytes of contents, those of the longest, and of paths.
    bytes: u64,
    longest: u64,
    paths: u64,
}

/// The same as Python has it.
type Told = (u64, u64, u64, u64, u64, u64);

/// Ranges of entries, `most` at most, as tuples: the first entry, the one behind the last, how many files are in it of those
/// that globs select, their bytes, those of the longest, and those of their paths. Ranges without any are left out. Reads the
/// index from one end to the other.
#[pyfunction]
#[pyo3(signature = (pack, select=None, exclude=None, *, most=65536))]
pub(crate) fn ranges(
    py: Python<'_>,
    pack: &Bound<'_, Pack>,
    #[pyo3(from_py_with = arguments::select)] select: Option<Texts>,
    #[pyo3(from_py_with = arguments::exclude)] exclude: Option<Texts>,
    most: u64,
) -> PyResult<Vec<Told>> {
    let mut wanted = Wanted::new(select, exclude)?;
    let ranges = ask(py, pack.get().state(py)?, move |state| {
        let pack = &state.pack;
        let each = pack.index().len().div_ceil(most.max(1)).max(1);
        let (mut ranges, mut range) = (Vec::new(), Range::default());
        for (place, entry) in pack.entries().enumerate() {
            let (place, entry) = (place as u64, entry?);
            if place >= range.start + each {
                if range.files > 0 {
                    ranges.push(range);
                }
                range = Range { start: place, ..Range::default() };
            }
            range.stop = place + 1;
            if wanted.has(&entry) {
                let size = entry.size().map_err(|error| pack.error(error))?;
                range.files += 1;
                range.bytes = range.bytes.saturating_add(size);
                range.longest = range.longest.max(size);
                range.paths += wanted.path().len() as u64;
            }
        }
        ranges.extend(Some(range).filter(|range| range.files > 0));
        Ok(ranges)
    })?;
    let tuple = |range: Range| {
        (range.start, range.stop, range.files, range.bytes, range.longest, range.paths)
    };
    Ok(ranges.into_iter().map(tuple).collect())
}

/// The files that globs select of the entries from `start` on and before `stop`, as the index counts.
#[pyfunction]
#[pyo3(signature = (pack, start, stop, select=None, exclude=None))]
pub(crate) fn files_within(
    pack: &Bound<'_, Pack>,
    start: u64,
    stop: u64,
    #[pyo3(from_py_with = arguments::select)] select: Option<Texts>,
    #[pyo3(from_py_with = arguments::exclude)] exclude: Option<Texts>,
) -> PyResult<Files> {
    let py = pack.py();
    let mut wanted = Wanted::new(select, exclude)?;
    let numbers = ask(py, pack.get().state(py)?, move |state| {
        state.pack.number_within(start..stop, |entry| wanted.has(entry))
    })?;
    Ok(Files::new(pack.clone().unbind(), Arc::new(numbers)))
}
