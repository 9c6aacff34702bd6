//! Ctrl-C and the like set a flag, so that the work stops between two files, or two blocks of a large one, and cleans up.

use super::exit::Exit;
#[cfg(all(feature = "mount", target_os = "linux"))]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(all(feature = "mount", target_os = "linux"))]
use std::thread::{self, Thread};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Who has nothing else to do than to wait for a signal.
#[cfg(all(feature = "mount", target_os = "linux"))]
static WAITING: OnceLock<Thread> = OnceLock::new();

/// The flag; from now on signals set it. The second signal ends the process on the spot.
pub(super) fn flag() -> &'static AtomicBool {
    // It fails when there is a handler already, or when the system has no signals: then they do
    // what they always do.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        #[cfg(all(feature = "mount", target_os = "linux"))]
        if let Some(thread) = WAITING.get() {
            thread.unpark();
        }
    });
    &INTERRUPTED
}

/// Waits for a signal, or until something else is over; who ends that has to unpark this thread.
#[cfg(all(feature = "mount", target_os = "linux"))]
pub(super) fn wait(is_over: impl Fn() -> bool) {
    let _ = WAITING.set(thread::current());
    while !flag().load(Ordering::Relaxed) && !is_over() {
        thread::park();
    }
}
