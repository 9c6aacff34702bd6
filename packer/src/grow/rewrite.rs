//! The new index: what the old one has, and what is new, in key order.

use super::base::Known;
use super::removal::Removal;
use crate::error::{Error, GrowProblem, Result};
use crate::filter::Unmatched;
use crate::index::groups::Groups;
use crate::index::writer::IndexWriter;
use crate::pack::{Output, Sink};
use crate::progress::{Observer, go_on};
use rangepack_core::{Content, DictionaryRef, Entry, Kind, PackPathBuf};
use std::path::Path;

/// What becomes of entries that nothing new is said of.
#[derive(Debug)]
pub(super) enum Others {
    /// They stay.
    Stay,
    /// They go.
    Go,
    /// Some go.
    Without(Removal),
}

/// How many entries became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Of paths that were not there.
    pub(super) added: u64,
    /// Of paths that were there, otherwise.
    pub(super) changed: u64,
    /// Those that are not there any more.
    pub(super) removed: u64,
}

impl Changes {
    pub(super) fn any(self) -> bool {
        self != Changes::default()
    }
}

/// See [the module](self).
pub(super) struct Rewrite<'p> {
    path: &'p Path,
    old: Known<'p>,
    next: Option<Entry>,
    pub(super) others: Others,
    groups: Groups,
    index: IndexWriter,
    unmatched: Unmatched<'p>,
    observer: &'p dyn Observer,
    pub(super) changes: Changes,
}

impl<'p> Rewrite<'p> {
    /// Of the entries that the pack at `path` has.
    pub(super) fn new(
        path: &'p Path,
        mut old: Known<'p>,
        others: Others,
        index: IndexWriter,
        unmatched: Unmatched<'p>,
        observer: &'p dyn Observer,
    ) -> Result<Rewrite<'p>> {
        let (next, groups) = (old.next().transpose()?, Groups::default());
        let changes = Changes::default();
        Ok(Rewrite { path, old, next, others, groups, index, unmatched, observer, changes })
    }

    /// All entries have come; what the new index is made of, patterns that matched nothing, and what was to be removed.
    pub(super) fn finish(mut self) -> Result<(IndexWriter, Changes, Vec<String>, Others)> {
        while let Some(old) = self.take()? {
            self.other(old)?;
        }
        Ok((self.index, self.changes, self.unmatched.patterns(), self.others))
    }

    fn take(&mut self) -> Result<Option<Entry>> {
        go_on(self.observer, self.path)?;
        let next = self.old.next().transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Goes up to `path`, and takes what the old index has there.
    fn old_at(&mut self, path: &PackPathBuf) -> Result<Option<Entry>> {
        while self.next.as_ref().is_some_and(|next| next.path < *path) {
            if let Some(old) = self.take()? {
                self.other(old)?;
            }
        }
        match &self.next {
            Some(next) if next.path == *path => self.take(),
            _ => Ok(None),
        }
    }

    /// An old entry that nothing new is said of.
    fn other(&mut self, old: Entry) -> Result<()> {
        let stays = match &mut self.others {
            Others::Stay => true,
            Others::Go => false,
            Others::Without(removal) => !removal.takes(&old),
        };
        if stays {
            return self.push(old);
        }
        self.changes.removed += 1;
        Ok(())
    }

    fn push(&mut self, mut entry: Entry) -> Result<()> {
        self.groups.renumber(0, &mut entry);
        self.index.push(&entry)
    }

    /// Fails when a path is a directory in one of them only, and what was below it would stay.
    fn check_kinds(&self, old: &Entry, new: &Entry) -> Result<()> {
        if matches!(self.others, Others::Go) || old.is_directory() == new.is_directory() {
            return Ok(());
        }
        let (path, is_directory) = (new.path.as_bytes().into(), old.is_directory());
        let problem = GrowProblem::Kind { path, is_directory };
        Err(Error::Grow { path: self.path.to_owned(), problem })
    }
}

impl Sink for Rewrite<'_> {
    fn entry(&mut self, entry: &Entry, _: &mut Output) -> Result<()> {
        self.unmatched.see(entry.path.as_bytes(), entry.is_directory());
        let mut entry = entry.clone();
        match self.old_at(&entry.path)? {
            Some(old) => {
                self.check_kinds(&old, &entry)?;
                // A directory of which nothing is known but that something lies in it.
                let is_implied = entry.is_directory() && entry.mode.is_none();
                if is_implied || is_same(&old, &entry) {
                    entry = old;
                } else {
                    self.changes.changed += 1;
                }
            }
            None => self.changes.added += 1,
        }
        self.push(entry)
    }

    fn unchanged(&mut self, path: PackPathBuf) -> Result<()> {
        self.unmatched.see(path.as_bytes(), false);
        match self.old_at(&path)? {
            Some(old) => self.push(old),
            None => Ok(()),
        }
    }
}

/// Whether two entries of one path say the same. Numbers of groups do not matter.
pub(super) fn is_same(old: &Entry, new: &Entry) -> bool {
    let attributes = |entry: &Entry| entry.attributes.map(|block| (block.len, block.digest));
    let content = |content: &Content| {
        let mut content = content.with_hard_link(content.hard_link.map(|_| 1));
        // An empty payload may lie anywhere, and so may a dictionary.
        if content.stored_size == 0 {
            (content.volume, content.offset) = (0, 0);
        }
        if let Some(DictionaryRef::Place(place)) = &mut content.dictionary {
            (place.volume, place.offset) = (0, 0);
        }
        content
    };
    let is_same_kind = match (&old.kind, &new.kind) {
        (Kind::Directory(_), Kind::Directory(_)) => true,
        (Kind::Symlink(old), Kind::Symlink(new)) => old == new,
        (Kind::File(old), Kind::File(new)) => content(old) == content(new),
        _ => false,
    };
    is_same_kind
        && (old.mode, old.mtime, old.owner) == (new.mode, new.mtime, new.owner)
        && attributes(old) == attributes(new)
}
