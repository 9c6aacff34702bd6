//! Packing, extracting and verifying.

use crate::errors::raised;
use crate::keys::{path, text};
use crate::whole::strange;
use crate::work::{Meter, run, run_telling};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rangepack::{
    ExtractOptions, Filter, FilterOptions, PackOptions, PackPath, Present, Replace, Selection,
    Sources, Stopped, Summary, VerifyOptions, trim_path,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Packs the tree below `source` into `target`, which appears when it is complete, or not at all. Returns what was packed.
#[pyfunction]
#[pyo3(signature = (
    source, target, *, compress=None, level=6, include=vec![], exclude=vec![], extensions=vec![], hidden=true,
    gitignore=false, follow_links=false, overwrite=false, strict=false, fsync=false, threads=None,
    metadata=BTreeMap::new(), progress=None
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn pack<'py>(
    py: Python<'py>,
    source: PathBuf,
    target: PathBuf,
    compress: Option<&str>,
    level: u32,
    include: Vec<String>,
    exclude: Vec<String>,
    extensions: Vec<String>,
    hidden: bool,
    gitignore: bool,
    follow_links: bool,
    overwrite: bool,
    strict: bool,
    fsync: bool,
    threads: Option<usize>,
    metadata: BTreeMap<String, String>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let tree = Tree { include, exclude, extensions, hidden, gitignore, follow_links };
    let options = tree
        .options()?
        .compress(compression(compress, level)?)
        .overwrite(overwrite)
        .strict(strict)
        .fsync(fsync)
        .threads(threads.unwrap_or_else(rangepack::default_threads))
        .metadata(metadata);
    let work = move |meter: &Meter| {
        rangepack::pack(&source, &target, &options, meter).map(|done| (done, meter.left_out()))
    };
    let (packed, left_out) = run(py, progress.as_ref(), work)?.map_err(raised)?;
    sums(py, &packed.summary, left_out)
}

/// Packs files from anywhere: `files` are pairs of a path on disk and one in the pack. Links are followed.
#[pyfunction]
#[pyo3(signature = (
    files, target, *, compress=None, level=6, overwrite=false, strict=true, fsync=false, threads=None,
    metadata=BTreeMap::new(), progress=None
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn pack_files<'py>(
    py: Python<'py>,
    files: &Bound<'py, PyAny>,
    target: PathBuf,
    compress: Option<&str>,
    level: u32,
    overwrite: bool,
    strict: bool,
    fsync: bool,
    threads: Option<usize>,
    metadata: BTreeMap<String, String>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let mut sources = Sources::new(&std::env::temp_dir());
    for pair in files.try_iter()? {
        let (disk, at): (PathBuf, Bound<'_, PyAny>) = pair?.extract()?;
        let at = path(&at)?;
        let named = PackPath::new(trim_path(&at)).map_err(|error| {
            PyValueError::new_err(format!("{}: {error}", String::from_utf8_lossy(&at)))
        })?;
        sources.add(&disk, named).map_err(raised)?;
    }
    let options = PackOptions::new()
        .compress(compression(compress, level)?)
        .follow_links(true)
        .overwrite(overwrite)
        .strict(strict)
        .fsync(fsync)
        .threads(threads.unwrap_or_else(rangepack::default_threads))
        .metadata(metadata);
    let work = move |meter: &Meter| {
        let done = rangepack::pack_sources(sources, &target, &options, meter);
        done.map(|done| (done, meter.left_out()))
    };
    let (packed, left_out) = run(py, progress.as_ref(), work)?.map_err(raised)?;
    sums(py, &packed.summary, left_out)
}

/// Which files of a tree are packed.
pub(crate) struct Tree {
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) extensions: Vec<String>,
    pub(crate) hidden: bool,
    pub(crate) gitignore: bool,
    pub(crate) follow_links: bool,
}

impl Tree {
    /// # Errors
    /// `ValueError` for a glob that is none.
    pub(crate) fn options(self) -> PyResult<PackOptions> {
        let filter = FilterOptions::new()
            .include(self.include)
            .exclude(self.exclude)
            .extensions(self.extensions)
            .no_hidden(!self.hidden)
            .gitignore(self.gitignore);
        let filter =
            Filter::new(filter).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(PackOptions::new().filter(filter).follow_links(self.follow_links))
    }
}

/// The level of compression.
pub(crate) fn compression(compress: Option<&str>, level: u32) -> PyResult<Option<Compression>> {
    match compress {
        None => Ok(None),
        Some("gzip") if (1..=9).contains(&level) => Ok(Some(level)),
        Some("gzip") => Err(PyValueError::new_err("level is a number from 1 to 9")),
        Some(other) => {
            Err(PyValueError::new_err(format!("compress is None or \"gzip\", not {other:?}")))
        }
    }
}

/// The value that goes by a name.
pub(crate) fn choice<T: Copy>(what: &str, name: &str, choices: &[(&str, T)]) -> PyResult<T> {
    choices.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = choices.iter().map(|(known, _)| format!("{known:?}")).collect();
        PyValueError::new_err(format!("{what} is one of {}, not {name:?}", known.join(", ")))
    })
}

/// What was packed, and the first of what was left out with the reasons.
pub(crate) fn sums<'py>(
    py: Python<'py>,
    sums: &Summary,
    left_out: Vec<(PathBuf, String)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("files", sums.files)?;
    dict.set_item("directories", sums.directories)?;
    dict.set_item("links", sums.symlinks)?;
    dict.set_item("bytes", sums.bytes)?;
    dict.set_item("stored_bytes", sums.stored_bytes)?;
    dict.set_item("duplicates", sums.duplicates)?;
    dict.set_item("special", sums.special)?;
    dict.set_item("failed", sums.failed)?;
    let left_out = left_out.into_iter().map(|(path, problem)| (path.into_os_string(), problem));
    dict.set_item("problems", PyList::new(py, left_out.collect::<Vec<_>>())?)?;
    Ok(dict)
}

/// Extracts a pack, or what `paths` select of it, below `target`. Each file is verified before it gets its name. Returns
/// what was extracted.
#[pyfunction]
#[pyo3(signature = (
    pack, target, paths=vec![], *, overwrite=false, present="auto", dry_run=false, fail_fast=false,
    chunk_size=1 << 20, threads=None, progress=None, events=None
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn extract<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    target: PathBuf,
    paths: Vec<Bound<'py, PyAny>>,
    overwrite: bool,
    present: &str,
    dry_run: bool,
    fail_fast: bool,
    chunk_size: usize,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
    events: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let state = pack.get().state(py)?;
    let presence = [
        ("auto", if overwrite { Present::None } else { Present::SameContent }),
        ("none", Present::None),
        ("size", Present::SameSize),
        ("time", Present::SameTime),
        ("content", Present::SameContent),
    ];
    let mut options = ExtractOptions::new()
        .replace(if overwrite { Replace::Always } else { Replace::Never })
        .present(choice("present", present, &presence)?)
        .dry_run(dry_run)
        .fail_fast(fail_fast)
        .chunk_size(chunk_size.max(1024))
        .threads(threads.unwrap_or_else(rangepack::default_threads));
    if !paths.is_empty() {
        let paths: Vec<Vec<u8>> = paths
            .iter()
            .map(|object| path(object).map(|path| path.into_owned()))
            .collect::<PyResult<_>>()?;
        options = options.selection(Selection::new(paths, Filter::default()));
    }
    let work = move |meter: &Meter| rangepack::extract(&state.pack, &target, &options, meter);
    let report = run_telling(py, progress.as_ref(), events.as_ref(), work)?.map_err(raised)?;
    let is_complete = report.is_complete();
    let stopped = report.stopped.map(|stopped| match stopped {
        Stopped::DiskFull => "disk full",
        Stopped::FirstFailure => "first failure",
        _ => "cancelled",
    });
    let dict = PyDict::new(py);
    dict.set_item("files", report.files)?;
    dict.set_item("directories", report.directories)?;
    dict.set_item("links", report.symlinks)?;
    dict.set_item("bytes", report.bytes)?;
    dict.set_item("skipped", report.skipped)?;
    dict.set_item("failed", report.failed)?;
    dict.set_item("refused", report.refused)?;
    dict.set_item("unmatched", report.unmatched)?;
    dict.set_item("replaced", report.replaced)?;
    dict.set_item("is_complete", is_complete)?;
    dict.set_item("stopped", stopped)?;
    let problems = report.problems.iter().map(|problem| (&problem.path, &problem.message));
    dict.set_item("problems", PyList::new(py, problems)?)?;
    Ok(dict)
}

/// Verifies every page of the index and every payload. Returns what was found.
#[pyfunction]
#[pyo3(signature = (pack, *, payloads=true, threads=None, progress=None))]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    payloads: bool,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let state = pack.get().state(py)?;
    let options = VerifyOptions::new()
        .payloads(payloads)
        .threads(threads.unwrap_or_else(rangepack::default_threads));
    let noted = state.pack.notes().clone();
    let work = move |meter: &Meter| rangepack::verify(&state.pack, &options, meter);
    let report = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let dict = PyDict::new(py);
    dict.set_item("is_sound", report.is_sound())?;
    dict.set_item("files", report.files)?;
    dict.set_item("bytes", report.bytes)?;
    dict.set_item("bad", report.bad)?;
    dict.set_item("unverifiable", report.unverifiable)?;
    let problems = report.problems.iter().map(|problem| {
        let path = problem.path.as_ref().map(|path| text(py, path.as_bytes())).transpose()?;
        Ok((path, problem.flaw.to_string()))
    });
    let mut problems = problems.collect::<PyResult<Vec<_>>>()?;
    problems.extend(strange(&noted).into_iter().map(|problem| (None, problem)));
    dict.set_item("left_out", report.left_out)?;
    dict.set_item("is_partial", report.is_partial)?;
    dict.set_item("problems", PyList::new(py, problems)?)?;
    Ok(dict)
}
