//! An open pack as a Python object.

use crate::arguments::{self, Given, Texts, options};
use crate::buffer::view;
use crate::entry::{Entries, Entry};
use crate::errors::{PackWarning, raised};
use crate::file::RawFile;
use crate::files::Files;
use crate::keys::{disk, numbers, path, text};
use crate::source::Source;
use crate::state::{Handle, Spot, State, ask, numbered, spot};
use crate::whole::strange;
use pyo3::exceptions::{PyFileNotFoundError, PyIndexError, PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rangepack::{Digest, Expected, Location, OpenOptions, Opener, RemoteOptions, Url, Verify};
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

options! {
    /// How a pack is opened.
    Opening {
        root: Option<Digest> = None,
        verify: Verify = Verify::Index,
        index: Option<PathBuf> = None,
        alone: bool = false,
        volumes: Option<PathBuf> = None,
        timeout: Duration = Duration::from_secs(30),
        retries: u32 = 4,
        lookback: Option<u64> = None,
        source: Option<Py<PyAny>> = None,
        later: bool = false,
    }
}

/// Many files in one file, and any of them at once.
#[pyclass(frozen, subclass, module = "rangepack._rangepack", name = "Pack")]
#[derive(Debug)]
pub(crate) struct Pack {
    handle: Handle,
    /// Who reads it, when that is Python.
    source: Option<Arc<Source>>,
    /// Where the parts of a merged pack lie, as it was said.
    volumes: Option<PathBuf>,
}

impl Pack {
    /// What is open.
    ///
    /// # Errors
    /// `ValueError` when it was closed, and those of opening.
    pub(crate) fn state(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        self.handle.state(py)
    }

    /// Where in the pack a key leads, and the pack.
    fn spot(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<(Arc<State>, Spot)> {
        let state = self.state(py)?;
        let spot = spot(py, &state, key)?;
        Ok((state, spot))
    }
}

#[pymethods]
impl Pack {
    #[new]
    #[pyo3(
        signature = (location, **options),
        text_signature = "(location, *, root=None, verify='index', index=None, alone=False, volumes=None, timeout=30.0, \
            retries=4, lookback=None, source=None, later=False)"
    )]
    fn new(
        py: Python<'_>,
        location: &Bound<'_, PyAny>,
        options: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Pack> {
        let given = Given::new(options);
        let Opening {
            root,
            verify,
            index,
            alone,
            volumes,
            timeout,
            retries,
            lookback,
            source,
            later,
        } = Opening::take(&given)?;
        given.end("open")?;
        let location: Location = match source {
            Some(_) => Url::given(&location.extract::<String>()?).into(),
            None => here(disk(location)?.into_os_string().into()),
        };
        let source = source.map(|source| Arc::new(Source::new(source)));
        let mut options = OpenOptions::new()
            .opener(source.clone().map(|source| source as Arc<dyn Opener>))
            .expected(root)
            .verify(verify)
            .index(index.map(|index| Location::from(index.into_os_string())))
            .alone(alone)
            .volumes(volumes.clone().map(|volumes| Location::from(volumes.into_os_string())))
            .remote(RemoteOptions::new().timeout(timeout).retries(retries));
        options.limits.lookback = lookback.unwrap_or(options.limits.lookback);
        let pack = Pack { handle: Handle::new(location, options), source, volumes };
        if !later {
            let state = pack.state(py)?;
            for told in strange(state.pack.notes()) {
                let told = format!("{}: {told}", pack.handle.location);
                let told = CString::new(told).unwrap_or_default();
                PyErr::warn(py, &py.get_type::<PackWarning>(), &told, 1)?;
            }
        }
        Ok(pack)
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

    /// A file's content as a read-only memoryview, or `default` when there is none of this path or number.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.__getitem__(py, key) {
            Err(error) if is_missing(py, &error) => Ok(default),
            content => content.map(Some),
        }
    }

    /// A file's content, or `length` bytes of it from `offset` on, as `bytes`. What lies behind the end is not there.
    #[pyo3(signature = (key, offset=0, length=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = arguments::offset)] offset: u64,
        #[pyo3(from_py_with = arguments::length)] length: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (state, spot) = self.spot(py, key)?;
        if offset == 0 && length.is_none() {
            let bytes = ask(py, state, move |state| state.pack.content(&state.entry(&spot)?))?;
            let copy = PyBytes::new(py, &bytes);
            return bytes.intact().map(|()| copy).map_err(raised);
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
        #[pyo3(from_py_with = arguments::threads)] threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        if keys.is_instance_of::<PyString>() || keys.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("several keys are needed, and this is one: [key]"));
        }
        let state = self.state(py)?;
        let spots = match numbers(keys)? {
            Some(numbers) => {
                let files = state.number_files(py)?;
                let spots = numbers.into_iter().map(|number| numbered(files, number));
                spots.collect::<PyResult<_>>()?
            }
            None => {
                let spots = keys.try_iter()?.map(|key| spot(py, &state, &key?));
                spots.collect::<PyResult<_>>()?
            }
        };
        Files::many(py, state, spots, threads)
    }

    /// Opens a file for reading bytes, without a buffer.
    fn raw(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<RawFile> {
        let (state, spot) = self.spot(py, key)?;
        ask(py, state, move |state| state.pack.open_entry(&state.entry(&spot)?)).map(RawFile::new)
    }

    /// What the pack knows of a path or a file's number. Links are followed, unless `follow_symlinks` is false. The top of a
    /// pack has no entry: `IsADirectoryError`.
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
        let Some(path) = nameable(at)? else { return Ok(None) };
        ask(py, self.state(py)?, move |state| {
            if state.pack.resolve_directory(&path).is_ok() {
                return Ok(Some("directory"));
            }
            Ok(state.pack.exists(&path).then_some("file"))
        })
    }

    /// An iterator over the entries of a directory, in the order of their names.
    #[pyo3(signature = (directory=None))]
    fn scandir(&self, py: Python<'_>, directory: Option<&Bound<'_, PyAny>>) -> PyResult<Entries> {
        let (state, path) = (self.state(py)?, optional(directory)?);
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
        let (state, path) = (self.state(py)?, optional(directory)?);
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
        let (state, path) = (self.state(py)?, optional(directory)?);
        let range = ask(py, Arc::clone(&state), move |state| {
            let directory = state.pack.resolve_directory(&path)?;
            state.pack.ask(|pages| state.pack.index().subtree(pages, directory.as_path()))
        })?;
        Ok(Entries::new(state, range, false))
    }

    /// The files that globs match (as in a .gitignore), or all, without those that `exclude` matches, with numbers of their own.
    #[pyo3(signature = (select=None, *, exclude=None))]
    fn files(
        this: &Bound<'_, Self>,
        #[pyo3(from_py_with = arguments::select)] select: Option<Texts>,
        #[pyo3(from_py_with = arguments::exclude)] exclude: Option<Texts>,
    ) -> PyResult<Files> {
        Files::selected(this, select, exclude)
    }

    /// The number of a file: `pack[pack.number(path)]` is `pack[path]`. A link has that of the file that it leads to.
    fn number(&self, py: Python<'_>, at: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (state, path) = (self.state(py)?, path(at)?.into_owned());
        let files = Arc::clone(state.number_files(py)?);
        ask(py, state, move |state| {
            let pack = &state.pack;
            let found = pack.entry(&path)?.path().map_err(|error| pack.error(error))?;
            let (directory, name) = (found.as_path().parent(), found.as_path().name());
            let entry = pack.ask(|pages| pack.index().lower_bound(pages, directory, name))?;
            files.number(entry).ok_or_else(|| rangepack::Error::WrongKind {
                pack: pack.location().clone(),
                entry: path.into(),
                expected: Expected::File,
            })
        })
    }

    /// How many files there are: links and directories are none.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        usize::try_from(self.state(py)?.len()).map_err(Into::into)
    }

    /// Iterates over the paths of all files, in the order of their numbers.
    fn __iter__(&self, py: Python<'_>) -> PyResult<Entries> {
        let state = self.state(py)?;
        let entries = 0..state.pack.index().len();
        Ok(Entries::new(state, entries, true))
    }

    /// Whether there is a file or directory at this path.
    fn __contains__(&self, py: Python<'_>, at: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Some(path) = nameable(at)? else { return Ok(false) };
        ask(py, self.state(py)?, move |state| Ok(state.pack.exists(&path)))
    }

    /// Where the pack lies: a path or a URL.
    #[getter]
    fn location<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match self.handle.location.disk() {
            Some(path) => text(py, path.as_os_str().as_encoded_bytes()),
            None => Ok(PyString::new(py, &self.url())),
        }
    }

    /// SHA-256 of the root page, which names the pack and all that is in it; `None` for old containers.
    #[getter]
    fn root(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.state(py)?.pack.digest().map(|digest| digest.to_string()))
    }

    /// What kind of file it is: `"rangepack"`, `"ctnrv1"` or `"fpack"`.
    #[getter]
    fn format(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.state(py)?.pack.format().name())
    }

    /// What the packer's user said of the pack, by keys.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = self.state(py)?;
        let metadata = ask(py, state, |state| state.pack.user_metadata())?;
        let dict = PyDict::new(py);
        metadata.iter().try_for_each(|(key, value)| dict.set_item(key, value))?;
        Ok(dict)
    }

    /// Whether its bytes come over a network.
    #[getter]
    fn is_remote(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.state(py)?.pack.is_remote())
    }

    /// What came over the network so far: `(requests, bytes)`.
    #[getter]
    fn traffic(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let traffic = self.state(py)?.pack.traffic();
        Ok((traffic.requests, traffic.bytes))
    }

    /// Length of the file in bytes.
    #[getter]
    fn nbytes(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.state(py)?.pack.file_len())
    }

    /// Raises `CorruptError` when the file was cut short and somebody read where it was: memoryviews show zeros there.
    fn intact(&self, py: Python<'_>) -> PyResult<()> {
        self.state(py)?.pack.intact().map_err(raised)
    }

    /// Lets go of the file. Files and memoryviews that came from it stay usable.
    fn close(&self) {
        self.handle.close();
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// What another process opens the same pack with.
    #[getter]
    fn _options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        // What it is now it is to be there, too.
        let root = self.state(py)?.pack.digest().map(|digest| digest.to_string());
        dict.set_item("root", root)?;
        let verify =
            if self.handle.options.verify == Verify::Payloads { "payloads" } else { "index" };
        dict.set_item("verify", verify)?;
        if let Some(index) = &self.handle.options.index {
            dict.set_item("index", index.disk().map(|path| path.as_os_str()))?;
        }
        dict.set_item("alone", self.handle.options.alone)?;
        if let Some(volumes) = &self.volumes {
            dict.set_item("volumes", volumes.as_os_str())?;
        }
        dict.set_item("timeout", self.handle.options.remote.timeout.as_secs_f64())?;
        dict.set_item("retries", self.handle.options.remote.retries)?;
        dict.set_item("lookback", self.handle.options.limits.lookback)?;
        if let Some(source) = &self.source {
            dict.set_item("source", source.object())?;
        }
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let location = self.location(py)?.repr()?;
        Ok(match self.state(py) {
            Ok(state) => {
                let (files, bytes) = (state.len(), state.pack.index().totals().bytes);
                let root =
                    state.pack.digest().map_or(String::new(), |digest| format!(" root={digest}"));
                format!("<rangepack.Pack {location} files={files} bytes={bytes}{root}>")
            }
            Err(_) if self.handle.is_closed() => format!("<rangepack.Pack {location} closed>"),
            Err(_) => format!("<rangepack.Pack {location} not open>"),
        })
    }
}

impl Pack {
    /// The address with all that signs it.
    fn url(&self) -> String {
        String::from_utf8_lossy(&self.handle.location.shown_bytes()).into_owned()
    }
}

/// The same file, wherever the program goes later.
fn here(location: Location) -> Location {
    match location.disk().map(std::path::absolute) {
        Some(Ok(path)) => path.into(),
        _ => location,
    }
}

/// Whether there is nothing of that name or number.
fn is_missing(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyFileNotFoundError>(py) || error.is_instance_of::<PyIndexError>(py)
}

/// The path, unless it is one that no entry can have.
fn nameable(at: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    match path(at) {
        Ok(path) => Ok(Some(path.into_owned())),
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(at.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn optional(directory: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    directory.map_or(Ok(Vec::new()), |directory| path(directory).map(|path| path.into_owned()))
}
