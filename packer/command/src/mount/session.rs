//! A mount from its beginning to its end.

use super::attributes::Defaults;
use super::error::MountError;
use super::place::refused;
use super::tree::{Tell, Tree};
use fuser::{BackgroundSession, Config, MountOption, SessionACL};
use rangepack::Pack;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{getgid, getuid};
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// What unmounts for users without special rights.
const HELPER: &str = "fusermount3";

/// How many requests are answered at once. Threads that wait cost nothing, and one may be waiting for a network.
const THREADS: usize = 16;

/// How a pack is mounted.
#[derive(Debug, Clone, Default)]
pub(crate) struct MountOptions {
    /// Other users see it, too, as far as the modes of files let them.
    pub(crate) allow_other: bool,
}

/// A pack that is mounted, as long as somebody does not unmount it.
pub(crate) struct Session {
    /// Never dropped: it would unmount what somebody else has mounted there since.
    _session: ManuallyDrop<BackgroundSession>,
    directory: PathBuf,
    over: Arc<AtomicBool>,
}

impl Session {
    /// Mounts, and answers the kernel on threads of its own. `tell` hears of what is damaged; when it is unmounted, `ended` is
    /// called.
    pub(crate) fn start(
        pack: Pack,
        directory: &Path,
        options: &MountOptions,
        tell: Tell,
        ended: impl Fn() + Send + Sync + 'static,
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
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let ended = move || {
            is_over.store(true, Ordering::Relaxed);
            ended();
        };
        let tree = Tree::new(pack, defaults, tell, Box::new(ended));
        let session = fuser::spawn_mount(tree, &directory, &config).map_err(refused)?;
        Ok(Session { _session: ManuallyDrop::new(session), directory, over })
    }

    /// Where it is mounted.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it is unmounted, and nobody uses it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Unmounts. Where it is still in use, it vanishes from the tree of directories, and is over when nobody uses it any more.
    pub(crate) fn unmount(&self) -> Result<(), MountError> {
        match unmount(&self.directory, UnmountFlags::DETACH) {
            Ok(()) => Ok(()),
            // Somebody else did it at the same time.
            Err(Errno::INVAL) => Ok(()),
            Err(Errno::PERM) => {
                let mut helper = Command::new(HELPER);
                let output = helper.args(["-u", "-z", "--"]).arg(&self.directory).output();
                let output = output.map_err(MountError::Unmount)?;
                if output.status.success() {
                    return Ok(());
                }
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(MountError::Unmount(io::Error::other(said)))
            }
            Err(error) => Err(MountError::Unmount(error.into())),
        }
    }
}

impl Drop for Session {
    /// A mount that nobody answers would be in the way.
    fn drop(&mut self) {
        if !self.is_over() {
            let _ = self.unmount();
        }
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
    if name.is_empty() { "rangepack".to_owned() } else { name.chars().map(plain).collect() }
}
