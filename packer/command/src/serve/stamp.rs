//! What tells files from those that replaced them.

use rangepack::Location;
use std::fs::{self, Metadata};
use std::time::SystemTime;

/// What tells files from those that replaced them: of the pack and of the indexes beside it. Remote
/// ones have none; they tell themselves when they were replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stamp(pub(super) [Option<FileStamp>; 3]);

/// The same of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    len: u64,
    /// When it was changed last.
    pub(super) modified: Option<SystemTime>,
    file: u64,
}

impl Stamp {
    /// What is there now.
    pub(super) fn of(location: &Location) -> Stamp {
        let Some(path) = location.disk() else { return Stamp::default() };
        let paths = [path.to_owned(), rangepack::sidecar_path(path), rangepack::idx_path(path)];
        Stamp(paths.map(|path| fs::metadata(path).ok().as_ref().map(FileStamp::new)))
    }
}

impl FileStamp {
    /// Of a file with this metadata.
    pub(super) fn new(metadata: &Metadata) -> FileStamp {
        #[cfg(unix)]
        let file = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let file = 0;
        let modified = metadata.modified().ok();
        FileStamp { len: metadata.len(), modified, file }
    }
}

impl FileStamp {
    /// The stamp as a tag.
    pub(super) fn text(&self) -> Option<String> {
        let time = self.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{:x}-{:x}-{:x}", self.len, time.as_nanos(), self.file))
    }
}
