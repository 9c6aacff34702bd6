//! A tree cut into lists, parts packed of lists, and parts as one pack.

use crate::arguments::{Conflict, Given, options};
use crate::errors::raised;
use crate::keys::{self, disk};
use crate::work::{Meter, run};
use crate::writing::Tree;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use rangepack::{
    Error, Escaped, Filter, Location, MergeInput, MergeOptions, Observer, OnConflict, PackPath,
    PackPathBuf, Sources, listed_name, trim_path,
};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Which paths of a tree are packed: those that a file names, each ended by a NUL byte, or those that were given.
#[derive(Debug)]
pub(crate) enum List {
    File(PathBuf),
    Given(Vec<Vec<u8>>),
}

impl List {
    /// # Errors
    /// `TypeError` for what is neither a path nor several, and what the iterable raises.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<List> {
        let is_text = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
        if is_text || object.hasattr("__fspath__")? {
            return disk(object).map(List::File);
        }
        let paths = object.try_iter()?.map(|path| Ok(keys::path(&path?)?.into_owned()));
        paths.collect::<PyResult<_>>().map(List::Given)
    }

    /// What they name below `source`, as far as `filter` leaves it.
    ///
    /// # Errors
    /// For a list that cannot be read, or that names what is not below `source`; when it is cancelled.
    pub(crate) fn sources(
        self,
        source: &Path,
        filter: &Filter,
        scratch: &Path,
        observer: &dyn Observer,
    ) -> Result<Sources, ListError> {
        let mut sources = Sources::new(scratch);
        let mut add = |number: u64, text: &[u8]| -> Result<(), ListError> {
            let path = path_of(text);
            let name = match listed_name(&path).filter(|_| path.is_relative()) {
                Some(name) => name,
                None => return Err(ListError::Outside { number, path: text.to_vec() }),
            };
            if name.is_empty() || !filter.accepts_listed(&name) {
                return Ok(());
            }
            let place = PackPath::new(&name).map_err(Error::from)?;
            Ok(sources.add_alone(&source.join(path), place)?)
        };
        match self {
            List::Given(paths) => {
                for (number, path) in (1..).zip(&paths) {
                    add(number, path)?;
                }
            }
            List::File(list) => {
                let failed = |source| ListError::Io { list: list.clone(), source };
                let mut lines = BufReader::new(File::open(&list).map_err(failed)?);
                let (mut line, mut number) = (Vec::new(), 0);
                while lines.read_until(0, &mut line).map_err(failed)? > 0 {
                    number += 1;
                    if line.pop() != Some(0) {
                        return Err(ListError::CutShort { list });
                    }
                    if observer.cancelled() {
                        return Err(Error::Cancelled { at: list.into() }.into());
                    }
                    add(number, &line)?;
                    line.clear();
                }
            }
        }
        Ok(sources)
    }
}

/// A path as the system has them.
#[cfg(unix)]
fn path_of(text: &[u8]) -> std::borrow::Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(text)).into()
}

/// The same where paths are Unicode.
#[cfg(not(unix))]
fn path_of(text: &[u8]) -> std::borrow::Cow<'_, Path> {
    PathBuf::from(String::from_utf8_lossy(text).into_owned()).into()
}

/// Why what a list names is not packed.
#[derive(Debug)]
pub(crate) enum ListError {
    Library(Error),
    Io { list: PathBuf, source: std::io::Error },
    CutShort { list: PathBuf },
    Outside { number: u64, path: Vec<u8> },
}

impl From<Error> for ListError {
    fn from(error: Error) -> ListError {
        ListError::Library(error)
    }
}

impl ListError {
    /// As an exception; `otherwise` makes one of an error of the library.
    pub(crate) fn raised(self, otherwise: impl FnOnce(Error) -> PyErr) -> PyErr {
        match self {
            ListError::Library(error) => otherwise(error),
            ListError::Io { list, source } => {
                let number = source.raw_os_error();
                let told = format!("cannot read the list: {}", crate::errors::in_words(&source));
                pyo3::exceptions::PyOSError::new_err((number, told, list.into_os_string()))
            }
            ListError::CutShort { list } => PyValueError::new_err(format!(
                "{}: its last path does not end with a NUL byte, as those of `split` and `find -print0` do; give \
                 files_from the paths themselves where lines end otherwise",
                list.display()
            )),
            ListError::Outside { number, path } => PyValueError::new_err(format!(
                "files_from, path {number}: {}: paths are relative to the source and hold no `..`",
                Escaped(&path)
            )),
        }
    }
}

/// What a tree was cut into, and the first of what cannot be read, with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Split {
    shares: Vec<Share>,
    failed: u64,
    problems: Vec<(OsString, String)>,
}

#[derive(Debug, IntoPyObject)]
struct Share {
    list: OsString,
    files: u64,
    bytes: u64,
}

/// Cuts the tree below `source` into so many lists in the directory `target`. Returns what they are.
#[pyfunction]
#[pyo3(signature = (source, parts, target, *, progress=None, **options))]
pub(crate) fn split(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] source: PathBuf,
    #[pyo3(from_py_with = crate::arguments::parts)] parts: usize,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Split> {
    let given = Given::new(options);
    let options = Tree::take(&given)?.options()?;
    given.end("split")?;
    let work = move |meter: &Meter| {
        let done = rangepack::split(&source, parts, &target, &options, meter);
        done.map(|done| (done, meter.left_out()))
    };
    let done = run(py, progress.as_ref(), work)?.map_err(|error| match error {
        Error::Setting { value, least, most, .. } => {
            PyValueError::new_err(format!("parts is {value}, and takes {least} to {most}"))
        }
        error => raised(error),
    });
    let (done, left_out) = done?;
    let share = |share: rangepack::Share| Share {
        list: share.list.into_os_string(),
        files: share.files,
        bytes: share.bytes,
    };
    let problem = |(path, problem): (PathBuf, String)| (path.into_os_string(), problem);
    Ok(Split {
        shares: done.shares.into_iter().map(share).collect(),
        failed: done.failed,
        problems: left_out.into_iter().map(problem).collect(),
    })
}

options! {
    /// How packs are merged.
    Merging {
        on_conflict: Conflict = Conflict(OnConflict::Refuse),
        volumes: Option<PathBuf> = None,
        overwrite: bool = false,
        fsync: bool = false,
    }
}

/// What was merged.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Merged {
    entries: u64,
    files: u64,
    directories: u64,
    links: u64,
    bytes: u64,
    volumes: u32,
    duplicates: u64,
    file_length: u64,
    root: Option<String>,
}

/// Makes the pack `target` of others by their indexes: `inputs` are pairs of where one lies, and the directory below which its
/// files appear, or `None`. Returns what was made.
#[pyfunction]
#[pyo3(signature = (inputs, target, *, progress=None, **options))]
pub(crate) fn merge(
    py: Python<'_>,
    inputs: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Merged> {
    let given = Given::new(options);
    let Merging { on_conflict: Conflict(on_conflict), volumes, overwrite, fsync } =
        Merging::take(&given)?;
    given.end("merge")?;
    let volumes = volumes.map(|volumes| Location::from(volumes.into_os_string()));
    let options = MergeOptions::new()
        .on_conflict(on_conflict)
        .volumes(volumes.clone())
        .open(rangepack::OpenOptions::new().volumes(volumes))
        .overwrite(overwrite)
        .fsync(fsync);
    let inputs = inputs.try_iter()?.map(|pair| {
        let (at, below): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
        let input = MergeInput::new(Location::from(disk(&at)?.into_os_string()));
        if below.is_none() {
            return Ok(input);
        }
        let below = keys::path(&below)?;
        let directory = PackPathBuf::new(trim_path(&below).to_vec()).map_err(|error| {
            PyValueError::new_err(format!("prefixes: {}: {error}", Escaped(&below)))
        })?;
        Ok(input.below(directory))
    });
    let inputs = inputs.collect::<PyResult<Vec<_>>>()?;
    let work = move |meter: &Meter| rangepack::merge(&inputs, &target, &options, meter);
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let header = &done.finished.header;
    Ok(Merged {
        entries: header.entries,
        files: header.totals.files.saturating_sub(header.symlinks),
        directories: header.totals.directories,
        links: header.symlinks,
        bytes: header.totals.bytes,
        volumes: done.volumes,
        duplicates: done.duplicates,
        file_length: done.finished.file_len,
        root: done.finished.digest.map(|digest| digest.to_string()),
    })
}
