//! Small trees, written to disk with fixed modes and times.

use filetime::FileTime;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file with this content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Link(Vec<u8>),
}

/// One path of a tree.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its path below the root, raw bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub node: Node,
    /// Permission bits; those of a link are the system's. `None` when they are not known.
    pub mode: Option<u32>,
    /// Nanoseconds since 1970; `None` when they are not known.
    pub mtime: Option<i64>,
}

/// A tree: directories stand before what lies in them.
#[derive(Debug, Clone, Default)]
pub struct Tree(pub Vec<Item>);

/// 2024-02-29 12:00:00 UTC and a bit.
pub const MTIME: i64 = 1_709_208_000_123_456_789;

impl Tree {
    fn push(mut self, path: &[u8], node: Node, mode: u32) -> Tree {
        // Every path has a time of its own, some with and some without nanoseconds.
        let number = self.0.len() as i64;
        let mtime = if number % 3 == 0 { 1_700_000_000 * 1_000_000_000 } else { MTIME + number };
        let (mode, mtime) = (Some(mode), Some(mtime));
        self.0.push(Item { path: path.to_vec(), node, mode, mtime });
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Tree {
        self.push(path.as_ref(), Node::File(content.as_ref().to_vec()), 0o644)
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, path: impl AsRef<[u8]>) -> Tree {
        self.push(path.as_ref(), Node::Directory, 0o755)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Tree {
        self.push(path.as_ref(), Node::Link(target.as_ref().to_vec()), 0o777)
    }

    /// Gives the last one these permission bits.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Tree {
        if let Some(last) = self.0.last_mut() {
            last.mode = Some(mode);
        }
        self
    }

    /// Gives the last one this time.
    #[must_use]
    pub fn mtime(mut self, mtime: i64) -> Tree {
        if let Some(last) = self.0.last_mut() {
            last.mtime = Some(mtime);
        }
        self
    }

    /// Mode and time of the last one are not known.
    #[must_use]
    pub fn unknown(mut self) -> Tree {
        if let Some(last) = self.0.last_mut() {
            (last.mode, last.mtime) = (None, None);
        }
        self
    }

    /// Writes the tree below `root`, which exists.
    #[cfg(unix)]
    pub fn write(&self, root: &Path) -> io::Result<()> {
        use std::os::unix::fs::{PermissionsExt, symlink};
        for item in &self.0 {
            let path = at(root, &item.path);
            match &item.node {
                Node::File(content) => fs::write(&path, content)?,
                Node::Directory => fs::create_dir(&path)?,
                Node::Link(target) => symlink(at(Path::new(""), target), &path)?,
            }
        }
        // Backwards: writing into a directory moves its time.
        for item in self.0.iter().rev() {
            let path = at(root, &item.path);
            let (mode, mtime) = (item.mode.unwrap_or(0o644), item.mtime.unwrap_or(MTIME));
            if !matches!(item.node, Node::Link(_)) {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            }
            let seconds = mtime.div_euclid(1_000_000_000);
            let time = FileTime::from_unix_time(seconds, (mtime - seconds * 1_000_000_000) as u32);
            filetime::set_symlink_file_times(&path, time, time)?;
        }
        Ok(())
    }
}

/// `path` below `root`.
#[cfg(unix)]
fn at(root: &Path, path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    root.join(std::ffi::OsStr::from_bytes(path))
}
