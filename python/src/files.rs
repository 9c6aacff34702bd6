//! Some files of a pack, by numbers: what a training loop draws from.

use crate::buffer::{Views, view};
use crate::entry::Entry;
use crate::errors::raised;
use crate::groups::{Groups, runs};
use crate::keys::{number as number_of, text};
use crate::pack::Pack;
use crate::state::{Spot, State, ask, numbered};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rangepack::{Globs, Numbers};
use std::sync::Arc;

/// Files of a pack with numbers from 0 on, in the order of the pack. It takes one bit for each entry of the pack.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Files")]
#[derive(Debug)]
pub(crate) struct Files {
    pack: Py<Pack>,
    numbers: Arc<Numbers>,
}

impl Files {
    pub(crate) fn new(
        pack: &Bound<'_, Pack>,
        select: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Files> {
        let py = pack.py();
        let state = pack.get().state(py)?;
        let pack = pack.clone().unbind();
        let Some(select) = select else {
            let numbers = Arc::clone(state.number_files(py)?);
            return Ok(Files { pack, numbers });
        };
        let patterns: Vec<String> = match select.cast::<PyString>() {
            Ok(pattern) => vec![pattern.to_string()],
            Err(_) => select.extract()?,
        };
        let globs =
            Globs::new(patterns).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let numbers = ask(py, state, move |state| {
            let mut path = Vec::new();
            state.pack.number(|entry| {
                path.clear();
                entry.push_path(&mut path);
                entry.is_file() && globs.matches_within(&path, false)
            })
        })?;
        Ok(Files { pack, numbers: Arc::new(numbers) })
    }

    fn spot(&self, number: i64) -> PyResult<Spot> {
        numbered(&self.numbers, number)
    }

    fn spots(&self, numbers: Vec<i64>) -> PyResult<Vec<Spot>> {
        numbers.into_iter().map(|number| self.spot(number)).collect()
    }

    fn state(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        self.pack.get().state(py)
    }

    /// The contents of files of a pack, as a list of memoryviews.
    pub(crate) fn many(
        py: Python<'_>,
        state: Arc<State>,
        spots: Vec<Spot>,
        threads: usize,
    ) -> PyResult<Bound<'_, PyList>> {
        let read = move |state: &State| {
            let find = |spots: &[Spot], found: &mut Vec<_>| state.entries(spots, found);
            Ok(state.pack.contents(&spots, find, threads))
        };
        let mut views = Views::default();
        let answers = ask(py, state, read)?.into_iter();
        let lent = answers.map(|answer| views.view(py, answer.map_err(raised)?));
        PyList::new(py, lent.collect::<PyResult<Vec<_>>>()?)
    }
}

#[pymethods]
impl Files {
    fn __len__(&self) -> PyResult<usize> {
        usize::try_from(self.numbers.len()).map_err(Into::into)
    }

    /// The content of a file as a read-only memoryview.
    fn __getitem__<'py>(&self, number: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, number) = (number.py(), number_of(number)?);
        let spot = self.spot(number)?;
        let read = move |state: &State| state.pack.content(&state.entry(&spot)?);
        view(py, ask(py, self.state(py)?, read)?)
    }

    /// The contents of many files as a list of memoryviews, in the order of `numbers`.
    #[pyo3(signature = (numbers, *, threads=2))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        numbers: Vec<i64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        Files::many(py, self.state(py)?, self.spots(numbers)?, threads)
    }

    /// What the pack knows of a file.
    fn entry(&self, py: Python<'_>, number: i64) -> PyResult<Entry> {
        let spot = self.spot(number)?;
        let entry = ask(py, self.state(py)?, move |state| {
            state.entry(&spot)?.to_entry().map_err(|error| state.pack.error(error))
        })?;
        Ok(Entry(entry))
    }

    /// What the pack knows of many files, in the order of `numbers`.
    fn entries(&self, py: Python<'_>, numbers: Vec<i64>) -> PyResult<Vec<Entry>> {
        let spots = self.spots(numbers)?;
        ask(py, self.state(py)?, move |state| {
            state.each(&spots, |entry| entry.to_entry().map(Entry))
        })
    }

    /// Lengths of the contents of many files in bytes, in the order of `numbers`.
    fn sizes(&self, py: Python<'_>, numbers: Vec<i64>) -> PyResult<Vec<u64>> {
        let spots = self.spots(numbers)?;
        ask(py, self.state(py)?, move |state| state.each(&spots, |entry| entry.size()))
    }

    /// Files with one stem together: see `Groups`. Reads the index from one end to the other, twice.
    fn groups(&self, py: Python<'_>) -> PyResult<Groups> {
        let numbers = Arc::clone(&self.numbers);
        let (members, starts) =
            ask(py, self.state(py)?, move |state| Groups::find(&state.pack, &numbers))?;
        let members = Arc::new(members);
        let files = Files { pack: self.pack.clone_ref(py), numbers: Arc::clone(&members) };
        Ok(Groups::new(Py::new(py, files)?, members, starts))
    }

    /// Runs of files whose directories have the first `depth` components in common, in the order of the pack: what these
    /// are, and the number of the run's first file. Reads the index from one end to the other.
    fn runs<'py>(
        &self,
        py: Python<'py>,
        depth: usize,
    ) -> PyResult<Vec<(Bound<'py, PyString>, u64)>> {
        let numbers = Arc::clone(&self.numbers);
        let found = ask(py, self.state(py)?, move |state| runs(&state.pack, &numbers, depth))?;
        found.into_iter().map(|(top, first)| Ok((text(py, &top)?, first))).collect()
    }
}
