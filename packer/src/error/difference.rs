//! In what a pack and a tree on disk differ.

use std::fmt;

/// In what a pack and a tree differ at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It is in the pack, and not in the tree.
    OnlyInPack,
    /// It is in the tree, and not in the pack.
    OnlyOnDisk,
    /// A file there, a directory or a link here.
    Kind,
    /// The content of a file.
    Content,
    /// The target of a symbolic link.
    Target,
    /// The permission bits.
    Mode {
        /// In the pack.
        pack: u32,
        /// On disk.
        disk: u32,
    },
    /// What the pack has cannot be read, so nobody knows.
    Unknown,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::OnlyInPack => f.write_str("only in the pack"),
            Difference::OnlyOnDisk => f.write_str("only on disk"),
            Difference::Kind => f.write_str("another kind of file"),
            Difference::Content => f.write_str("the content differs"),
            Difference::Target => f.write_str("the link's target differs"),
            Difference::Mode { pack, disk } => {
                write!(f, "mode {pack:04o} in the pack, {disk:04o} on disk")
            }
            Difference::Unknown => f.write_str("the pack's cannot be read"),
        }
    }
}
