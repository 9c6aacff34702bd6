//! The entries of all packs as one tree: of several with one path the one that counts.

use super::input::Input;
use super::{MergeInput, OnConflict};
use crate::error::{Error, MergeProblem, Result};
use crate::index::groups::Groups;
use crate::index::merging::Merging;
use crate::read::pack::Pack;
use rangepack_core::{Entry, Kind};
use std::sync::atomic::{AtomicU64, Ordering};

/// See [the module](self): entries in key order, each with the number of its pack, and groups of hard links that have
/// numbers of their own.
pub(super) struct Chosen<'p> {
    packs: &'p [Pack],
    merging: Merging<Input<'p>>,
    groups: Groups,
    on_conflict: OnConflict,
    /// How many entries did not count, directories aside.
    duplicates: &'p AtomicU64,
}

impl<'p> Chosen<'p> {
    pub(super) fn new(
        packs: &'p [Pack],
        inputs: &'p [MergeInput],
        on_conflict: OnConflict,
        duplicates: &'p AtomicU64,
    ) -> Result<Chosen<'p>> {
        let each = packs.iter().zip(inputs);
        let each = each.map(|(pack, input)| Input::new(pack, input.below.as_ref()));
        let merging = Merging::new(each.collect())?;
        Ok(Chosen { packs, merging, groups: Groups::default(), on_conflict, duplicates })
    }

    fn choose(&self, one: &(usize, Entry), other: &(usize, Entry)) -> Result<Which> {
        choose(&one.1, &other.1, self.on_conflict).map_err(|conflict| {
            let path = one.1.path.as_bytes().into();
            let location = |number: usize| self.packs[number].location().clone();
            let (first, second) = (location(one.0), location(other.0));
            Error::Merge(Box::new(match conflict {
                Conflict::Content => MergeProblem::Content { path, first, second },
                Conflict::Kind => MergeProblem::Kind { path, first, second },
            }))
        })
    }

    fn read(&mut self) -> Result<Option<(usize, Entry)>> {
        let Some(mut entry) = self.merging.next().transpose()? else { return Ok(None) };
        while self.merging.peek() == Some(&entry.1.path)
            && let Some(other) = self.merging.next().transpose()?
        {
            let which = self.choose(&entry, &other)?;
            let counts = !matches!(entry.1.kind, Kind::Directory(_));
            self.duplicates.fetch_add(u64::from(counts), Ordering::Relaxed);
            if which == Which::Second {
                entry = other;
            }
        }
        self.groups.renumber(entry.0, &mut entry.1);
        Ok(Some(entry))
    }
}

impl Iterator for Chosen<'_> {
    type Item = Result<(usize, Entry)>;

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
