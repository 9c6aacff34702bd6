//! A file in memory: the only module that holds `unsafe`.
#![expect(unsafe_code, reason = "mapping a file is unsafe; see `Mapped::open`")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// A file mapped for reading. Opening costs the same at any length.
#[derive(Debug)]
pub(crate) struct Mapped(Option<memmap2::Mmap>);

impl Mapped {
    /// Maps `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Mapped> {
        // Asked before opening: to open a pipe is to wait for a writer.
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        // An empty file cannot be mapped.
        if metadata.len() == 0 {
            return Ok(Mapped(None));
        }
        // SAFETY: the map is never written through. What remains is that another process changes
        // the file meanwhile. A changed byte is seen as such: whoever needs certainty hashes the bytes
        // he uses. A file that is cut short makes the system raise SIGBUS at the first access behind
        // its new end; packs are replaced by renaming, never cut, and the documentation of
        // `Pack::open` says so.
        let map = unsafe { memmap2::MmapOptions::new().map(&file)? };
        Ok(Mapped(Some(map)))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}
