//! Which of the walk's items a container holds already.

use crate::index::sort::Sorted;
use crate::pack::walk::{Batch, ItemKind, Walk};
use crate::pack::{Prior, Task};
use rangepack_core::{Digest, Entry, Kind, PackPathBuf};
use std::cmp::Ordering;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The walk, each item with what the container holds of it. Both come in key order, so one look ahead
/// is enough, and no map of all paths is needed.
pub(crate) struct Tasks {
    pub(crate) walk: Walk,
    pub(crate) sorted: Ahead,
    pub(crate) failure: Arc<Mutex<Option<io::Error>>>,
}

pub(crate) struct Ahead {
    sorted: Sorted,
    next: Option<Entry>,
    failed: Option<io::Error>,
    owner: bool,
}

impl Ahead {
    /// `owner`: a file whose owner changed has changed.
    pub(crate) fn new(sorted: Sorted, owner: bool) -> Ahead {
        let mut ahead = Ahead { sorted, next: None, failed: None, owner };
        ahead.advance();
        ahead
    }

    fn advance(&mut self) {
        self.next = match self.sorted.next() {
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
                Ordering::Equal => return Some(prior(entry, self.owner)),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

/// `owner`: whether owners are compared.
fn prior(entry: &Entry, owner: bool) -> Prior {
    let owner = entry.owner.filter(|_| owner);
    let (kind, size) = match &entry.kind {
        Kind::File(content) => (ItemKind::File, content.size),
        Kind::Directory(_) => (ItemKind::Directory, 0),
        Kind::Symlink(target) => (ItemKind::Symlink, target.len() as u64),
    };
    let content = if let Kind::File(content) = &entry.kind { Some(*content) } else { None };
    let target =
        if let Kind::Symlink(target) = &entry.kind { Some(Digest::of(target)) } else { None };
    Prior { kind, size, mtime: entry.mtime, mode: entry.mode, owner, target, content }
}

impl Tasks {
    fn priors(&mut self, batch: &Batch) -> Vec<Option<Prior>> {
        if self.sorted.next.is_none() {
            return Vec::new();
        }
        batch
            .items()
            .map(|item| {
                let path = PackPathBuf::new(batch.directory.pack_path_of(item.name)).ok()?;
                self.sorted.find(&path)
            })
            .collect()
    }
}

impl Iterator for Tasks {
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        let batch = self.walk.next()?;
        let priors = self.priors(&batch);
        if let Some(error) = self.sorted.failed.take() {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return None;
        }
        Some(Task { batch, priors })
    }
}
