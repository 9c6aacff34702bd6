//! Directories by path, where the system has no handles for them.

use super::{Found, ItemKind, Met, Metadata, fitting};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The path without links, as the system spells it.
pub(in super::super) type Identity = PathBuf;

#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Handle {
    pub(super) fn open_root(path: &Path) -> io::Result<Handle> {
        Handle::open(path.to_owned(), true)
    }

    pub(super) fn open_directory(&self, name: &[u8], follow: bool) -> io::Result<Handle> {
        Handle::open(self.path_of(name), follow)
    }

    fn open(path: PathBuf, follow: bool) -> io::Result<Handle> {
        let metadata = if follow { fs::metadata(&path)? } else { fs::symlink_metadata(&path)? };
        if metadata.is_dir() { Ok(Handle(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn open_file(&self, name: &[u8], follow: bool) -> io::Result<File> {
        let path = self.path_of(name);
        if !follow && fs::symlink_metadata(&path)?.is_symlink() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        File::open(path)
    }

    pub(super) fn metadata(&self, name: &[u8], follow: bool) -> io::Result<Metadata> {
        let path = self.path_of(name);
        let metadata = if follow { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
        Ok(metadata_from(&metadata))
    }

    pub(super) fn attributes_of(&self, _name: &[u8], _follow: bool) -> io::Result<Found> {
        Ok(Found::default())
    }

    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = fs::read_link(self.path_of(name))?;
        let text = target.to_str().ok_or(io::ErrorKind::InvalidData)?;
        Ok(text.replace(std::path::MAIN_SEPARATOR, "/").into_bytes())
    }

    pub(super) fn identity(&self) -> io::Result<Identity> {
        self.0.canonicalize()
    }

    pub(super) fn follow(&self, name: &[u8]) -> io::Result<(Identity, ItemKind)> {
        let path = self.path_of(name).canonicalize()?;
        let kind = kind_of(fs::metadata(&path)?.file_type());
        Ok((path, kind))
    }

    pub(super) fn read(
        &self,
        _buffer: &mut ReadBuffer,
        mut found: impl FnMut(Met<'_>),
    ) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            match name.to_str() {
                Some(text) => {
                    found(Met::Name(text.as_bytes(), entry.file_type().ok().map(kind_of)));
                }
                None => found(Met::NotUnicode(name.to_string_lossy().into_owned())),
            }
        }
        Ok(())
    }

    fn path_of(&self, name: &[u8]) -> PathBuf {
        join(&self.0, name)
    }
}

/// Nothing: the system brings a buffer of its own.
#[derive(Debug)]
pub(in super::super) struct ReadBuffer;

impl ReadBuffer {
    pub(in super::super) fn new() -> ReadBuffer {
        ReadBuffer
    }
}

pub(super) fn metadata_of(file: &File) -> io::Result<Metadata> {
    file.metadata().map(|metadata| metadata_from(&metadata))
}

/// Nobody knows.
pub(super) fn finds_hole(_file: &File, _size: u64) -> bool {
    false
}

pub(super) fn identity_of_path(path: &Path) -> io::Result<Identity> {
    path.canonicalize()
}

/// The path below `root` that is `pack_path` inside the pack.
pub(super) fn join(root: &Path, pack_path: &[u8]) -> PathBuf {
    let mut path = root.to_owned();
    for name in pack_path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        path.push(String::from_utf8_lossy(name).as_ref());
    }
    path
}

fn kind_of(file_type: fs::FileType) -> ItemKind {
    if file_type.is_symlink() {
        ItemKind::Symlink
    } else if file_type.is_dir() {
        ItemKind::Directory
    } else if file_type.is_file() {
        ItemKind::File
    } else {
        ItemKind::Other
    }
}

fn metadata_from(metadata: &fs::Metadata) -> Metadata {
    let kind = kind_of(metadata.file_type());
    let mode = match kind {
        ItemKind::Directory | ItemKind::Symlink => 0o755,
        _ if metadata.permissions().readonly() => 0o444,
        _ => 0o644,
    };
    let nanoseconds = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    let changed_ns = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
        Ok(Ok(after)) => nanoseconds(after),
        Ok(Err(before)) => -nanoseconds(before.duration()),
        Err(_) => 0,
    };
    let mtime_ns = fitting(changed_ns);
    let size = metadata.len();
    let (uid, gid, dev, ino, links, allocated) = (0, 0, 0, 0, 1, size);
    Metadata { kind, mode, mtime_ns, changed_ns, size, uid, gid, dev, ino, links, allocated }
}
