//! Entries in the order of an archive: whoever unpacks it from front to back is done with a directory when the next one comes.

use crate::error::Result;
use crate::extract::scan::Ranges;
use crate::read::pack::{Entries, Pack};
use crate::read::small_files::{Aside, Share};
use rangepack_core::{Entry, EntryRef, PackPath};
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

/// Each directory, then what is in it and no directory, then the directories in it; all of them by name.
pub(super) struct Order<'p> {
    pack: &'p Pack,
    selected: Ranges,
    /// Of the directories that are gone through what is still to come, the innermost last.
    levels: Vec<Level<'p>>,
}

/// The children of a directory, twice.
struct Level<'p> {
    files: Within<'p>,
    directories: Within<'p>,
}

/// Entries of some ranges.
struct Within<'p> {
    pack: &'p Pack,
    ranges: std::vec::IntoIter<Range<u64>>,
    entries: Option<Entries<'p>>,
}

impl<'p> Iterator for Within<'p> {
    type Item = Result<EntryRef<'p>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.as_mut().and_then(Iterator::next) {
                return Some(entry);
            }
            self.entries = Some(self.pack.entries_at(self.ranges.next()?));
        }
    }
}

impl<'p> Order<'p> {
    pub(super) fn new(pack: &'p Pack, selected: Ranges) -> Result<Order<'p>> {
        let mut order = Order { pack, selected, levels: Vec::new() };
        order.enter(PackPath::ROOT)?;
        Ok(order)
    }

    fn enter(&mut self, directory: PackPath<'_>) -> Result<()> {
        let pack = self.pack;
        let children = pack.ask(|pages| pack.index().children(pages, directory))?;
        let ranges = self.selected.within(children);
        let within = || Within { pack, ranges: ranges.clone().into_iter(), entries: None };
        self.levels.push(Level { files: within(), directories: within() });
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        let wrong = |error| self.pack.error(error);
        while let Some(level) = self.levels.last_mut() {
            for entry in level.files.by_ref() {
                let entry = entry?;
                if !entry.is_directory() {
                    return entry.to_entry().map_err(wrong).map(Some);
                }
            }
            for entry in level.directories.by_ref() {
                let entry = entry?;
                if entry.is_directory() {
                    let entry = entry.to_entry().map_err(wrong)?;
                    self.enter(entry.path.as_path())?;
                    return Ok(Some(entry));
                }
            }
            self.levels.pop();
        }
        Ok(None)
    }
}

impl Iterator for Order<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        self.step().transpose()
    }
}

/// Entries with the payloads of small files of a remote pack, which come in few requests.
pub(super) struct Batches<'p> {
    pack: &'p Pack,
    order: Order<'p>,
    /// One that was too much for the last batch.
    next: Option<Entry>,
}

/// An entry, and its payload if that is at hand.
type WithPayload = (Entry, Option<Vec<u8>>);

impl<'p> Batches<'p> {
    pub(super) fn new(pack: &'p Pack, order: Order<'p>) -> Batches<'p> {
        Batches { pack, order, next: None }
    }

    fn step(&mut self) -> Result<VecDeque<WithPayload>> {
        let mut batch: VecDeque<WithPayload> = VecDeque::new();
        let mut share = Share::REMOTE;
        let mut aside = Aside::new(self.pack);
        while let Some(entry) =
            self.next.take().map(Ok).or_else(|| self.order.next()).transpose()?
        {
            let content = entry.content().copied().filter(|content| aside.wants(content));
            if !share.take_content(content.as_ref()) {
                self.next = Some(entry);
                break;
            }
            if let Some(content) = content {
                aside.push(&content, None, (batch.len(), content));
            }
            batch.push_back((entry, None));
            if !self.pack.is_remote() {
                return Ok(batch);
            }
        }
        let mut failed = None;
        aside.bring(&mut |(place, content), gathered| {
            match (gathered.read(content.extent()), batch.get_mut(*place)) {
                (Ok(payload), Some((_, slot))) => *slot = Some(payload.into_owned()),
                (Err(error), _) => failed = Some(error),
                _ => {}
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        failed.map_or(Ok(batch), Err)
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<VecDeque<WithPayload>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|batch| (!batch.is_empty()).then_some(batch)).transpose()
    }
}
