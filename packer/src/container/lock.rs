//! One packer at a time: who writes into a container holds its lock.

use crate::error::{Action, ContainerProblem, Error, Result};
use crate::source::platform::same_file;
use crate::source::replace::require_file;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// A container that no other packer works on.
#[derive(Debug)]
pub(crate) struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    /// Opens a container for writing; refuses when another process has it.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Locked> {
        require_file(path)?;
        loop {
            let file = File::options()
                .read(true)
                .write(true)
                .create(create)
                .truncate(false)
                .open(path)
                .map_err(Error::io(Action::Open, path))?;
            let locked = Locked::lock(file, path)?;
            // Whoever had it before may have removed it, or put another file in its place.
            if locked.has_the_name()? {
                return Ok(locked);
            }
        }
    }

    /// Locks a container whose index is to be written, but nothing else of it; `None` when there is no such file.
    pub(crate) fn for_its_index(path: &Path) -> Result<Option<Locked>> {
        // To open a pipe is to wait for a writer.
        if !path.is_file() {
            return Ok(None);
        }
        let file = File::open(path).map_err(Error::io(Action::Open, path))?;
        Locked::lock(file, path).map(Some)
    }

    fn lock(file: File, path: &Path) -> Result<Locked> {
        match file.try_lock() {
            Ok(()) => Ok(Locked { file, path: path.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(Error::container(path, ContainerProblem::Locked)),
            Err(TryLockError::Error(error)) => Err(Error::io(Action::Lock, path)(error)),
        }
    }

    /// Whether its path still leads to it, and not to another file.
    #[cfg(unix)]
    pub(crate) fn has_the_name(&self) -> Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let examine = || Error::io(Action::Examine, &self.path);
        let locked = self.file.metadata().map_err(examine())?;
        match std::fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(examine()(error)),
        }
    }

    /// A file that is open cannot be removed or replaced there.
    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "it is needed elsewhere")]
    pub(crate) fn has_the_name(&self) -> Result<bool> {
        Ok(true)
    }

    pub(crate) fn len(&self) -> Result<u64> {
        self.file
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(Error::io(Action::Examine, &self.path))
    }

    pub(crate) fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(Error::io(Action::Cut, &self.path))
    }

    /// Cuts off what lies behind `len`, for good.
    pub(crate) fn cut(&self, len: u64) -> Result<()> {
        if self.len()? <= len {
            return Ok(());
        }
        self.set_len(len)?;
        self.file.sync_all().map_err(Error::io(Action::Sync, &self.path))
    }

    /// Another handle on the same file, under the same lock.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io(Action::Open, &self.path))
    }
}

/// Locks the containers whose index a file is: nobody packs into them meanwhile.
pub(super) fn lock_for(index: &Path, container: Option<&Path>) -> Result<Vec<Locked>> {
    let own = match index.extension() {
        Some(extension) if extension == "idx" || extension == "rpx" => {
            Some(index.with_extension(""))
        }
        _ => None,
    };
    // Who has a lock already would refuse himself.
    let own = own.filter(|own| container.is_none_or(|container| !same_file(own, container)));
    let locked = own.as_deref().into_iter().chain(container).map(Locked::for_its_index);
    locked.filter_map(Result::transpose).collect()
}

impl Drop for Locked {
    /// Closing alone would not do: a process that is being started, by another thread of this one, holds all
    /// open files for a moment, and their locks.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
