//! One packer at a time: who writes into a container holds its lock.

use crate::error::{Action, ContainerProblem, Error, Result};
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
        let file = File::options()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(path)
            .map_err(Error::io(Action::Open, path))?;
        match file.try_lock() {
            Ok(()) => Ok(Locked { file, path: path.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(Error::container(path, ContainerProblem::Locked)),
            Err(TryLockError::Error(error)) => Err(Error::io(Action::Lock, path)(error)),
        }
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

    /// Another handle on the same file, under the same lock.
    pub(crate) fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io(Action::Open, &self.path))
    }
}

impl Drop for Locked {
    /// Closing alone would not do: a process that is being started, by another thread of this one, holds all
    /// open files for a moment, and their locks.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
