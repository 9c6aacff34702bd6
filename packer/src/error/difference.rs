//! In what a pack and a tree on disk, or another pack, differ.

/// In what a pack and a tree on disk differ at a path; or two packs, of which the second stands for the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// It is in the pack, and not in the tree.
    #[error("only in the pack")]
    OnlyInPack,
    /// It is in the tree, and not in the pack.
    #[error("only on disk")]
    OnlyOnDisk,
    /// A file there, a directory or a link here.
    #[error("another kind of file")]
    Kind,
    /// The content of a file.
    #[error("the content differs")]
    Content,
    /// The target of a symbolic link.
    #[error("the link's target differs")]
    Target,
    /// The permission bits.
    #[error("mode {pack:04o} in the pack, {disk:04o} on disk")]
    Mode {
        /// In the pack.
        pack: u32,
        /// On disk.
        disk: u32,
    },
    /// What the pack has cannot be read, so nobody knows.
    #[error("the pack's cannot be read")]
    Unknown,
}
