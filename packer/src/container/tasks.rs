//! Which of the walk's items a container or pack holds already.

use crate::pack::walk::{Batch, ItemKind};
use crate::pack::{Prior, Task};
use rangepack_core::{Digest, Entry, Kind, PackPathBuf};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The walk, each item with what is known of it. Both come in key order, so one look ahead
/// is enough, and no map of all paths is needed.
pub(crate) struct Tasks<W, S, E> {
    pub(crate) walk: W,
    pub(crate) known: Ahead<S, E>,
    pub(crate) failure: Arc<Mutex<Option<E>>>,
}

pub(crate) struct Ahead<S, E> {
    known: S,
    next: Option<Entry>,
    failed: Option<E>,
    how: Trust,
}

/// What is believed of entries that are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust {
    /// A file whose owner changed has changed.
    pub(crate) owner: bool,
    /// Everything is read.
    pub(crate) nothing: bool,
}

impl<S: Iterator<Item = Result<Entry, E>>, E> Ahead<S, E> {
    pub(crate) fn new(known: S, how: Trust) -> Ahead<S, E> {
        let mut ahead = Ahead { known, next: None, failed: None, how };
        ahead.advance();
        ahead
    }

    fn advance(&mut self) {
        self.next = match self.known.next() {
            Some(Ok(entry)) => Some(entry),
            Some(Err(error)) => {
                self.failed = Some(error);
                None
            }
            None => None,
        };
    }

    fn find(&mut self, path: &PackPathBuf) -> Option<Prior> {
        while let Some(entry) = &self.next {
            match entry.path.cmp(path) {
                Ordering::Less => self.advance(),
                Ordering::Equal => return Some(prior(entry, self.how)),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

fn prior(entry: &Entry, how: Trust) -> Prior {
    let owner = entry.owner.filter(|_| how.owner);
    let (kind, size) = match &entry.kind {
        Kind::File(content) => (ItemKind::File, content.size),
        Kind::Directory(_) => (ItemKind::Directory, 0),
        Kind::Symlink(target) => (ItemKind::Symlink, target.len() as u64),
    };
    let content = if let Kind::File(content) = &entry.kind { Some(*content) } else { None };
    let target =
        if let Kind::Symlink(target) = &entry.kind { Some(Digest::of(target)) } else { None };
    let (mtime, mode, distrusted) = (entry.mtime, entry.mode, how.nothing);
    Prior { kind, size, mtime, mode, owner, target, content, distrusted }
}

impl<W, S: Iterator<Item = Result<Entry, E>>, E> Tasks<W, S, E> {
    fn priors(&mut self, batch: &Batch) -> Vec<Option<Prior>> {
        if self.known.next.is_none() {
            return Vec::new();
        }
        batch
            .items()
            .map(|item| {
                let path = PackPathBuf::new(batch.directory.pack_path_of(item.name)).ok()?;
                self.known.find(&path)
            })
            .collect()
    }
}

impl<W, S, E> Iterator for Tasks<W, S, E>
where
    W: Iterator<Item = Batch>,
    S: Iterator<Item = Result<Entry, E>>,
{
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        let batch = self.walk.next()?;
        let priors = self.priors(&batch);
        if let Some(error) = self.known.failed.take() {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return None;
        }
        Some(Task { batch, priors })
    }
}
