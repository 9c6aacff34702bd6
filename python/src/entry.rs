//! What a pack knows of a path, and walks over entries.

use crate::keys::text;
use crate::state::{State, ask};
use crate::travel::{self, Plain, plain};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use rangepack::{Entry as Known, Kind};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A file, directory or symbolic link of a pack.
#[pyclass(frozen, module = "rangepack", name = "Entry")]
#[derive(Debug)]
pub(crate) struct Entry(pub(crate) Known);

#[pymethods]
impl Entry {
    /// Its path in the pack, without a slash in front.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text(py, self.0.path.as_bytes())
    }

    /// The last component of its path.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text(py, self.0.path.as_path().name())
    }

    /// `"file"`, `"directory"` or `"link"`.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.kind {
            Kind::Directory(_) => "directory",
            Kind::Symlink(_) => "link",
            _ => "file",
        }
    }

    /// Length of a file's content in bytes; 0 for everything else.
    #[getter]
    fn size(&self) -> u64 {
        match &self.0.kind {
            Kind::File(content) => content.size,
            _ => 0,
        }
    }

    /// How many bytes of the pack it takes; 0 for everything but files.
    #[getter]
    fn stored_size(&self) -> u64 {
        match &self.0.kind {
            Kind::File(content) => content.stored_size,
            _ => 0,
        }
    }

    /// Time of the last change in seconds since 1970, if known.
    #[getter]
    fn mtime(&self) -> Option<f64> {
        self.0.mtime.map(|nanoseconds| nanoseconds as f64 / 1e9)
    }

    /// The same in nanoseconds.
    #[getter]
    fn mtime_ns(&self) -> Option<i64> {
        self.0.mtime
    }

    /// Permissions, if known.
    #[getter]
    fn mode(&self) -> Option<u32> {
        self.0.mode
    }

    /// SHA-256 of a file's content as 64 hexadecimal digits, if known.
    #[getter]
    fn sha256(&self) -> Option<String> {
        match &self.0.kind {
            Kind::File(content) => content.content_digest().map(|digest| digest.to_string()),
            _ => None,
        }
    }

    /// Where a link leads, as it is written.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        match &self.0.kind {
            Kind::Symlink(target) => text(py, target).map(Some),
            _ => Ok(None),
        }
    }

    fn is_file(&self) -> bool {
        matches!(self.0.kind, Kind::File(_))
    }

    fn is_dir(&self) -> bool {
        matches!(self.0.kind, Kind::Directory(_))
    }

    fn is_symlink(&self) -> bool {
        matches!(self.0.kind, Kind::Symlink(_))
    }

    /// The path as it is. An entry is no path of the system, and names itself in packs only.
    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.path.as_bytes())
    }

    fn __eq__(&self, other: &Entry) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Plain,))> {
        let module = py.import("rangepack._rangepack")?;
        Ok((module.getattr("entry")?, (plain(&self.0),)))
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.0.path.as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = self.path(py)?.repr()?;
        Ok(match &self.0.kind {
            Kind::File(content) => format!("<Entry {path} file, {} bytes>", content.size),
            _ => format!("<Entry {path} {}>", self.kind()),
        })
    }
}

/// An entry that was pickled.
#[pyfunction]
pub(crate) fn entry(known: Plain) -> PyResult<Entry> {
    travel::entry(known).map(Entry)
}

/// How many entries are read before they are handed out one by one.
const AHEAD: u64 = 256;

/// An iterator over entries of a pack.
#[pyclass(frozen, module = "rangepack", name = "Entries")]
#[derive(Debug)]
pub(crate) struct Entries {
    state: Arc<State>,
    /// `true` for paths of files instead of entries.
    only_paths: bool,
    walk: Arc<Mutex<Walk>>,
}

#[derive(Debug)]
struct Walk {
    left: Range<u64>,
    read: VecDeque<Known>,
}

impl Entries {
    pub(crate) fn new(state: Arc<State>, left: Range<u64>, only_paths: bool) -> Entries {
        let walk = Arc::new(Mutex::new(Walk { left, read: VecDeque::new() }));
        Entries { state, only_paths, walk }
    }
}

impl Walk {
    fn next(&mut self, state: &State, only_files: bool) -> rangepack::Result<Option<Known>> {
        while self.read.is_empty() && !self.left.is_empty() {
            let end = self.left.end.min(self.left.start.saturating_add(AHEAD));
            for entry in state.pack.entries_at(self.left.start..end) {
                let entry = entry?;
                if !only_files || entry.is_file() {
                    self.read.push_back(entry.to_entry().map_err(|error| state.pack.error(error))?);
                }
            }
            self.left.start = end;
        }
        Ok(self.read.pop_front())
    }
}

#[pymethods]
impl Entries {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let at_hand = || self.walk.try_lock().ok()?.read.pop_front();
        let next = match at_hand() {
            Some(entry) => Some(entry),
            None => {
                let (walk, only_files) = (Arc::clone(&self.walk), self.only_paths);
                ask(py, Arc::clone(&self.state), move |state| {
                    walk.lock().unwrap_or_else(PoisonError::into_inner).next(state, only_files)
                })?
            }
        };
        let Some(entry) = next else { return Ok(None) };
        if self.only_paths {
            return Ok(Some(text(py, entry.path.as_bytes())?.into_any().unbind()));
        }
        Ok(Some(Py::new(py, Entry(entry))?.into_any()))
    }
}
