//! Whether a pack can be mounted at a directory.

use super::error::MountError;
use rustix::io::Errno;
use std::fs;
use std::io;
use std::path::Path;

/// Where the kernel takes file systems from.
const DEVICE: &str = "/dev/fuse";

/// Looks at the directory and at the system, so that what is missing can be said.
pub(crate) fn check(directory: &Path) -> Result<(), MountError> {
    let mut inside = match fs::read_dir(directory) {
        Ok(inside) => inside,
        Err(error) if is(&error, Errno::NOTCONN) => return Err(MountError::Stale),
        Err(error) => {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => MountError::Missing,
                io::ErrorKind::NotADirectory => MountError::NotADirectory,
                _ => MountError::Directory(error),
            });
        }
    };
    match inside.next() {
        None => {}
        Some(Ok(_)) => return Err(MountError::NotEmpty),
        Some(Err(error)) => return Err(MountError::Directory(error)),
    }
    match fs::File::options().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(MountError::Denied(error))
        }
        Err(error) => Err(MountError::NoDevice(error)),
    }
}

/// What it means that mounting failed after everything was looked at.
pub(super) fn refused(error: io::Error) -> MountError {
    match error.kind() {
        // The directory and the device are there, so it is the program.
        io::ErrorKind::NotFound => MountError::NoHelper,
        io::ErrorKind::PermissionDenied if error.to_string().contains("user_allow_other") => {
            MountError::OthersRefused
        }
        _ => MountError::Refused(error),
    }
}

/// Whether it is this error of the system.
pub(super) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_directory_is_told() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| check(&home.path().join(name));
        assert!(matches!(at("none"), Err(MountError::Missing)));
        fs::write(home.path().join("file"), "").unwrap();
        assert!(matches!(at("file"), Err(MountError::NotADirectory)));
        assert!(matches!(at(""), Err(MountError::NotEmpty)));
        fs::create_dir(home.path().join("empty")).unwrap();
        let empty = at("empty");
        assert_eq!(empty.is_ok(), Path::new(DEVICE).exists(), "{empty:?}");
        assert!(matches!(refused(Errno::NOENT.into()), MountError::NoHelper));
    }
}
