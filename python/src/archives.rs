//! Tar and zip archives: indexes that let them be read where they lie, and archives of packs.

use crate::arguments::{Conflict, Given, Level, options};
use crate::errors::raised;
use crate::keys::{disk, path, text};
use crate::work::{Meter, run};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rangepack::{
    ArchiveFormat, ArchiveIndexOptions, ExportOptions, Filter, Location, OnConflict, Selection,
};
use std::ffi::OsString;
use std::path::PathBuf;

options! {
    /// How archives are indexed.
    Indexing {
        on_conflict: Conflict = Conflict(OnConflict::Refuse),
        volumes: Option<PathBuf> = None,
        overwrite: bool = false,
    }
}

/// What is in an index of archives, and the first of what is not, or cannot be read, with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Indexed {
    files: u64,
    directories: u64,
    links: u64,
    bytes: u64,
    failed: u64,
    unreadable: u64,
    special: u64,
    problems: Vec<(OsString, String)>,
    file_length: u64,
    root: Option<String>,
}

/// Makes the index `target` of one archive or several. Returns what is in it.
#[pyfunction]
#[pyo3(signature = (archives, target, *, progress=None, **options))]
pub(crate) fn index(
    py: Python<'_>,
    archives: Vec<Bound<'_, PyAny>>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Indexed> {
    let given = Given::new(options);
    let Indexing { on_conflict: Conflict(on_conflict), volumes, overwrite } =
        Indexing::take(&given)?;
    given.end("index")?;
    let location = |path: PathBuf| Location::from(path.into_os_string());
    let options = ArchiveIndexOptions::new()
        .on_conflict(on_conflict)
        .volumes(volumes.map(location))
        .overwrite(overwrite);
    let archives = archives.iter().map(|archive| disk(archive).map(location));
    let archives: Vec<Location> = archives.collect::<PyResult<_>>()?;
    let work = move |meter: &Meter| {
        let made = match &archives[..] {
            [archive] if options.volumes.is_none() => {
                rangepack::index_archive(archive.clone(), &target, &options, meter)
            }
            archives => rangepack::index_archives(archives, &target, &options, meter),
        };
        made.map(|made| (made, meter.left_out()))
    };
    let (made, left_out) = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let header = &made.finished.header;
    Ok(Indexed {
        files: header.totals.files.saturating_sub(header.symlinks),
        directories: header.totals.directories,
        links: header.symlinks,
        bytes: header.totals.bytes,
        failed: made.failed,
        unreadable: made.unreadable,
        special: made.special,
        problems: left_out.into_iter().map(|(path, why)| (path.into_os_string(), why)).collect(),
        file_length: made.finished.file_len,
        root: made.finished.digest.map(|digest| digest.to_string()),
    })
}

options! {
    /// How a pack becomes an archive.
    Exporting {
        format: Option<Format> = None,
        deflate: Option<Level> = None,
        overwrite: bool = false,
        fsync: bool = false,
    }
}

/// What is written.
#[derive(Debug)]
pub(crate) struct Format(pub(crate) ArchiveFormat);

/// What is in the archive.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Exported<'py> {
    files: u64,
    hard_links: u64,
    directories: u64,
    links: u64,
    bytes: u64,
    length: u64,
    unmatched: Vec<Bound<'py, PyString>>,
}

/// Writes what `paths` select of a pack, or all of it, into the archive `target`. Returns what is in it.
#[pyfunction]
#[pyo3(signature = (pack, target, paths=None, *, progress=None, **options))]
pub(crate) fn export<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    paths: Option<Vec<Bound<'py, PyAny>>>,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Exported<'py>> {
    let given = Given::new(options);
    let Exporting { format, deflate, overwrite, fsync } = Exporting::take(&given)?;
    given.end("export")?;
    let format = match format.map(|Format(format)| format) {
        Some(format) => format,
        None => ArchiveFormat::of_name(&target).ok_or_else(|| {
            PyValueError::new_err(format!(
                "{}: its name does not say what archive it is; names end in .tar, .tar.gz, .tgz, .tar.zst, .tzst or \
                 .zip, or format says it",
                target.display()
            ))
        })?,
    };
    let deflate = deflate.map(|Level(level)| level);
    match deflate {
        Some(_) if format != ArchiveFormat::Zip => {
            return Err(PyValueError::new_err("deflate is for zip archives"));
        }
        Some(10..) => return Err(PyValueError::new_err("deflate has levels from 1 to 9")),
        _ => {}
    }
    let mut options =
        ExportOptions::new().format(format).deflate(deflate).overwrite(overwrite).fsync(fsync);
    if let Some(paths) = paths {
        let paths = paths.iter().map(|object| path(object).map(|path| path.into_owned()));
        let paths: Vec<Vec<u8>> = paths.collect::<PyResult<_>>()?;
        options = options.selection(Selection::new(paths, Filter::default()));
    }
    let state = pack.get().state(py)?;
    let work = move |meter: &Meter| rangepack::export(&state.pack, &target, &options, meter);
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let unmatched = done.unmatched.iter().map(|path| text(py, path.as_bytes()));
    Ok(Exported {
        files: done.files,
        hard_links: done.hard_links,
        directories: done.directories,
        links: done.symlinks,
        bytes: done.bytes,
        length: done.archive_len,
        unmatched: unmatched.collect::<PyResult<_>>()?,
    })
}
