//! Packing, extracting and verifying; tables of what is in packs.

use crate::arguments::{Compression, Given, Level, Presence, Texts, options};
use crate::errors::{PackWarning, raised, raised_with};
use crate::keys::{disk, path, text};
use crate::merging::{List, ListError};
use crate::whole::strange;
use crate::work::{Meter, run, run_telling};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rangepack::{
    Archive, ArchiveProblem, Dictionaries, EntryPath, Error, ExtractOptions, Filter, FilterOptions,
    IndexOptions, NotExtracted, PackOptions, PackPath, Present, Replace, Selection, Sources,
    Stopped, Summary, VerifyOptions, default_readers, default_threads, trim_path,
};
use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::path::{Path, PathBuf};

options! {
    /// Which files of a tree are packed.
    Tree {
        include: Texts = Texts::default(),
        exclude: Texts = Texts::default(),
        extensions: Texts = Texts::default(),
        hidden: bool = true,
        gitignore: bool = false,
        follow_links: bool = false,
    }
}

options! {
    /// How files are packed.
    Packing {
        compress: Option<Compression> = None,
        level: Option<Level> = None,
        dictionaries: bool = true,
        strict: bool = false,
        threads: Option<usize> = None,
    }
}

options! {
    /// What is made of them.
    Target {
        overwrite: bool = false,
        incomplete: bool = false,
        fsync: bool = false,
        metadata: Option<BTreeMap<String, String>> = None,
    }
}

impl Tree {
    /// Packs these files.
    ///
    /// # Errors
    /// `ValueError` for a glob that is none.
    pub(crate) fn options(self) -> PyResult<PackOptions> {
        let filter = FilterOptions::new()
            .include(self.include.0)
            .exclude(self.exclude.0)
            .extensions(self.extensions.0)
            .no_hidden(!self.hidden)
            .gitignore(self.gitignore);
        let filter = Filter::new(filter).map_err(|error| raised(error.into()))?;
        Ok(PackOptions::new().filter(filter).follow_links(self.follow_links))
    }
}

impl Packing {
    /// Packs files like this.
    ///
    /// # Errors
    /// `ValueError` for a level that the compression does not have.
    pub(crate) fn add_to(self, options: PackOptions) -> PyResult<PackOptions> {
        let level = self.level.map(|Level(level)| level);
        let options = match self.compress {
            None => options,
            Some(Compression::Gzip) if level.is_some_and(|level| level > 9) => {
                return Err(PyValueError::new_err("level: gzip has levels from 1 to 9"));
            }
            Some(Compression::Gzip) => {
                options.compress(rangepack::Compression::Gzip(level.unwrap_or(6)))
            }
            // The old programs could not read what a trailer names.
            Some(Compression::Zstd) => options
                .compress(rangepack::Compression::Zstd(level.unwrap_or(3)))
                .index(IndexOptions::paged()),
        };
        let dictionaries = if self.dictionaries { Dictionaries::Auto } else { Dictionaries::None };
        Ok(options
            .dictionaries(dictionaries)
            .strict(self.strict)
            .threads(self.threads.unwrap_or_else(default_readers)))
    }
}

impl Target {
    fn add_to(self, options: PackOptions) -> PackOptions {
        options
            .overwrite(self.overwrite)
            .incomplete(self.incomplete)
            .fsync(self.fsync)
            .metadata(self.metadata.unwrap_or_default())
    }
}

/// What was packed, and the first of what was left out with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Packed {
    files: u64,
    directories: u64,
    links: u64,
    bytes: u64,
    stored_bytes: u64,
    duplicates: u64,
    special: u64,
    failed: u64,
    problems: Vec<(OsString, String)>,
}

impl Packed {
    pub(crate) fn new(sums: &Summary, left_out: Vec<(PathBuf, String)>) -> Packed {
        let left_out = left_out.into_iter().map(|(path, problem)| (path.into_os_string(), problem));
        Packed {
            files: sums.files,
            directories: sums.directories,
            links: sums.symlinks,
            bytes: sums.bytes,
            stored_bytes: sums.stored_bytes,
            duplicates: sums.duplicates,
            special: sums.special,
            failed: sums.failed,
            problems: left_out.collect(),
        }
    }
}

/// Packs the tree below `source`, or what is in the archive `source`, into `target`, which appears when it is complete, or not
/// at all. Returns what was packed.
#[pyfunction]
#[pyo3(signature = (source, target, *, files_from=None, progress=None, **options))]
pub(crate) fn pack(
    py: Python<'_>,
    #[pyo3(from_py_with = disk)] source: PathBuf,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    files_from: Option<Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Packed> {
    let given = Given::new(options);
    let options = Packing::take(&given)?.add_to(Tree::take(&given)?.options()?)?;
    let options = Target::take(&given)?.add_to(options);
    given.end("pack")?;
    if source.is_file() {
        for (is_given, option) in [
            (files_from.is_some(), "files_from"),
            (options.filter.honours_ignore_files(), "gitignore"),
            (options.follow_links, "follow_links"),
        ] {
            if is_given {
                let told = format!("{option} is for directories, and source is a file");
                return Err(PyValueError::new_err(told));
            }
        }
        return packed(py, progress, move |meter| {
            match rangepack::import(Archive::File(source.clone()), &target, &options, meter) {
                // Another file is what should be a directory.
                Err(Error::Archive { problem: ArchiveProblem::NotAnArchive, .. }) => {
                    Ok(rangepack::pack(&source, &target, &options, meter)?)
                }
                made => Ok(made?),
            }
        });
    }
    let Some(list) = files_from.map(|list| List::of(&list)).transpose()? else {
        let work = move |meter: &Meter| Ok(rangepack::pack(&source, &target, &options, meter)?);
        return packed(py, progress, work);
    };
    packed(py, progress, move |meter| {
        let beside = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        let sources = list.sources(&source, &options.filter, beside, meter)?;
        Ok(rangepack::pack_sources(sources, &target, &options, meter)?)
    })
}

/// Packs files from anywhere: `files` are pairs of a path in the pack and one on disk. Links are followed.
#[pyfunction]
#[pyo3(signature = (files, target, *, progress=None, **options))]
pub(crate) fn pack_files(
    py: Python<'_>,
    files: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Packed> {
    let given = Given::new(options);
    let options = Packing::take(&given)?.add_to(PackOptions::new().follow_links(true))?;
    let options = Target::take(&given)?.add_to(options);
    given.end("pack_files")?;
    let sources = at_places(files)?;
    packed(py, progress, move |meter| {
        Ok(rangepack::pack_sources(sources, &target, &options, meter)?)
    })
}

/// What lies at which paths: pairs of a path in the pack and one on disk.
///
/// # Errors
/// `ValueError` for a path that no pack can have, and what the iterable raises.
pub(crate) fn at_places(files: &Bound<'_, PyAny>) -> PyResult<Sources> {
    let mut sources = Sources::new(&std::env::temp_dir());
    for pair in files.try_iter()? {
        let (at, from): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
        let at = path(&at)?;
        let named = PackPath::new(trim_path(&at)).map_err(|error| {
            PyValueError::new_err(format!("{}: {error}", String::from_utf8_lossy(&at)))
        })?;
        sources.add(&disk(&from)?, named).map_err(raised)?;
    }
    Ok(sources)
}

fn packed(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&Meter) -> Result<rangepack::Packed, ListError> + Send + 'static,
) -> PyResult<Packed> {
    let work = |meter: &Meter| (work(meter), meter.left_out());
    let (done, left_out) = run(py, progress.as_ref(), work)?;
    let done = done.map_err(|error| {
        error.raised(|error| match (&error, left_out.first()) {
            (Error::Incomplete { .. }, Some((path, problem))) => {
                let first = format!(", first {}: {problem}", path.display());
                raised_with(error, &first)
            }
            _ => raised(error),
        })
    })?;
    for pattern in &done.unmatched {
        let told = CString::new(format!("nothing matches include: {pattern}")).unwrap_or_default();
        PyErr::warn(py, &py.get_type::<PackWarning>(), &told, 2)?;
    }
    Ok(Packed::new(&done.summary, left_out))
}

options! {
    /// How a pack is extracted.
    Extraction {
        overwrite: bool = false,
        present: Presence = Presence::Auto,
        dry_run: bool = false,
        fail_fast: bool = false,
        chunk_size: usize = 1 << 20,
        threads: Option<usize> = None,
    }
}

/// What was extracted, and the first of what was not, with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Extracted<'py> {
    files: u64,
    directories: u64,
    links: u64,
    bytes: u64,
    skipped: u64,
    replaced: u64,
    failed: u64,
    refused: u64,
    unmatched: Vec<Bound<'py, PyString>>,
    is_complete: bool,
    stopped: Option<&'static str>,
    problems: Vec<(Bound<'py, PyString>, String)>,
}

/// Extracts a pack, or what `paths` select of it, below `target`. Each file is verified before it gets its name. Returns
/// what was extracted.
#[pyfunction]
#[pyo3(signature = (pack, target, paths=None, *, progress=None, events=None, **options))]
pub(crate) fn extract<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    paths: Option<Vec<Bound<'py, PyAny>>>,
    progress: Option<Py<PyAny>>,
    events: Option<Py<PyAny>>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Extracted<'py>> {
    let given = Given::new(options);
    let Extraction { overwrite, present, dry_run, fail_fast, chunk_size, threads } =
        Extraction::take(&given)?;
    given.end("extract")?;
    let present = match present {
        Presence::Auto if overwrite => Present::None,
        Presence::Auto => Present::SameContent,
        Presence::By(present) => present,
    };
    let mut options = ExtractOptions::new()
        .replace(if overwrite { Replace::Always } else { Replace::Never })
        .present(present)
        .dry_run(dry_run)
        .fail_fast(fail_fast)
        .chunk_size(chunk_size.max(1024))
        .threads(threads.unwrap_or_else(default_threads));
    if let Some(paths) = paths.filter(|paths| !paths.is_empty()) {
        let paths = paths.iter().map(|object| path(object).map(|path| path.into_owned()));
        let paths: Vec<Vec<u8>> = paths.collect::<PyResult<_>>()?;
        options = options.selection(Selection::new(paths, Filter::default()));
    }
    let state = pack.get().state(py)?;
    let work = move |meter: &Meter| rangepack::extract(&state.pack, &target, &options, meter);
    let report = run_telling(py, progress.as_ref(), events.as_ref(), work)?.map_err(raised)?;
    let name = |path: &EntryPath| text(py, path.as_bytes());
    let problem = |one: NotExtracted| Ok((name(&one.path)?, one.message));
    Ok(Extracted {
        is_complete: report.is_complete(),
        files: report.files,
        directories: report.directories,
        links: report.symlinks,
        bytes: report.bytes,
        skipped: report.skipped,
        replaced: report.replaced,
        failed: report.failed,
        refused: report.refused,
        unmatched: report.unmatched.iter().map(name).collect::<PyResult<_>>()?,
        stopped: report.stopped.map(|stopped| match stopped {
            Stopped::DiskFull => "disk full",
            Stopped::FirstFailure => "first failure",
            _ => "cancelled",
        }),
        problems: report.problems.into_iter().map(problem).collect::<PyResult<_>>()?,
    })
}

options! {
    /// How a pack is verified.
    Verification {
        payloads: bool = true,
        threads: Option<usize> = None,
    }
}

/// What was found, and the first of what is bad, with the reasons.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Verified<'py> {
    is_sound: bool,
    files: u64,
    bytes: u64,
    bad: u64,
    unverifiable: u64,
    left_out: u64,
    is_partial: bool,
    problems: Vec<(Option<Bound<'py, PyString>>, String)>,
}

/// Verifies every page of the index and every payload. Returns what was found.
#[pyfunction]
#[pyo3(signature = (pack, *, progress=None, **options))]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    pack: &Bound<'py, crate::pack::Pack>,
    progress: Option<Py<PyAny>>,
    options: Option<Bound<'py, PyDict>>,
) -> PyResult<Verified<'py>> {
    let given = Given::new(options);
    let Verification { payloads, threads } = Verification::take(&given)?;
    given.end("verify")?;
    let options =
        VerifyOptions::new().payloads(payloads).threads(threads.unwrap_or_else(default_threads));
    let state = pack.get().state(py)?;
    let noted = state.pack.notes().clone();
    let work = move |meter: &Meter| rangepack::verify(&state.pack, &options, meter);
    let report = run(py, progress.as_ref(), work)?.map_err(raised)?;
    let problems = report.problems.iter().map(|problem| {
        let path = problem.path.as_ref().map(|path| text(py, path.as_bytes())).transpose()?;
        Ok((path, problem.flaw.to_string()))
    });
    let mut problems = problems.collect::<PyResult<Vec<_>>>()?;
    problems.extend(strange(&noted).into_iter().map(|problem| (None, problem)));
    Ok(Verified {
        is_sound: report.is_sound(),
        files: report.files,
        bytes: report.bytes,
        bad: report.bad,
        unverifiable: report.unverifiable,
        left_out: report.left_out,
        is_partial: report.is_partial,
        problems,
    })
}

/// A table that was written.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Table {
    rows: u64,
    length: u64,
}

/// Writes a table of the entries of a pack into the Parquet file `target`. Returns what was written.
#[pyfunction]
#[pyo3(signature = (pack, target, *, overwrite=false, progress=None))]
pub(crate) fn table(
    py: Python<'_>,
    pack: &Bound<'_, crate::pack::Pack>,
    #[pyo3(from_py_with = disk)] target: PathBuf,
    overwrite: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<Table> {
    let options = rangepack::TableOptions::default().overwrite(overwrite);
    let state = pack.get().state(py)?;
    let work = move |meter: &Meter| rangepack::write_table(&state.pack, &target, options, meter);
    let done = run(py, progress.as_ref(), work)?.map_err(raised)?;
    Ok(Table { rows: done.rows, length: done.len })
}
