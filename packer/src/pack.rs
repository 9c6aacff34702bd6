//! Packs a directory tree: a finished pack, or nothing.

pub(crate) mod walk;
mod attributes;
mod compress;
mod dedup;
mod large;
mod links;
mod output;
mod pipeline;
mod read;
mod sources;
mod stream;
mod survey;
mod upload;
mod split;
mod train;
mod writer;

use crate::error::{Action, Error, Result, Setting};
use crate::filter::Filter;
use crate::index::writer::{Extras, Finished, IndexFormat, IndexOptions, IndexWriter};
use crate::pack::walk::Batch;
use crate::progress::Observer;
use crate::setters::setters;
use crate::source::platform::{default_readers, directory_of};
use crate::source::replace::{Finish, Replacement, refuse_to_replace};
#[cfg(feature = "archives")]
pub(crate) use attributes::Attached;
pub use compress::Compression;
pub(crate) use dedup::{Dedup, Placed};
#[cfg(feature = "archives")]
pub(crate) use large::{Stored, store_file, store_stream};
pub(crate) use output::{Announce, Growing, Output};
#[cfg(feature = "archives")]
pub(crate) use pipeline::Ordered;
pub(crate) use pipeline::Pipeline;
use rangepack_core::{Entry, PackPath, PackPathBuf};
pub(crate) use read::BLOCK;
pub(crate) use read::Prior;
pub(crate) use read::Task;
#[cfg(feature = "archives")]
pub(crate) use read::{Small, Worker};
pub(crate) use sources::walk_tree as walk;
pub use sources::{Sources, listed_name};
pub use split::{Share, Split, split};
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
pub(crate) use stream::Stream;
pub use survey::{Survey, survey, survey_sources};
pub use train::Dictionaries;
pub(crate) use train::Trained;
#[cfg(feature = "archives")]
pub(crate) use train::{Sampler, is_short};
pub use upload::pack_url;
use writer::Writer;

/// How a tree is packed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PackOptions {
    /// Which paths.
    pub filter: Filter,
    /// Pack what symbolic links lead to, instead of the links.
    pub follow_links: bool,
    /// Compress each file, where that makes it shorter.
    pub compress: Option<Compression>,
    /// Learn beforehand what small files have in common, and compress them with that. Only for [`Compression::Zstd`].
    pub dictionaries: Dictionaries,
    /// Store identical content once.
    pub dedup: bool,
    /// Each payload begins at a multiple of this many bytes.
    pub align: u64,
    /// Keep user and group ids.
    pub owner: bool,
    /// Keep extended attributes of files and directories, access control lists among them; not those of symbolic
    /// links. Entries that a container holds already keep what they have.
    pub attributes: bool,
    /// How many threads read, hash and compress; the pack is the same with any number. See
    /// [`default_readers`](crate::default_readers).
    pub threads: usize,
    /// Stop at the first file that cannot be packed.
    pub strict: bool,
    /// Which indexes the pack carries.
    pub index: IndexOptions,
    /// Wait until the pack is on disk before it gets its name.
    pub fsync: bool,
    /// Replace a file that stands in the way, by a pack that lacks nothing.
    pub overwrite: bool,
    /// Replace it, too, when something could not be read and is left out.
    pub incomplete: bool,
    /// What is to be said of the pack as a whole, by keys.
    pub metadata: BTreeMap<String, String>,
}

impl Default for PackOptions {
    fn default() -> Self {
        PackOptions {
            filter: Filter::default(),
            follow_links: false,
            compress: None,
            dictionaries: Dictionaries::default(),
            dedup: true,
            align: 1,
            owner: false,
            attributes: false,
            threads: default_readers(),
            strict: false,
            index: IndexOptions::default(),
            fsync: false,
            overwrite: false,
            incomplete: false,
            metadata: BTreeMap::new(),
        }
    }
}

setters!(PackOptions {
    filter(Filter),
    follow_links(bool),
    compress(impl Into<Option<Compression>>),
    dictionaries(Dictionaries),
    dedup(bool),
    align(u64),
    owner(bool),
    attributes(bool),
    threads(usize),
    strict(bool),
    index(IndexOptions),
    fsync(bool),
    overwrite(bool),
    incomplete(bool),
    metadata(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) = pairs,
});

fn pairs<K: Into<String>, V: Into<String>>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

impl PackOptions {
    /// Fails when an option does not take its number.
    pub(crate) fn check(&self) -> Result<()> {
        match self.compress {
            Some(Compression::Gzip(level)) => Setting::Compress.check(level)?,
            Some(Compression::Zstd(_)) if self.index.format == IndexFormat::Ndjson => {
                return Err(Error::OnlyGzip);
            }
            Some(Compression::Zstd(level)) => Setting::CompressZstd.check(level)?,
            None => {}
        }
        if let Dictionaries::Size(size) = self.dictionaries {
            Setting::Dictionaries.check(size)?;
        }
        Setting::Align.check(self.align)?;
        Setting::Threads.check(self.threads)
    }
}

/// Sums over one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Regular files packed.
    pub files: u64,
    /// Directories packed.
    pub directories: u64,
    /// Symbolic links packed.
    pub symlinks: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Bytes of payload written.
    pub stored_bytes: u64,
    /// Files whose content was stored already: other names of the same file, or files with the same content.
    pub duplicates: u64,
    /// Entries that were in the container already, unchanged.
    pub unchanged: u64,
    /// Entries that were in the container, but are packed anew, because they changed since.
    pub changed: u64,
    /// Sockets, pipes and devices: left out on purpose.
    pub special: u64,
    /// Files and directories that could not be read.
    pub failed: u64,
    /// Entries that are packed without some of their extended attributes, or all, or with another time.
    pub attributes_left_out: u64,
}

/// A finished pack.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Packed {
    /// What was packed and left out.
    pub summary: Summary,
    /// The indexes that it got.
    pub finished: Finished,
    /// Patterns of [`FilterOptions::include`](crate::FilterOptions::include) that nothing in the pack matches, as they were
    /// given.
    pub unmatched: Vec<String>,
}

/// Packs the tree below `source` into `target`, which appears when it is complete.
///
/// Sums of what was packed and left out come back; the caller decides what a left-out file means. But nothing is
/// replaced by a pack that lacks something, unless [`PackOptions::incomplete`] allows it.
///
/// # Errors
/// [`Error::Incomplete`] in that case; what was at `target` is still there. [`Error::Setting`] for options that take other
/// numbers.
pub fn pack(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    let (source, target) = (source.as_ref(), target.as_ref());
    options.check()?;
    let mut sources = Sources::new(&directory_of(target));
    sources.add(source, PackPath::ROOT)?;
    pack_sources(sources, target, options, observer)
}

/// The same for files and directories from several places.
///
/// # Errors
/// As [`pack()`].
pub fn pack_sources(
    sources: Sources,
    target: impl AsRef<Path>,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    let target = target.as_ref();
    options.check()?;
    refuse_to_replace(target, options.overwrite)?;
    let extras = Extras { metadata: metadata(target, &options.metadata)?, ..Extras::default() };
    let replacement = Replacement::new(target)?;
    let skip = [target, replacement.target()].into_iter().chain(replacement.path());
    let skip: Vec<_> = skip.map(Path::to_owned).collect();
    let mut trained = Trained::new(sources.samples(), options, &skip, observer)?;
    let (walk, failure) = sources.walk(options, skip, observer)?;
    let file = replacement.file().try_clone().map_err(Error::io(Action::Create, target))?;
    let mut output =
        Output::new(file, target, 0, options.align, options.dedup.then(Dedup::default))?;
    let list = trained.store(&mut output)?;
    let mut index =
        IndexWriter::new(&directory_of(replacement.target())).with_dictionaries(list)?;
    let (summary, unmatched) = fill(walk, &mut output, &mut index, options, &trained, observer)?;
    failure.check()?;
    let finished = finish_file(replacement, output, index, target, &extras, &summary, options)?;
    Ok(Packed { summary, finished, unmatched })
}

/// Packs into something that takes bytes only: a pipe, a socket. They are those that [`pack_sources`] would write into
/// a file; errors name it as `name`.
///
/// Large files and the index wait in a temporary file until they are complete. When this fails, what was written is no
/// pack. Options that speak of a file are ignored.
pub fn pack_stream(
    sources: Sources,
    out: Box<dyn Write + Send>,
    name: &Path,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    options.check()?;
    let extras = Extras { metadata: metadata(name, &options.metadata)?, ..Extras::default() };
    let mut trained = Trained::new(sources.samples(), options, &[], observer)?;
    let (walk, failure) = sources.walk(options, Vec::new(), observer)?;
    let dedup = options.dedup.then(Dedup::default);
    let mut output = Output::stream(Stream::new(out), name, options.align, dedup);
    let list = trained.store(&mut output)?;
    let mut index = IndexWriter::new(&std::env::temp_dir()).with_dictionaries(list)?;
    let (summary, unmatched) = fill(walk, &mut output, &mut index, options, &trained, observer)?;
    failure.check()?;
    let finished = finish_stream(output, index, name, &extras, options.index)?;
    Ok(Packed { summary, finished, unmatched })
}

/// Writes the index behind the payloads of a file that lacks nothing, or nothing that would be missed, and gives it its name.
pub(crate) fn finish_file(
    replacement: Replacement,
    output: Output,
    index: IndexWriter,
    target: &Path,
    extras: &Extras,
    summary: &Summary,
    options: &PackOptions,
) -> Result<Finished> {
    if summary.failed > 0 && !options.incomplete && target.symlink_metadata().is_ok() {
        return Err(Error::Incomplete { path: target.to_owned(), failed: summary.failed });
    }
    let payload_end = output.position();
    output.finish()?;
    let seek = Error::io(Action::Seek, target);
    replacement.file().seek(SeekFrom::Start(payload_end)).map_err(seek)?;
    let mut out = replacement.writer();
    let finished =
        index.finish(&mut out, target, payload_end, extras, options.index, |_| Ok(()))?;
    drop(out);
    replacement.finish(Finish { overwrite: options.overwrite, sync: options.fsync })?;
    Ok(finished)
}

/// Writes the index behind the payloads, into what takes bytes only.
pub(crate) fn finish_stream(
    output: Output,
    index: IndexWriter,
    name: &Path,
    extras: &Extras,
    options: IndexOptions,
) -> Result<Finished> {
    let payload_end = output.position();
    let Some(stream) = output.into_stream()? else {
        return Err(Error::io(Action::Write, name)(std::io::ErrorKind::BrokenPipe.into()));
    };
    finish_behind(stream, payload_end, index, name, extras, options)
}

/// The same behind a stream that stands at `payload_end`.
pub(crate) fn finish_behind(
    mut stream: Stream,
    payload_end: u64,
    index: IndexWriter,
    name: &Path,
    extras: &Extras,
    options: IndexOptions,
) -> Result<Finished> {
    let finished = stream.shuffled(payload_end, |out| {
        index.finish(out, name, payload_end, extras, options, |_| Ok(())).map_err(Failed::Library)
    });
    match finished {
        Ok(finished) => Ok(finished),
        Err(Failed::Library(error)) => Err(error),
        Err(Failed::System(error)) => Err(Error::io(Action::Write, name)(error)),
    }
}

/// Why the index did not come out.
enum Failed {
    Library(Error),
    System(std::io::Error),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Failed {
        Failed::System(error)
    }
}

/// Packs what the walk finds; what comes with the sums are patterns that matched nothing.
fn fill(
    walk: impl Iterator<Item = Batch> + Send,
    output: &mut Output,
    index: &mut IndexWriter,
    options: &PackOptions,
    trained: &Trained,
    observer: &dyn Observer,
) -> Result<(Summary, Vec<String>)> {
    let mut unmatched = options.filter.unmatched();
    let mut sink = |entry: &Entry, _: &mut Output| {
        unmatched.see(entry.path.as_bytes(), entry.is_directory());
        index.push(entry)
    };
    let tasks = walk.map(|batch| Task { batch, priors: Vec::new() });
    let summary = run(tasks, output, options, trained, 0, observer, &mut sink)?;
    Ok((summary, unmatched.patterns()))
}

/// The section of metadata.
pub(crate) fn metadata(
    target: &Path,
    metadata: &BTreeMap<String, String>,
) -> Result<Option<Vec<u8>>> {
    if metadata.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_vec(metadata)
        .map_err(|error| Error::io(Action::Write, target)(error.into()))?;
    let (value, limit) = (json.len() as u64, u64::from(rangepack_core::MAX_METADATA));
    if value > limit {
        let what = "length of the metadata";
        return Err(Error::pack_at(target)(rangepack_core::Error::TooLarge { what, value, limit }));
    }
    Ok(Some(json))
}

/// Where entries go: an index in the making, or a journal.
pub(crate) trait Sink {
    /// An entry that was packed.
    fn entry(&mut self, entry: &Entry, output: &mut Output) -> Result<()>;

    /// One that its [`Prior`] says everything of.
    fn unchanged(&mut self, _path: PackPathBuf) -> Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&Entry, &mut Output) -> Result<()>> Sink for F {
    fn entry(&mut self, entry: &Entry, output: &mut Output) -> Result<()> {
        self(entry, output)
    }
}

/// Runs the pipeline over `tasks`; payloads go to `output`, entries to `sink`. Groups of hard links are numbered
/// on from `groups`.
pub(crate) fn run(
    tasks: impl Iterator<Item = Task> + Send,
    output: &mut Output,
    options: &PackOptions,
    trained: &Trained,
    groups: u64,
    observer: &dyn Observer,
    sink: &mut dyn Sink,
) -> Result<Summary> {
    let workers = options.threads.max(1);
    let pipeline = Pipeline::new(workers);
    pipeline.run(tasks, workers, options, trained, |pipeline| {
        let mut writer = Writer::new(pipeline, output, options, trained, groups, observer, sink);
        while let Some(done) = pipeline.next() {
            let data = writer.batch(done)?;
            pipeline.written(data);
        }
        Ok(writer.summary)
    })
}
