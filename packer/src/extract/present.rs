//! What the target has already under an entry's name, and what that means for the entry.

use super::place::{Existing, in_the_way};
use super::worker::{Problem, Worker, stream};
use super::{Present, Replace};
use rangepack_core::{Content, EntryRef, Hasher};
use std::io::{self, Read};

/// What the target has under an entry's name means for the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is extracted, and perhaps replaces something.
    Free { replaces: bool },
    /// It counts as extracted.
    Present,
    /// What is there is newer, and stays.
    Newer,
}

impl<'r> Worker<'r> {
    /// What the target has under the name of a file with this content, or of a link with this target.
    pub(super) fn way(
        &mut self,
        entry: &EntryRef<'r>,
        content: Option<&Content>,
        link_target: &[u8],
    ) -> Result<Way, Problem> {
        let options = &self.run.options;
        let (present, replace) = (options.present, options.replace);
        let Some(place) = self.place.as_ref().filter(|_| self.run.asks()) else {
            return Ok(Way::Free { replaces: false });
        };
        let existing = place.existing(&self.name).map_err(Problem::io("look at"))?;
        let changed = match &existing {
            Existing::Nothing => return Ok(Way::Free { replaces: false }),
            Existing::Directory => {
                return Err(Problem::Io { action: "create", source: in_the_way("a directory") });
            }
            Existing::Special => {
                let source = in_the_way("a pipe, a socket or a device");
                return Err(Problem::Io { action: "create", source });
            }
            Existing::File { mtime, .. } | Existing::Symlink { mtime, .. } => *mtime,
        };
        let mtime = entry.mtime()?;
        let is_present = match (existing, content) {
            _ if present == Present::None => false,
            (Existing::File { size, .. }, Some(content)) if size == content.size => match present {
                Present::SameSize => true,
                Present::SameTime if mtime.map(i128::from) == Some(changed) => true,
                _ => self.is_same(content)?,
            },
            (Existing::Symlink { target, .. }, None) => target == link_target,
            _ => false,
        };
        match (replace, mtime) {
            _ if is_present => Ok(Way::Present),
            (Replace::Always, _) => Ok(Way::Free { replaces: true }),
            (Replace::Older, Some(mtime)) if changed > i128::from(mtime) => Ok(Way::Newer),
            (Replace::Older, Some(_)) => Ok(Way::Free { replaces: true }),
            _ => Err(Problem::Exists { is_compared: present != Present::None }),
        }
    }

    /// Whether the existing file of the right length has this content.
    fn is_same(&mut self, content: &Content) -> Result<bool, Problem> {
        let options = &self.run.options;
        let Some(place) = &self.place else { return Ok(false) };
        let expected = match content.content_digest() {
            Some(digest) => digest,
            None if options.replace == Replace::Always => return Ok(false),
            None => {
                let mut hasher = Hasher::new();
                stream(self.run, content, None, &mut self.buffer, &mut |bytes| {
                    hasher.update(bytes);
                    Ok(())
                })?;
                hasher.finish()
            }
        };
        // One that cannot be read is replaced.
        let Ok(mut file) = place.open_existing(&self.name) else { return Ok(false) };
        self.buffer.resize(options.chunk_size, 0);
        let mut hasher = Hasher::new();
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(hasher.finish() == expected),
                Ok(len) => hasher.update(&self.buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ok(false),
            }
            if self.run.is_stopped() {
                return Err(Problem::Stopped);
            }
        }
    }
}
