//! What things there are in a tree.

/// What a thing in the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ItemKind {
    /// A file with contents.
    File,
    /// A directory; its own items come in later batches.
    Directory,
    /// A symbolic link, never if links are followed.
    Symlink,
    /// A directory that is on no disk: one above something that is put elsewhere in the pack.
    Made,
    /// A socket, a pipe or a device.
    Other,
}
