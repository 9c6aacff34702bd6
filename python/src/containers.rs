//! Containers that can be continued after any interruption.

use crate::arguments::{Given, options};
use crate::errors::raised;
use crate::keys::disk;
use crate::work::{Meter, run, run_telling};
use crate::writing::{Packed, Packing, Tree};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rangepack::{
    CreateOptions, DirectoryLines, FinalizeOptions, IndexFormat, IndexOptions, Tail, idx_path,
};
use std::path::PathBuf;

options! {
    /// How a container is made or gone on with.
    Creation {
        finalize: bool = false,
        dry_run: bool = false,
        reopen: bool = false,
        fsync_every: u64 = 1,
        index_batch: Option<u64> = None,
        dedup: bool = true,
        align: u64 = 1,
        owner: bool = false,
        xattrs: bool = false,
    }
}

options! {
    /// How one is finished.
    Finish {
        index: Option<PathBuf> = None,
        remove_index: bool = false,
        tail: Option<Tail> = None,
        index_format: IndexFormat = IndexFormat::Both,
        ndjson_dirs: DirectoryLines = DirectoryLines::Auto,
    }
}

impl Finish {
    fn indexes(&self) -> IndexOptions {
        IndexOptions::new().format(self.index_format).directories(self.ndjson_dirs)
    }
}

/// What was there of a container, and what became of it.
#[derive(Debug, IntoPyObject)]
struct Continued {
    unchanged: u64,
    changed: u64,
    is_finalized: bool,
    replaced: usize,
    resumed_entries: Option<u64>,
    cut: u64,
}

/// What is in a container that is finished; nothing of one that is not.
#[derive(Debug, Default, IntoPyObject)]
struct Finished {
    entries: Option<u64>,
    file_length: Option<u64>,
    root: Option<String>,
}

impl From<&rangepack::Finished> for Finished {
    fn from(finished: &rangepack::Finished) -> Finished {
        Finished {
            entries: Some(finished.header.entries),
            file_length: Some(finished.file_len),
            root: finished.digest.map(|digest| digest.to_string()),
        }
    }
}

/// Makes a container, or continues one. Returns what was packed, and what was there.
#[pyfunction]
#[pyo3(signature = (source, container, *, progress=None, events=None, **options))]
pub(crate) fn create<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = disk)] source: PathBuf,
    #[pyo3(from_py_with = disk)] container: PathBuf,
    progress: Option<Py<PyAny>>,
    events: Option<Py<PyAny>>,
    options: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let given = Given::new(options);
    let pack = Packing::take(&given)?.add_to(Tree::take(&given)?.options()?)?;
    let (how, finish) = (Creation::take(&given)?, Finish::take(&given)?);
    given.end("create")?;
    let pack = pack
        .dedup(how.dedup)
        .align(how.align.max(1))
        .owner(how.owner)
        .attributes(how.xattrs)
        .index(finish.indexes());
    let options = CreateOptions::new()
        .pack(pack)
        .index(finish.index)
        .finalize(how.finalize && !how.dry_run)
        .remove_index(finish.remove_index)
        .dry_run(how.dry_run)
        .reopen(how.reopen)
        .tail(finish.tail.unwrap_or(Tail::Refuse))
        .fsync_every(how.fsync_every.max(1))
        .index_batch(how.index_batch);
    let work = move |meter: &Meter| {
        let done = rangepack::create(&source, &container, &options, meter);
        done.map(|done| (done, meter.left_out()))
    };
    let done = run_telling(py, progress.as_ref(), events.as_ref(), work)?;
    let (created, left_out) = done.map_err(raised)?;
    let continued = Continued {
        unchanged: created.summary.unchanged,
        changed: created.summary.changed,
        is_finalized: created.is_finalized,
        replaced: created.replaced.len(),
        resumed_entries: created.resumed.map(|resumed| resumed.journal.entries),
        cut: created.resumed.map_or(0, |resumed| resumed.cut + resumed.journal.torn),
    };
    let dict = Packed::new(&created.summary, left_out).into_pyobject(py)?;
    dict.update(continued.into_pyobject(py)?.as_mapping())?;
    let finished = created.finished.as_ref().map(Finished::from).unwrap_or_default();
    dict.update(finished.into_pyobject(py)?.as_mapping())?;
    Ok(dict)
}

/// What is in a container that was finished just now.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Finalized {
    cut: u64,
    replaced: usize,
    entries: u64,
    file_length: u64,
    root: Option<String>,
}

/// Puts the index that lies beside a container into it. Returns what is in it now.
#[pyfunction]
#[pyo3(signature = (container, *, progress=None, **options))]
pub(crate) fn finalize(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] container: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Finalized> {
    let given = Given::new(options);
    let finish = Finish::take(&given)?;
    given.end("finalize")?;
    let options = FinalizeOptions::new()
        .index(finish.indexes())
        .remove_index(finish.remove_index)
        .tail(finish.tail.unwrap_or(Tail::Refuse));
    let work = move |meter: &Meter| {
        rangepack::finalize(&container, finish.index.as_deref(), &options, meter)
    };
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    Ok(Finalized {
        cut: done.cut,
        replaced: done.replaced.len(),
        entries: done.finished.header.entries,
        file_length: done.finished.file_len,
        root: done.finished.digest.map(|digest| digest.to_string()),
    })
}

options! {
    /// What of a tree is not counted, and whether sizes are.
    Counting {
        container: Option<PathBuf> = None,
        index: Option<PathBuf> = None,
        sizes: bool = true,
    }
}

/// What is in a tree.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Survey {
    files: u64,
    directories: u64,
    links: u64,
    special: u64,
    failed: u64,
    bytes: u64,
}

/// Counts what would be packed of a tree, without reading it.
#[pyfunction]
#[pyo3(signature = (source, **options))]
pub(crate) fn survey(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] source: PathBuf,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Survey> {
    let given = Given::new(options);
    let options = Tree::take(&given)?.options()?;
    let Counting { container, index, sizes } = Counting::take(&given)?;
    given.end("survey")?;
    let index = index.or_else(|| container.as_deref().map(idx_path));
    let skip: Vec<PathBuf> = [container, index].into_iter().flatten().collect();
    let work = move |meter: &Meter| rangepack::survey(&source, &options, skip, sizes, meter);
    let found = run(py, None, work)?.map_err(raised)?;
    Ok(Survey {
        files: found.files,
        directories: found.directories,
        links: found.symlinks,
        special: found.special,
        failed: found.failed,
        bytes: found.bytes,
    })
}
