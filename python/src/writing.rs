//! Packing, extracting and verifying.

use crate::errors::raised;
use crate::keys::path;
use crate::work::{Meter, run};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rangepack::{
    ExtractOptions, Filter, FilterOptions, PackOptions, Replace, Selection, VerifyOptions,
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
    let compress = match compress {
        None => None,
        Some("gzip") if (1..=9).contains(&level) => Some(level),
        Some("gzip") => return Err(PyValueError::new_err("level is a number from 1 to 9")),
        Some(other) => {
            let text = format!("compress is None or \"gzip\", not {other:?}");
            return Err(PyValueError::new_err(text));
        }
    };
    let filter = FilterOptions::new()
        .include(include)
        .exclude(exclude)
        .extensions(extensions)
        .no_hidden(!hidden)
        .gitignore(gitignore);
    let filter = Filter::new(filter).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let options = PackOptions::new()
        .filter(filter)
        .compress(compress)
        .follow_links(follow_links)
        .overwrite(overwrite)
        .strict(strict)
        .fsync(fsync)
        .threads(threads.unwrap_or_else(rangepack::default_threads))
        .metadata(metadata);
    let work = |meter: &Meter| rangepack::pack(&source, &target, &options, meter);
    let packed = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let (sums, dict) = (packed.summary, PyDict::new(py));
    dict.set_item("files", sums.files)?;
    dict.set_item("directories", sums.directories)?;
    dict.set_item("links", sums.symlinks)?;
    dict.set_item("bytes", sums.bytes)?;
    dict.set_item("stored_bytes", sums.stored_bytes)?;
    dict.set_item("duplicates", sums.duplicates)?;
    dict.set_item("special", sums.special)?;
    dict.set_item("failed", sums.failed)?;
    Ok(dict)
}

/// Extracts a pack, or what `paths` select of it, below `target`. Each file is verified before it gets its name. Returns
/// what was extracted.
#[pyfunction]
#[pyo3(signature = (pack, target, paths=vec![], *, overwrite=false, threads=None, progress=None))]
pub(crate) fn extract<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    target: PathBuf,
    paths: Vec<Bound<'py, PyAny>>,
    overwrite: bool,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let state = pack.get().state()?;
    let mut options = ExtractOptions::new()
        .replace(if overwrite { Replace::Always } else { Replace::Never })
        .threads(threads.unwrap_or_else(rangepack::default_threads));
    if !paths.is_empty() {
        let paths: Vec<Vec<u8>> = paths
            .iter()
            .map(|object| path(object).map(|path| path.into_owned()))
            .collect::<PyResult<_>>()?;
        options = options.selection(Selection::new(paths, Filter::default()));
    }
    let work = |meter: &Meter| rangepack::extract(&state.pack, &target, &options, meter);
    let report = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let dict = PyDict::new(py);
    dict.set_item("files", report.files)?;
    dict.set_item("directories", report.directories)?;
    dict.set_item("links", report.symlinks)?;
    dict.set_item("bytes", report.bytes)?;
    dict.set_item("skipped", report.skipped)?;
    dict.set_item("failed", report.failed)?;
    dict.set_item("refused", report.refused)?;
    dict.set_item("unmatched", report.unmatched)?;
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
    let state = pack.get().state()?;
    let options = VerifyOptions::new()
        .payloads(payloads)
        .threads(threads.unwrap_or_else(rangepack::default_threads));
    let work = |meter: &Meter| rangepack::verify(&state.pack, &options, meter);
    let report = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let dict = PyDict::new(py);
    dict.set_item("is_sound", report.is_sound())?;
    dict.set_item("files", report.files)?;
    dict.set_item("bytes", report.bytes)?;
    dict.set_item("bad", report.bad)?;
    dict.set_item("unverifiable", report.unverifiable)?;
    let problems = report
        .problems
        .iter()
        .map(|problem| (problem.path.as_ref().map(|path| path.to_string()), &problem.text));
    dict.set_item("problems", PyList::new(py, problems)?)?;
    Ok(dict)
}
