//! One durable step: until it is done the file counts as it was, whatever stops it (FORMAT.md, "Files beside a pack").

use crate::container::lock::Locked;
use crate::error::{Action, Error, Result};
use crate::pack::Growing;
use crate::source::location::growth_note_path;
use crate::source::replace::{Finish, Replacement, remove_stale};
use rangepack_core::layout::{FOOTER_LEN, GrowthNote};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file is made so much longer than what is written, so that it never ends with bytes of a payload: these could be made up to
/// look like the end of a pack. Where a file that somebody reads cannot be cut, it is as long as it is.
const AHEAD: u64 = if cfg!(unix) { 1 << 20 } else { 0 };

/// See [the module](self).
#[derive(Debug)]
pub(super) struct Step {
    file: File,
    path: PathBuf,
    note: PathBuf,
    before: GrowthNote,
    /// How long an interrupted run left the file: it stays so, until all is written.
    left: u64,
    /// How far it was to grow; 0 as long as nothing was written.
    grown: AtomicU64,
}

/// What is left of a run that failed, for the next one, has at least so many bytes more than the pack.
const WORTH: u64 = 1 << 20;

impl Step {
    /// Of the pack at `path` that is locked, and is as `before` says; `file` is what a link there leads to.
    pub(super) fn new(
        locked: &Locked,
        path: &Path,
        file: &Path,
        before: GrowthNote,
    ) -> Result<Arc<Step>> {
        let (left, note) = (locked.len()?, growth_note_path(file));
        let (file, path) = (locked.handle()?, path.to_owned());
        // What was left has its note.
        let grown = AtomicU64::new(if left > before.file_len { left } else { 0 });
        Ok(Arc::new(Step { file, path, note, before, left, grown }))
    }

    /// Who writes payloads asks before the file grows.
    pub(super) fn growing(self: &Arc<Self>) -> Growing {
        let step = Arc::clone(self);
        Growing::new(Box::new(move |end| step.grow_to(end)))
    }

    /// The file is to grow at least to `end`. Up to where it may grow then.
    pub(super) fn grow_to(&self, end: u64) -> Result<u64> {
        if self.grown.load(Ordering::Relaxed) == 0 {
            write_note(&self.note, &self.before)?;
        }
        self.grown.fetch_max(end, Ordering::Relaxed);
        let until = end.saturating_add(AHEAD).max(self.left);
        if AHEAD > 0 {
            self.file.set_len(until).map_err(Error::io(Action::Write, &self.path))?;
        }
        Ok(until)
    }

    /// Makes what was written last, before the footer is: once with the file's own length, where `out` stands before the footer.
    pub(super) fn settle(&self, out: &mut BufWriter<File>, is_first: bool) -> Result<()> {
        if is_first {
            let seek = || Error::io(Action::Seek, &self.path);
            let end = out.stream_position().map_err(seek())?;
            // A payload that was taken back may have left anything there.
            out.write_all(&[0; FOOTER_LEN]).map_err(Error::io(Action::Write, &self.path))?;
            out.seek(SeekFrom::Start(end)).map_err(seek())?;
            let len = end.saturating_add(FOOTER_LEN as u64);
            out.get_ref().set_len(len).map_err(Error::io(Action::Cut, &self.path))?;
        }
        out.get_ref().sync_all().map_err(Error::io(Action::Sync, &self.path))
    }

    /// The file is whole again, and more than it was.
    pub(super) fn done(&self) -> Result<()> {
        self.file.sync_all().map_err(Error::io(Action::Sync, &self.path))?;
        // One that stays says nothing: the file has an index at its end.
        remove_stale(&self.note);
        Ok(())
    }

    /// What was written is of use for the next run: it stays, if it is much, and the note says what the file is.
    pub(super) fn leave(&self) {
        if self.grown.load(Ordering::Relaxed).saturating_sub(self.before.file_len) < WORTH {
            self.undo();
        }
    }

    /// The file is as it was.
    pub(super) fn undo(&self) {
        if self.grown.load(Ordering::Relaxed) == 0 {
            return;
        }
        // When that fails the note stays, and says what the file is.
        let cut = self.file.set_len(self.before.file_len).and_then(|()| self.file.sync_all());
        if cut.is_ok() {
            remove_stale(&self.note);
        }
    }
}

/// Writes a note for good.
fn write_note(path: &Path, note: &GrowthNote) -> Result<()> {
    let replacement = Replacement::new(path)?;
    replacement.file().write_all(&note.to_bytes()).map_err(Error::io(Action::Write, path))?;
    replacement.finish(Finish { overwrite: true, sync: true })
}
