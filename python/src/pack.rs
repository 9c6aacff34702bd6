//! An open pack as a Python object.

use crate::buffer::view;
use crate::entry::{Entries, Entry};
use crate::errors::raised;
use crate::file::RawFile;
use crate::files::Files;
use crate::keys::{Key, path, place, text};
use crate::work::wait;
use pyo3::exceptions::{PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rangepack::{
    EntryRef, FormatError, Location, Numbers, OpenOptions, PackPath, RemoteOptions, Verify,
    trim_path,
};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// How often this process, or one that it came from, was made by a fork since the module was loaded. Connections do not
/// survive one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// To be called in the child after each fork.
#[pyfunction]
pub(crate) fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// What is open.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) pack: rangepack::Pack,
    files: OnceLock<Arc<Numbers>>,
    forks: u64,
}

impl State {
    fn new(location: &Location, options: &OpenOptions) -> rangepack::Result<State> {
        let pack = rangepack::Pack::open_with(location, options)?;
        Ok(State { pack, files: OnceLock::new(), forks: FORKS.load(Ordering::Relaxed) })
    }

    /// The numbers of all files. The first call reads the whole index.
    pub(crate) fn number_files(self: &Arc<Self>, py: Python<'_>) -> PyResult<&Arc<Numbers>> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = ask(py, Arc::clone(self), |state| state.pack.number(|entry| entry.is_file()))?;
        Ok(self.files.get_or_init(|| Arc::new(files)))
    }

    /// How many files there are, without reading anything.
    fn len(&self) -> u64 {
        let index = self.pack.index();
        index.totals().files.saturating_sub(index.header().symlinks)
    }

    /// The entry at a spot, links followed.
    pub(crate) fn entry(&self, spot: &Spot) -> rangepack::Result<EntryRef<'_>> {
        let number = match spot {
            Spot::Path(path) => return self.pack.entry(path),
            Spot::Entry(number) => *number,
        };
        let index = self.pack.index();
        let entry = self.pack.ask(|pages| index.entry_at(pages, number))?;
        entry.ok_or_else(|| {
            let file_len = index.len();
            self.pack.error(FormatError::OutOfBounds { start: number, len: 1, file_len })
        })
    }
}

/// Where something is in a pack.
#[derive(Debug, Clone)]
pub(crate) enum Spot {
    Path(Vec<u8>),
    /// An entry by its number, as the index counts.
    Entry(u64),
}

/// Many files in one file, and any of them at once.
#[pyclass(frozen, subclass, module = "rangepack._rangepack", name = "Pack")]
#[derive(Debug)]
pub(crate) struct Pack {
    location: Location,
    options: OpenOptions,
    state: RwLock<Option<Arc<State>>>,
}

impl Pack {
    /// What is open; opened anew in a process that was forked when connections are needed.
    ///
    /// # Errors
    /// `ValueError` when it was closed.
    pub(crate) fn state(&self) -> PyResult<Arc<State>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = state.as_ref() else {
            return Err(PyValueError::new_err(format!("the pack {} is closed", self.location)));
        };
        let is_usable = !state.pack.is_remote() || state.forks == FORKS.load(Ordering::Relaxed);
        if is_usable { Ok(Arc::clone(state)) } else { Err(again()) }
    }

    /// The same, opened anew if need be: the same pack, and what was numbered stays numbered.
    ///
    /// # Errors
    /// As for opening; `WrongPackError` when another pack lies there now.
    pub(crate) fn open_state(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        match self.state() {
            Err(error) if error.is_instance_of::<Again>(py) => {
                let old = self.state.read().unwrap_or_else(PoisonError::into_inner).clone();
                let (location, mut options) = (self.location.clone(), self.options.clone());
                if let Some(digest) = old.as_ref().and_then(|old| old.pack.digest()) {
                    options = options.expected(Some(digest));
                }
                let opened = wait(py, move || State::new(&location, &options))?.map_err(raised)?;
                if let Some(files) = old.as_ref().and_then(|old| old.files.get()) {
                    opened.files.get_or_init(|| Arc::clone(files));
                }
                let opened = Arc::new(opened);
                let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                // What the other process opened belongs to that: closing it here would wait for threads that are not here.
                std::mem::forget(state.replace(Arc::clone(&opened)));
                Ok(opened)
            }
            state => state,
        }
    }
}

impl Pack {
    /// Where in the pack a key leads, and the pack.
    fn spot(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<(Arc<State>, Spot)> {
        let state = self.open_state(py)?;
        let spot = spot(py, &state, key)?;
        Ok((state, spot))
    }
}

/// # Errors
/// `IndexError` for a number that no file has, `TypeError` for what is neither number nor path.
pub(crate) fn spot(py: Python<'_>, state: &Arc<State>, key: &Bound<'_, PyAny>) -> PyResult<Spot> {
    let number = match Key::of(key)? {
        Key::Path(path) => return Ok(Spot::Path(path)),
        Key::Number(number) => number,
    };
    let files = state.number_files(py)?;
    let entry = files.entry(place(number, files.len())?);
    entry.map(Spot::Entry).ok_or_else(|| PyIndexError::new_err(number))
}

pyo3::create_exception!(rangepack, Again, PyValueError);

#[cold]
fn again() -> PyErr {
    Again::new_err(())
}

/// Does what may wait for the disk, or longer for a network.
pub(crate) fn ask<T: Send + 'static>(
    py: Python<'_>,
    state: Arc<State>,
    question: impl FnOnce(&State) -> rangepack::Result<T> + Send + 'static,
) -> PyResult<T> {
    if state.pack.is_remote() {
        return wait(py, move || question(&state))?.map_err(raised);
    }
    py.detach(|| question(&state)).map_err(raised)
}

#[pymethods]
impl Pack {
    #[new]
    #[pyo3(signature = (location, *, root=None, verify="index", index=None, alone=false, timeout=30.0, retries=4))]
    #[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
    fn new(
        py: Python<'_>,
        location: &Bound<'_, PyAny>,
        root: Option<&str>,
        verify: &str,
        index: Option<OsString>,
        alone: bool,
        timeout: f64,
        retries: u32,
    ) -> PyResult<Pack> {
        let location: Location = match location.cast::<PyBytes>() {
            Ok(_) => PathBuf::from(location.extract::<OsString>()?).into(),
            Err(_) => location.extract::<PathBuf>()?.into_os_string().into(),
        };
        let root = root.map(str::parse).transpose();
        let root = root.map_err(|_| {
            PyValueError::new_err("root is not a digest: 64 hexadecimal digits are needed")
        })?;
        let verify = match verify {
            "index" => Verify::Index,
            "payloads" => Verify::Payloads,
            _ => {
                let text = format!("verify is \"index\" or \"payloads\", not {verify:?}");
                return Err(PyValueError::new_err(text));
            }
        };
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
        let options = OpenOptions::new()
            .expected(root)
            .verify(verify)
            .index(index.map(Location::from))
            .alone(alone)
            .remote(RemoteOptions::new().timeout(timeout).retries(retries));
        let state = {
            let (location, options) = (location.clone(), options.clone());
            match location.is_url() {
                true => wait(py, move || State::new(&location, &options))?,
                false => py.detach(|| State::new(&location, &options)),
            }
        };
        let state = RwLock::new(Some(Arc::new(state.map_err(raised)?)));
        Ok(Pack { location, options, state })
    }

    /// A file's content as a read-only memoryview: `pack["cats/1.jpg"]`, or `pack[7]`, the eighth file.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (state, spot) = self.spot(py, key)?;
        view(py, ask(py, state, move |state| state.pack.content(&state.entry(&spot)?))?)
    }

    /// A file's content, or `length` bytes of it from `offset` on, as `bytes`. What lies behind the end is not there.
    #[pyo3(signature = (key, offset=0, length=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        offset: u64,
        length: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (state, spot) = self.spot(py, key)?;
        if offset == 0 && length.is_none() {
            let bytes = ask(py, state, move |state| state.pack.content(&state.entry(&spot)?))?;
            return Ok(PyBytes::new(py, &bytes));
        }
        let file = ask(py, state, move |state| state.pack.open_entry(&state.entry(&spot)?))?;
        RawFile::new(file).read_at(py, offset, length.unwrap_or(u64::MAX))
    }

    /// The contents of many files as a list of memoryviews, in the order of `keys` (paths, numbers, or both).
    #[pyo3(signature = (keys, *, threads=2))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let state = self.open_state(py)?;
        let spots = keys.try_iter()?.map(|key| spot(py, &state, &key?));
        Files::many(py, state.clone(), spots.collect::<PyResult<_>>()?, threads)
    }

    /// Opens a file for reading bytes, without a buffer.
    fn raw(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<RawFile> {
        let (state, spot) = self.spot(py, key)?;
        ask(py, state, move |state| state.pack.open_entry(&state.entry(&spot)?)).map(RawFile::new)
    }

    /// What the pack knows of a path or a file's number. Links are followed, unless `follow_symlinks` is false.
    #[pyo3(signature = (key, *, follow_symlinks=true))]
    fn entry(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        follow_symlinks: bool,
    ) -> PyResult<Entry> {
        let (state, spot) = self.spot(py, key)?;
        let entry = ask(py, state, move |state| match &spot {
            Spot::Path(path) if !follow_symlinks => state.pack.symlink_metadata(path),
            spot => state.entry(spot)?.to_entry().map_err(|error| state.pack.error(error)),
        })?;
        Ok(Entry(entry))
    }

    /// What is at a path: `"file"`, `"directory"`, or `None` for nothing. Links are followed.
    fn kind(&self, py: Python<'_>, at: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
        let (state, path) = (self.open_state(py)?, path(at)?.into_owned());
        ask(py, state, move |state| {
            if state.pack.resolve_directory(&path).is_ok() {
                return Ok(Some("directory"));
            }
            Ok(state.pack.exists(&path).then_some("file"))
        })
    }

    /// An iterator over the entries of a directory, in the order of their names.
    #[pyo3(signature = (directory=None))]
    fn scandir(&self, py: Python<'_>, directory: Option<&Bound<'_, PyAny>>) -> PyResult<Entries> {
        let (state, path) = (self.open_state(py)?, optional(directory)?);
        let range = ask(py, Arc::clone(&state), move |state| {
            let directory = state.pack.resolve_directory(&path)?;
            state.pack.ask(|pages| state.pack.index().children(pages, directory.as_path()))
        })?;
        Ok(Entries::new(state, range, false))
    }

    /// The names in a directory, sorted by their bytes.
    #[pyo3(signature = (directory=None))]
    fn listdir<'py>(
        &self,
        py: Python<'py>,
        directory: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (state, path) = (self.open_state(py)?, optional(directory)?);
        let names = ask(py, state, move |state| {
            let mut names = Vec::new();
            for entry in state.pack.read_dir(&path)? {
                names.push(entry?.name_parts().concat());
            }
            Ok(names)
        })?;
        let list = PyList::empty(py);
        names.iter().try_for_each(|name| list.append(text(py, name)?))?;
        Ok(list)
    }

    /// An iterator over everything below a directory: its children, then what is below each of them.
    #[pyo3(signature = (directory=None))]
    fn walk(&self, py: Python<'_>, directory: Option<&Bound<'_, PyAny>>) -> PyResult<Entries> {
        let (state, path) = (self.open_state(py)?, optional(directory)?);
        let range = ask(py, Arc::clone(&state), move |state| {
            let directory = state.pack.resolve_directory(&path)?;
            state.pack.ask(|pages| state.pack.index().subtree(pages, directory.as_path()))
        })?;
        Ok(Entries::new(state, range, false))
    }

    /// The files that a glob matches (as in a .gitignore), or all, with numbers of their own.
    #[pyo3(signature = (select=None))]
    fn files(this: &Bound<'_, Self>, select: Option<&Bound<'_, PyAny>>) -> PyResult<Files> {
        Files::new(this, select)
    }

    /// The number of a file: `pack[pack.number(path)]` is `pack[path]`.
    fn number(&self, py: Python<'_>, at: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (state, path) = (self.open_state(py)?, path(at)?.into_owned());
        let entry = ask(py, Arc::clone(&state), move |state| {
            let Ok(path) = PackPath::new(trim_path(&path)) else { return Ok(None) };
            if state.pack.find(path)?.is_none() {
                return Ok(None);
            }
            let (directory, name) = (path.parent(), path.name());
            let pack = &state.pack;
            pack.ask(|pages| pack.index().lower_bound(pages, directory, name)).map(Some)
        })?;
        let files = state.number_files(py)?;
        entry
            .and_then(|entry| files.number(entry))
            .ok_or_else(|| PyKeyError::new_err(at.to_string()))
    }

    /// How many files there are: links and directories are none.
    fn __len__(&self) -> PyResult<usize> {
        usize::try_from(self.state()?.len()).map_err(Into::into)
    }

    /// Iterates over the paths of all files, in the order of their numbers.
    fn __iter__(&self, py: Python<'_>) -> PyResult<Entries> {
        let state = self.open_state(py)?;
        let entries = 0..state.pack.index().len();
        Ok(Entries::new(state, entries, true))
    }

    /// Whether there is a file or directory at this path.
    fn __contains__(&self, py: Python<'_>, at: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (state, path) = (self.open_state(py)?, path(at)?.into_owned());
        ask(py, state, move |state| Ok(state.pack.exists(&path)))
    }

    /// Where the pack lies: a path or a URL.
    #[getter]
    fn location<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match self.location.disk() {
            Some(path) => text(py, path.as_os_str().as_encoded_bytes()),
            None => Ok(PyString::new(py, &self.url())),
        }
    }

    /// SHA-256 of the root page, which names the pack and all that is in it; `None` for old containers.
    #[getter]
    fn root(&self) -> PyResult<Option<String>> {
        Ok(self.state()?.pack.digest().map(|digest| digest.to_string()))
    }

    /// What kind of file it is: `"rangepack"`, `"ctnrv1"` or `"fpack"`.
    #[getter]
    fn format(&self) -> PyResult<&'static str> {
        Ok(self.state()?.pack.format().name())
    }

    /// What the packer's user said of the pack, by keys.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = self.open_state(py)?;
        let metadata = ask(py, state, |state| state.pack.user_metadata())?;
        let dict = PyDict::new(py);
        metadata.iter().try_for_each(|(key, value)| dict.set_item(key, value))?;
        Ok(dict)
    }

    /// Whether its bytes come over a network.
    #[getter]
    fn is_remote(&self) -> PyResult<bool> {
        Ok(self.state()?.pack.is_remote())
    }

    /// What came over the network so far: `(requests, bytes)`.
    #[getter]
    fn traffic(&self) -> PyResult<(u64, u64)> {
        let traffic = self.state()?.pack.traffic();
        Ok((traffic.requests, traffic.bytes))
    }

    /// Length of the file in bytes.
    #[getter]
    fn nbytes(&self) -> PyResult<u64> {
        Ok(self.state()?.pack.file_len())
    }

    /// Lets go of the file. Files and memoryviews that came from it stay usable.
    fn close(&self) {
        drop(self.state.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// What another process opens the same pack with.
    #[getter]
    fn _options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        // What it is now it is to be there, too.
        let root = self.state()?.pack.digest().map(|digest| digest.to_string());
        dict.set_item("root", root)?;
        let verify = if self.options.verify == Verify::Payloads { "payloads" } else { "index" };
        dict.set_item("verify", verify)?;
        if let Some(index) = &self.options.index {
            dict.set_item("index", index.disk().map(|path| path.as_os_str()))?;
        }
        dict.set_item("alone", self.options.alone)?;
        dict.set_item("timeout", self.options.remote.timeout.as_secs_f64())?;
        dict.set_item("retries", self.options.remote.retries)?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let location = self.location(py)?.repr()?;
        Ok(match self.state() {
            Ok(state) => {
                let (files, bytes) = (state.len(), state.pack.index().totals().bytes);
                let root =
                    state.pack.digest().map_or(String::new(), |digest| format!(" root={digest}"));
                format!("<rangepack.Pack {location} files={files} bytes={bytes}{root}>")
            }
            Err(_) => format!("<rangepack.Pack {location} closed>"),
        })
    }
}

impl Pack {
    /// The address with all that signs it.
    fn url(&self) -> String {
        String::from_utf8_lossy(&self.location.shown_bytes()).into_owned()
    }
}

fn optional(directory: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    directory.map_or(Ok(Vec::new()), |directory| path(directory).map(|path| path.into_owned()))
}
