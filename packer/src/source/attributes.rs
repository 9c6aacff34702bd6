//! Extended attributes of open files and directories, where the system has them.

use std::io;

/// What an open thing has.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Names and values, in no order.
    pub(crate) pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first one that cannot be read, and why. Those that vanish meanwhile are none.
    pub(crate) unread: Option<(Vec<u8>, io::Error)>,
}

/// Whether the system itself heeds an attribute of this name: capabilities and labels give programs rights like the
/// set-user-id bit, overlays are led elsewhere.
pub(crate) fn is_privileged(name: &[u8]) -> bool {
    name.starts_with(b"security.") || name.starts_with(b"trusted.")
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod system {
    use super::{Found, io};
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
    use rustix::io::{Errno, retry_on_intr};
    use std::os::fd::AsFd;

    /// No longer value can be in a pack, nor do file systems for daily use have any.
    const LONGEST: usize = rangepack_core::MAX_ATTRIBUTES as usize;

    /// Reads all attributes; none where the file system has no such thing.
    pub(crate) fn read(file: impl AsFd) -> io::Result<Found> {
        let names = match filled(|buffer| flistxattr(&file, buffer)) {
            Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Found::default()),
            names => names?,
        };
        let mut found = Found::default();
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            match filled(|buffer| fgetxattr(&file, name, buffer)) {
                Ok(value) => found.pairs.push((name.to_vec(), value)),
                // It was removed after the names were read.
                #[cfg(not(target_vendor = "apple"))]
                Err(Errno::NODATA) => {}
                Err(error) => {
                    found.unread.get_or_insert((name.to_vec(), error.into()));
                }
            }
        }
        Ok(found)
    }

    /// Sets one attribute.
    pub(crate) fn set(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
        Ok(retry_on_intr(|| fsetxattr(&file, name, value, XattrFlags::empty()))?)
    }

    /// Asks with more and more room until everything fits. What is too long for a pack is as long as is needed to see
    /// that.
    fn filled(
        mut call: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>,
    ) -> rustix::io::Result<Vec<u8>> {
        let mut buffer = vec![0; 256];
        loop {
            match retry_on_intr(|| call(&mut buffer)) {
                Err(Errno::RANGE) if buffer.len() > LONGEST => return Ok(buffer),
                Err(Errno::RANGE) => buffer.resize((buffer.len() * 4).min(LONGEST + 1), 0),
                read => {
                    buffer.truncate(read?);
                    return Ok(buffer);
                }
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    use super::{Found, io};

    /// Nobody knows of any.
    pub(crate) fn read<T>(_file: T) -> io::Result<Found> {
        Ok(Found::default())
    }

    /// None can be set.
    pub(crate) fn set<T>(_file: T, _name: &[u8], _value: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) use system::{read, set};
