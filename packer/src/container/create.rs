//! Packs into a container that can be continued after any interruption, as the old program did.

use crate::container::finalize::{self, FinalizeOptions, Locked};
use crate::container::journal::{self, Journal, JournalState};
use crate::error::{Error, Result};
use crate::index::sort::{Sorted, Sorter};
use crate::index::writer::{DirectoryLines, Finished, IndexFormat};
use crate::pack::walk::{Batch, ItemKind, Walk};
use crate::pack::{self, Dedup, Output, PackOptions, Prior, Summary, Task};
use crate::progress::Observer;
use crate::source::location::idx_path;
use crate::source::replace::directory_of;
use rangepack_core::ndjson::Refused;
use rangepack_core::{Entry, Kind, PackPathBuf};
use std::cmp::Ordering;
use std::io;
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
    observer: &dyn Observer,
) -> Result<Created> {
    let index = options.index.clone().unwrap_or_else(|| idx_path(container));
    Error::refuse_same(&index, container)?;
    if options.dry_run {
        return dry_run(source, container, &index, options, observer);
    }
    // The old program made the directory, too.
    let directory = directory_of(container);
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
    fn run(&self, locked: &Locked, observer: &dyn Observer) -> Result<Created> {
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
            let finalized = finalize::run(self.container, self.index, locked, &finalize, observer)?;
            created.finished = Some(finalized.finished);
            created.replaced = finalized.replaced;
        }
        Ok(created)
    }
}

/// What a container holds already.
struct Known {
    sorted: Sorted,
    state: JournalState,
    /// It is finalized.
    reopened: bool,
    /// It has a paged index.
    paged: bool,
}

/// Finds out what is in the container, and tells `dedup`; for a finalized one writes its index beside it.
fn known_entries(
    container: &Path,
    index: &Path,
    locked: &Locked,
    mut dedup: Option<&mut Dedup>,
) -> Result<Known> {
    let directory = directory_of(index);
    let sorter = || Sorter::new(&directory);
    let mut sort = |sorter: &mut Sorter, entry: Entry| {
        if let Some(dedup) = &mut dedup {
            dedup.learn(&entry);
        }
        sorter.push(entry).map_err(Error::io("write a temporary file in", &directory))
    };
    let finish =
        |sorter: Sorter| sorter.finish().map_err(Error::io("read a temporary file in", &directory));
    let len = locked.len()?;
    let from_index = if index.exists() {
        let mut sorter = sorter();
        finalize::convert_array(index)?;
        let state = journal::read(index, &mut |entry| sort(&mut sorter, entry))?;
        Some((sorter, state))
    } else {
        None
    };
    let floor = from_index.as_ref().map_or(0, |(_, state)| state.end);
    let mut inside_sorter = sorter();
    let inside = if len > 0 {
        finalize::embedded(container, floor, &mut |entry| sort(&mut inside_sorter, entry))?
    } else {
        None
    };
    if let Some(inside) = inside {
        let known = |sorter, state| {
            Ok(Known { sorted: finish(sorter)?, state, reopened: true, paged: inside.paged })
        };
        return match from_index {
            // The index beside it is the one inside.
            Some((sorter, state))
                if (state.end == inside.state.end || state.end == inside.payload_end)
                    && (!inside.paged || state.entries >= inside.state.entries) =>
            {
                known(sorter, state)
            }
            Some((_, beside)) if !inside.paged || beside.end > inside.state.end => {
                let problem = format!(
                    "it differs from the index that {} holds itself; move it away to go on from that one, or, if \
                     those bytes are the rest of a file that was being packed, cut the container to {} bytes",
                    container.display(),
                    beside.end
                );
                Err(Error::State { path: index.to_owned(), problem })
            }
            _ => {
                // Safe on disk before anything is added.
                journal::write_whole(index, |write| {
                    finalize::embedded(container, 0, &mut |entry| write(&entry)).map(|_| ())
                })?;
                known(inside_sorter, inside.state)
            }
        };
    }
    match from_index {
        Some((_, state)) if state.end > len => Err(container_cut(container, state.end, len)),
        Some((sorter, state)) => {
            Ok(Known { sorted: finish(sorter)?, state, reopened: false, paged: false })
        }
        None if len > 0 => Err(index_missing(container, index, len)),
        None => {
            let state = JournalState::default();
            Ok(Known { sorted: finish(sorter())?, state, reopened: false, paged: false })
        }
    }
}

/// With lines that cannot be read, or without any byte, nobody knows what the bytes behind the last
/// payload are.
pub(crate) fn refuse_to_cut(index: &Path, state: &JournalState, cut: u64) -> Result<()> {
    if cut == 0 {
        return Ok(());
    }
    if index.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        let problem = format!(
            "it is empty, but its container has {cut} bytes, which it should name; nothing was changed. Bring the \
             index back or name it with --index; or, to begin anew, remove the container and the index"
        );
        return Err(Error::State { path: index.to_owned(), problem });
    }
    if state.bad_lines == 0 {
        return Ok(());
    }
    let problem = format!(
        "{} of its lines cannot be read, and the container has {cut} bytes behind the last payload that the others \
         name; nothing was changed. Mend the lines, or take them out if those bytes may be cut off",
        state.bad_lines
    );
    Err(Error::State { path: index.to_owned(), problem })
}

fn container_cut(container: &Path, end: u64, len: u64) -> Error {
    let problem = format!(
        "its index names payloads up to byte {end}, but it has only {len} bytes: the container was cut or is \
         another's; restore it, or remove it and its index to begin anew"
    );
    Error::State { path: container.to_owned(), problem }
}

fn index_missing(container: &Path, index: &Path, len: u64) -> Error {
    let problem = format!(
        "it holds {len} bytes, but its index {} is missing; nothing was changed. Bring the index back or name \
         it with --index; or, to begin anew, remove the container",
        index.display()
    );
    Error::State { path: container.to_owned(), problem }
}

fn dry_run(
    source: &Path,
    container: &Path,
    index: &Path,
    options: &CreateOptions,
    observer: &dyn Observer,
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
        let journal = if finalize::is_array(index)? {
            let mut state = JournalState::default();
            finalize::read_array(index, &mut |entry| {
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
        if len > journal.end
            && finalize::embedded(container, journal.end, &mut |_| Ok(()))?.is_none()
        {
            refuse_to_cut(index, &journal, len - journal.end)?;
        }
        created.resumed = Some(Resumed { journal, ..Resumed::default() });
    } else if len > 0 {
        let Some(inside) = finalize::embedded(container, 0, &mut sort)? else {
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

/// The walk, each item with what the container holds of it. Both come in key order, so one look ahead
/// is enough, and no map of all paths is needed.
struct Tasks {
    walk: Walk,
    sorted: Ahead,
    failure: Arc<Mutex<Option<io::Error>>>,
}

struct Ahead {
    sorted: Sorted,
    next: Option<Entry>,
    failed: Option<io::Error>,
}

impl Ahead {
    fn new(sorted: Sorted) -> Ahead {
        let mut ahead = Ahead { sorted, next: None, failed: None };
        ahead.advance();
        ahead
    }

    fn advance(&mut self) {
        self.next = match self.sorted.next() {
            Some(Ok(entry)) => Some(entry),
            Some(Err(error)) => {
                self.failed = Some(error);
                None
            }
            None => None,
        };
    }

    fn find(&mut self, path: &PackPathBuf) -> Option<Prior> {
        while let Some(entry) = &self.next {
            match entry.path.cmp(path) {
                Ordering::Less => self.advance(),
                Ordering::Equal => return Some(prior(entry)),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

fn prior(entry: &Entry) -> Prior {
    let (kind, size) = match &entry.kind {
        Kind::File(content) => (ItemKind::File, content.size),
        Kind::Directory(_) => (ItemKind::Directory, 0),
        Kind::Symlink(target) => (ItemKind::Symlink, target.len() as u64),
    };
    Prior { kind, size, mtime: entry.mtime, mode: entry.mode }
}

impl Tasks {
    fn priors(&mut self, batch: &Batch) -> Vec<Option<Prior>> {
        if self.sorted.next.is_none() {
            return Vec::new();
        }
        batch
            .items()
            .map(|item| {
                let path = PackPathBuf::new(batch.directory.pack_path_of(item.name)).ok()?;
                self.sorted.find(&path)
            })
            .collect()
    }
}

impl Iterator for Tasks {
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        let batch = self.walk.next()?;
        let priors = self.priors(&batch);
        if let Some(error) = self.sorted.failed.take() {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return None;
        }
        Some(Task { batch, priors })
    }
}
