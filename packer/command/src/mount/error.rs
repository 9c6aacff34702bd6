//! Why a pack cannot be mounted.

use std::io;

/// What keeps a directory from showing a pack.
#[derive(Debug)]
pub(crate) enum MountError {
    /// There is no such directory.
    Missing,
    /// It is something else.
    NotADirectory,
    /// There is something in it, which nobody could see any more.
    NotEmpty,
    /// Something is mounted there whose program has ended.
    Stale,
    /// The system says no more than this of the directory.
    Directory(io::Error),
    /// This system has no FUSE: there is no `/dev/fuse`, or nothing behind it.
    NoDevice(io::Error),
    /// This user may not use it.
    Denied(io::Error),
    /// Users without special rights need the program `fusermount3`, which is not there.
    NoHelper,
    /// Others are to see it, and the system does not let users decide that.
    OthersRefused,
    /// The system refused, for this reason.
    Refused(io::Error),
    /// It cannot be unmounted.
    Unmount(io::Error),
    /// The process that goes on cannot be started, or cannot let go of the terminal.
    Daemon(io::Error),
}
