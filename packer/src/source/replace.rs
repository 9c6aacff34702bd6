//! Files that appear whole or not at all.

use super::platform::{directory_of, same_file};
use crate::error::{Action, Error, Result};
use close_err::Closable;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file in the making, in the directory of the one that it becomes. It vanishes unless it is finished: it has no
/// name until then, where the system knows such files, so nothing of it is left whatever ends the process.
#[derive(Debug)]
pub(crate) struct Replacement {
    file: Making,
    target: PathBuf,
    directory: PathBuf,
}

#[derive(Debug)]
enum Making {
    /// Without a name.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// Under a name that nobody knows.
    Named(NamedTempFile),
}

/// What finishing a file does beside giving it its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finish {
    /// A file that has the name already is replaced; otherwise that is an error.
    pub(crate) overwrite: bool,
    /// The bytes are on disk before the file gets its name, and the name is when this is over.
    pub(crate) sync: bool,
}

impl Replacement {
    /// Begins a file that is to become `target`, or what a symbolic link there leads to, be it there yet or not. Only
    /// regular files are replaced.
    pub(crate) fn new(target: &Path) -> Result<Replacement> {
        let written = follow(target).map_err(Error::io(Action::Create, target))?;
        let directory = directory_of(&written);
        let file = Making::new(&directory).map_err(Error::io(Action::Create, target))?;
        Ok(Replacement { file, target: written, directory })
    }

    /// The path of the file that it becomes, links followed.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where it lies until it is finished, if it has a name.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.file {
            #[cfg(target_os = "linux")]
            Making::Unnamed(_) => None,
            Making::Named(file) => Some(file.path()),
        }
    }

    /// The file, for reading and writing.
    pub(crate) fn file(&self) -> &File {
        match &self.file {
            #[cfg(target_os = "linux")]
            Making::Unnamed(file) => file,
            Making::Named(file) => file.as_file(),
        }
    }

    /// Writes through a buffer, which is to be flushed before the file is finished.
    pub(crate) fn writer(&self) -> BufWriter<&File> {
        BufWriter::with_capacity(256 << 10, self.file())
    }

    /// Gives the file its name and closes it. Nothing of it is left when that fails.
    pub(crate) fn finish(self, how: Finish) -> Result<()> {
        if how.sync {
            self.file().sync_all().map_err(Error::io(Action::Sync, &self.target))?;
        }
        let Replacement { file, target, directory } = self;
        let create = || Error::io(Action::Create, &target);
        match file {
            #[cfg(target_os = "linux")]
            Making::Unnamed(file) => {
                let named = unnamed::name(&file, &directory, &target, how.overwrite);
                let name = named.map_err(create())?;
                // An error takes the name away again.
                close(file, &target)?;
                name.keep().map_err(create())?;
            }
            Making::Named(file) => {
                let (file, name) = file.into_parts();
                close(file, &target)?;
                let named = match how.overwrite {
                    true => name.persist(&target),
                    false => name.persist_noclobber(&target),
                };
                named.map_err(|error| create()(error.error))?;
            }
        }
        if how.sync { sync_directory(&directory) } else { Ok(()) }
    }
}

/// The path that is written for `path`: what a symbolic link there leads to. It fails where something is that is not a
/// regular file.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let kind = match path.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            // Creating it will tell what else is wrong.
            Err(_) => return Ok(path),
        };
        if kind.is_file() {
            return Ok(path);
        }
        if !kind.is_symlink() {
            let problem = "what is there is not a regular file, and is not replaced";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        path = directory_of(&path).join(std::fs::read_link(&path)?);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "symbolic links lead in a circle"))
}

/// So many links lead from one to the next at most.
const MOST_LINKS: usize = 40;

impl Making {
    fn new(directory: &Path) -> io::Result<Making> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(directory)? {
            return Ok(Making::Unnamed(file));
        }
        builder().tempfile_in(directory).map(Making::Named)
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rangepack-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Not private as temporary files are: the system takes the umask off, as for every new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// Files without a name.
#[cfg(target_os = "linux")]
mod unnamed {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use rustix::io::Errno;
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::{Path, PathBuf};
    use tempfile::TempPath;

    /// Makes one; `None` where the file system has none.
    pub(super) fn create(directory: &Path) -> io::Result<Option<File>> {
        // Through this it gets its name.
        if !Path::new("/proc/self/fd").is_dir() {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match open(directory, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => Ok(Some(File::from(file))),
            // What old kernels and some file systems say to it.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its name, which it loses again unless it is kept.
    pub(super) enum Name {
        /// The one that it is to have.
        New(TempPath),
        /// One that it has for a moment, before it takes the place of another file.
        Passing(TempPath, PathBuf),
    }

    impl Name {
        pub(super) fn keep(self) -> io::Result<()> {
            match self {
                Name::New(name) => name.keep().map(|_| ()).map_err(|error| error.error),
                Name::Passing(name, target) => name.persist(target).map_err(|error| error.error),
            }
        }
    }

    /// Gives it a name.
    pub(super) fn name(
        file: &File,
        directory: &Path,
        target: &Path,
        overwrite: bool,
    ) -> io::Result<Name> {
        match link(file, target) {
            Err(error) if overwrite && error.kind() == io::ErrorKind::AlreadyExists => {
                // A name can only be given to what has none, and only a name can take another's place.
                let passing = super::builder().make_in(directory, |path| link(file, path))?;
                Ok(Name::Passing(passing.into_temp_path(), target.to_owned()))
            }
            linked => linked.and_then(|()| TempPath::try_from_path(target)).map(Name::New),
        }
    }

    fn link(file: &File, path: &Path) -> io::Result<()> {
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, opened, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(Into::into)
    }
}

/// Writes a whole file, and puts it in place at once: who reads `path` sees the old bytes or the new ones.
///
/// It is closed and its errors are told, but nothing waits for the disk.
///
/// # Errors
/// [`Error::Io`]; what was at `path` is still there.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let replacement = Replacement::new(path)?;
    replacement.file().write_all(bytes).map_err(Error::io(Action::Write, path))?;
    replacement.finish(Finish { overwrite: true, sync: false })
}

/// Fails when something is there that is not a regular file: to open a pipe is to wait for another process.
pub(crate) fn require_file(path: &Path) -> Result<()> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(Error::io(Action::Open, path)(source));
    }
    Ok(())
}

/// Fails when something is there, unless it may be replaced.
pub(crate) fn refuse_to_replace(target: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && target.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: target.to_owned() });
    }
    Ok(())
}

/// Fails when an output is also an input.
pub(crate) fn refuse_same(output: &Path, input: &Path) -> Result<()> {
    if same_file(output, input) {
        return Err(Error::SameFile { path: output.to_owned() });
    }
    Ok(())
}

/// Closes a file that was written.
pub(crate) fn close(file: File, path: &Path) -> Result<()> {
    checked_close(file).map_err(Error::io(Action::Close, path))
}

/// Closes a file, and says what the system says to it: network file systems and quotas may tell only then
/// that bytes are lost.
pub(crate) fn checked_close(file: File) -> io::Result<()> {
    file.close()
}

/// Makes a directory and those above it, as far as they are missing, for good.
pub(crate) fn create_directories(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory_of(directory);
    create_directories(&above)?;
    match std::fs::create_dir(directory) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        made => made.map_err(Error::io(Action::Create, directory))?,
    }
    sync_directory(&above)
}

/// Takes a file away for good that says nothing any more, if it is there and can be.
pub(crate) fn remove_stale(path: &Path) {
    if std::fs::remove_file(path).is_ok() {
        let _ = sync_directory(&directory_of(path));
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    // Windows cannot open directories, and makes names durable by itself.
    if cfg!(not(unix)) {
        return Ok(());
    }
    let sync = || File::open(directory)?.sync_all();
    sync().map_err(Error::io(Action::Sync, directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = std::fs::read_dir(directory).unwrap();
        names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_there_when_it_is_finished() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("a");
        for (sync, text) in [(false, "one"), (true, "two")] {
            let replacement = Replacement::new(&target).unwrap();
            let mut out = replacement.writer();
            out.write_all(text.as_bytes()).unwrap();
            out.flush().unwrap();
            drop(out);
            assert_ne!(std::fs::read(&target).ok().as_deref(), Some(text.as_bytes()));
            replacement.finish(Finish { overwrite: sync, sync }).unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), text.as_bytes());
        }
        drop(Replacement::new(&target).unwrap());
        let late = Replacement::new(&target).unwrap();
        let error = late.finish(Finish { overwrite: false, sync: false }).unwrap_err();
        assert!(matches!(error, Error::Io { source, .. }
            if source.kind() == std::io::ErrorKind::AlreadyExists));
        assert_eq!(std::fs::read(&target).unwrap(), b"two");
        replace_file(&target, b"three").unwrap();
        assert_eq!(
            (std::fs::read(&target).unwrap(), names(home.path())),
            (b"three".to_vec(), vec!["a".to_owned()])
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (socket, link) = (home.path().join("socket"), home.path().join("link"));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&socket, &link).unwrap();
        for target in [&socket, home.path()] {
            let said = format!("{:?}", replace_file(target, b"one").unwrap_err());
            assert!(said.contains("not a regular file"), "{said}");
        }
        // Links stay, and what they lead to is written, in other directories and before it is there.
        let said = format!("{:?}", replace_file(&link, b"one").unwrap_err());
        assert!(said.contains("not a regular file"), "{said}");
        let (directory, there) = (home.path().join("sub"), home.path().join("sub/there"));
        std::fs::create_dir(&directory).unwrap();
        let (far, near) = (home.path().join("far"), directory.join("near"));
        std::os::unix::fs::symlink("sub/near", &far).unwrap();
        std::os::unix::fs::symlink("there", &near).unwrap();
        for text in [&b"one"[..], b"two"] {
            replace_file(&far, text).unwrap();
            assert_eq!(std::fs::read(&there).unwrap(), text);
        }
        assert!(far.symlink_metadata().unwrap().is_symlink() && near.is_symlink());
        std::os::unix::fs::symlink("circle", home.path().join("circle")).unwrap();
        let said = replace_file(&home.path().join("circle"), b"one").unwrap_err().to_string();
        assert!(said.contains("circle"), "{said}");
    }

    #[test]
    fn messages_do_not_name_temporary_files() {
        let error = Replacement::new(Path::new("no such directory/a")).unwrap_err();
        assert_eq!(error.to_string(), "cannot create no such directory/a");
        let text = format!("{error:?}");
        assert!(!text.contains(".rangepack-") && !text.contains("at path"), "{text}");
        assert!(matches!(error, Error::Io { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound));
    }
}
