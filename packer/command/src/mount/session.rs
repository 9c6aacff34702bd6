//! A mount from its beginning to its end.

use super::attributes::Defaults;
use super::error::MountError;
use super::place::{is, refused};
use super::tree::{Tell, Tree};
use fuser::{Config, MountOption, SessionACL, SessionUnmounter};
use rangepack::Pack;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{getgid, getuid};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many requests are answered at once. Threads that wait cost nothing, and one may be waiting for a network.
const THREADS: usize = 16;

/// How a pack is mounted.
#[derive(Debug, Clone, Default)]
pub(crate) struct MountOptions {
    /// Other users see it, too, as far as the modes of files let them.
    pub(crate) allow_other: bool,
}

/// A pack that is mounted.
#[derive(Debug)]
pub(crate) struct Session {
    session: Option<fuser::Session<Tree>>,
    unmounter: SessionUnmounter,
    directory: PathBuf,
}

impl Session {
    /// Mounts; from now on the directory shows the pack, as soon as somebody answers. `tell` hears of what is damaged.
    pub(crate) fn new(
        pack: Pack,
        directory: &Path,
        options: &MountOptions,
        tell: Tell,
    ) -> Result<Session, MountError> {
        let directory = directory.canonicalize().map_err(MountError::Directory)?;
        let defaults =
            Defaults { uid: getuid().as_raw(), gid: getgid().as_raw(), mounted: SystemTime::now() };
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::RO,
            MountOption::NoAtime,
            MountOption::FSName(shown_name(&pack)),
            MountOption::Subtype("rangepack".to_owned()),
        ];
        if options.allow_other {
            // Who may read the pack may read all of it, whatever modes say; others may not.
            config.acl = SessionACL::All;
            config.mount_options.push(MountOption::DefaultPermissions);
        }
        config.n_threads = Some(THREADS);
        let tree = Tree::new(pack, defaults, tell);
        let mut session = fuser::Session::new(tree, &directory, &config).map_err(refused)?;
        let unmounter = session.unmount_callable();
        Ok(Session { session: Some(session), unmounter, directory })
    }

    /// Where it is mounted.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Answers the kernel on threads of its own; when it was unmounted, `ended` is called.
    pub(crate) fn start(
        &mut self,
        ended: impl FnOnce(io::Result<()>) + Send + 'static,
    ) -> Result<(), MountError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let run = move || ended(session.run());
        let started = std::thread::Builder::new().name("mount".to_owned()).spawn(run);
        started.map(drop).map_err(MountError::Session)
    }

    /// Unmounts. Where it is still in use, it vanishes from the tree of directories, and ends when nobody uses it any more.
    pub(crate) fn unmount(&mut self) -> Result<(), MountError> {
        let unmounted = match self.unmounter.unmount() {
            Err(error) if is(&error, Errno::BUSY) => {
                unmount(&self.directory, UnmountFlags::DETACH).map_err(io::Error::from)
            }
            // Somebody else did it at the same time.
            Err(error) if is(&error, Errno::INVAL) => Ok(()),
            unmounted => unmounted,
        };
        unmounted.map_err(MountError::Session)
    }
}

/// The pack's name in the list of mounts, which everybody may read: without its address, and without what has a meaning there.
fn shown_name(pack: &Pack) -> String {
    let name = pack.location().name().to_string_lossy();
    let plain = |character: char| match character {
        ',' | '\\' | '?' => '_',
        character if character.is_control() || character.is_whitespace() => '_',
        character => character,
    };
    name.chars().map(plain).collect()
}
