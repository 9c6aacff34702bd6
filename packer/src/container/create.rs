//! Packs into a container that can be continued after any interruption, as the old program did.

use crate::container::finalize::{self, FinalizeOptions};
use crate::container::journal::Journal;
use crate::container::known::{self, Known, Place, Resumed, Tail};
use crate::container::lock::Locked;
use crate::container::tasks::{Ahead, Tasks, Trust};
use crate::error::{Action, ContainerProblem, Error, Result, Setting};
use crate::index::writer::{DirectoryLines, Finished, IndexFormat};
use crate::pack::{self, Compression, Dedup, Output, PackOptions, Summary, Trained};
use crate::progress::{Mute, Observer};
use crate::setters::setters;
use crate::source::location::idx_path;
use crate::source::platform::directory_of;
use crate::source::replace::{create_directories, refuse_same, sync_directory};
use rangepack_core::ndjson::Refused;
use rangepack_core::{Entry, Kind};
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
    /// What is done with bytes that nothing names.
    pub tail: Tail,
    /// Add to a container that is finished. Until it is finished again it is read through the index beside it.
    pub reopen: bool,
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
            tail: Tail::Refuse,
            reopen: false,
        }
    }
}

setters!(CreateOptions {
    pack(PackOptions),
    index(impl Into<Option<PathBuf>>),
    fsync_every(u64),
    index_batch(impl Into<Option<u64>>),
    dry_run(bool),
    finalize(bool),
    remove_index(bool),
    tail(Tail),
    reopen(bool),
});

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

/// Makes a container, or continues one.
///
/// Nothing that is in the container is lost, whatever happens meanwhile: lines are only written when
/// their payloads are durable. A container whose index is missing is left alone, with an error, and so is a finished one
/// to which something would be added, unless [`CreateOptions::reopen`] allows that.
pub fn create(
    source: impl AsRef<Path>,
    container: impl AsRef<Path>,
    options: &CreateOptions,
    observer: &dyn Observer,
) -> Result<Created> {
    let (source, container) = (source.as_ref(), container.as_ref());
    options.pack.check()?;
    if let Some(Compression::Zstd(_)) = options.pack.compress {
        return Err(Error::OnlyGzip);
    }
    Setting::FsyncEvery.check(options.fsync_every)?;
    options.index_batch.map_or(Ok(()), |entries| Setting::IndexBatch.check(entries))?;
    let index = options.index.clone().unwrap_or_else(|| idx_path(container));
    refuse_same(&index, container)?;
    if options.dry_run {
        return dry_run(source, container, &index, options, observer);
    }
    // The old program made the directory, too.
    create_directories(&directory_of(container))?;
    let has_bytes = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.len() > 0);
    let (existed, had_lines) = (container.exists(), has_bytes(&index));
    let locked = Locked::open(container, true)?;
    if !existed {
        sync_directory(&directory_of(container))?;
    }
    let result = Creation { source, container, index: &index, options }.run(&locked, observer);
    // A failure before anything was written leaves no empty container behind.
    let useless = had_lines || !has_bytes(&index);
    if !existed && useless && result.is_err() && locked.len().is_ok_and(|len| len == 0) {
        let _ = std::fs::remove_file(container);
    }
    result
}

struct Creation<'r> {
    source: &'r Path,
    container: &'r Path,
    index: &'r Path,
    options: &'r CreateOptions,
}

impl Creation<'_> {
    fn run(&self, locked: &Locked, observer: &dyn Observer) -> Result<Created> {
        let options = self.options;
        let skip = vec![self.container.to_owned(), self.index.to_owned()];
        // Without a source nothing is touched.
        let walk = pack::walk(self.source, &options.pack, skip, observer)?;
        let wrote_index = !self.index.exists();
        let mut dedup = options.pack.dedup.then(Dedup::default);
        let scratch = directory_of(self.index);
        let len = locked.len()?;
        let place = Place {
            container: self.container,
            index: self.index,
            scratch: &scratch,
            tail: options.tail,
            observer,
        };
        let known = known::find(&place, len, dedup.as_mut())?;
        known.prepare(self.container, self.index)?;
        let resumed = known.resumed();
        let Known { sorted, state, end, cut, reopened, paged, groups, .. } = known;
        if cut > 0 {
            locked.cut(end)?;
        }
        let batch = options.index_batch.unwrap_or(options.fsync_every).max(options.fsync_every);

        let opened = Journal::open(self.index, &state, options.fsync_every, batch);
        let mut journal = opened.inspect_err(|_| {
            if wrote_index {
                let _ = std::fs::remove_file(self.index);
            }
        })?;
        let output = Output::new(locked.handle()?, self.container, end, options.pack.align, dedup)?;
        let output = output.seal(reopened && !options.reopen);
        let mut output = output.announcing(journal.announce()?);
        let failure = Arc::new(Mutex::new(None));
        let tasks =
            Tasks { walk, known: Ahead::new(sorted, trust(options)), failure: failure.clone() };
        // The old extractor fails on lines for directories.
        let without_directories = options.pack.index.directories == DirectoryLines::Never;
        let mut sink = |entry: &Entry, output: &mut Output| -> Result<()> {
            if without_directories && matches!(entry.kind, Kind::Directory(_)) {
                return Ok(());
            }
            output.begin()?;
            journal.push(entry, output)
        };
        let trained = Trained::default();
        let packed =
            pack::run(tasks, &mut output, &options.pack, &trained, groups, observer, &mut sink);
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
        refuse_unsorted(self.index, &failure)?;
        output.finish()?;
        if began || !reopened {
            journal.close()?;
        }
        let mut created = Created { summary, resumed, ..Created::default() };
        let wants_paged = options.pack.index.format != IndexFormat::Ndjson;
        let complete = paged || !(options.finalize && wants_paged);
        if reopened && !began && complete {
            // Nothing to add: the container is as it was, and so is what lies beside it.
            if wrote_index || options.remove_index {
                std::fs::remove_file(self.index).map_err(Error::io(Action::Remove, self.index))?;
            }
            created.is_finalized = true;
            return Ok(created);
        }
        created.is_finalized = options.finalize;
        if options.finalize {
            let finalize = FinalizeOptions {
                index: options.pack.index,
                remove_index: options.remove_index,
                tail: options.tail,
            };
            // All entries were told of when they were packed, or before.
            let quiet = Mute(observer);
            let finalized = finalize::run(self.container, self.index, locked, &finalize, &quiet)?;
            created.finished = Some(finalized.finished);
            created.replaced = finalized.replaced;
        }
        Ok(created)
    }
}

fn trust(options: &CreateOptions) -> Trust {
    Trust { owner: options.pack.owner, nothing: false }
}

fn dry_run(
    source: &Path,
    container: &Path,
    index: &Path,
    options: &CreateOptions,
    observer: &dyn Observer,
) -> Result<Created> {
    let mut dedup = options.pack.dedup.then(Dedup::default);
    let len = container.metadata().map_or(0, |metadata| metadata.len());
    let scratch = std::env::temp_dir();
    let place = Place { container, index, scratch: &scratch, tail: options.tail, observer };
    let known = known::find(&place, len, dedup.as_mut())?;
    let mut created = Created { resumed: known.resumed(), ..Created::default() };
    let skip = vec![container.to_owned(), index.to_owned()];
    let walk = pack::walk(source, &options.pack, skip, observer)?;
    let failure = Arc::default();
    let tasks = Tasks {
        walk,
        known: Ahead::new(known.sorted, trust(options)),
        failure: Arc::clone(&failure),
    };
    let mut output = Output::nowhere(options.pack.align, dedup);
    let (groups, mut sink) = (known.groups, |_: &Entry, _: &mut Output| Ok(()));
    let trained = Trained::default();
    created.summary =
        pack::run(tasks, &mut output, &options.pack, &trained, groups, observer, &mut sink)?;
    refuse_unsorted(index, &failure)?;
    let Summary { files, directories, symlinks, .. } = created.summary;
    if known.reopened && !options.reopen && files + directories + symlinks > 0 {
        return Err(Error::container(container, ContainerProblem::Finished));
    }
    Ok(created)
}

/// The walk ends early when the container's entries cannot be read back.
fn refuse_unsorted(index: &Path, failure: &Mutex<Option<io::Error>>) -> Result<()> {
    let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.map_or(Ok(()), |error| Err(Error::io(Action::UseTemporary, index)(error)))
}
