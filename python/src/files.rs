//! Some files of a pack, by numbers: what a training loop draws from.

use crate::buffer::view;
use crate::entry::Entry;
use crate::errors::raised;
use crate::keys::place;
use crate::pack::{Pack, Spot, State, ask};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rangepack::{Globs, Numbers};
use std::sync::Arc;

/// Files of a pack with numbers from 0 on, in the order of the pack. It takes one bit for each entry of the pack.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Files")]
#[derive(Debug)]
pub(crate) struct Files {
    pack: Py<Pack>,
    /// `None` for all files of the pack.
    chosen: Option<Numbers>,
}

impl Files {
    pub(crate) fn new(
        pack: &Bound<'_, Pack>,
        select: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Files> {
        let py = pack.py();
        let state = pack.get().open_state(py)?;
        let pack = pack.clone().unbind();
        let Some(select) = select else {
            state.number_files(py)?;
            return Ok(Files { pack, chosen: None });
        };
        let patterns: Vec<String> = match select.cast::<PyString>() {
            Ok(pattern) => vec![pattern.to_string()],
            Err(_) => select.extract()?,
        };
        let globs =
            Globs::new(patterns).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let chosen = ask(py, state, move |state| {
            let mut path = Vec::new();
            state.pack.number(|entry| {
                path.clear();
                entry.push_path(&mut path);
                entry.is_file() && globs.matches(&path, false)
            })
        })?;
        Ok(Files { pack, chosen: Some(chosen) })
    }

    /// The pack, and the entries with these numbers.
    fn find<'s>(
        &'s self,
        py: Python<'_>,
        state: &'s Arc<State>,
    ) -> PyResult<impl Fn(i64) -> PyResult<Spot> + 's> {
        let numbers = match &self.chosen {
            Some(chosen) => chosen,
            None => state.number_files(py)?,
        };
        Ok(move |number| {
            let entry = numbers.entry(place(number, numbers.len())?);
            entry.map(Spot::Entry).ok_or_else(|| PyIndexError::new_err(number))
        })
    }

    fn state(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        self.pack.get().open_state(py)
    }

    /// The contents of files of a pack, as a list of memoryviews.
    pub(crate) fn many(
        py: Python<'_>,
        state: Arc<State>,
        spots: Vec<Spot>,
        threads: usize,
    ) -> PyResult<Bound<'_, PyList>> {
        let read =
            move |state: &State| Ok(state.pack.contents(&spots, |spot| state.entry(spot), threads));
        let list = PyList::empty(py);
        for answer in ask(py, state, read)? {
            list.append(view(py, answer.map_err(raised)?)?)?;
        }
        Ok(list)
    }
}

#[pymethods]
impl Files {
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let len = match &self.chosen {
            Some(chosen) => chosen.len(),
            None => self.state(py)?.number_files(py)?.len(),
        };
        usize::try_from(len).map_err(Into::into)
    }

    /// The content of a file as a read-only memoryview.
    fn __getitem__<'py>(&self, py: Python<'py>, number: i64) -> PyResult<Bound<'py, PyAny>> {
        let state = self.state(py)?;
        let spot = self.find(py, &state)?(number)?;
        view(py, ask(py, state, move |state| state.pack.content(&state.entry(&spot)?))?)
    }

    /// The contents of many files as a list of memoryviews, in the order of `numbers`.
    #[pyo3(signature = (numbers, *, threads=2))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        numbers: Vec<i64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let state = self.state(py)?;
        let spots = numbers.into_iter().map(self.find(py, &state)?).collect::<PyResult<_>>()?;
        Files::many(py, state, spots, threads)
    }

    /// What the pack knows of a file.
    fn entry(&self, py: Python<'_>, number: i64) -> PyResult<Entry> {
        let state = self.state(py)?;
        let spot = self.find(py, &state)?(number)?;
        let entry = ask(py, state, move |state| {
            state.entry(&spot)?.to_entry().map_err(|error| state.pack.error(error))
        })?;
        Ok(Entry(entry))
    }
}
