//! A file that is read and need not stay open: for volumes, of which a pack may have a hundred thousand, and for packs, of which
//! as many may be merged.

use super::platform::read_range;
use rangepack_core::Extent;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Unmapped {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    /// Only of the first ones: systems let a process have some thousand files open, or less.
    file: Option<File>,
}

impl Unmapped {
    /// Opens `path`; it stays open when it is to be kept.
    pub(crate) fn open(path: &Path, keep: bool) -> io::Result<Unmapped> {
        // Asked before opening: to open a pipe is to wait for a writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Unmapped::of(path, File::open(path)?, keep)
    }

    /// The same of one that was opened.
    pub(super) fn of(path: &Path, file: File, keep: bool) -> io::Result<Unmapped> {
        let metadata = file.metadata()?;
        let (len, modified) = (metadata.len(), metadata.modified().ok());
        Ok(Unmapped { path: path.to_owned(), len, modified, file: keep.then_some(file) })
    }

    /// The file, if it stays open.
    #[cfg(target_os = "linux")]
    pub(super) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// Length of the file when it was opened, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Length of the file now, in bytes.
    pub(crate) fn len_now(&self) -> io::Result<u64> {
        match &self.file {
            Some(file) => Ok(file.metadata()?.len()),
            None => Ok(std::fs::metadata(&self.path)?.len()),
        }
    }

    /// Bytes of the file, which must have been there when it was opened.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file has become too short; also when it is opened once more and another one.
    pub(crate) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        match &self.file {
            Some(file) => read_range(file, extent),
            None => read_range(&self.again()?, extent),
        }
    }

    fn again(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let is_still = metadata.len() == self.len && metadata.modified().ok() == self.modified;
        if is_still { Ok(file) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_opened_again_is_the_same_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"0123456789").unwrap();
        let extent = Extent { start: 3, len: 4 };
        for keep in [true, false] {
            let unmapped = Unmapped::open(file.path(), keep).unwrap();
            assert_eq!(unmapped.len(), 10);
            assert_eq!(unmapped.read(extent).unwrap(), b"3456");
            assert!(unmapped.read(Extent { start: 9, len: 2 }).is_err());
        }
        let unmapped = Unmapped::open(file.path(), false).unwrap();
        std::fs::write(file.path(), b"01234567890").unwrap();
        assert!(unmapped.read(extent).is_err());
        assert_eq!(unmapped.len_now().unwrap(), 11);
        assert!(Unmapped::open(Path::new("."), true).is_err());
    }
}
