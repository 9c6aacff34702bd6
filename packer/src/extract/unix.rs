//! The target by directory handles: no path is ever resolved as a whole, no link ever followed.

use super::holes;
use super::place::{Attributes, Existing, ModeOf, Unset, in_the_way, link_in_the_way, new_mode};
use crate::source::attributes;
use crate::source::replace::checked_close;
use rangepack_core::PackPath;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, RawMode, Timespec, Timestamps, Uid};
use rustix::io::{Errno, retry_on_intr};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Which file it is, on the whole system, as long as it is there.
pub(super) type Identity = (u64, u64);

/// Whether files can have several names.
pub(super) const LINKS: bool = true;

#[allow(clippy::unnecessary_cast, reason = "the types of these fields differ between systems")]
fn identity(stat: &rustix::fs::Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// The directory that everything goes into.
#[derive(Debug)]
pub(super) struct Target {
    root: OwnedFd,
    /// The bits that the system takes off the mode of a new file here.
    umask: u32,
}

impl Target {
    /// Opens the directory; links on the way to it are the caller's own and are followed.
    ///
    /// `probe` is a name that nothing else has; a file of that name exists for a moment.
    pub(super) fn open(path: &Path, probe: &[u8]) -> io::Result<Target> {
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        let root = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
        let all = Mode::from_raw_mode(0o777);
        // The umask itself cannot be read without setting it for all threads.
        let file = retry_on_intr(|| rustix::fs::openat(&root, probe, NEW_FILE, all))?;
        let stat = rustix::fs::fstat(&file);
        rustix::fs::unlinkat(&root, probe, AtFlags::empty())?;
        #[allow(clippy::useless_conversion, reason = "modes are shorter on some systems")]
        let mode = u32::from(stat?.st_mode);
        Ok(Target { root, umask: !mode & 0o777 })
    }

    /// Whether names that differ in case only are the same name here.
    pub(super) fn is_same(&self, probe: &[u8], other: &[u8]) -> io::Result<bool> {
        let mode = Mode::from_raw_mode(0o600);
        drop(retry_on_intr(|| rustix::fs::openat(&self.root, probe, NEW_FILE, mode))?);
        let found = rustix::fs::statat(&self.root, other, AtFlags::SYMLINK_NOFOLLOW);
        rustix::fs::unlinkat(&self.root, probe, AtFlags::empty())?;
        Ok(found.is_ok())
    }

    /// Makes the names in the target durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fsync(&self.root))?)
    }
}

/// So many directories are open at most in each place: the system counts them.
const MOST_OPEN: usize = 8;

/// A directory inside the target, moved about in by one thread.
///
/// It keeps handles of the nearest directories above it, so that a neighbour is one call away.
pub(super) struct Place<'t> {
    target: &'t Target,
    mode_of: &'t ModeOf<'t>,
    path: Vec<u8>,
    /// Where each directory's path ends in `path`, and its handle: those of the last ones, outermost first.
    open: VecDeque<(usize, OwnedFd)>,
}

impl<'t> Place<'t> {
    /// The target itself.
    pub(super) fn new(target: &'t Target, mode_of: &'t ModeOf<'t>) -> Place<'t> {
        Place { target, mode_of, path: Vec::new(), open: VecDeque::new() }
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.open.back().map_or(self.target.root.as_fd(), |(_, directory)| directory.as_fd())
    }

    /// Moves to `directory`. What is missing on the way is created, or is an error.
    pub(super) fn enter(&mut self, directory: PackPath<'_>, create: bool) -> io::Result<()> {
        let wanted = directory.as_bytes();
        if wanted == self.path {
            return Ok(());
        }
        while let Some((end, _)) = self.open.back() {
            let path = &self.path[..*end];
            let is_above = wanted
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'));
            if is_above {
                break;
            }
            self.open.pop_back();
        }
        // Without a handle the way begins at the target itself.
        let mut done = self.open.back().map_or(0, |(end, _)| *end);
        self.path.truncate(done);
        while done < wanted.len() {
            let start = if done == 0 { 0 } else { done + 1 };
            let end = memchr::memchr(b'/', &wanted[start..]).map_or(wanted.len(), |at| start + at);
            let (path, name) = (&wanted[..end], &wanted[start..end]);
            let opened = match self.open_directory(name) {
                Err(Errno::NOENT) if create => {
                    self.make_directory(name, (self.mode_of)(path))?;
                    self.open_directory(name)
                }
                opened => opened,
            };
            let handle = opened.map_err(|error| self.obstacle(path, name, error))?;
            self.path.clear();
            self.path.extend_from_slice(path);
            if self.open.len() == MOST_OPEN {
                self.open.pop_front();
            }
            self.open.push_back((end, handle));
            done = end;
        }
        Ok(())
    }

    fn open_directory(&self, name: &[u8]) -> rustix::io::Result<OwnedFd> {
        retry_on_intr(|| rustix::fs::openat(self.here(), name, DIRECTORY, Mode::empty()))
    }

    /// Says what stands where a directory should be.
    fn obstacle(&self, path: &[u8], name: &[u8], error: Errno) -> io::Error {
        match self.file_type(name) {
            Ok(FileType::Symlink) => link_in_the_way(path),
            Ok(FileType::Directory) | Err(_) => error.into(),
            Ok(_) => in_the_way("a file"),
        }
    }

    fn file_type(&self, name: &[u8]) -> rustix::io::Result<FileType> {
        let stat = rustix::fs::statat(self.here(), name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }

    /// Makes a directory that is to have `mode` in the end, or finds it there.
    pub(super) fn make_directory(&self, name: &[u8], mode: Option<u32>) -> io::Result<()> {
        let make = || {
            let mode = Mode::from_raw_mode(new_mode(mode) as RawMode);
            retry_on_intr(|| rustix::fs::mkdirat(self.here(), name, mode))
        };
        match self.insist(make) {
            Err(Errno::EXIST) => match self.file_type(name)? {
                FileType::Directory => Ok(()),
                FileType::Symlink => Err(in_the_way("a symbolic link")),
                _ => Err(in_the_way("a file")),
            },
            made => Ok(made?),
        }
    }

    /// Tries again after making this directory writable: an earlier run may have left it read-only.
    ///
    /// That is done only where the pack knows the mode, which is set when all is done.
    fn insist<T>(&self, mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
        match call() {
            Err(Errno::ACCESS) if (self.mode_of)(&self.path).is_some() => {
                let mode =
                    Mode::from_raw_mode(rustix::fs::fstat(self.here())?.st_mode) | Mode::RWXU;
                rustix::fs::fchmod(self.here(), mode).map_err(|_| Errno::ACCESS)?;
                call()
            }
            answer => answer,
        }
    }

    /// What has this name already.
    pub(super) fn existing(&self, name: &[u8]) -> io::Result<Existing> {
        let stat = rustix::fs::statat(self.here(), name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = match stat {
            Err(Errno::NOENT) => return Ok(Existing::Nothing),
            stat => stat?,
        };
        #[allow(
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            reason = "types differ between systems"
        )]
        let mtime = i128::from(stat.st_mtime as i64) * 1_000_000_000
            + i128::from(stat.st_mtime_nsec as i64);
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                Existing::File { size: u64::try_from(stat.st_size).unwrap_or(0), mtime }
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(self.here(), name, Vec::new())?;
                Existing::Symlink { target: target.into_bytes(), mtime }
            }
            FileType::Directory => Existing::Directory,
            _ => Existing::Special,
        })
    }

    /// Opens the regular file of this name for reading.
    pub(super) fn open_existing(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::openat(self.here(), name, flags, Mode::empty())?;
        Ok(File::from(file))
    }

    /// Creates an empty file that is to become one with these attributes.
    pub(super) fn create<'p>(
        &'p self,
        temporary: &'p [u8],
        attributes: &'p Attributes,
        sparse: bool,
    ) -> io::Result<Temporary<'p>> {
        // Nobody may see more of it than of the file that it becomes.
        let mode = match attributes {
            Attributes { owner: Some(_), .. } => 0o600,
            // Without the right to write nobody sets attributes.
            Attributes { mode, extended: Some(_), .. } => mode.unwrap_or(0o666) & 0o777 | 0o200,
            Attributes { mode, .. } => mode.unwrap_or(0o666) & 0o777,
        };
        let create = || {
            let mode = Mode::from_raw_mode(mode as RawMode);
            retry_on_intr(|| rustix::fs::openat(self.here(), temporary, NEW_FILE, mode))
        };
        let file = File::from(self.insist(create)?);
        let mode = mode & !self.target.umask;
        let name = Leftover { place: self, name: temporary };
        Ok(Temporary { name, file, attributes, mode, holes: sparse.then_some(0) })
    }

    /// Makes `name` another name of the file that was written as `first` in the directory `from`, and replaces what is
    /// there unless it is a directory.
    pub(super) fn link(
        &self,
        (from, first, expected): (&Place<'_>, &[u8], Identity),
        temporary: &[u8],
        name: &[u8],
    ) -> io::Result<()> {
        let flags = AtFlags::empty();
        self.insist(|| rustix::fs::linkat(from.here(), first, self.here(), temporary, flags))?;
        let leftover = Leftover { place: self, name: temporary };
        // Somebody may have put another file in its place meanwhile.
        let stat = rustix::fs::statat(self.here(), temporary, AtFlags::SYMLINK_NOFOLLOW)?;
        if identity(&stat) != expected {
            return Err(in_the_way("another file"));
        }
        leftover.rename(name)?;
        // Renaming to another name of the same file does nothing at all.
        let _ = rustix::fs::unlinkat(self.here(), temporary, AtFlags::empty());
        Ok(())
    }

    /// Makes a symbolic link, replacing what is there unless it is a directory.
    pub(super) fn symlink(
        &self,
        link_target: &[u8],
        temporary: &[u8],
        name: &[u8],
        attributes: &Attributes,
    ) -> io::Result<()> {
        self.insist(|| rustix::fs::symlinkat(link_target, self.here(), temporary))?;
        let leftover = Leftover { place: self, name: temporary };
        if let Some(owner) = attributes.owner {
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(self.here(), temporary, Some(uid), Some(gid), flags)?;
        }
        if let Some(mtime) = attributes.mtime {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(self.here(), temporary, &timestamps(mtime), flags)?;
        }
        leftover.rename(name)
    }

    /// Gives this directory its attributes.
    pub(super) fn finish_directory(
        &self,
        attributes: &Attributes,
        sync: bool,
    ) -> io::Result<Result<(), Unset>> {
        let directory = self.here();
        let extended = finish(directory, attributes, None)?;
        if sync {
            retry_on_intr(|| rustix::fs::fsync(directory))?;
        }
        Ok(extended)
    }
}

/// Owner first: changing it takes special bits off the mode, and some attributes; then attributes: access control
/// lists change the mode. `has` is the mode it has, if known. The inner result says whether it has all attributes.
fn finish(
    fd: BorrowedFd<'_>,
    attributes: &Attributes,
    has: Option<u32>,
) -> io::Result<Result<(), Unset>> {
    if let Some(owner) = attributes.owner {
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        rustix::fs::fchown(fd, Some(uid), Some(gid))?;
    }
    let extended = attributes.set_extended(|name, value| attributes::set(fd, name, value));
    if let Some(mode) = attributes.mode
        && has != Some(mode)
    {
        rustix::fs::fchmod(fd, Mode::from_raw_mode(mode as RawMode))?;
    }
    if let Some(mtime) = attributes.mtime {
        rustix::fs::futimens(fd, &timestamps(mtime))?;
    }
    Ok(extended)
}

#[allow(clippy::unnecessary_cast, reason = "the type of nanoseconds differs between systems")]
fn timestamps(mtime: i64) -> Timestamps {
    const NANOSECONDS: i64 = 1_000_000_000;
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT as _ },
        last_modification: Timespec {
            tv_sec: mtime.div_euclid(NANOSECONDS),
            tv_nsec: mtime.rem_euclid(NANOSECONDS) as _,
        },
    }
}

/// A name that vanishes unless it is renamed.
struct Leftover<'p> {
    place: &'p Place<'p>,
    name: &'p [u8],
}

impl Leftover<'_> {
    fn rename(self, name: &[u8]) -> io::Result<()> {
        let here = self.place.here();
        match retry_on_intr(|| rustix::fs::renameat(here, self.name, here, name)) {
            Ok(()) => {
                std::mem::forget(self);
                Ok(())
            }
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => Err(in_the_way("a directory")),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Leftover<'_> {
    fn drop(&mut self) {
        // The error that led here is the one to report.
        let _ = rustix::fs::unlinkat(self.place.here(), self.name, AtFlags::empty());
    }
}

/// A file in the making. It vanishes unless it is committed.
pub(super) struct Temporary<'p> {
    name: Leftover<'p>,
    file: File,
    attributes: &'p Attributes,
    /// The mode that it was created with.
    mode: u32,
    /// How much was written of a file with holes.
    holes: Option<u64>,
}

impl Temporary<'_> {
    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(position) = &mut self.holes else { return self.file.write_all(bytes) };
        holes::write(&mut self.file, *position, bytes)?;
        *position += bytes.len() as u64;
        Ok(())
    }

    /// Which file it is.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Ok(identity(&rustix::fs::fstat(&self.file)?))
    }

    /// Gives it its attributes and its name, in place of another file of that name.
    ///
    /// Returns whether it has all its extended attributes.
    pub(super) fn commit(self, name: &[u8], sync: bool) -> io::Result<Result<(), Unset>> {
        if let Some(len) = self.holes {
            self.file.set_len(len)?;
        }
        let Attributes { owner, extended, .. } = self.attributes;
        let has = (owner.is_none() && extended.is_none()).then_some(self.mode);
        let extended = finish(self.file.as_fd(), self.attributes, has)?;
        if sync {
            self.file.sync_all()?;
        }
        checked_close(self.file)?;
        self.name.rename(name)?;
        Ok(extended)
    }
}
