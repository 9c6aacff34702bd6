//! A pack becomes equal to another: what differs is fetched, directories with equal digests are not entered.

use super::base::Known;
use super::copier::Copier;
use super::left::Left;
use super::rewrite::{Changes, is_same};
use crate::compare::packs::Children;
use crate::error::Result;
use crate::index::groups::Groups;
use crate::index::writer::IndexWriter;
use crate::pack::Output;
use crate::progress::{Event, Observer, go_on};
use crate::read::pack::Pack;
use crate::read::small_files::Aside;
use crate::source::data::Gathered;
use rangepack_core::{AttributeBlock, Content, Entry, Escaped, Kind, PackPath, PackPathBuf};
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// So many entries wait for what they lack to be fetched together, and of so many bytes.
const MOST: usize = 4096;
const MOST_BYTES: u64 = 32 << 20;

/// See [the module](self).
pub(super) struct Mirror<'p> {
    source: &'p Pack,
    target: &'p Pack,
    copier: Copier<'p>,
    groups: Groups,
    index: IndexWriter,
    observer: &'p dyn Observer,
    waiting: Vec<Waiting>,
    /// How many bytes they lack.
    lacking: u64,
    changes: Changes,
}

/// An entry on its way into the index.
struct Waiting {
    /// Which pack counts its groups of hard links.
    side: usize,
    entry: Entry,
    /// What its content is in the source, where that has to be brought.
    lacks: Option<Content>,
    attributes: Option<AttributeBlock>,
}

/// A directory that comes later, and whether the target has it.
enum Below {
    /// They differ, perhaps.
    Differs(PackPathBuf, bool),
    /// All below is the same.
    Same(PackPathBuf),
}

const SOURCE: usize = 0;
const TARGET: usize = 1;

impl<'p> Mirror<'p> {
    pub(super) fn new(
        source: &'p Pack,
        target: &'p Pack,
        left: Left,
        index: IndexWriter,
        observer: &'p dyn Observer,
    ) -> Result<Mirror<'p>> {
        Ok(Mirror {
            copier: Copier::new(source, target, left)?,
            source,
            target,
            groups: Groups::default(),
            index,
            observer,
            waiting: Vec::new(),
            lacking: 0,
            changes: Changes::default(),
        })
    }

    /// Takes over the whole tree; the index of it, and what changed.
    pub(super) fn run(mut self, output: &mut Output) -> Result<(IndexWriter, Changes)> {
        let mut levels = vec![self.directory(PackPath::ROOT, true, output)?.into_iter()];
        while let Some(level) = levels.last_mut() {
            match level.next() {
                Some(Below::Differs(path, has)) => {
                    levels.push(self.directory(path.as_path(), has, output)?.into_iter());
                }
                Some(Below::Same(path)) => self.keep(path.as_path(), output)?,
                None => drop(levels.pop()),
            }
        }
        self.flush(output)?;
        Ok((self.index, self.changes))
    }

    /// What lies in a directory of the source, and perhaps of the target.
    fn directory(
        &mut self,
        path: PackPath<'_>,
        has: bool,
        output: &mut Output,
    ) -> Result<Vec<Below>> {
        let mut theirs = Children::of(self.source, path, true)?;
        let mut ours = Children::of(self.target, path, has)?;
        let mut below = Vec::new();
        loop {
            go_on(self.observer, self.target.location())?;
            let order = match (&theirs.next, &ours.next) {
                (None, None) => return Ok(below),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(theirs), Some(ours)) => theirs.path.cmp(&ours.path),
            };
            let their = if order == Ordering::Greater { None } else { theirs.take()? };
            let our = if order == Ordering::Less { None } else { ours.take()? };
            match their {
                Some(their) => below.extend(self.entry(their, our, output)?),
                None => self.gone(our),
            }
        }
    }

    /// An entry that the target alone has, with all below it.
    fn gone(&mut self, our: Option<Entry>) {
        let below = match our.map(|our| our.kind) {
            Some(Kind::Directory(totals)) => totals.files.saturating_add(totals.directories),
            _ => 0,
        };
        self.changes.removed = self.changes.removed.saturating_add(1).saturating_add(below);
    }

    /// An entry of the source, and what the target has at its path. Gives a directory that is to be entered.
    fn entry(
        &mut self,
        mut their: Entry,
        our: Option<Entry>,
        output: &mut Output,
    ) -> Result<Option<Below>> {
        let path = their.path.clone();
        let is_equal =
            |our: &Entry| their.tree_digest.is_some() && their.tree_digest == our.tree_digest;
        let below = their.is_directory().then(|| match &our {
            Some(our) if our.is_directory() && is_equal(our) => Below::Same(path.clone()),
            our => Below::Differs(path, our.as_ref().is_some_and(Entry::is_directory)),
        });
        let mut lacks = None;
        if let Kind::File(theirs) = &mut their.kind {
            match our.as_ref().map(|our| &our.kind) {
                Some(Kind::File(ours)) if holds_same(theirs, ours) => {
                    let mut kept = *ours;
                    self.target.place_content(&mut kept)?;
                    (kept.hard_link, kept.sparse) = (theirs.hard_link, theirs.sparse);
                    self.copier.is_here(theirs, &kept);
                    *theirs = kept;
                }
                _ => lacks = Some(*theirs),
            }
        }
        let attributes = their.attributes.filter(|block| {
            let same = our.as_ref().and_then(|our| our.attributes);
            same.is_none_or(|ours| (ours.len, ours.digest) != (block.len, block.digest))
        });
        match our {
            Some(mut our) => {
                if attributes.is_none() && their.attributes.is_some() {
                    their.attributes = our.attributes;
                }
                if our.is_directory() && !their.is_directory() {
                    self.gone(Some(our.clone()));
                    self.changes.removed -= 1;
                }
                self.target.place_dictionary(&mut our)?;
                let same = lacks.is_none() && attributes.is_none() && is_same(&our, &their);
                self.changes.changed += u64::from(!same);
            }
            None => self.changes.added += 1,
        }
        self.wait(Waiting { side: SOURCE, entry: their, lacks, attributes }, output)?;
        Ok(below)
    }

    /// Everything below a directory of the target stays.
    fn keep(&mut self, path: PackPath<'_>, output: &mut Output) -> Result<()> {
        for entry in Known::below(self.target, path)? {
            let entry = entry?;
            self.wait(Waiting { side: TARGET, entry, lacks: None, attributes: None }, output)?;
        }
        Ok(())
    }

    fn wait(&mut self, waiting: Waiting, output: &mut Output) -> Result<()> {
        self.lacking += waiting.lacks.map_or(0, |content| content.stored_size);
        self.waiting.push(waiting);
        match self.waiting.len() >= MOST || self.lacking >= MOST_BYTES {
            true => self.flush(output),
            false => Ok(()),
        }
    }

    /// Brings what those that wait lack, and puts them into the index.
    fn flush(&mut self, output: &mut Output) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.lacking = 0;
        if self.copier.may_be_left() {
            self.take_left(&mut waiting, output)?;
        }
        self.fetch(&mut waiting, output)?;
        for Waiting { side, mut entry, attributes, .. } in waiting {
            if let Some(block) = attributes {
                entry.attributes = Some(self.copier.attributes(&block, output)?);
            }
            self.groups.renumber(side, &mut entry);
            self.index.push(&entry)?;
        }
        Ok(())
    }

    /// Takes what an interrupted run left, in the order in which it fetched that.
    fn take_left(&mut self, waiting: &mut [Waiting], output: &mut Output) -> Result<()> {
        let aside = Aside::<()>::new(self.source);
        let mut order = Vec::new();
        for (at, Waiting { lacks, .. }) in waiting.iter().enumerate() {
            let Some(content) = lacks else { continue };
            let is_small = !self.copier.has(content, output) && aside.wants(content);
            let place = is_small.then_some((content.volume, content.offset));
            order.push((!is_small, place, at));
        }
        order.sort_unstable();
        for (.., at) in order {
            let lacks = waiting.get(at).and_then(|waiting| waiting.lacks);
            let Some(content) = lacks else { continue };
            if !self.copier.is_left(&content, output)? {
                break;
            }
            self.take(waiting, at, None, output)?;
        }
        Ok(())
    }

    /// Small payloads together, as they lie in the source, so that they lie so here; then the others.
    fn fetch(&mut self, waiting: &mut [Waiting], output: &mut Output) -> Result<()> {
        let mut aside = Aside::new(self.source);
        for (at, Waiting { lacks, .. }) in waiting.iter().enumerate() {
            if let Some(content) = lacks
                && !self.copier.has(content, output)
                && aside.wants(content)
            {
                aside.push(content, None, at);
            }
        }
        let mut failed = None;
        aside.bring(
            &mut |at, gathered| match self.take(waiting, *at, Some(&gathered), output) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        (0..waiting.len()).try_for_each(|at| self.take(waiting, at, None, output))
    }

    /// Makes the content of one that waits one of the target, if it lacks it.
    fn take(
        &mut self,
        waiting: &mut [Waiting],
        at: usize,
        gathered: Option<&Gathered<'_>>,
        output: &mut Output,
    ) -> Result<()> {
        go_on(self.observer, self.source.location())?;
        let Some(Waiting { entry, lacks, .. }) = waiting.get_mut(at) else { return Ok(()) };
        let Some(content) = lacks.take() else { return Ok(()) };
        let taken = self.copier.take(&content, gathered, output)?;
        let (path, bytes) = (Escaped(entry.path.as_bytes()), content.size);
        self.observer.event(Event::Done { path, bytes });
        entry.kind = Kind::File(taken);
        Ok(())
    }
}

/// Whether two contents are the same, however they are stored.
fn holds_same(one: &Content, other: &Content) -> bool {
    let digest = one.content_digest();
    one.size == other.size && digest.is_some() && digest == other.content_digest()
}
