//! Some files of a pack, by numbers: what a training loop draws from.

use crate::buffer::view;
use crate::entry::Entry;
use crate::errors::raised;
use crate::keys::place;
use crate::pack::{Spot, State, ask};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rangepack::{Globs, Numbers};
use std::sync::Arc;

/// Files of a pack with numbers from 0 on, in the order of the pack. It takes one bit for each entry of the pack.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Files")]
#[derive(Debug)]
pub(crate) struct Files {
    state: Arc<State>,
    /// `None` for all files of the pack.
    chosen: Option<Numbers>,
}

impl Files {
    pub(crate) fn new(
        py: Python<'_>,
        state: Arc<State>,
        select: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Files> {
        let Some(select) = select else {
            ask(py, Arc::clone(&state), |state| state.files().map(|_| ()))?;
            return Ok(Files { state, chosen: None });
        };
        let patterns: Vec<String> = match select.cast::<PyString>() {
            Ok(pattern) => vec![pattern.to_string()],
            Err(_) => select.extract()?,
        };
        let globs = Globs::new(patterns).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let chosen = ask(py, Arc::clone(&state), move |state| {
            let mut path = Vec::new();
            state.pack.number(|entry| {
                path.clear();
                entry.push_path(&mut path);
                entry.is_file() && globs.matches(&path, false)
            })
        })?;
        Ok(Files { state, chosen: Some(chosen) })
    }

    fn numbers(&self) -> PyResult<&Numbers> {
        self.chosen.as_ref().map_or_else(|| self.state.files().map_err(raised), Ok)
    }

    fn spot(&self, number: i64) -> PyResult<Spot> {
        let numbers = self.numbers()?;
        let entry = numbers.entry(place(number, numbers.len())?);
        entry.map(Spot::Entry).ok_or_else(|| PyIndexError::new_err(number))
    }

    /// The contents of files of a pack, as a list of memoryviews.
    pub(crate) fn many(
        py: Python<'_>,
        state: Arc<State>,
        spots: Vec<Spot>,
        threads: usize,
    ) -> PyResult<Bound<'_, PyList>> {
        let read = move |state: &State| {
            Ok(state.pack.contents(&spots, |spot| state.entry(spot), threads))
        };
        let list = PyList::empty(py);
        for answer in ask(py, state, read)? {
            list.append(view(py, answer.map_err(raised)?)?)?;
        }
        Ok(list)
    }
}

#[pymethods]
impl Files {
    fn __len__(&self) -> PyResult<usize> {
        usize::try_from(self.numbers()?.len()).map_err(Into::into)
    }

    /// The content of a file as a read-only memoryview.
    fn __getitem__<'py>(&self, py: Python<'py>, number: i64) -> PyResult<Bound<'py, PyAny>> {
        let spot = self.spot(number)?;
        let read = move |state: &State| state.pack.content(&state.entry(&spot)?);
        view(py, ask(py, Arc::clone(&self.state), read)?)
    }

    /// The contents of many files as a list of memoryviews, in the order of `numbers`.
    #[pyo3(signature = (numbers, *, threads=2))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        numbers: Vec<i64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let spots = numbers.into_iter().map(|number| self.spot(number)).collect::<PyResult<_>>()?;
        Files::many(py, Arc::clone(&self.state), spots, threads)
    }

    /// What the pack knows of a file.
    fn entry(&self, py: Python<'_>, number: i64) -> PyResult<Entry> {
        let spot = self.spot(number)?;
        let entry = ask(py, Arc::clone(&self.state), move |state| {
            state.entry(&spot)?.to_entry().map_err(|error| state.pack.error(error))
        })?;
        Ok(Entry(entry))
    }
}
