//! A directory of the tree that is packed, and what can be asked of the things in it.

use super::kind::ItemKind;
use super::problem::Problem;
use crate::error::LeftOut;
use crate::source::attributes::Found;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(unix)]
#[path = "unix.rs"]
mod platform;
#[cfg(not(unix))]
#[path = "portable.rs"]
mod platform;

use platform::{Handle, identity_of_path};
pub(super) use platform::{Identity, ReadBuffer};

/// A directory of the tree that is packed.
///
/// On Unix it holds the directory open: what is asked of it is asked by name, relative to the
/// handle, so it costs the same at any depth and cannot be led astray by a renamed parent. `name`
/// is always one name out of a [`Batch`](super::Batch) of this directory.
#[derive(Debug)]
pub(crate) struct Directory {
    handle: Handle,
    root: Arc<Path>,
    /// So many bytes at the beginning of `pack_path` are not on disk below `root`.
    above: usize,
    pack_path: Vec<u8>,
    follow_links: bool,
    /// What the only thing that is asked of is called here, where the pack has another name for it.
    alias: Option<Vec<u8>>,
}

impl Directory {
    /// Opens the root of a tree that lies at `pack_path` in the pack; a link there is followed.
    pub(super) fn open_root(
        root: &Path,
        pack_path: &[u8],
        follow_links: bool,
    ) -> io::Result<Directory> {
        let handle = Handle::open_root(root)?;
        let (above, pack_path) = (pack_path.len(), pack_path.to_vec());
        Ok(Directory { handle, root: root.into(), above, pack_path, follow_links, alias: None })
    }

    /// The same directory, of which only one thing is asked, which is called `alias` here.
    pub(super) fn with_alias(mut self, alias: Vec<u8>) -> Directory {
        self.alias = Some(alias);
        self
    }

    /// What the thing with this name in the pack is called here.
    pub(super) fn on_disk<'n>(&'n self, name: &'n [u8]) -> &'n [u8] {
        self.alias.as_deref().unwrap_or(name)
    }

    /// Opens the directory `name` in this one.
    pub(super) fn open_directory(&self, name: &[u8]) -> io::Result<Directory> {
        let handle = self.handle.open_directory(name, self.follow_links)?;
        Ok(self.child(handle, self.pack_path_of(name)))
    }

    /// Opens the directory at `pack_path` below this one, the root, step by step: the whole path
    /// may be longer than the system takes.
    pub(super) fn open_far(&self, pack_path: &[u8]) -> io::Result<Directory> {
        let mut reached: Option<Handle> = None;
        let below = pack_path.get(self.above..).unwrap_or(b"");
        let below = below.strip_prefix(b"/").unwrap_or(below);
        for name in below.split(|byte| *byte == b'/') {
            let from = reached.as_ref().unwrap_or(&self.handle);
            reached = Some(from.open_directory(name, self.follow_links)?);
        }
        let handle = reached.ok_or(io::ErrorKind::NotFound)?;
        Ok(self.child(handle, pack_path.to_vec()))
    }

    fn child(&self, handle: Handle, pack_path: Vec<u8>) -> Directory {
        let (root, above) = (Arc::clone(&self.root), self.above);
        Directory { handle, root, above, pack_path, follow_links: self.follow_links, alias: None }
    }

    /// Whether links are followed.
    pub(super) fn follows_links(&self) -> bool {
        self.follow_links
    }

    /// Its path inside the pack; empty for the root.
    pub(crate) fn pack_path(&self) -> &[u8] {
        &self.pack_path
    }

    /// The path inside the pack of the thing called `name` in it.
    pub(crate) fn pack_path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.pack_path.len() + 1 + name.len());
        push_prefix(&mut path, &self.pack_path);
        path.extend_from_slice(name);
        path
    }

    /// Its path on the disk, for messages: it may be longer than the system can open.
    pub(crate) fn disk_path(&self) -> PathBuf {
        self.join(&self.pack_path)
    }

    fn join(&self, pack_path: &[u8]) -> PathBuf {
        let below = pack_path.get(self.above..).unwrap_or(b"");
        platform::join(&self.root, below.strip_prefix(b"/").unwrap_or(below))
    }

    /// The path on the disk of the thing called `name` in it, for messages.
    pub(crate) fn disk_path_of(&self, name: &[u8]) -> PathBuf {
        self.join(&self.pack_path_of(self.on_disk(name)))
    }

    /// Opens the file `name` for reading.
    ///
    /// A link is refused unless links are followed. It never waits for the writer of a pipe; so the
    /// caller must see by [`Directory::metadata_of`] that it got a file, for what was a file when
    /// the directory was read need not be one any more.
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        self.handle.open_file(self.on_disk(name), self.follow_links)
    }

    /// What the system says of `name`: of a link itself, or of its target when links are followed.
    pub(crate) fn metadata(&self, name: &[u8]) -> io::Result<Metadata> {
        self.handle.metadata(self.on_disk(name), self.follow_links)
    }

    /// The extended attributes of the directory `name`.
    pub(crate) fn attributes_of(&self, name: &[u8]) -> io::Result<Found> {
        self.handle.attributes_of(self.on_disk(name), self.follow_links)
    }

    /// What the system says of an open file.
    pub(crate) fn metadata_of(&self, file: &File) -> io::Result<Metadata> {
        platform::metadata_of(file)
    }

    /// Whether an open file has holes: it takes less room than its content, and that is not because the
    /// file system compresses it.
    pub(crate) fn has_holes(&self, file: &File, metadata: &Metadata) -> bool {
        metadata.allocated.saturating_add(LEAST_HOLE) <= metadata.size
            && platform::finds_hole(file, metadata.size)
    }

    /// The target of the link `name`, byte for byte; on Windows with `/` between its components.
    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.handle.read_link(self.on_disk(name))
    }

    /// What tells it from every other directory of the system.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        self.handle.identity()
    }

    /// What tells the thing `name` from all others, and its kind, a link followed.
    pub(super) fn follow(&self, name: &[u8]) -> io::Result<(Identity, ItemKind)> {
        self.handle.follow(self.on_disk(name))
    }

    /// Tells `found` of each name in the directory, in no order. Only the first call sees them.
    pub(super) fn read(
        &self,
        buffer: &mut ReadBuffer,
        found: impl FnMut(Met<'_>),
    ) -> io::Result<()> {
        self.handle.read(buffer, found)
    }

    /// A problem with the directory itself.
    pub(super) fn problem(&self, kind: LeftOut) -> Problem {
        Problem { disk_path: self.disk_path(), kind }
    }

    /// A problem with the thing `name` in it.
    pub(super) fn problem_of(&self, name: &[u8], kind: LeftOut) -> Problem {
        Problem { disk_path: self.disk_path_of(name), kind }
    }
}

/// What the system says of a file, a directory, a link or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// What it is.
    pub kind: ItemKind,
    /// Permission bits, `0o7777` at most; made up where the system has none.
    pub mode: u32,
    /// Nanoseconds from 1970 to its last change; the nearest time that a pack can hold.
    pub mtime_ns: i64,
    /// Nanoseconds from 1970 to when anything of it was changed last, which no program can set; where the system does
    /// not tell that, to its last change.
    pub changed_ns: i128,
    /// Bytes in it; for a link the length of its target.
    pub size: u64,
    /// The owner's number; 0 where the system has none, like all that follow.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The number of the device it lies on.
    pub dev: u64,
    /// Its number on the device.
    pub ino: u64,
    /// How many names it has.
    pub links: u64,
    /// Bytes that it takes on the device, holes left out; not less than `size` where nobody knows.
    pub allocated: u64,
}

/// Device and number of a file: all its names lead to the same ones.
pub(crate) type FileId = (u64, u64);

impl Metadata {
    /// What its other names share, of a file that has any.
    pub(crate) fn file_id(&self) -> Option<FileId> {
        (self.kind == ItemKind::File && self.links > 1).then_some((self.dev, self.ino))
    }

    /// Whether nothing was written into it since `earlier`, which had [settled](Metadata::settle): whoever does moves
    /// its times.
    pub(crate) fn is_still(&self, earlier: &Metadata) -> bool {
        (self.dev, self.ino, self.size, self.mtime_ns, self.changed_ns)
            == (earlier.dev, earlier.ino, earlier.size, earlier.mtime_ns, earlier.changed_ns)
    }

    /// Whether a pack can hold its time.
    pub(crate) fn has_fitting_time(&self) -> bool {
        !matches!(self.mtime_ns, EARLIEST | LATEST)
    }

    /// Waits until every change of the file from then on moves its times. That is so already unless it was changed
    /// a moment ago: file systems keep times that are a clock's tick old, or whole seconds. Each attempt waits
    /// longer for one that is written to.
    pub(crate) fn settle(&self, attempt: usize) {
        let grain = match self.changed_ns % NANOSECONDS {
            0 => WHOLE_SECONDS,
            _ => QUIET,
        };
        let pause = grain.max(QUIET * (1 << attempt.min(4)));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age =
            i128::try_from(now.as_nanos()).unwrap_or(i128::MAX).saturating_sub(self.changed_ns);
        // Less than no time: the file's clock is another one. Waiting for a whole grain is enough for any clock.
        if age < i128::try_from(pause.as_nanos()).unwrap_or(i128::MAX) {
            std::thread::sleep(pause);
        }
    }
}

/// The nearest time that a pack can hold; the very first stands for one that is not known.
pub(super) fn fitting(nanoseconds: i128) -> i64 {
    let fits = nanoseconds.clamp(i128::from(EARLIEST), i128::from(LATEST));
    i64::try_from(fits).unwrap_or(LATEST)
}

const EARLIEST: i64 = i64::MIN + 1;
const LATEST: i64 = i64::MAX;

const NANOSECONDS: i128 = 1_000_000_000;

/// No system's clock of file times ticks in more than 16 ms. The rest is for a write that moved the times before it
/// began to copy its bytes: so long it may take.
const QUIET: Duration = Duration::from_millis(100);

/// Where whole seconds are kept they may be even ones.
const WHOLE_SECONDS: Duration = Duration::from_secs(2);

/// The least that is missing on the device from a file with holes.
const LEAST_HOLE: u64 = 4096;

/// A name met in a directory.
pub(super) enum Met<'a> {
    /// A name and its kind, `None` when only another question to the system can tell.
    Name(&'a [u8], Option<ItemKind>),
    /// A name, shown as well as can be, that cannot be put into a pack.
    #[cfg_attr(unix, expect(dead_code, reason = "every name can be packed on Unix"))]
    NotUnicode(String),
}

/// A place in the tree that the walk passes by: a name in a certain directory.
#[derive(Debug)]
pub(super) struct Skip {
    parent: Identity,
    name: Vec<u8>,
    path: PathBuf,
}

impl Skip {
    /// The place of `path`, which need not exist yet; `None` if it cannot lie in any tree.
    pub(super) fn new(path: &Path) -> io::Result<Option<Skip>> {
        let Some(name) = path.file_name() else { return Ok(None) };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match identity_of_path(parent) {
            Ok(parent) => {
                let name = name.as_encoded_bytes().to_vec();
                Ok(Some(Skip { parent, name, path: path.to_owned() }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is the thing `name` in the directory.
    pub(super) fn is(&self, directory: &Identity, name: &[u8]) -> bool {
        self.parent == *directory && self.name == name
    }

    /// Whether it lies in the directory.
    pub(super) fn is_in(&self, directory: &Identity) -> bool {
        self.parent == *directory
    }

    /// Whether a followed link leads to it.
    pub(super) fn is_target(&self, target: &Identity) -> bool {
        identity_of_path(&self.path).is_ok_and(|identity| identity == *target)
    }
}

/// Starts the path of something in the directory at `pack_path`.
pub(super) fn push_prefix(path: &mut Vec<u8>, pack_path: &[u8]) {
    if !pack_path.is_empty() {
        path.extend_from_slice(pack_path);
        path.push(b'/');
    }
}
