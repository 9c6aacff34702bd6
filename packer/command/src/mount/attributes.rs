//! What the kernel is told of an entry: the fields of `stat`, and extended attributes.

use fuser::{FileAttr, FileType, INodeNo};
use rangepack::{AttributeBlock, Digest, EntryRef};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The attribute that holds the SHA-256 of a file's content, in hexadecimal digits.
pub(super) const DIGEST: &[u8] = b"user.rangepack.sha256";

/// What is told where the pack says nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    /// Who mounted it.
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The time of the directory that holds everything, of which a pack keeps none: when the pack was mounted.
    pub(super) mounted: SystemTime,
}

/// The directory that holds everything.
pub(super) fn of_root(inode: u64, defaults: &Defaults) -> FileAttr {
    let (kind, time) = (FileType::Directory, defaults.mounted);
    let mut told = plain(inode, kind, 0, 0o755, time);
    (told.uid, told.gid) = (defaults.uid, defaults.gid);
    told
}

/// What an entry is told to be; `linked` when its file has other names.
pub(super) fn of(
    entry: &EntryRef<'_>,
    inode: u64,
    linked: bool,
    defaults: &Defaults,
) -> rangepack_core::Result<FileAttr> {
    let kind = kind_of(entry);
    let (size, usual) = match kind {
        FileType::Directory => (0, 0o555),
        FileType::Symlink => (entry.link_target()?.map_or(0, <[u8]>::len) as u64, 0o777),
        _ => (entry.size()?, 0o444),
    };
    let mode = entry.mode()?.unwrap_or(usual) & 0o7777;
    let time = entry.mtime()?.map_or(UNIX_EPOCH, time_of);
    let mut told = plain(inode, kind, size, u16::try_from(mode).unwrap_or(0o444), time);
    // How many names there are only the whole index knows; programs ask whether it is more than one.
    told.nlink = if linked { 2 } else { 1 };
    (told.uid, told.gid) =
        entry.owner()?.map_or((defaults.uid, defaults.gid), |owner| (owner.uid, owner.gid));
    Ok(told)
}

fn plain(inode: u64, kind: FileType, size: u64, perm: u16, time: SystemTime) -> FileAttr {
    FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm,
        // Of directories that is how file systems say that they do not count those below.
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// What an entry is.
pub(super) fn kind_of(entry: &EntryRef<'_>) -> FileType {
    match (entry.is_directory(), entry.is_symlink()) {
        (true, _) => FileType::Directory,
        (_, true) => FileType::Symlink,
        _ => FileType::RegularFile,
    }
}

/// A time in nanoseconds since 1970.
fn time_of(mtime: i64) -> SystemTime {
    let distance = Duration::from_nanos(mtime.unsigned_abs());
    let time =
        if mtime < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

/// What an entry has of extended attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extended {
    /// The SHA-256 of its content.
    pub(super) digest: Option<Digest>,
    /// Where those lie that came with it.
    pub(super) block: Option<AttributeBlock>,
}

impl Extended {
    /// Those of an entry.
    pub(super) fn of(entry: &EntryRef<'_>) -> rangepack_core::Result<Extended> {
        let digest = entry.content()?.and_then(|content| content.content_digest());
        Ok(Extended { digest, block: entry.attributes()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_both_ways() {
        let second = Duration::from_secs(1);
        assert_eq!(time_of(1_000_000_000), UNIX_EPOCH + second);
        assert_eq!(time_of(-1_000_000_000), UNIX_EPOCH - second);
        assert!(time_of(i64::MIN) < time_of(0) && time_of(0) < time_of(i64::MAX));
    }
}
