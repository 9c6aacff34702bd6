//! Files with several names: read once, stored once, and known by a number.
//!
//! A file that has more names than one gets a number when the first of them is packed, for nobody knows then
//! whether another will be. So a file whose other names lie elsewhere, or are left out, is a group of one.

use super::dedup::Placed;
use super::walk::{FileId, Metadata};
use rangepack_core::{AttributeBlock, Codec, Content, Digest};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Decides which of a file's names is read: the first in the order of the walk, on whatever thread.
///
/// Batches take their files in order: each waits until those before it have looked what names they hold, which
/// they do before they read the content of any such file.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: HashSet<FileId>,
    /// The batch whose turn it is.
    next: u64,
    /// Later ones that want nothing, or nothing more.
    passed: BTreeSet<u64>,
    stop: bool,
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of these files, met in this order by batch `number`, nobody took before. Each batch takes once.
    pub(crate) fn take(&self, number: u64, files: &[FileId]) -> Vec<bool> {
        let mut state = self.lock();
        while !files.is_empty() && state.next != number && !state.stop {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let taken = files.iter().map(|file| state.taken.insert(*file)).collect();
        state.passed.insert(number);
        let before = state.next;
        while state.passed.first() == Some(&state.next) {
            state.passed.pop_first();
            state.next += 1;
        }
        if state.next != before {
            self.turn.notify_all();
        }
        taken
    }

    /// Nobody waits any more.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.turn.notify_all();
    }
}

/// What all names of a file have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared {
    pub(crate) metadata: Metadata,
    pub(crate) content: Content,
    pub(crate) attributes: Option<AttributeBlock>,
}

/// The files with several names that were packed; in memory until all their names were.
#[derive(Debug)]
pub(crate) struct Links {
    /// With the number of names that are still to come.
    packed: HashMap<FileId, (Shared, u64)>,
    /// What an earlier run into the same container knows of the files.
    earlier: HashMap<FileId, Content>,
    highest: u64,
}

impl Links {
    /// Numbers count on from `highest`.
    pub(crate) fn new(highest: u64) -> Links {
        Links { packed: HashMap::new(), earlier: HashMap::new(), highest }
    }

    /// What was packed of this file under another name, unless it changed since.
    pub(crate) fn join(&mut self, metadata: &Metadata) -> Option<Shared> {
        let file = metadata.file_id()?;
        let (shared, left) = self.packed.get_mut(&file)?;
        if !metadata.is_still(&shared.metadata) {
            return None;
        }
        let shared = *shared;
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.packed.remove(&file);
        }
        Some(shared)
    }

    /// Gives a file its number, if it has other names.
    pub(crate) fn number(&mut self, mut shared: Shared) -> Content {
        let Some(file) = shared.metadata.file_id() else { return shared.content };
        // An earlier run gave it one, and the content is the same, at the same place.
        let earlier = self.earlier.get(&file).filter(|earlier| {
            shared.content.with_hard_link(earlier.hard_link) == **earlier
                && earlier.hard_link.is_some()
        });
        let group = earlier.and_then(|earlier| earlier.hard_link).unwrap_or_else(|| {
            // A journal can be made up; finalizing numbers anew what does not belong together.
            self.highest = self.highest.wrapping_add(1).max(1);
            self.highest
        });
        shared.content.hard_link = Some(group);
        self.packed.insert(file, (shared, shared.metadata.links - 1));
        shared.content
    }

    /// Remembers a name that the container holds already.
    pub(crate) fn unchanged(&mut self, file: FileId, content: Content) {
        self.earlier.entry(file).or_insert(content);
    }

    /// Where an earlier run stored a file under another name.
    pub(crate) fn earlier(&self, metadata: &Metadata) -> Option<Earlier> {
        Earlier::of(self.earlier.get(&metadata.file_id()?)?)
    }
}

/// A payload that may be the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier {
    digest: Digest,
    codec: Codec,
    placed: Placed,
}

impl Earlier {
    /// That of an entry, if it lies in the file that is written.
    pub(crate) fn of(content: &Content) -> Option<Earlier> {
        let placed = Placed { offset: content.offset, blocks: content.blocks };
        let digest = content.digest.filter(|_| content.volume == 0)?;
        Some(Earlier { digest, codec: content.codec, placed })
    }

    /// Where it lies, if it is the same.
    pub(crate) fn find(&self, digest: &Digest, codec: Codec) -> Option<Placed> {
        (self.digest == *digest && self.codec == codec).then_some(self.placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_batch_in_order_takes_a_file() {
        let claims = Claims::default();
        std::thread::scope(|scope| {
            // The later one asks first, most of the time.
            let later = scope.spawn(|| claims.take(2, &[(1, 1), (1, 2), (1, 2)]));
            let first = scope.spawn(|| claims.take(0, &[(1, 1)]));
            assert_eq!(claims.take(1, &[]), [false; 0]);
            assert_eq!(later.join().unwrap(), [false, true, false]);
            assert_eq!(first.join().unwrap(), [true]);
        });
        assert_eq!(claims.take(3, &[(1, 2), (2, 2)]), [false, true]);
    }

    #[test]
    fn whoever_waits_when_all_stops_goes_on() {
        let claims = Claims::default();
        std::thread::scope(|scope| {
            scope.spawn(|| claims.take(7, &[(1, 1)]));
            claims.stop();
        });
    }
}
