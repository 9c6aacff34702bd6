//! Ctrl-C and the like set a flag, so that the work stops between two files, or two blocks of a large one, and cleans up.

use super::exit::Exit;
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The flag; from now on signals set it. The second signal ends the process on the spot.
pub(super) fn flag() -> &'static AtomicBool {
    // It fails when there is a handler already, or when the system has no signals: then they do
    // what they always do.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code().into());
        }
    });
    &INTERRUPTED
}
