//! The entries of all packs as one tree: of several with one path the one that counts.

use super::input::{Input, Next, wrong};
use super::spans::Span;
use super::{MergeInput, OnConflict};
use crate::error::{Error, MergeProblem, Result};
use crate::index::merging::{Merging, Stream};
use crate::read::pack::Pack;
use rangepack_core::{DirectorySums, Entry, Gist, Kind, Totals};

/// See [the module](self): entries in key order, each with the number of its pack.
pub(super) struct Chosen<'p> {
    packs: &'p [Pack],
    merging: Merging<Input<'p>>,
    on_conflict: OnConflict,
    /// Whether the first of `merging` was given out.
    is_spent: bool,
    /// The sums of all directories, where they are to be made of what the packs say.
    sums: Option<DirectorySums>,
    /// How many entries did not count, directories aside.
    duplicates: u64,
}

impl<'p> Chosen<'p> {
    pub(super) fn new(
        packs: &'p [Pack],
        inputs: &'p [MergeInput],
        on_conflict: OnConflict,
        sums: Option<DirectorySums>,
    ) -> Result<Chosen<'p>> {
        let each = packs.iter().zip(inputs);
        let each = each.map(|(pack, input)| Input::new(pack, input.below.as_ref()));
        let merging = Merging::new(each.collect())?;
        Ok(Chosen { packs, merging, on_conflict, is_spent: false, sums, duplicates: 0 })
    }

    fn read(&mut self) -> Result<Option<Span<'p>>> {
        if std::mem::replace(&mut self.is_spent, true) {
            self.merging.advance()?;
        }
        if self.merging.is_tied() {
            self.is_spent = false;
            return self.tied().map(Some);
        }
        let Some((next, pack)) = self.merging.head() else { return Ok(None) };
        take(&mut self.sums, self.packs, pack, next).map(Some)
    }

    /// The one that counts of all with the next path.
    fn tied(&mut self) -> Result<Span<'p>> {
        let [mut next, mut other] = [(); 2].map(|()| Input::blank());
        let mut pack = self.merging.read(&mut next)?.unwrap_or_default();
        let mut entry = self.entry(pack, &next)?;
        while self.merging.peek() == Some(&next.path)
            && let Some(second) = self.merging.read(&mut other)?
        {
            let another = self.entry(second, &other)?;
            let which = choose(&entry, &another, self.on_conflict);
            let which = which.map_err(|conflict| self.conflict(conflict, &next, pack, second))?;
            self.duplicates += u64::from(!entry.is_directory());
            if which == Which::Second {
                (pack, entry) = (second, another);
                std::mem::swap(&mut next, &mut other);
            }
        }
        take(&mut self.sums, self.packs, pack, &next)
    }

    fn entry(&self, pack: usize, next: &Next<'_>) -> Result<Entry> {
        let directory = Kind::Directory(Totals::default());
        let mut entry = Entry::new(next.path.clone(), directory);
        if let Some(from) = &next.from {
            from.read_into(&mut entry).map_err(|error| wrong(&self.packs[pack], error))?;
        }
        Ok(entry)
    }

    fn conflict(&self, conflict: Conflict, at: &Next<'_>, first: usize, second: usize) -> Error {
        let path = at.path.as_bytes().into();
        let [first, second] = [first, second].map(|number| self.packs[number].location().clone());
        Error::Merge(Box::new(match conflict {
            Conflict::Content => MergeProblem::Content { path, first, second },
            Conflict::Kind => MergeProblem::Kind { path, first, second },
        }))
    }

    /// What is known when all have come: sums, and how many entries did not count.
    pub(super) fn end(self) -> (Option<DirectorySums>, u64) {
        (self.sums, self.duplicates)
    }
}

/// Sums up the next entry, of this pack, and says where it is to be read.
fn take<'p>(
    sums: &mut Option<DirectorySums>,
    packs: &[Pack],
    pack: usize,
    next: &Next<'p>,
) -> Result<Span<'p>> {
    let Next { path, from } = next;
    if let Some(sums) = sums {
        let gist = from.as_ref().map_or_else(|| Ok(Gist::directory(path)), |from| from.gist(path));
        let summed = gist.and_then(|gist| sums.push_gist(&gist));
        summed.map_err(|error| wrong(&packs[pack], error))?;
    }
    Ok(match from {
        Some(from) => Span::of(pack, from),
        None => Span::Above(path.clone()),
    })
}

impl<'p> Iterator for Chosen<'p> {
    type Item = Result<Span<'p>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
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
