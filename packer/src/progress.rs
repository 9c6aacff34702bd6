//! How far a long run has come, and whether it shall stop: shared between threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters that a run counts up while another thread shows them.
///
/// The totals they run up to are known beforehand: those of the pack, or of a part of it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that are done.
    pub files: AtomicU64,
    /// Bytes of content that are done.
    pub bytes: AtomicU64,
    /// Set by anyone, a signal handler for example: the run stops at the next occasion.
    pub cancel: AtomicBool,
}

impl Progress {
    /// Counts one file that is done.
    pub fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes of content that are done.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether the run shall stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
