//! Packs that grow by generations.

use crate::arguments::{Given, options};
use crate::errors::raised;
use crate::keys::{disk, path};
use crate::work::{Meter, run};
use crate::writing::{Packing, Tree, at_places};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rangepack::{CompactOptions, Digest, Error, GrowOptions, PackOptions};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

options! {
    /// How a pack grows.
    Growing {
        incomplete: bool = false,
        checksum: bool = false,
        dry_run: bool = false,
        metadata: Option<BTreeMap<String, String>> = None,
    }
}

impl Growing {
    fn add_to(self, options: PackOptions) -> GrowOptions {
        let options =
            options.incomplete(self.incomplete).metadata(self.metadata.unwrap_or_default());
        GrowOptions::new().pack(options).checksum(self.checksum).dry_run(self.dry_run)
    }
}

/// What became of a pack, and the first of what was left out with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Grown {
    added: u64,
    changed: u64,
    removed: u64,
    payload_bytes: u64,
    index_bytes: u64,
    root: Option<String>,
    previous: Option<String>,
    duplicates: u64,
    failed: u64,
    problems: Vec<(OsString, String)>,
}

/// Adds files: pairs of a path in the pack and one on disk. Links are followed.
#[pyfunction]
#[pyo3(signature = (pack, files, *, progress=None, **options))]
pub(crate) fn add(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] pack: PathBuf,
    files: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Grown> {
    let given = Given::new(options);
    let options = Packing::take(&given)?.add_to(PackOptions::new().follow_links(true))?;
    let options = Growing::take(&given)?.add_to(options);
    given.end("add")?;
    let sources = at_places(files)?;
    grown(py, progress, move |meter| rangepack::add(&pack, sources, &options, meter))
}

/// Makes a generation without these entries, paths and globs of them.
#[pyfunction]
#[pyo3(signature = (pack, paths, *, dry_run=false))]
pub(crate) fn remove(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] pack: PathBuf,
    paths: Vec<Bound<'_, PyAny>>,
    dry_run: bool,
) -> PyResult<Grown> {
    let paths = paths.iter().map(|object| path(object).map(|path| path.into_owned()));
    let paths: Vec<Vec<u8>> = paths.collect::<PyResult<_>>()?;
    let options = GrowOptions::new().dry_run(dry_run);
    grown(py, None, move |meter| rangepack::remove(&pack, &paths, &options, meter))
}

/// Makes a pack equal to the tree below a directory.
#[pyfunction]
#[pyo3(signature = (source, pack, *, progress=None, **options))]
pub(crate) fn sync(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] source: PathBuf,
    #[pyo3(from_py_with = disk)] pack: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Grown> {
    let given = Given::new(options);
    let options = Packing::take(&given)?.add_to(Tree::take(&given)?.options()?)?;
    let options = Growing::take(&given)?.add_to(options);
    given.end("sync")?;
    grown(py, progress, move |meter| rangepack::sync(&source, &pack, &options, meter))
}

/// Makes a pack equal to another.
#[pyfunction]
#[pyo3(signature = (source, pack, *, progress=None, **options))]
pub(crate) fn sync_pack(
    py: Python<'_>,
    source: &Bound<'_, crate::pack::Pack>,
    #[pyo3(from_py_with = disk)] pack: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Grown> {
    let given = Given::new(options);
    let options = Growing::take(&given)?.add_to(PackOptions::new());
    given.end("sync")?;
    let state = source.get().state(py)?;
    grown(py, progress, move |meter| rangepack::sync_pack(&state.pack, &pack, &options, meter))
}

fn grown(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&Meter) -> Result<rangepack::Grown, Error> + Send + 'static,
) -> PyResult<Grown> {
    let work = |meter: &Meter| (work(meter), meter.left_out());
    let (done, left_out) = run(py, progress.as_ref(), work)?;
    let done = done.map_err(raised)?;
    let problem = |(path, problem): (PathBuf, String)| (path.into_os_string(), problem);
    Ok(Grown {
        added: done.added,
        changed: done.changed,
        removed: done.removed,
        payload_bytes: done.payload_bytes,
        index_bytes: done.index_bytes(),
        root: done.finished.as_ref().and_then(|finished| finished.digest).map(text),
        previous: done.previous.map(text),
        duplicates: done.summary.duplicates,
        failed: done.summary.failed,
        problems: left_out.into_iter().map(problem).collect(),
    })
}

fn text(digest: Digest) -> String {
    digest.to_string()
}

/// One state of a pack.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Generation {
    root: String,
    entries: u64,
    files: u64,
    bytes: u64,
    end: u64,
    own_length: u64,
}

/// The generations of a pack, from the newest to the oldest.
#[pyfunction]
pub(crate) fn generations(
    py: Python<'_>,
    pack: &Bound<'_, crate::pack::Pack>,
) -> PyResult<Vec<Generation>> {
    let state = pack.get().state(py)?;
    let work = move |_: &Meter| state.pack.generations().collect::<Result<Vec<_>, Error>>();
    let known = run(py, None, work)?.map_err(raised)?;
    let told = |one: rangepack::Generation| Generation {
        root: text(one.digest),
        entries: one.header.entries,
        files: one.header.totals.files.saturating_sub(one.header.symlinks),
        bytes: one.header.totals.bytes,
        end: one.end,
        own_length: one.own_len,
    };
    Ok(known.into_iter().map(told).collect())
}

/// A pack that was compacted.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Compacted {
    root: Option<String>,
    file_length: u64,
    length_before: u64,
    volumes_before: u32,
}

/// Rewrites a pack without what its last generation does not need.
#[pyfunction]
#[pyo3(signature = (pack, *, volumes=None, progress=None))]
pub(crate) fn compact(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] pack: PathBuf,
    volumes: Option<Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Compacted> {
    let volumes = volumes.map(|volumes| disk(&volumes)).transpose()?;
    let volumes = volumes.map(|volumes| rangepack::Location::from(volumes.into_os_string()));
    let options = CompactOptions::default().open(rangepack::OpenOptions::new().volumes(volumes));
    let work = move |meter: &Meter| rangepack::compact(&pack, &options, meter);
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    Ok(Compacted {
        root: done.finished.digest.map(text),
        file_length: done.finished.file_len,
        length_before: done.file_len_before,
        volumes_before: done.volumes_before,
    })
}
