//! Packs into a container that can be continued after any interruption, as the old program did.

use crate::container::embedded::embedded;
use crate::container::finalize::{self, FinalizeOptions};
use crate::container::journal::{self, Journal, JournalState};
use crate::container::known::{Known, container_cut, index_missing, known_entries, refuse_to_cut};
use crate::container::lock::Locked;
use crate::container::tasks::{Ahead, Tasks};
use crate::error::{Error, Result};
use crate::index::sort::Sorter;
use crate::index::writer::{DirectoryLines, Finished, IndexFormat};
use crate::pack::{self, Dedup, Observer, Output, PackOptions, Summary};
use crate::source::location::idx_path;
use rangepack_core::ndjson::Refused;
use rangepack_core::{Entry, Kind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How a container is made or continued.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateOptions {
    /// What is packed, and how.
    pub pack: PackOptions,
    /// The index beside the container; `<container>.idx` when not given.
    pub index: Option<PathBuf>,
    /// The container is synced after so many files.
    pub fsync_every: u64,
    /// The index is written after so many entries; at least `fsync_every`, which is the default.
    pub index_batch: Option<u64>,
    /// Read, hash and compress everything, but write nothing.
    pub dry_run: bool,
    /// Put the index into the container at the end.
    pub finalize: bool,
    /// Then remove the index beside it.
    pub remove_index: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions {
            pack: PackOptions::default(),
            index: None,
            fsync_every: 1,
            index_batch: None,
            dry_run: false,
            finalize: false,
            remove_index: false,
        }
    }
}

/// What `create` did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Created {
    /// What was packed and left out in this run.
    pub summary: Summary,
    /// What was there before.
    pub resumed: Option<Resumed>,
    /// The finished container, when it was finalized in this run.
    pub finished: Option<Finished>,
    /// The container has its index inside.
    pub is_finalized: bool,
    /// Entries of earlier runs that are not in it, because a path was a file then and is a directory
    /// now, or the other way round.
    pub replaced: Vec<Refused>,
}

/// What a run found and went on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resumed {
    /// The journal.
    pub journal: JournalState,
    /// Bytes at the container's end that no line names, cut off.
    pub cut: u64,
    /// The container was finalized; its index was written beside it first.
    pub reopened: bool,
}

/// Makes a container, or continues one.
///
/// Nothing that is in the container is lost, whatever happens meanwhile: lines are only written when
/// their payloads are durable. A container whose index is missing is left alone, with an error.
pub fn create(
    source: &Path,
    container: &Path,
    options: &CreateOptions,
    observer: &mut dyn Observer,
) -> Result<Created> {
    let index = options.index.clone().unwrap_or_else(|| idx_path(container));
    Error::refuse_same(&index, container)?;
    if options.dry_run {
        return dry_run(source, container, &index, options, observer);
    }
    // The old program made the directory, too.
    let directory = pack::directory_of(container);
    std::fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
    let has_bytes = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.len() > 0);
    let (existed, had_lines) = (container.exists(), has_bytes(&index));
    let locked = Locked::open(container, true)?;
    let result = Run { source, container, index: &index, options }.run(&locked, observer);
    // A failure before anything was written leaves no empty container behind.
    let useless = had_lines || !has_bytes(&index);
    if !existed && useless && result.is_err() && locked.len().is_ok_and(|len| len == 0) {
        let _ = std::fs::remove_file(container);
    }
    result
}

struct Run<'r> {
    source: &'r Path,
    container: &'r Path,
    index: &'r Path,
    options: &'r CreateOptions,
}

impl Run<'_> {
    fn run(&self, locked: &Locked, observer: &mut dyn Observer) -> Result<Created> {
        let options = self.options;
        let skip = vec![self.container.to_owned(), self.index.to_owned()];
        // Without a source nothing is touched.
        let walk = pack::walk(self.source, &options.pack, skip)?;
        let wrote_index = !self.index.exists();
        let mut dedup = options.pack.dedup.then(Dedup::default);
        let Known { sorted, state, reopened, paged } =
            known_entries(self.container, self.index, locked, dedup.as_mut())?;
        let len = locked.len()?;
        // Bytes behind a finalized container's payloads are its index: they stay until something is added.
        let cut = if reopened { 0 } else { len.saturating_sub(state.end) };
        refuse_to_cut(self.index, &state, cut)?;
        if cut > 0 {
            locked.set_len(state.end)?;
        }
        let batch = options.index_batch.unwrap_or(options.fsync_every).max(options.fsync_every);

        let opened = Journal::open(self.index, state.torn, options.fsync_every, batch);
        let mut journal = opened.inspect_err(|_| {
            if wrote_index {
                let _ = std::fs::remove_file(self.index);
            }
        })?;
        let mut output =
            Output::new(locked.handle()?, self.container, state.end, options.pack.align, dedup)?;
        let failure = Arc::new(Mutex::new(None));
        let tasks = Tasks { walk, sorted: Ahead::new(sorted), failure: failure.clone() };
        // The old extractor fails on lines for directories.
        let without_directories = options.pack.index.directories == DirectoryLines::Never;
        let mut sink = |entry: &Entry, output: &mut Output| {
            if without_directories && matches!(entry.kind, Kind::Directory(_)) {
                return Ok(());
            }
            output.begin()?;
            journal.push(entry, output)
        };
        let packed = pack::run(tasks, &mut output, &options.pack, observer, &mut sink);
        // What was packed before an interruption is kept.
        let committed = journal.commit(&mut output);
        let began = output.has_begun();
        if wrote_index
            && !began
            && (packed.is_err() || committed.is_err())
            && (reopened || journal.is_new())
        {
            // The container is as it was; so is what lies beside it.
            let _ = std::fs::remove_file(self.index);
        }
        let summary = packed?;
        committed?;
        if let Some(error) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Error::io("sort the entries of", self.index)(error));
        }
        output.finish()?;
        let mut created = Created { summary, ..Created::default() };
        if state.entries > 0 || cut > 0 || state.torn > 0 {
            created.resumed = Some(Resumed { journal: state, cut, reopened });
        }
        let wants_paged = options.pack.index.format != IndexFormat::Ndjson;
        let complete = paged || !(options.finalize && wants_paged);
        if reopened && !began && complete {
            // Nothing to add: the container is as it was, and so is what lies beside it.
            if wrote_index || options.remove_index {
                std::fs::remove_file(self.index).map_err(Error::io("remove", self.index))?;
            }
            created.is_finalized = true;
            return Ok(created);
        }
        created.is_finalized = options.finalize;
        if options.finalize {
            let finalize =
                FinalizeOptions { index: options.pack.index, remove_index: options.remove_index };
            let finalized = finalize::run(self.container, self.index, locked, &finalize)?;
            created.finished = Some(finalized.finished);
            created.replaced = finalized.replaced;
        }
        Ok(created)
    }
}

fn dry_run(
    source: &Path,
    container: &Path,
    index: &Path,
    options: &CreateOptions,
    observer: &mut dyn Observer,
) -> Result<Created> {
    let directory = std::env::temp_dir();
    let mut sorter = Sorter::new(&directory);
    let mut created = Created::default();
    let mut dedup = options.pack.dedup.then(Dedup::default);
    let mut sort = |entry: Entry| {
        if let Some(dedup) = &mut dedup {
            dedup.learn(&entry);
        }
        sorter.push(entry).map_err(Error::io("write a temporary file in", &directory))
    };
    let len = container.metadata().map_or(0, |metadata| metadata.len());
    if index.exists() {
        let journal = if journal::is_array(index)? {
            let mut state = JournalState::default();
            journal::read_array(index, &mut |entry| {
                state.count(&entry);
                sort(entry)
            })?;
            state
        } else {
            journal::read(index, &mut sort)?
        };
        if journal.end > len {
            return Err(container_cut(container, journal.end, len));
        }
        if len > journal.end && embedded(container, journal.end, &mut |_| Ok(()))?.is_none() {
            refuse_to_cut(index, &journal, len - journal.end)?;
        }
        created.resumed = Some(Resumed { journal, ..Resumed::default() });
    } else if len > 0 {
        let Some(inside) = embedded(container, 0, &mut sort)? else {
            return Err(index_missing(container, index, len));
        };
        created.resumed = Some(Resumed { journal: inside.state, cut: 0, reopened: true });
    }
    let sorted = sorter.finish().map_err(Error::io("read a temporary file in", &directory))?;
    let walk = pack::walk(source, &options.pack, vec![container.to_owned(), index.to_owned()])?;
    let failure = Arc::default();
    let tasks = Tasks { walk, sorted: Ahead::new(sorted), failure };
    let mut output = Output::nowhere(options.pack.align, dedup);
    created.summary = pack::run(tasks, &mut output, &options.pack, observer, &mut |_, _| Ok(()))?;
    Ok(created)
}
