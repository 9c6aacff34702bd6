//! Makes one pack of many, of their indexes alone: payloads stay where they are (FORMAT.md, "Table of volumes").

mod input;
mod parts;

use crate::error::{Error, MergeProblem, Result};
use crate::index::groups::Groups;
use crate::index::merging::Merging;
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::progress::{Event, Latch, Observer, go_on};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, refuse_to_replace};
use input::Input;
use parts::Parts;
use rangepack_core::{Entry, Escaped, Kind, PackPathBuf};
use std::path::Path;

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
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MergeOptions {
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

setters!(MergeOptions {
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
    /// How many files hold the payloads.
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
/// # Errors
/// [`Error::Merge`] when a path has different content in two parts, when one is a directory here and a file there, and when a part
/// does not lie where the merged pack could find it; [`Error::SameFile`] when `out` holds payloads of a part; and whatever reading the parts
/// gives.
pub fn merge(
    inputs: &[MergeInput],
    out: impl AsRef<Path>,
    options: &MergeOptions,
    observer: &dyn Observer,
) -> Result<Merged> {
    let out = out.as_ref();
    let observer = &Latch::new(observer);
    refuse_to_replace(out, options.overwrite)?;
    let packs: Vec<Pack> = inputs
        .iter()
        .map(|input| Pack::open_observed(&input.location, &options.open, observer))
        .collect::<Result<_>>()?;
    let total = packs.iter().map(|pack| pack.header().entries).sum();
    observer.event(Event::Selected { entries: total });

    let directory = directory_of(out);
    let base = options.volumes.clone().unwrap_or(Location::Disk(directory.clone()));
    let replacement = Replacement::new(out)?;
    let mut file = replacement.writer();
    let mut parts = Parts::new(&packs, &base, out);
    let mut writer = IndexWriter::new(&directory);
    let mut groups = Groups::default();
    let mut duplicates = 0;

    let each = packs.iter().zip(inputs);
    let each = each.map(|(pack, input)| Input::new(pack, input.below.as_ref()));
    let mut entries = Merging::new(each.collect())?;
    while let Some((mut number, mut entry)) = entries.next().transpose()? {
        go_on(observer, out)?;
        while entries.peek() == Some(&entry.path)
            && let Some((other_number, other)) = entries.next().transpose()?
        {
            let which = choose(&entry, &other, options.on_conflict).map_err(|problem| {
                let path = entry.path.as_bytes().into();
                let location = |number: usize| packs[number].location().clone();
                let (first, second) = (location(number), location(other_number));
                Error::Merge(Box::new(match problem {
                    Conflict::Content => MergeProblem::Content { path, first, second },
                    Conflict::Kind => MergeProblem::Kind { path, first, second },
                }))
            })?;
            duplicates += u64::from(!matches!(entry.kind, Kind::Directory(_)));
            if which == Which::Second {
                (number, entry) = (other_number, other);
            }
        }
        groups.renumber(number, &mut entry);
        parts.take(number, &mut entry, &mut file)?;
        writer.push(&entry)?;
        observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes: 0 });
    }

    let payload_end = parts.position();
    let volumes = parts.into_volumes();
    let count = u32::try_from(volumes.len()).unwrap_or(u32::MAX);
    let extras = Extras { table: volumes, ..Extras::default() };
    let at_once = |_: &mut _| Ok(());
    let finished =
        writer.finish(&mut file, out, payload_end, &extras, IndexOptions::paged(), at_once)?;
    drop(file);
    replacement.finish(Finish { overwrite: options.overwrite, sync: options.fsync })?;
    Ok(Merged { finished, volumes: count, duplicates })
}

/// Which of two entries counts.
#[derive(Debug, PartialEq, Eq)]
enum Which {
    First,
    Second,
}

/// Why none does.
enum Conflict {
    Content,
    Kind,
}

/// Which of two entries with one path counts.
fn choose(
    first: &Entry,
    second: &Entry,
    on_conflict: OnConflict,
) -> std::result::Result<Which, Conflict> {
    let is_equal = match (&first.kind, &second.kind) {
        (Kind::Directory(_), Kind::Directory(_)) => return Ok(Which::First),
        // What is below the directory would have none.
        (Kind::Directory(_), _) | (_, Kind::Directory(_)) => return Err(Conflict::Kind),
        (Kind::File(a), Kind::File(b)) => {
            let digest = a.content_digest();
            a.size == b.size && digest.is_some() && digest == b.content_digest()
        }
        (Kind::Symlink(a), Kind::Symlink(b)) => a == b,
        _ => false,
    };
    match on_conflict {
        _ if is_equal => Ok(Which::First),
        OnConflict::First => Ok(Which::First),
        OnConflict::Last => Ok(Which::Second),
        OnConflict::Refuse => Err(Conflict::Content),
    }
}
