//! Makes one pack of many: of their indexes alone, payloads stay where they are (FORMAT.md, "Table of volumes"); or with copies of
//! them.

mod input;
mod chosen;
mod spans;
mod parts;
mod fetch;
mod copy;
mod sink;
mod compact;

use crate::error::{Error, Result, Setting};
use crate::index::ahead::Ahead;
use crate::index::groups::Groups;
use crate::index::merging::blank;
use crate::index::writer::{Extras, Finished, IndexFormat, IndexOptions, IndexWriter};
use crate::progress::{Event, Latch, Observer, go_on};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::remote::send;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use chosen::Chosen;
pub use compact::{CompactOptions, Compacted, compact};
use copy::{Copier, NewPack};
use input::{Places, forget, wrong};
use parts::Parts;
use rangepack_core::layout::Volume;
use rangepack_core::{Codec, DirectorySums, Entry, Escaped, Kind, PackPathBuf, Totals};
use sink::Sink;
pub(crate) use sink::Target;
use spans::{Span, Spans};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A pack that becomes a part of another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeInput {
    /// Where it lies: a pack, a merged one, a CTNRv1 container or an `.fpack`; on disk or at a URL.
    pub location: Location,
    /// The directory below which its files appear; `None` is the root.
    pub below: Option<PackPathBuf>,
}

impl MergeInput {
    /// One whose files have the paths that they have.
    pub fn new(location: impl Into<Location>) -> MergeInput {
        MergeInput { location: location.into(), below: None }
    }

    /// The same below a directory.
    #[must_use]
    pub fn below(mut self, directory: PackPathBuf) -> MergeInput {
        self.below = Some(directory).filter(|path| !path.as_bytes().is_empty());
        self
    }
}

/// What becomes of a path that two parts have with different content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// It is an error.
    #[default]
    Refuse,
    /// The file of the part that was named first counts.
    First,
    /// The file of the part that was named last counts.
    Last,
}

/// How packs are merged.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MergeOptions {
    /// Copy the payloads, too: what comes of it needs no other file. The same payload is stored once, as long as it is remembered: the
    /// last quarter to half a million of them are.
    pub copy: bool,
    /// With `copy`: each payload begins at a multiple of this many bytes.
    pub align: u64,
    /// With `copy`: which indexes the pack carries. Others have the paged one alone.
    pub index: IndexOptions,
    /// Paths that two parts have with different content.
    pub on_conflict: OnConflict,
    /// The directory, or the beginning of the URLs, below which the parts lie; whoever reads the merged pack must say it,
    /// too ([`OpenOptions::volumes`]). `None`: they lie below the directory of the merged pack.
    pub volumes: Option<Location>,
    /// How the parts are opened.
    pub open: OpenOptions,
    /// Replace a file that is there.
    pub overwrite: bool,
    /// The pack is on disk, and its name too, when this is over.
    pub fsync: bool,
}

impl Default for MergeOptions {
    fn default() -> MergeOptions {
        MergeOptions {
            copy: false,
            align: 1,
            index: IndexOptions::paged(),
            on_conflict: OnConflict::default(),
            volumes: None,
            open: OpenOptions::default(),
            overwrite: false,
            fsync: false,
        }
    }
}

setters!(MergeOptions {
    copy(bool),
    align(u64),
    index(IndexOptions),
    on_conflict(OnConflict),
    volumes(impl Into<Option<Location>>),
    open(OpenOptions),
    overwrite(bool),
    fsync(bool),
});

/// What was made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Merged {
    /// The index.
    pub finished: Finished,
    /// How many other files hold the payloads.
    pub volumes: u32,
    /// How many entries were in more than one part, with equal content, or decided by [`OnConflict`]; directories are not
    /// counted.
    pub duplicates: u64,
}

/// Merges the indexes of packs into one pack, `out`, whose payloads lie in them.
///
/// No payload is read or copied; block tables and attribute blocks are, for they lie with the index. Directories that several
/// parts have are one. The same parts in the same order give the same bytes. Memory grows with the number of parts, directories
/// and groups of hard links, not of entries.
///
/// With [`MergeOptions::copy`] payloads are copied, and dictionaries, in the order of the entries. Each is compared with its digest, and every page of a block
/// table and every attribute block with its own; what has no digest gets that of what was copied. That takes up to 64 MiB of memory more,
/// and 32 MiB of what is fetched of remote packs.
///
/// `out` may be an `s3://`, `gs://` or `az://` URL, as of [`pack_url`](crate::pack_url): it is sent while it is made, and the index waits in a temporary
/// file.
///
/// # Errors
/// [`Error::Merge`] when a path has different content in two parts, when one is a directory here and a file there, and when a part
/// does not lie where the merged pack could find it; [`Error::SameFile`] when `out` holds payloads of a part; and whatever reading the parts
/// gives. With copies: [`Error::Entry`] for the first payload that is not what its entry says.
pub fn merge(
    inputs: &[MergeInput],
    out: impl Into<Location>,
    options: &MergeOptions,
    observer: &dyn Observer,
) -> Result<Merged> {
    let observer = &Latch::new(observer);
    if options.copy {
        Setting::Align.check(options.align)?;
    }
    let out = out.into();
    let base = options.volumes.clone().unwrap_or_else(|| out.folder());
    let merging = |path: &Path, scratch: &Path, target: Target<'_>| {
        if options.copy {
            let mut disk = inputs.iter().filter_map(|input| input.location.disk());
            disk.try_for_each(|input| refuse_same(path, input))?;
        }
        let open = |input: &MergeInput| {
            let pack = Pack::open_observed(&input.location, &options.open, observer)?;
            forget(&pack);
            Ok(pack)
        };
        let packs = inputs.iter().map(open).collect::<Result<_>>()?;
        let output = Output { path, base: &base, scratch, target };
        write(inputs, packs, &output, Extras::default(), options, observer)
    };
    match &out {
        Location::Disk(path) => {
            refuse_to_replace(path, options.overwrite)?;
            let replacement = Replacement::new(path)?;
            let target = Target::File(replacement.file());
            let merged = merging(path, &directory_of(replacement.target()), target)?;
            replacement.finish(Finish { overwrite: options.overwrite, sync: options.fsync })?;
            Ok(merged)
        }
        Location::Url(url) => {
            let (path, scratch) = (PathBuf::from(url.to_string()), std::env::temp_dir());
            send(url, &options.open.remote, options.overwrite, observer, |sending| {
                merging(&path, &scratch, Target::Store(sending))
            })
        }
    }
}

/// After so many entries the memory of index pages is given back, some 20 MB.
const FORGET: u32 = 1 << 18;

/// Where the merged pack is written.
pub(crate) struct Output<'o> {
    /// What it becomes.
    pub(crate) path: &'o Path,
    /// Where its parts lie.
    pub(crate) base: &'o Location,
    /// Where temporary files lie.
    pub(crate) scratch: &'o Path,
    pub(crate) target: Target<'o>,
}

pub(crate) fn write(
    inputs: &[MergeInput],
    packs: Vec<Pack>,
    output: &Output<'_>,
    extras: Extras,
    options: &MergeOptions,
    observer: &dyn Observer,
) -> Result<Merged> {
    let total = packs.iter().map(|pack| pack.header().entries).sum();
    observer.event(Event::Selected { entries: total });
    let Output { path: out, base, scratch, target } = *output;
    let mut file = Sink::new(target);
    let mut writer = IndexWriter::new(scratch);
    let mut payloads = match options.copy {
        true => Payloads::Copied(Box::new(Copier::new(&packs, out, options.align))),
        false => Payloads::Stay(Box::new(Parts::new(&packs, base, out))),
    };
    if let Payloads::Copied(copier) = &mut payloads {
        let list = copier.dictionaries(&mut file)?;
        let list = list.as_ref().map(|(extent, places)| (*extent, &places[..]));
        writer = writer.with_dictionaries(list)?;
    }
    let index = if options.copy { options.index } else { IndexOptions::paged() };
    // Copying makes digests known, which are part of the sums.
    let sums = (!options.copy).then(DirectorySums::default);
    let mut chosen = Chosen::new(&packs, inputs, options.on_conflict, sums)?;
    let spans = Spans::new(&mut chosen);
    std::thread::scope(|scope| {
        let mut spans = Ahead::start(scope, Span::weight, spans);
        let (mut places, mut groups) = (Places::default(), Groups::default());
        let (mut entry, mut since) = (blank(), 0);
        let mut take = |number: usize, entry: &mut Entry| {
            go_on(observer, out)?;
            since += 1;
            if since == FORGET {
                packs.iter().for_each(forget);
                since = 0;
            }
            if index.format == IndexFormat::Ndjson
                && entry
                    .content()
                    .is_some_and(|it| matches!(it.codec, Codec::Deflate | Codec::Zstd))
            {
                return Err(Error::OnlyGzip);
            }
            let into = NewPack { file: &mut file, index: &mut writer, observer };
            payloads.take(number, entry, into)
        };
        while let Some(span) = spans.next()? {
            match span {
                Span::Above(path) => {
                    let directory = Kind::Directory(Totals::default());
                    take(0, &mut Entry::new(path.clone(), directory))?;
                }
                // What the other thread read of them is read once more: to hand it over would take longer.
                Span::Slots(number, leaf, slots) => {
                    let below = inputs.get(*number).and_then(|input| input.below.as_ref());
                    let wrong = |error| wrong(&packs[*number], error);
                    let mut run = 0;
                    for slot in slots.clone() {
                        let from = leaf.slot(slot, &mut run).and_then(|it| leaf.entry_of(it));
                        let from = from.map_err(wrong)?;
                        places.path(&from, below, &mut entry.path).map_err(wrong)?;
                        from.read_into(&mut entry).map_err(wrong)?;
                        groups.renumber(*number, &mut entry);
                        take(*number, &mut entry)?;
                    }
                }
            }
        }
        Ok::<_, Error>(())
    })?;
    // Bytes that were gone when they were read were zeros.
    packs.iter().filter_map(Pack::index_file).try_for_each(|file| file.intact())?;

    let (sums, duplicates) = chosen.end();
    let into = NewPack { file: &mut file, index: &mut writer, observer };
    let (payload_end, table) = payloads.finish(into)?;
    let volumes = u32::try_from(table.len()).unwrap_or(u32::MAX);
    let extras = Extras { table, ..extras };
    let writer = match sums {
        Some(sums) => writer.with_sums(sums),
        None => writer,
    };
    let finished = file.finish(writer, output, payload_end, &extras, index)?;
    Ok(Merged { finished, volumes, duplicates })
}

/// What becomes of payloads.
enum Payloads<'p> {
    Stay(Box<Parts<'p>>),
    Copied(Box<Copier<'p>>),
}

impl Payloads<'_> {
    /// Takes the next entry, which is of pack `number`; what is left of it means nothing.
    fn take<W: Write>(
        &mut self,
        number: usize,
        entry: &mut Entry,
        mut into: NewPack<'_, W>,
    ) -> Result<()> {
        match self {
            Payloads::Stay(parts) => {
                parts.take(number, entry, into.file)?;
                into.index.push_without_sums(entry)?;
                let path = Escaped(entry.path.as_bytes());
                into.observer.event(Event::Done { path, bytes: 0 });
                Ok(())
            }
            Payloads::Copied(copier) => copier.take(number, entry.clone(), &mut into),
        }
    }

    /// Where what was written ends, and the files that hold payloads.
    fn finish<W: Write>(self, mut into: NewPack<'_, W>) -> Result<(u64, Vec<Volume>)> {
        match self {
            Payloads::Stay(parts) => Ok((parts.position(), parts.into_volumes())),
            Payloads::Copied(mut copier) => Ok((copier.flush(&mut into)?, Vec::new())),
        }
    }
}
