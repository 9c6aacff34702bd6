//! Hard links: which entry of a group is written, and which become other names of it afterwards.

use super::scan::Ranges;
use super::system::Identity;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The groups of hard links that this run came across. Whatever was in the target before has no part in it.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the numbers of the groups.
    written: HashMap<u64, Written>,
    put_off: Ranges,
}

/// The entry of a group that is written.
#[derive(Debug)]
struct Written {
    ordinal: u64,
    /// Known when it is whole.
    identity: Option<Identity>,
}

impl Links {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this entry is the one of its group to be written: the first that asks. The others are put off.
    pub(super) fn claim(&self, group: u64, ordinal: u64) -> bool {
        let mut state = self.lock();
        if let std::collections::hash_map::Entry::Vacant(vacant) = state.written.entry(group) {
            vacant.insert(Written { ordinal, identity: None });
            return true;
        }
        state.put_off.push(ordinal..ordinal + 1);
        false
    }

    /// Says that the one to be written is whole.
    pub(super) fn whole(&self, group: u64, identity: Identity) {
        if let Some(written) = self.lock().written.get_mut(&group) {
            written.identity = Some(identity);
        }
    }

    /// The number of the entry that was written whole, and which file it is.
    pub(super) fn written(&self, group: u64) -> Option<(u64, Identity)> {
        let state = self.lock();
        let Written { ordinal, identity } = state.written.get(&group)?;
        Some((*ordinal, (*identity)?))
    }

    /// The numbers of the entries that were put off.
    pub(super) fn put_off(&self) -> Ranges {
        let mut put_off = std::mem::take(&mut self.lock().put_off);
        put_off.normalise();
        put_off
    }
}
