//! Files that appear whole or not at all.

use super::platform::{directory_of, same_file};
use crate::error::{Action, Error, Result};
use close_err::Closable;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file in the making, beside the one that it becomes. It vanishes unless it is finished.
#[derive(Debug)]
pub(crate) struct Replacement {
    file: NamedTempFile,
    target: PathBuf,
    directory: PathBuf,
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
    /// Begins a file that is to become `target`.
    pub(crate) fn new(target: &Path) -> Result<Replacement> {
        let kind = std::fs::symlink_metadata(target).map(|metadata| metadata.file_type());
        if kind.is_ok_and(|kind| !kind.is_file() && !kind.is_symlink()) {
            let problem = "what is there is not a regular file, and is not replaced";
            let source = io::Error::new(io::ErrorKind::AlreadyExists, problem);
            return Err(Error::io(Action::Create, target)(source));
        }
        let directory = directory_of(target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".rangepack-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Not private as temporary files are: the system takes the umask off, as for every new file.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(&directory);
        let file = file.map_err(Error::io(Action::Create, target))?;
        Ok(Replacement { file, target: target.to_owned(), directory })
    }

    /// Where it lies until it is finished.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file, for reading and writing.
    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Writes through a buffer, which is to be flushed before the file is finished.
    pub(crate) fn writer(&self) -> BufWriter<&File> {
        BufWriter::with_capacity(256 << 10, self.file())
    }

    /// Closes the file and gives it its name. Nothing of it is left when that fails.
    pub(crate) fn finish(self, how: Finish) -> Result<()> {
        let Replacement { file, target, directory } = self;
        let (file, name) = file.into_parts();
        if how.sync {
            file.sync_all().map_err(Error::io(Action::Sync, &target))?;
        }
        close(file, &target)?;
        let named =
            if how.overwrite { name.persist(&target) } else { name.persist_noclobber(&target) };
        named.map_err(|error| Error::io(Action::Create, &target)(error.error))?;
        if how.sync { sync_directory(&directory) } else { Ok(()) }
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
            let said = replace_file(target, b"one").unwrap_err().to_string();
            assert!(said.contains("not a regular file"), "{said}");
        }
        // A link is replaced, not what it leads to.
        replace_file(&link, b"one").unwrap();
        assert!(!socket.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn messages_do_not_name_temporary_files() {
        let error = Replacement::new(Path::new("no such directory/a")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot create no such directory/a: "), "{text}");
        assert!(!text.contains(".rangepack-") && !text.contains("at path"), "{text}");
        assert!(matches!(error, Error::Io { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound));
    }
}
