//! Follows what the library does: progress, status file, printed paths, warnings, and Ctrl-C.

use super::Result;
use super::console::{Global, When, note, os_path};
use super::progress::{Progress, Steps};
use super::status::{State, StatusFile};
use rangepack::{Event, LeftOut, Location, Observer, Survey};
use rangepack_core::{Escaped, Kind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sees every event of an operation.
#[derive(Debug)]
pub(super) struct Follow<'g> {
    global: &'g Global,
    shown: Mutex<Shown>,
    print_each: bool,
    warns: bool,
    /// Without it Ctrl-C ends the process on the spot.
    interrupted: Option<&'static AtomicBool>,
}

#[derive(Debug)]
struct Shown {
    progress: Progress,
    status: Option<StatusFile>,
    steps: Steps,
}

impl<'g> Follow<'g> {
    /// Follows an operation, `verb` saying what is done: "packing".
    pub(super) fn new(verb: &'static str, when: When, global: &'g Global) -> Follow<'g> {
        let progress = Progress::new(verb, when, global);
        let shown = Mutex::new(Shown { progress, status: None, steps: Steps::default() });
        Follow { global, shown, print_each: false, warns: true, interrupted: None }
    }

    /// From now on Ctrl-C stops the operation, which cleans up.
    pub(super) fn stoppable(mut self) -> Follow<'g> {
        self.interrupted = Some(super::interrupt::flag());
        self
    }

    /// How much there is to do, as far as that is known.
    pub(super) fn steps(self, steps: Steps) -> Follow<'g> {
        self.lock().steps = steps;
        self
    }

    /// Keeps a status file.
    pub(super) fn status(self, status: Option<StatusFile>) -> Follow<'g> {
        self.lock().status = status;
        self
    }

    /// Whether the path of each entry is printed.
    pub(super) fn print_each(mut self, print_each: bool) -> Follow<'g> {
        self.print_each = print_each;
        self
    }

    /// Whether problems are told at once.
    pub(super) fn warns(mut self, warns: bool) -> Follow<'g> {
        self.warns = warns;
        self
    }

    /// The end: takes the live line away, and writes the status file for the last time.
    pub(super) fn finish(&self, state: State) -> Result<()> {
        let Shown { progress, status, steps } = &mut *self.lock();
        progress.finish();
        match status {
            Some(status) => status.finish(steps, state),
            None => Ok(()),
        }
    }

    /// How long it has taken.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.lock().progress.elapsed()
    }

    /// Packs while what is to be packed is counted, when somebody watches: who packs does not know how much is left.
    pub(super) fn while_counting<T>(
        &self,
        count: impl FnOnce(&AtomicBool) -> Option<Survey> + Send,
        pack: impl FnOnce() -> T,
    ) -> T {
        if !self.lock().progress.is_live() {
            return pack();
        }
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // What cannot be read is told of by who packs.
                if let Some(found) = count(&done) {
                    let steps = &mut self.lock().steps;
                    (steps.total_files, steps.total_bytes) = (Some(found.files), Some(found.bytes));
                }
            });
            let packed = pack();
            done.store(true, Ordering::Relaxed);
            packed
        })
    }

    /// Prints something without tearing the live line.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.lock().progress.aside(print);
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warning(&self, path: &Path, problem: &str) {
        if self.warns {
            self.lock().progress.aside(|| self.global.warning(path, problem));
        }
    }

    fn warning_of(&self, pack: &Location, problem: &str) {
        if self.warns {
            self.lock().progress.aside(|| self.global.warning_of(pack, problem));
        }
    }

    /// An entry is done: so many files more, which is 0 or 1, and bytes.
    fn entry(&self, path: Escaped<'_>, is_printed: bool, files: u64, bytes: u64) {
        let Shown { progress, status, steps } = &mut *self.lock();
        steps.files += files;
        steps.bytes += bytes;
        if is_printed {
            progress.aside(|| note(&path.to_string()));
        }
        let path = path.0;
        progress.show(steps, path);
        if let Some(file) = status
            && let Err(failure) = file.update(steps, Some((path, bytes)))
        {
            // The run is worth more than the file that tells of it.
            *status = None;
            progress.aside(|| _ = failure.report(self.global));
        }
    }
}

impl Observer for Follow<'_> {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Packed { entry, .. } => {
                let (files, bytes) = match &entry.kind {
                    Kind::File(content) => (1, content.size),
                    _ => (0, 0),
                };
                self.entry(Escaped(entry.path.as_bytes()), self.print_each, files, bytes);
            }
            Event::Done { path, bytes } => self.entry(path, self.print_each, 1, bytes),
            Event::Present { path } => self.entry(path, false, 1, 0),
            Event::Bytes { bytes } => {
                let Shown { progress, steps, .. } = &mut *self.lock();
                steps.bytes += bytes;
                progress.show(steps, b"");
            }
            Event::Reached { bytes } => {
                let Shown { progress, steps, .. } = &mut *self.lock();
                progress.show(&Steps { bytes: steps.bytes + bytes, ..*steps }, b"");
            }
            Event::Index { bytes, total } => {
                let steps = Steps { bytes, total_bytes: Some(total), ..Steps::default() };
                self.lock().progress.show(&steps, b"");
            }
            Event::Selected { entries } => self.lock().steps.total_files = Some(entries),
            // That is on purpose, and no failure.
            Event::LeftOut { problem: LeftOut::Special, .. } if self.global.quiet => {}
            Event::LeftOut { path, problem } => self.warning(path, &problem.to_string()),
            Event::Failed { path, problem }
            | Event::Refused { path, problem }
            | Event::Incomplete { path, problem } => {
                self.warning(&os_path(path.0), problem);
            }
            Event::Difference { path, difference } => {
                self.warning(&os_path(path.0), &difference.to_string());
            }
            Event::Problem { pack, path: Some(path), problem } => {
                self.warning_of(pack, &format!("{path}: {problem}"));
            }
            Event::Problem { pack, path: None, problem } => {
                self.warning_of(pack, &problem.to_string());
            }
            _ => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupted.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
