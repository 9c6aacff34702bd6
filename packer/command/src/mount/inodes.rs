//! Numbers of inodes: those of entries, so that no table has to lead from one to the other.
//!
//! The root has 1, and entry `n` has `n + 2`. Files with several names have one inode, that of their group; which entries
//! are in a group only looking at all of them would tell, so the first that was asked for is remembered: 16 bytes for each such
//! group.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The inode of the directory that holds everything, which has no entry.
pub(super) const ROOT: u64 = 1;

/// What is added to the number of a group of hard links. Programs that take numbers for floating point keep all of it.
const LINKED: u64 = 1 << 52;

/// Leads from inodes to entries.
#[derive(Debug, Default)]
pub(super) struct Inodes {
    /// Of each group that was met, one entry.
    met: Mutex<HashMap<u64, u64>>,
}

/// The inode of an entry, whose group of hard links is `group`, if it is in one.
pub(super) fn inode(number: u64, group: Option<u64>) -> u64 {
    match group {
        Some(group) if group < LINKED => LINKED | group,
        _ => number.saturating_add(2),
    }
}

impl Inodes {
    /// The entry that has this inode. None for the root, and for what was never told to the kernel.
    pub(super) fn number(&self, inode: u64) -> Option<u64> {
        if inode & LINKED == 0 {
            return inode.checked_sub(2);
        }
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(&(inode & !LINKED)).copied()
    }

    /// Remembers an entry of a group, unless there is one already; that which counts.
    pub(super) fn meet(&self, group: u64, number: u64) -> u64 {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry(group & !LINKED).or_insert(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_lead_back_to_entries() {
        let inodes = Inodes::default();
        assert_eq!(inodes.number(ROOT), None);
        for number in [0, 1, 1 << 40] {
            assert_eq!(inodes.number(inode(number, None)), Some(number));
        }
        assert_eq!(inodes.number(inode(7, Some(1))), None);
        assert_eq!((inodes.meet(1, 7), inodes.meet(1, 9), inodes.meet(2, 9)), (7, 7, 9));
        assert_eq!(inodes.number(inode(9, Some(1))), Some(7));
        // What no pack has many of, and a forged one may claim.
        assert_eq!(inode(3, Some(u64::MAX)), 5);
    }
}
