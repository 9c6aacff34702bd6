//! Files that lie beside each other and belong together: by one stem, or by the directory that they are in.

use crate::files::Files;
use crate::keys::place;
use pyo3::prelude::*;
use rangepack::{EntryRef, Numbers};
use std::sync::Arc;

/// Files of a pack in groups with numbers from 0 on: those in one directory whose names agree up to the first dot, as in
/// WebDataset. Files without a dot, or with nothing before it, are in no group. It takes two bits for each entry of the
/// pack: the order of a pack keeps such files together.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Groups")]
#[derive(Debug)]
pub(crate) struct Groups {
    files: Py<Files>,
    /// The entries that are files of groups.
    members: Arc<Numbers>,
    /// The entries that begin a group.
    starts: Numbers,
}

impl Groups {
    pub(crate) fn new(files: Py<Files>, members: Arc<Numbers>, starts: Numbers) -> Groups {
        Groups { files, members, starts }
    }

    /// The files that are in groups, and those that begin one.
    pub(crate) fn find(
        pack: &rangepack::Pack,
        numbers: &Numbers,
    ) -> rangepack::Result<(Numbers, Numbers)> {
        let mut name = Vec::new();
        let mut entries = 0_u64..;
        let members = pack.number(|entry| {
            let is_chosen = entries.next().is_some_and(|entry| numbers.number(entry).is_some());
            is_chosen && stem_of(entry, &mut name).is_some()
        })?;
        let mut last: (Vec<u8>, Vec<u8>) = Default::default();
        let mut entries = 0_u64..;
        let starts = pack.number(|entry| {
            if entries.next().is_none_or(|entry| members.number(entry).is_none()) {
                return false;
            }
            let Some(stem) = stem_of(entry, &mut name) else { return false };
            let directory = entry.directory().as_bytes();
            // No stem is empty, so the first file begins a group.
            if last.1 == stem && last.0 == directory {
                return false;
            }
            last = (directory.to_vec(), stem.to_vec());
            true
        })?;
        Ok((members, starts))
    }
}

/// What a file's name has before its first dot, if there are both.
fn stem_of<'n>(entry: &EntryRef<'_>, name: &'n mut Vec<u8>) -> Option<&'n [u8]> {
    name.clear();
    entry.push_name(name);
    let dot = name.iter().position(|byte| *byte == b'.')?;
    (dot > 0).then(|| &name[..dot])
}

#[pymethods]
impl Groups {
    fn __len__(&self) -> PyResult<usize> {
        usize::try_from(self.starts.len()).map_err(Into::into)
    }

    /// Which files are in a group: from the first of the numbers up to, and without, the second, as `files` counts.
    fn __getitem__(&self, number: i64) -> PyResult<(u64, u64)> {
        let number = place(number, self.starts.len())?;
        let first = |group| self.starts.entry(group).and_then(|entry| self.members.number(entry));
        let end = first(number.saturating_add(1)).unwrap_or(self.members.len());
        Ok((first(number).unwrap_or(end), end))
    }

    /// The files that are in groups.
    #[getter]
    fn files(&self, py: Python<'_>) -> Py<Files> {
        self.files.clone_ref(py)
    }
}

/// Runs of files whose directories have the first `depth` components in common: these, and the number of the first file.
pub(crate) fn runs(
    pack: &rangepack::Pack,
    numbers: &Numbers,
    depth: usize,
) -> rangepack::Result<Vec<(Vec<u8>, u64)>> {
    let mut found: Vec<(Vec<u8>, u64)> = Vec::new();
    for (entry, place) in pack.entries().zip(0_u64..) {
        let entry = entry?;
        let Some(number) = numbers.number(place) else { continue };
        let directory = entry.directory();
        let top = first_components(directory.as_bytes(), depth);
        if found.last().is_none_or(|(last, _)| last != top) {
            found.push((top.to_vec(), number));
        }
    }
    Ok(found)
}

fn first_components(path: &[u8], depth: usize) -> &[u8] {
    let Some(depth) = depth.checked_sub(1) else { return &[] };
    let mut slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.nth(depth).map_or(path, |(end, _)| &path[..end])
}
