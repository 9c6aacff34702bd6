//! Directories by handle: `openat`, `fstatat`, `readlinkat`, `getdents`.

use super::{Found, ItemKind, Met, Metadata, fitting};
use crate::source::attributes;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Device and number: no two things share them while one of them is open.
pub(in super::super) type Identity = (u64, u64);

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

#[derive(Debug)]
pub(super) struct Handle(OwnedFd);

impl Handle {
    pub(super) fn open_root(path: &Path) -> io::Result<Handle> {
        Ok(Handle(retry_on_intr(|| rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty()))?))
    }

    pub(super) fn open_directory(&self, name: &[u8], follow: bool) -> io::Result<Handle> {
        self.open(name, DIRECTORY, follow).map(Handle)
    }

    pub(super) fn open_file(&self, name: &[u8], follow: bool) -> io::Result<File> {
        self.open(name, FILE, follow).map(File::from)
    }

    fn open(&self, name: &[u8], flags: OFlags, follow: bool) -> io::Result<OwnedFd> {
        let flags = if follow { flags } else { flags | OFlags::NOFOLLOW };
        Ok(retry_on_intr(|| rustix::fs::openat(&self.0, name, flags, Mode::empty()))?)
    }

    pub(super) fn metadata(&self, name: &[u8], follow: bool) -> io::Result<Metadata> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let stat = retry_on_intr(|| rustix::fs::statat(&self.0, name, flags))?;
        Ok(metadata_from(&stat))
    }

    pub(super) fn attributes_of(&self, name: &[u8], follow: bool) -> io::Result<Found> {
        attributes::read(self.open(name, DIRECTORY, follow)?)
    }

    pub(super) fn own_metadata(&self) -> io::Result<Metadata> {
        metadata_of(&self.0)
    }

    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = retry_on_intr(|| rustix::fs::readlinkat(&self.0, name, Vec::new()))?;
        Ok(target.into_bytes())
    }

    pub(super) fn identity(&self) -> io::Result<Identity> {
        self.own_metadata().map(|metadata| (metadata.dev, metadata.ino))
    }

    pub(super) fn follow(&self, name: &[u8]) -> io::Result<(Identity, ItemKind)> {
        let metadata = self.metadata(name, true)?;
        Ok(((metadata.dev, metadata.ino), metadata.kind))
    }

    /// Straight from `getdents` into the listing, without a string for each name.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn read(
        &self,
        buffer: &mut ReadBuffer,
        mut found: impl FnMut(Met<'_>),
    ) -> io::Result<()> {
        let mut entries = rustix::fs::RawDir::new(&self.0, buffer.0.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Err(rustix::io::Errno::INTR) => continue,
                entry => entry?,
            };
            visit(entry.file_name().to_bytes(), entry.file_type(), &mut found);
        }
        Ok(())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn read(
        &self,
        _buffer: &mut ReadBuffer,
        mut found: impl FnMut(Met<'_>),
    ) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            visit(entry.file_name().to_bytes(), entry.file_type(), &mut found);
        }
        Ok(())
    }
}

/// Room for many entries at each call of `getdents`.
#[derive(Debug)]
pub(in super::super) struct ReadBuffer(
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(dead_code, reason = "other systems bring a buffer of their own")
    )]
    Vec<u8>,
);

impl ReadBuffer {
    pub(in super::super) fn new() -> ReadBuffer {
        ReadBuffer(Vec::with_capacity(64 * 1024))
    }
}

pub(super) fn metadata_of(file: impl AsFd) -> io::Result<Metadata> {
    Ok(metadata_from(&retry_on_intr(|| rustix::fs::fstat(&file))?))
}

/// Whether the system knows of a hole before the end. The file is read from its beginning afterwards.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn finds_hole(file: &File, size: u64) -> bool {
    use rustix::fs::{SeekFrom, seek};
    let found = seek(file, SeekFrom::Hole(0)).is_ok_and(|hole| hole < size);
    seek(file, SeekFrom::Start(0)).is_ok() && found
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn finds_hole(_file: &File, _size: u64) -> bool {
    true
}

pub(super) fn identity_of_path(path: &Path) -> io::Result<Identity> {
    let stat = retry_on_intr(|| rustix::fs::stat(path))?;
    let metadata = metadata_from(&stat);
    Ok((metadata.dev, metadata.ino))
}

/// The path below `root` that is `pack_path` inside the pack.
pub(super) fn join(root: &Path, pack_path: &[u8]) -> PathBuf {
    if pack_path.is_empty() { root.to_owned() } else { root.join(OsStr::from_bytes(pack_path)) }
}

fn visit(name: &[u8], file_type: FileType, found: &mut impl FnMut(Met<'_>)) {
    if !matches!(name, b"." | b"..") {
        found(Met::Name(name, kind_of(file_type)));
    }
}

fn kind_of(file_type: FileType) -> Option<ItemKind> {
    match file_type {
        FileType::RegularFile => Some(ItemKind::File),
        FileType::Directory => Some(ItemKind::Directory),
        FileType::Symlink => Some(ItemKind::Symlink),
        FileType::Unknown => None,
        _ => Some(ItemKind::Other),
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the types of these fields differ between systems"
)]
fn metadata_from(stat: &Stat) -> Metadata {
    let nanoseconds = |seconds, rest| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let modified_ns = nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64);
    Metadata {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)).unwrap_or(ItemKind::Other),
        mode: u32::from(stat.st_mode) & 0o7777,
        mtime_ns: fitting(modified_ns),
        changed_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        uid: stat.st_uid,
        gid: stat.st_gid,
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        links: stat.st_nlink as u64,
        allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
    }
}
