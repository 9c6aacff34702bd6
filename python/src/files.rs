//! Some files of a pack, by numbers: what a training loop draws from.

use crate::arguments::{self, Texts};
use crate::buffer::{Views, view};
use crate::entry::Entry;
use crate::errors::raised;
use crate::groups::{Groups, runs};
use crate::keys::{self, number as number_of, text};
use crate::pack::Pack;
use crate::state::{Spot, State, ask};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice, PyString};
use rangepack::{EntryRef, Globs, Numbers};
use std::sync::Arc;

/// Files of a pack with numbers from 0 on, in the order of the pack. It takes one bit for each entry of the pack, which a
/// slice of it shares.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Files")]
#[derive(Debug)]
pub(crate) struct Files {
    pack: Py<Pack>,
    numbers: Arc<Numbers>,
    slice: Slice,
}

/// Some of the numbers, at one distance from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    start: i64,
    step: i64,
    len: u64,
}

impl Slice {
    /// All of them.
    fn all(numbers: &Numbers) -> Slice {
        Slice { start: 0, step: 1, len: numbers.len() }
    }

    /// A slice of this one.
    fn slice(self, slice: &Bound<'_, PySlice>) -> PyResult<Slice> {
        let inside = slice.indices(isize::try_from(self.len)?)?;
        let start = self.start + inside.start as i64 * self.step;
        // With one or none there is no distance, and what was asked for may be beyond all numbers.
        let step = if inside.slicelength < 2 { 1 } else { self.step * inside.step as i64 };
        Ok(Slice { start, step, len: inside.slicelength as u64 })
    }

    /// The number at a place, counted from the end when it is negative.
    fn at(self, place: i64) -> PyResult<u64> {
        let place = keys::place(place, self.len)?;
        Ok((self.start + place as i64 * self.step) as u64)
    }
}

/// Which files of a pack are meant.
#[derive(Debug)]
pub(crate) struct Wanted {
    select: Option<Globs>,
    exclude: Option<Globs>,
    path: Vec<u8>,
}

impl Wanted {
    /// Those that globs select, or all, without others.
    ///
    /// # Errors
    /// `ValueError` for a glob that is none.
    pub(crate) fn new(select: Option<Texts>, exclude: Option<Texts>) -> PyResult<Wanted> {
        let globs = |texts: Option<Texts>| texts.map(|Texts(texts)| Globs::new(texts)).transpose();
        let globs = |texts| globs(texts).map_err(|error| raised(error.into()));
        Ok(Wanted { select: globs(select)?, exclude: globs(exclude)?, path: Vec::new() })
    }

    /// Whether this entry is one of them.
    pub(crate) fn has(&mut self, entry: &EntryRef<'_>) -> bool {
        let Wanted { select, exclude, path } = self;
        path.clear();
        entry.push_path(path);
        let matches = |globs: &Globs| globs.matches_within(path, false);
        entry.is_file()
            && select.as_ref().is_none_or(matches)
            && !exclude.as_ref().is_some_and(matches)
    }

    /// The path of the entry that was asked about last.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }
}

impl Files {
    pub(crate) fn new(pack: Py<Pack>, numbers: Arc<Numbers>) -> Files {
        let slice = Slice::all(&numbers);
        Files { pack, numbers, slice }
    }

    /// The files of a pack that globs select, or all, without others.
    pub(crate) fn selected(
        pack: &Bound<'_, Pack>,
        select: Option<Texts>,
        exclude: Option<Texts>,
    ) -> PyResult<Files> {
        let py = pack.py();
        let state = pack.get().state(py)?;
        let pack = pack.clone().unbind();
        if select.is_none() && exclude.is_none() {
            let numbers = Arc::clone(state.number_files(py)?);
            return Ok(Files::new(pack, numbers));
        }
        let mut wanted = Wanted::new(select, exclude)?;
        let numbers = ask(py, state, move |state| state.pack.number(|entry| wanted.has(entry)))?;
        Ok(Files::new(pack, Arc::new(numbers)))
    }

    fn spot(&self, place: i64) -> PyResult<Spot> {
        let number = self.slice.at(place)?;
        let entry = self.numbers.entry(number);
        entry.map(Spot::Entry).ok_or_else(|| PyIndexError::new_err(number))
    }

    fn spots(&self, places: &Bound<'_, PyAny>) -> PyResult<Vec<Spot>> {
        if let Some(numbers) = keys::numbers(places)? {
            return numbers.into_iter().map(|number| self.spot(number)).collect();
        }
        places.try_iter()?.map(|place| self.spot(number_of(&place?)?)).collect()
    }

    /// The entries that they are, when they are no slice.
    fn whole(&self) -> PyResult<Arc<Numbers>> {
        if self.slice == Slice::all(&self.numbers) {
            return Ok(Arc::clone(&self.numbers));
        }
        Err(PyValueError::new_err("of a slice of files this is not known"))
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
        usize::try_from(self.slice.len).map_err(Into::into)
    }

    /// The content of a file as a read-only memoryview; of a slice, the files, of which none is read.
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Ok(slice) = key.cast::<PySlice>() {
            let (pack, numbers) = (self.pack.clone_ref(py), Arc::clone(&self.numbers));
            let files = Files { pack, numbers, slice: self.slice.slice(slice)? };
            return Ok(Bound::new(py, files)?.into_any());
        }
        let spot = self.spot(number_of(key)?)?;
        let read = move |state: &State| state.pack.content(&state.entry(&spot)?);
        view(py, ask(py, self.state(py)?, read)?)
    }

    /// The contents, one after the other.
    fn __iter__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let builtins = this.py().import("builtins")?;
        let numbers = builtins.call_method1("range", (this.len()?,))?;
        builtins.call_method1("map", (this.getattr("__getitem__")?, numbers))
    }

    /// The contents of many files as a list of memoryviews, in the order of `numbers`.
    #[pyo3(signature = (numbers, *, threads=2))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        numbers: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = arguments::threads)] threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        Files::many(py, self.state(py)?, self.spots(numbers)?, threads)
    }

    /// What the pack knows of a file.
    fn entry(&self, py: Python<'_>, number: &Bound<'_, PyAny>) -> PyResult<Entry> {
        let spot = self.spot(number_of(number)?)?;
        let entry = ask(py, self.state(py)?, move |state| {
            state.entry(&spot)?.to_entry().map_err(|error| state.pack.error(error))
        })?;
        Ok(Entry(entry))
    }

    /// What the pack knows of many files, in the order of `numbers`.
    fn entries(&self, py: Python<'_>, numbers: &Bound<'_, PyAny>) -> PyResult<Vec<Entry>> {
        let spots = self.spots(numbers)?;
        ask(py, self.state(py)?, move |state| {
            state.each(&spots, |entry| entry.to_entry().map(Entry))
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let location = self.pack.bind(py).as_any().getattr("location")?.repr()?;
        Ok(format!("<rangepack.Files of {location}: {}>", self.slice.len))
    }

    /// Lengths of the contents of many files in bytes, in the order of `numbers`.
    fn sizes(&self, py: Python<'_>, numbers: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let spots = self.spots(numbers)?;
        ask(py, self.state(py)?, move |state| state.each(&spots, |entry| entry.size()))
    }

    /// Files with one stem together: see `Groups`. Reads the index from one end to the other, twice.
    fn groups(&self, py: Python<'_>) -> PyResult<Groups> {
        let numbers = self.whole()?;
        let (members, starts) =
            ask(py, self.state(py)?, move |state| Groups::find(&state.pack, &numbers))?;
        let members = Arc::new(members);
        let files = Files::new(self.pack.clone_ref(py), Arc::clone(&members));
        Ok(Groups::new(Py::new(py, files)?, members, starts))
    }

    /// Runs of files whose directories have the first `depth` components in common, in the order of the pack: what these
    /// are, and the number of the run's first file. Reads the index from one end to the other.
    fn runs<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arguments::depth)] depth: usize,
    ) -> PyResult<Vec<(Bound<'py, PyString>, u64)>> {
        let numbers = self.whole()?;
        let found = ask(py, self.state(py)?, move |state| runs(&state.pack, &numbers, depth))?;
        found.into_iter().map(|(top, first)| Ok((text(py, &top)?, first))).collect()
    }
}
