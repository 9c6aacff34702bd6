//! Packs that grow by generations: a new index behind the old one, and before it what is new (FORMAT.md, "Generations").

mod base;
mod step;
mod removal;
mod rewrite;
mod cutter;
mod left;
mod copier;
mod mirror;
pub(crate) mod generations;

use crate::container::tasks::{Ahead, Tasks, Trust};
use crate::error::{Action, Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::index::writer::{Extras, Finished, IndexFormat, IndexWriter};
use crate::pack::walk::Batch;
use crate::pack::{self, Dedup, Output, PackOptions, Packed, Sources, Summary, Trained};
use crate::progress::{Latch, Observer, go_on};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::location::growth_note_path;
use crate::source::platform::directory_of;
use crate::source::replace::refuse_same;
use base::{Base, Known};
use left::Left;
use mirror::Mirror;
use rangepack_core::layout::Volume;
use rangepack_core::{Digest, Kind, PackPath, Tag};
use removal::Removal;
use rewrite::{Changes, Others, Rewrite};
use std::borrow::Cow;
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use step::Step;

/// How a pack grows.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GrowOptions {
    /// What is added, and how it is stored. Metadata is added to what the pack has, or takes its place. What speaks of a new file
    /// ([`overwrite`](PackOptions::overwrite), [`fsync`](PackOptions::fsync)) means nothing here: the pack is always on disk
    /// when it has grown.
    pub pack: PackOptions,
    /// Which indexes the new generation gets: the paged one always, and by default the NDJSON trailer if the pack had one. Takes
    /// the place of [`PackOptions::index`].
    pub trailer: Option<bool>,
    /// [`sync`] reads all files, also those whose size and time are those that the pack has.
    pub checksum: bool,
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
}

setters!(GrowOptions {
    pack(PackOptions),
    trailer(impl Into<Option<bool>>),
    checksum(bool),
    dry_run(bool),
});

/// What became of a pack.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Grown {
    /// What was read, packed and left out.
    pub summary: Summary,
    /// Entries of paths that the pack did not have.
    pub added: u64,
    /// Entries that say something else than before.
    pub changed: u64,
    /// Entries that are not there any more.
    pub removed: u64,
    /// Bytes before the new index: payloads, their block tables, attributes.
    pub payload_bytes: u64,
    /// The new generation; `None` when there was nothing to write, or nothing was to be written.
    pub finished: Option<Finished>,
    /// The name of the generation before; `None` when the pack is new.
    pub previous: Option<Digest>,
    /// Patterns of [`FilterOptions::include`](crate::FilterOptions::include) that nothing matches.
    pub unmatched: Vec<String>,
}

impl Grown {
    /// Whether the pack is, or would be, another than before.
    pub fn is_changed(&self) -> bool {
        self.added + self.changed + self.removed > 0 || self.finished.is_some()
    }

    /// Bytes of the new index, trailer included.
    pub fn index_bytes(&self) -> u64 {
        self.finished.as_ref().map_or(0, |finished| finished.paged_len + finished.trailer_len)
    }
}

/// Adds files and directories to a pack, in one durable step: a generation that has all that the pack had, and of equal paths what
/// is new. What the pack holds already is not stored again.
///
/// Until the step is done the pack is what it was, for whoever opens it, also when the process is killed or the power fails; what
/// such a run left behind the pack is cut off by the next one. The name of the old generation
/// ([`OpenOptions::expected`](crate::OpenOptions::expected)) opens it as before. The whole index is written anew, some 60
/// bytes an entry, or 300 with a trailer.
///
/// # Errors
/// [`Error::Grow`] when it is no pack with an index of its own, or a path is a directory in one of them only;
/// [`Error::Container`] when another process writes it, or it has a part that would be lost; whatever packing gives. The pack is what
/// it was then.
pub fn add(
    pack: impl AsRef<Path>,
    sources: Sources,
    options: &GrowOptions,
    observer: &dyn Observer,
) -> Result<Grown> {
    Run::new(pack.as_ref(), options)?.run(Change::Add(sources), observer)
}

/// Makes a generation without some entries. Patterns are exact paths of entries, or [`Globs`](crate::Globs); a directory brings what
/// it holds.
///
/// No payload is touched: what the file takes on disk only grows.
///
/// # Errors
/// [`Error::NoEntry`] when one of the patterns matches nothing, and those of [`add`].
pub fn remove(
    pack: impl AsRef<Path>,
    patterns: impl IntoIterator<Item: AsRef<[u8]>>,
    options: &GrowOptions,
    observer: &dyn Observer,
) -> Result<Grown> {
    let patterns = patterns.into_iter().map(|pattern| pattern.as_ref().to_vec()).collect();
    Run::new(pack.as_ref(), options)?.run(Change::Remove(patterns), observer)
}

/// Makes a pack equal to a directory by a generation: what has another size, time, mode, or owner if these are kept, is read and
/// added, what is not there any more goes. A pack that is not there is made.
///
/// # Errors
/// [`Error::Incomplete`] when something could not be read, unless [`PackOptions::incomplete`] is set, and those of [`add`].
pub fn sync(
    source: impl AsRef<Path>,
    pack: impl AsRef<Path>,
    options: &GrowOptions,
    observer: &dyn Observer,
) -> Result<Grown> {
    let (source, pack) = (source.as_ref(), pack.as_ref());
    if pack.symlink_metadata().is_err() {
        return create(source, pack, options, observer);
    }
    Run::new(pack, options)?.run(Change::Sync(source.to_owned()), observer)
}

/// Makes a pack equal to another by a generation: of `source` the index pages of directories that differ are read, or fetched, and
/// payloads that the pack has not got, wherever they lie in it. Directories with equal tree digests (FORMAT.md, "Tree digests") stay
/// as they are, times and owners in them included. The metadata becomes that of `source`, beside what
/// [`PackOptions::metadata`] says. A pack that is not there begins as an empty one.
///
/// Whatever comes is verified before it counts. When the network fails, the observer ends it or the process is killed, what came
/// stays behind the pack, if it is more than 1 MiB, and the next run takes it over as far as it is what it would fetch. Options that speak of files on disk mean
/// nothing here.
///
/// # Errors
/// Those of [`add`], and of reading `source`.
pub fn sync_pack(
    source: &Pack,
    pack: impl AsRef<Path>,
    options: &GrowOptions,
    observer: &dyn Observer,
) -> Result<Grown> {
    let path = pack.as_ref();
    if path.symlink_metadata().is_err() && !options.dry_run {
        let trailer = options.trailer.unwrap_or(has_trailer(source));
        let mut empty = PackOptions::default();
        empty.index.format = if trailer { IndexFormat::Both } else { IndexFormat::Paged };
        empty.fsync = true;
        pack::pack_sources(Sources::new(&directory_of(path)), path, &empty, observer)?;
    }
    if let Some(other) = source.location().disk() {
        refuse_same(path, other)?;
    }
    Run::new(path, options)?.run(Change::Mirror(source), observer)
}

/// The first generation.
fn create(
    source: &Path,
    target: &Path,
    options: &GrowOptions,
    observer: &dyn Observer,
) -> Result<Grown> {
    let mut pack = options.pack.clone();
    pack.fsync = true;
    if let Some(trailer) = options.trailer {
        pack.index.format = if trailer { IndexFormat::Both } else { IndexFormat::Paged };
    }
    let (summary, finished, unmatched) = if options.dry_run {
        let mut sources = Sources::new(&std::env::temp_dir());
        sources.add(source, PackPath::ROOT)?;
        let survey = pack::survey_sources(sources, &pack, vec![target.to_owned()], observer)?;
        let pack::Survey { files, directories, symlinks, bytes, special, failed, .. } = survey;
        let summary =
            Summary { files, directories, symlinks, bytes, special, failed, ..Summary::default() };
        (summary, None, Vec::new())
    } else {
        let packed = pack::pack(source, target, &pack, observer)?;
        let Packed { summary, finished, unmatched } = packed;
        (summary, Some(finished), unmatched)
    };
    Ok(Grown {
        summary,
        added: summary.files + summary.directories + summary.symlinks,
        changed: 0,
        removed: 0,
        payload_bytes: summary.stored_bytes,
        finished,
        previous: None,
        unmatched,
    })
}

/// What the new generation is.
enum Change<'c> {
    Add(Sources),
    Mirror(&'c Pack),
    Remove(Vec<Vec<u8>>),
    Sync(PathBuf),
}

struct Run<'r> {
    path: &'r Path,
    options: GrowOptions,
}

impl<'r> Run<'r> {
    fn new(path: &'r Path, options: &GrowOptions) -> Result<Run<'r>> {
        options.pack.check()?;
        Ok(Run { path, options: options.clone() })
    }

    fn run(mut self, change: Change<'_>, observer: &dyn Observer) -> Result<Grown> {
        let observer = &Latch::new(observer);
        let is_mirror = matches!(change, Change::Mirror(_));
        let (base, pack) = Base::open(self.path, self.options.dry_run, is_mirror, observer)?;
        let format = match self.options.trailer.unwrap_or(has_trailer(&pack)) {
            true => IndexFormat::Both,
            false => IndexFormat::Paged,
        };
        self.options.pack.index.format = format;
        let step = base.step(&pack)?;
        let grown = self.generation(&base, pack, change, step.as_ref(), observer);
        let Some(step) = step else { return grown };
        match &grown {
            Ok(Grown { finished: Some(_), .. }) => step.done()?,
            Err(error) if is_mirror && is_interruption(error) => step.leave(),
            _ => step.undo(),
        }
        grown
    }

    /// Writes all of a generation, unless it would be the one that there is.
    fn generation(
        &self,
        base: &Base,
        pack: Pack,
        change: Change<'_>,
        step: Option<&Arc<Step>>,
        observer: &dyn Observer,
    ) -> Result<Grown> {
        let (path, options) = (base.path.as_path(), &self.options.pack);
        let dedup = options.dedup.then(Dedup::default);
        let mut output = match (step, &base.locked) {
            (Some(step), Some(locked)) => {
                let end = pack.file_len();
                let output = Output::new(locked.handle()?, path, end, options.align, dedup)?;
                output.growing(step.growing())
            }
            _ => Output::nowhere(options.align, dedup),
        };
        let start = output.position();
        let before = pack.user_metadata()?;
        let mut metadata = match &change {
            Change::Mirror(source) => source.user_metadata()?,
            _ => before.clone(),
        };
        metadata.extend(options.metadata.clone());
        let New { summary, index, changes, unmatched } = match change {
            Change::Mirror(source) => mirror(source, &pack, base, &mut output, observer)?,
            change => self.entries(&pack, base, change, &mut output, observer)?,
        };
        let is_other = changes.any()
            || metadata != before
            || has_trailer(&pack) != (options.index.format == IndexFormat::Both);
        let mut grown = Grown {
            summary,
            added: changes.added,
            changed: changes.changed,
            removed: changes.removed,
            payload_bytes: output.position() - start,
            finished: None,
            previous: Some(pack.index().digest()),
            unmatched,
        };
        if !is_other {
            // What was read is there.
            grown.payload_bytes = 0;
            return Ok(grown);
        }
        let (Some(step), Some(locked)) = (step, &base.locked) else { return Ok(grown) };
        let extras = extras(&pack, pack::metadata(path, &metadata)?)?;
        let payload_end = output.position();
        output.finish()?;
        step.grow_to(payload_end)?;
        let mut file = locked.handle()?;
        file.seek(SeekFrom::Start(payload_end)).map_err(Error::io(Action::Seek, path))?;
        let mut out = BufWriter::with_capacity(256 << 10, file);
        let mut is_first = true;
        let settle =
            |out: &mut BufWriter<_>| step.settle(out, std::mem::replace(&mut is_first, false));
        let finished = index.finish(&mut out, path, payload_end, &extras, options.index, settle)?;
        grown.finished = Some(finished);
        Ok(grown)
    }

    /// The entries that stay and those that come, in key order.
    fn entries(
        &self,
        pack: &Pack,
        base: &Base,
        change: Change<'_>,
        output: &mut Output,
        observer: &dyn Observer,
    ) -> Result<New> {
        let (path, options) = (base.path.as_path(), &self.options.pack);
        let others = match &change {
            Change::Remove(patterns) => Others::Without(Removal::new(pack, patterns)?),
            Change::Sync(_) => Others::Go,
            _ => Others::Stay,
        };
        let is_sync = matches!(others, Others::Go);
        let index = IndexWriter::new(&directory_of(&base.file));
        let unmatched = options.filter.unmatched();
        let known = Known::of(pack);
        let mut rewrite = Rewrite::new(path, known, others, index, unmatched, observer)?;
        let summary = self.read(pack, base, change, output, &mut rewrite, observer)?;
        if is_sync && summary.failed > 0 && !options.incomplete {
            let (path, failed) = (path.to_owned(), summary.failed);
            return Err(Error::Incomplete { path, failed });
        }
        let (index, changes, unmatched, others) = rewrite.finish()?;
        if let Others::Without(removal) = &others {
            removal.check(pack)?;
        }
        Ok(New { summary, index, changes, unmatched })
    }

    /// Reads what is new, and gives it to `rewrite`.
    fn read(
        &self,
        pack: &Pack,
        base: &Base,
        change: Change<'_>,
        output: &mut Output,
        rewrite: &mut Rewrite<'_>,
        observer: &dyn Observer,
    ) -> Result<Summary> {
        if let Change::Remove(_) | Change::Mirror(_) = change {
            return Ok(Summary::default());
        }
        let options = &self.options.pack;
        let groups = learn(pack, base, output, observer)?;
        let skip = vec![base.file.clone(), growth_note_path(&base.file)];
        let owner = options.owner;
        let sync_failure = Arc::default();
        let mut trained = Trained::default();
        let (walk, failure): (Box<dyn Iterator<Item = Batch> + Send + '_>, _) = match change {
            Change::Add(sources) => {
                trained = Trained::new(sources.samples(), options, &skip, observer)?;
                let (walk, failure) = sources.walk(options, skip, observer)?;
                (Box::new(walk), Some(failure))
            }
            Change::Sync(source) => (Box::new(pack::walk(&source, options, skip, observer)?), None),
            Change::Remove(_) | Change::Mirror(_) => return Ok(Summary::default()),
        };
        // The list of them is written with the index, together with those that the pack has.
        trained.store_new(output, &pack.dictionaries()?)?;
        // What is to be added is what it is now; what is to be the same need not be read.
        let nothing = failure.is_some() || self.options.checksum;
        let known = Ahead::new(Known::of(pack), Trust { owner, nothing });
        let tasks = Tasks { walk, known, failure: Arc::clone(&sync_failure) };
        let summary = pack::run(tasks, output, options, &trained, groups, observer, rewrite)?;
        failure.map_or(Ok(()), |failure| failure.check())?;
        let unread: Option<Error> =
            sync_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        unread.map_or(Ok(summary), Err)
    }
}

/// Whether the same run would go on another time.
fn is_interruption(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Remote)
}

/// What the new generation is made of.
struct New {
    summary: Summary,
    index: IndexWriter,
    changes: Changes,
    unmatched: Vec<String>,
}

/// Lets `output` know what the pack holds already. The highest number of a group of hard links comes back.
fn learn(pack: &Pack, base: &Base, output: &mut Output, observer: &dyn Observer) -> Result<u64> {
    let mut groups = 0;
    for entry in Known::of(pack) {
        go_on(observer, &base.path)?;
        let entry = entry?;
        output.learn(&entry);
        if let Kind::File(content) = &entry.kind {
            groups = groups.max(content.hard_link.unwrap_or(0));
        }
    }
    Ok(groups)
}

/// The entries of another pack, for what is the same those that are there.
fn mirror(
    source: &Pack,
    pack: &Pack,
    base: &Base,
    output: &mut Output,
    observer: &dyn Observer,
) -> Result<New> {
    let index = IndexWriter::new(&directory_of(&base.file));
    let digests = [source, pack].map(|pack| pack.header().tree_digest);
    let is_same = digests[0].is_some() && digests[0] == digests[1];
    let (index, changes) = if is_same {
        // Metadata may differ all the same.
        let unmatched = Filter::default();
        let unmatched = unmatched.unmatched();
        let known = Known::of(pack);
        let rewrite = Rewrite::new(&base.path, known, Others::Stay, index, unmatched, observer)?;
        let (index, changes, ..) = rewrite.finish()?;
        (index, changes)
    } else {
        learn(pack, base, output, observer)?;
        let left = match &base.locked {
            Some(_) => Left::behind(&base.file, pack.file_len())?,
            None => Left::none(),
        };
        Mirror::new(source, pack, left, index, observer)?.run(output)?
    };
    Ok(New { summary: Summary::default(), index, changes, unmatched: Vec::new() })
}

fn has_trailer(pack: &Pack) -> bool {
    pack.header().section(Tag::TRAILER).is_some()
}

/// What goes into the new generation beside its entries.
fn extras(pack: &Pack, metadata: Option<Vec<u8>>) -> Result<Extras> {
    let index = pack.index();
    let volumes: Vec<Volume> =
        pack.volumes().map(|volume| volume.map(Cow::into_owned)).collect::<Result<_>>()?;
    let (volumes, table) = match pack.header().section(Tag::VOLUME_TABLE) {
        Some(_) => (Vec::new(), volumes),
        None => (volumes, Vec::new()),
    };
    let previous = Some((index.root_extent(), index.digest()));
    Ok(Extras { volumes, table, metadata, previous })
}
