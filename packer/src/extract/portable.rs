//! The target by paths, where the system has no directory handles.

use super::holes;
use super::place::{Attributes, Existing, ModeOf, Unset, in_the_way, link_in_the_way};
use crate::source::attributes;
use crate::source::replace::checked_close;
use filetime::FileTime;
use rangepack_core::{PackPath, name_problem};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Nobody asks which file it is.
pub(super) type Identity = ();

/// Whether files get several names: here each is written alone.
pub(super) const LINKS: bool = false;

/// The directory that everything goes into.
#[derive(Debug)]
pub(super) struct Target {
    root: PathBuf,
}

impl Target {
    /// Opens the directory; links on the way to it are the caller's own and are followed.
    pub(super) fn open(path: &Path, probe: &[u8]) -> io::Result<Target> {
        let root = path.canonicalize()?;
        let probe = root.join(text(probe)?);
        drop(File::create_new(&probe)?);
        fs::remove_file(probe)?;
        Ok(Target { root })
    }

    /// Whether two names are the same name here; the first is that of no file.
    pub(super) fn is_same(&self, probe: &[u8], other: &[u8]) -> io::Result<bool> {
        let path = self.root.join(text(probe)?);
        drop(File::create_new(&path)?);
        let found = self.root.join(text(other)?).symlink_metadata();
        fs::remove_file(path)?;
        Ok(found.is_ok())
    }

    /// Nothing: names are durable by themselves.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A directory inside the target, moved about in by one thread.
#[derive(Debug)]
pub(super) struct Place<'t> {
    target: &'t Target,
    path: Vec<u8>,
    disk: PathBuf,
}

impl<'t> Place<'t> {
    /// The target itself.
    pub(super) fn new(target: &'t Target, _mode_of: &'t ModeOf<'t>) -> Place<'t> {
        Place { target, path: Vec::new(), disk: target.root.clone() }
    }

    /// Moves to `directory`. What is missing on the way is created, or is an error.
    pub(super) fn enter(&mut self, directory: PackPath<'_>, create: bool) -> io::Result<()> {
        let wanted = directory.as_bytes();
        if wanted == self.path {
            return Ok(());
        }
        self.path.clear();
        self.disk.clone_from(&self.target.root);
        let mut done = 0;
        while done < wanted.len() {
            let start = if done == 0 { 0 } else { done + 1 };
            let end = memchr::memchr(b'/', &wanted[start..]).map_or(wanted.len(), |at| start + at);
            let disk = self.disk.join(text(&wanted[start..end])?);
            let metadata = match fs::symlink_metadata(&disk) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
                    make_directory(&disk)?;
                    fs::symlink_metadata(&disk)?
                }
                metadata => metadata?,
            };
            if metadata.is_symlink() {
                return Err(link_in_the_way(&wanted[..end]));
            }
            if !metadata.is_dir() {
                return Err(in_the_way("a file"));
            }
            self.disk = disk;
            self.path.clear();
            self.path.extend_from_slice(&wanted[..end]);
            done = end;
        }
        Ok(())
    }

    /// Makes a directory, or finds it there.
    pub(super) fn make_directory(&self, name: &[u8], _mode: Option<u32>) -> io::Result<()> {
        make_directory(&self.disk.join(text(name)?))
    }

    /// What has this name already.
    pub(super) fn existing(&self, name: &[u8]) -> io::Result<Existing> {
        let path = self.disk.join(text(name)?);
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
            metadata => metadata?,
        };
        let time = FileTime::from_last_modification_time(&metadata);
        let mtime =
            i128::from(time.unix_seconds()) * 1_000_000_000 + i128::from(time.nanoseconds());
        Ok(if metadata.is_symlink() {
            let target = fs::read_link(path)?;
            let target = target.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
            Existing::Symlink { target: target.into_bytes(), mtime }
        } else if metadata.is_file() {
            Existing::File { size: metadata.len(), mtime }
        } else if metadata.is_dir() {
            Existing::Directory
        } else {
            Existing::Special
        })
    }

    /// Opens the regular file of this name for reading.
    pub(super) fn open_existing(&self, name: &[u8]) -> io::Result<File> {
        File::open(self.disk.join(text(name)?))
    }

    /// Creates an empty file that is to become one with these attributes.
    pub(super) fn create<'p>(
        &'p self,
        temporary: &'p [u8],
        attributes: &'p Attributes,
        sparse: bool,
    ) -> io::Result<Temporary<'p>> {
        let path = self.disk.join(text(temporary)?);
        let file = File::create_new(&path)?;
        let (name, holes) = (Leftover(path), sparse.then_some(0));
        Ok(Temporary { file: Some(file), name, place: self, attributes, holes })
    }

    /// Makes no link.
    pub(super) fn link(
        &self,
        _from: (&Place<'_>, &[u8], Identity),
        _temporary: &[u8],
        _name: &[u8],
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a symbolic link, replacing what is there unless it is a directory.
    pub(super) fn symlink(
        &self,
        link_target: &[u8],
        temporary: &[u8],
        name: &[u8],
        attributes: &Attributes,
    ) -> io::Result<()> {
        let path = self.disk.join(text(temporary)?);
        make_link(Path::new(unicode(link_target)?), &path)?;
        let leftover = Leftover(path);
        if let Some(mtime) = attributes.mtime {
            let time = file_time(mtime);
            filetime::set_symlink_file_times(&leftover.0, time, time)?;
        }
        leftover.rename(&self.disk.join(text(name)?))
    }

    /// Gives this directory its attributes.
    pub(super) fn finish_directory(
        &self,
        attributes: &Attributes,
        _sync: bool,
    ) -> io::Result<Result<(), Unset>> {
        if let Some(mtime) = attributes.mtime {
            filetime::set_file_mtime(&self.disk, file_time(mtime))?;
        }
        Ok(attributes.set_extended(|name, value| attributes::set(&self.disk, name, value)))
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            match (metadata.is_symlink(), metadata.is_dir()) {
                (true, _) => Err(in_the_way("a symbolic link")),
                (false, true) => Ok(()),
                (false, false) => Err(in_the_way("a file")),
            }
        }
        made => made,
    }
}

#[cfg(windows)]
fn make_link(target: &Path, path: &Path) -> io::Result<()> {
    let separated: PathBuf = target.components().collect();
    // Links are made last, so what they lead to is there already; another machine is not asked.
    let is_here = !target.has_root() && !target.as_os_str().to_string_lossy().contains(':');
    let leads_to = path.parent().filter(|_| is_here).map(|directory| directory.join(&separated));
    if leads_to.is_some_and(|path| path.is_dir()) {
        std::os::windows::fs::symlink_dir(separated, path)
    } else {
        std::os::windows::fs::symlink_file(separated, path)
    }
}

#[cfg(not(windows))]
fn make_link(_target: &Path, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A name as it is joined to a directory: one that leads to another place is none.
fn text(name: &[u8]) -> io::Result<&str> {
    match name_problem(name).filter(|_| cfg!(windows)) {
        Some(problem) => Err(io::Error::new(io::ErrorKind::InvalidData, problem.to_string())),
        None => unicode(name),
    }
}

fn unicode(name: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(name)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the name is not Unicode"))
}

fn file_time(mtime: i64) -> FileTime {
    const NANOSECONDS: i64 = 1_000_000_000;
    let nanoseconds = u32::try_from(mtime.rem_euclid(NANOSECONDS)).unwrap_or(0);
    FileTime::from_unix_time(mtime.div_euclid(NANOSECONDS), nanoseconds)
}

/// A path that vanishes unless it is renamed.
struct Leftover(PathBuf);

impl Leftover {
    fn rename(mut self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(in_the_way("a directory"));
        }
        fs::rename(&self.0, path)?;
        self.0.clear();
        Ok(())
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// A file in the making. It vanishes unless it is committed.
pub(super) struct Temporary<'p> {
    /// Before the name: an open file cannot be removed everywhere.
    file: Option<File>,
    name: Leftover,
    place: &'p Place<'p>,
    attributes: &'p Attributes,
    /// How much was written of a file with holes.
    holes: Option<u64>,
}

impl Temporary<'_> {
    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let Some(position) = &mut self.holes else { return file.write_all(bytes) };
        holes::write(file, *position, bytes)?;
        *position += bytes.len() as u64;
        Ok(())
    }

    /// Nothing: no file is known by more than its name here.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Ok(())
    }

    /// Gives it its attributes and its name, in place of another file of that name.
    ///
    /// Returns whether it has all its extended attributes.
    pub(super) fn commit(mut self, name: &[u8], sync: bool) -> io::Result<Result<(), Unset>> {
        let path = &self.name.0;
        let set = |name: &[u8], value: &[u8]| attributes::set(path, name, value);
        let extended = self.attributes.set_extended(set);
        if let Some(file) = self.file.take() {
            if let Some(len) = self.holes {
                file.set_len(len)?;
            }
            if let Some(mtime) = self.attributes.mtime {
                filetime::set_file_handle_times(&file, None, Some(file_time(mtime)))?;
            }
            if sync {
                file.sync_all()?;
            }
            // Of all permission bits only this one means anything here.
            if self.attributes.mode.is_some_and(|mode| mode & 0o222 == 0) {
                let mut permissions = file.metadata()?.permissions();
                permissions.set_readonly(true);
                file.set_permissions(permissions)?;
            }
            checked_close(file)?;
        }
        self.name.rename(&self.place.disk.join(text(name)?))?;
        Ok(extended)
    }
}
