//! Containers that can be continued after any interruption.

use crate::errors::raised;
use crate::work::{Meter, run, run_telling};
use crate::writing::{Tree, choice, compression, sums};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rangepack::{
    CreateOptions, DirectoryLines, FinalizeOptions, Finished, IndexFormat, IndexOptions,
    PackOptions, Resumed, Tail, idx_path,
};
use std::path::PathBuf;

/// Makes a container, or continues one. Returns what was packed, and what was there.
#[pyfunction]
#[pyo3(signature = (
    source, container, *, index=None, finalize=false, remove_index=false, dry_run=false, reopen=false, tail=None,
    fsync_every=1, index_batch=None, index_format="both", ndjson_dirs="auto", compress=None, level=6, dedup=true,
    align=1, owner=false, xattrs=false, include=vec![], exclude=vec![], extensions=vec![], hidden=true,
    gitignore=false, follow_links=false, strict=false, threads=None, progress=None, events=None
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn create<'py>(
    py: Python<'py>,
    source: PathBuf,
    container: PathBuf,
    index: Option<PathBuf>,
    finalize: bool,
    remove_index: bool,
    dry_run: bool,
    reopen: bool,
    tail: Option<&str>,
    fsync_every: u64,
    index_batch: Option<u64>,
    index_format: &str,
    ndjson_dirs: &str,
    compress: Option<&str>,
    level: u32,
    dedup: bool,
    align: u64,
    owner: bool,
    xattrs: bool,
    include: Vec<String>,
    exclude: Vec<String>,
    extensions: Vec<String>,
    hidden: bool,
    gitignore: bool,
    follow_links: bool,
    strict: bool,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
    events: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let tree = Tree { include, exclude, extensions, hidden, gitignore, follow_links };
    let pack = tree
        .options()?
        .compress(compression(compress, level)?)
        .dedup(dedup)
        .align(align.max(1))
        .owner(owner)
        .attributes(xattrs)
        .strict(strict)
        .index(indexes(index_format, ndjson_dirs)?)
        .threads(threads.unwrap_or_else(rangepack::default_threads));
    let options = CreateOptions::new()
        .pack(pack)
        .index(index)
        .finalize(finalize && !dry_run)
        .remove_index(remove_index)
        .dry_run(dry_run)
        .reopen(reopen)
        .tail(tail_of(tail)?)
        .fsync_every(fsync_every.max(1))
        .index_batch(index_batch);
    let work = move |meter: &Meter| {
        let done = rangepack::create(&source, &container, &options, meter);
        done.map(|done| (done, meter.left_out()))
    };
    let done = run_telling(py, progress.as_ref(), events.as_ref(), work)?;
    let (created, left_out) = done.map_err(raised)?;
    let dict = sums(py, &created.summary, left_out)?;
    dict.set_item("unchanged", created.summary.unchanged)?;
    dict.set_item("changed", created.summary.changed)?;
    dict.set_item("is_finalized", created.is_finalized)?;
    dict.set_item("replaced", created.replaced.len())?;
    let resumed: Option<Resumed> = created.resumed;
    dict.set_item("resumed_entries", resumed.map(|resumed| resumed.journal.entries))?;
    dict.set_item("cut", resumed.map_or(0, |resumed| resumed.cut + resumed.journal.torn))?;
    finished(&dict, created.finished.as_ref())?;
    Ok(dict)
}

/// Puts the index that lies beside a container into it. Returns what is in it now.
#[pyfunction]
#[pyo3(signature = (
    container, *, index=None, remove_index=false, tail=None, index_format="both", ndjson_dirs="auto", progress=None
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn finalize<'py>(
    py: Python<'py>,
    container: PathBuf,
    index: Option<PathBuf>,
    remove_index: bool,
    tail: Option<&str>,
    index_format: &str,
    ndjson_dirs: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = FinalizeOptions::new()
        .index(indexes(index_format, ndjson_dirs)?)
        .remove_index(remove_index)
        .tail(tail_of(tail)?);
    let work =
        move |meter: &Meter| rangepack::finalize(&container, index.as_deref(), &options, meter);
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let dict = PyDict::new(py);
    dict.set_item("cut", done.cut)?;
    dict.set_item("replaced", done.replaced.len())?;
    finished(&dict, Some(&done.finished))?;
    Ok(dict)
}

/// Counts what would be packed of a tree, without reading it.
#[pyfunction]
#[pyo3(signature = (
    source, *, container=None, index=None, sizes=true, include=vec![], exclude=vec![], extensions=vec![],
    hidden=true, gitignore=false, follow_links=false
))]
#[expect(clippy::too_many_arguments, reason = "Python gives them by name")]
pub(crate) fn survey<'py>(
    py: Python<'py>,
    source: PathBuf,
    container: Option<PathBuf>,
    index: Option<PathBuf>,
    sizes: bool,
    include: Vec<String>,
    exclude: Vec<String>,
    extensions: Vec<String>,
    hidden: bool,
    gitignore: bool,
    follow_links: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let tree = Tree { include, exclude, extensions, hidden, gitignore, follow_links };
    let options: PackOptions = tree.options()?;
    let index = index.or_else(|| container.as_deref().map(idx_path));
    let skip: Vec<PathBuf> = [container, index].into_iter().flatten().collect();
    let work = move |meter: &Meter| rangepack::survey(&source, &options, skip, sizes, meter);
    let found = run(py, None, work)?.map_err(raised)?;
    let dict = PyDict::new(py);
    dict.set_item("files", found.files)?;
    dict.set_item("directories", found.directories)?;
    dict.set_item("links", found.symlinks)?;
    dict.set_item("special", found.special)?;
    dict.set_item("failed", found.failed)?;
    dict.set_item("bytes", found.bytes)?;
    Ok(dict)
}

/// What a finished container holds; `None` for one that is not.
fn finished(dict: &Bound<'_, PyDict>, finished: Option<&Finished>) -> PyResult<()> {
    dict.set_item("entries", finished.map(|finished| finished.header.entries))?;
    dict.set_item("file_length", finished.map(|finished| finished.file_len))?;
    let digest = finished.and_then(|finished| finished.digest);
    dict.set_item("root", digest.map(|digest| digest.to_string()))
}

fn indexes(format: &str, directories: &str) -> PyResult<IndexOptions> {
    let formats = [
        ("both", IndexFormat::Both),
        ("paged", IndexFormat::Paged),
        ("ndjson", IndexFormat::Ndjson),
    ];
    let lines = [
        ("auto", DirectoryLines::Auto),
        ("always", DirectoryLines::Always),
        ("never", DirectoryLines::Never),
    ];
    let (format, lines) =
        (choice("index_format", format, &formats)?, choice("ndjson_dirs", directories, &lines)?);
    Ok(IndexOptions::new().format(format).directories(lines))
}

fn tail_of(tail: Option<&str>) -> PyResult<Tail> {
    let Some(tail) = tail else { return Ok(Tail::Refuse) };
    choice("tail", tail, &[("keep", Tail::Keep), ("cut", Tail::Cut)])
}
