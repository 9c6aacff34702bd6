//! Follows a packing run: progress, status file, printed paths, warnings, and Ctrl-C.

use super::Result;
use super::console::{Global, note};
use super::progress::{Progress, Steps};
use super::status::{State, StatusFile};
use rangepack::{Event, Observer};
use rangepack_core::Kind;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sees every event of a run.
#[derive(Debug)]
pub(super) struct Follow<'g> {
    global: &'g Global,
    progress: Progress,
    status: Option<StatusFile>,
    print_each: bool,
    steps: Steps,
    interrupted: &'static AtomicBool,
}

impl<'g> Follow<'g> {
    /// Follows a run of which `steps` says how much there is to do, as far as that is known.
    pub(super) fn new(
        global: &'g Global,
        progress: Progress,
        status: Option<StatusFile>,
        print_each: bool,
        steps: Steps,
    ) -> Follow<'g> {
        let interrupted = super::interrupt::flag();
        Follow { global, progress, status, print_each, steps, interrupted }
    }

    /// The end: takes the live line away, and writes the status file for the last time.
    pub(super) fn finish(&mut self, state: State) -> Result<()> {
        self.progress.finish();
        match &mut self.status {
            Some(status) => status.finish(&self.steps, state),
            None => Ok(()),
        }
    }

    /// How long the run has taken.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.progress.elapsed()
    }
}

impl Observer for Follow<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packed { entry, .. } => {
                let path = &entry.path;
                let mut size = 0;
                if let Kind::File(content) = &entry.kind {
                    size = content.size;
                    self.steps.files += 1;
                    self.steps.bytes += size;
                }
                if self.print_each {
                    self.progress.aside(|| note(&path.to_string()));
                }
                self.progress.show(&self.steps, path.as_bytes());
                if let Some(status) = &mut self.status
                    && let Err(failure) = status.update(&self.steps, Some((path.as_bytes(), size)))
                {
                    // The run is worth more than the file that tells of it.
                    self.status = None;
                    self.progress.aside(|| _ = failure.report(self.global));
                }
            }
            Event::Skipped { path, problem } => {
                self.progress.aside(|| self.global.warning(path, problem));
            }
            Event::Begin { path } => self.progress.show(&self.steps, path.as_bytes()),
            _ => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
