//! One entry of a leaf.

use super::Leaf;
use super::slot::LeafSlot;
use crate::entry::{Gist, Owner};
use crate::error::Result;
use crate::extent::Extent;
use crate::format::layout::{Flags, LeafPage, entry};
use crate::path::PackPathBuf;
use crate::{AttributeBlock, Codec, Content, Digest, Entry, PackPath, Totals};
use alloc::vec::Vec;

/// One entry of a leaf page, borrowed. Its path was checked; other fields are read when asked for.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    pub(super) page: LeafPage<'a>,
    pub(super) slot: LeafSlot<'a>,
    pub(super) flags: Flags,
}

impl<'a> EntryRef<'a> {
    /// The directory that holds it.
    pub fn directory(&self) -> PackPath<'a> {
        PackPath::directory(self.slot.directory).unwrap_or(PackPath::ROOT)
    }

    /// The leaf in which it stands, and at which slot.
    #[inline]
    pub fn place(&self) -> (Leaf<'a>, usize) {
        (Leaf { page: self.page }, self.slot.slot)
    }

    /// Whether `directory` holds it.
    #[inline]
    pub fn is_in(&self, directory: &[u8]) -> bool {
        self.slot.directory == directory
    }

    /// Its name in two parts: what it shares with its neighbours, and the rest.
    pub fn name_parts(&self) -> [&'a [u8]; 2] {
        [self.slot.prefix, self.slot.suffix]
    }

    /// Appends its name.
    pub fn push_name(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.slot.prefix);
        out.extend_from_slice(self.slot.suffix);
    }

    /// Appends its whole path.
    pub fn push_path(&self, out: &mut Vec<u8>) {
        self.slot.push_path(out);
    }

    /// Its whole path, in one allocation.
    pub fn path(&self) -> Result<PackPathBuf> {
        let parts = [self.slot.directory.len(), self.slot.prefix.len(), self.slot.suffix.len()];
        let mut path = Vec::with_capacity(parts.iter().sum::<usize>().saturating_add(1));
        self.push_path(&mut path);
        PackPathBuf::new(path)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.flags.is_file()
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.flags.is_directory()
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.flags.is_symlink()
    }

    /// How a file's payload is encoded; [`Codec::Stored`] for everything else.
    pub fn codec(&self) -> Codec {
        self.flags.codec()
    }

    /// Permission bits, `0o7777` at most, if known.
    ///
    /// # Errors
    /// Here and below: [`Error::BadField`](crate::Error::BadField) or
    /// [`Error::Truncated`](crate::Error::Truncated) when the page holds what no entry can have;
    /// [`Error::UnsupportedField`](crate::Error::UnsupportedField) and
    /// [`Error::UnsupportedEntry`](crate::Error::UnsupportedEntry) when a later version wrote the entry: name,
    /// kind, mode, time and size can be read then, nothing else.
    pub fn mode(&self) -> Result<Option<u32>> {
        entry::mode(&self.page, self.slot.slot)
    }

    /// Time of last modification in nanoseconds since 1970, if known.
    pub fn mtime(&self) -> Result<Option<i64>> {
        entry::mtime(&self.page, self.slot.slot)
    }

    /// Owner, if kept.
    pub fn owner(&self) -> Result<Option<Owner>> {
        entry::owner(&self.page, self.slot.slot)
    }

    /// Length of a file's content in bytes; 0 for everything else.
    #[inline]
    pub fn size(&self) -> Result<u64> {
        if !self.is_file() {
            return Ok(0);
        }
        entry::size(&self.page, self.slot.slot, self.flags)
    }

    /// Where a file's bytes lie; `None` for everything else.
    #[inline]
    pub fn content(&self) -> Result<Option<Content>> {
        entry::content(&self.page, self.slot.slot, self.flags)
    }

    /// Volume and place of the content of a file that lies there as it is, when that is all that is known of it. `None` for
    /// everything else, of which [`EntryRef::content`] tells.
    ///
    /// It looks at less of the page: not at the digest.
    #[inline]
    pub fn plain(&self) -> Result<Option<(u32, Extent)>> {
        entry::plain(&self.page, self.slot.slot, self.flags)
    }

    /// Target of a symbolic link, 1 to 8192 bytes without NUL; `None` for everything else.
    pub fn link_target(&self) -> Result<Option<&'a [u8]>> {
        if !self.is_symlink() {
            return Ok(None);
        }
        entry::link_target(&self.page, self.slot.slot, self.flags).map(Some)
    }

    /// Totals of a directory; `None` for everything else.
    pub fn totals(&self) -> Result<Option<Totals>> {
        if !self.is_directory() {
            return Ok(None);
        }
        entry::totals(&self.page, self.slot.slot, self.flags).map(Some)
    }

    /// Tree digest of a directory (FORMAT.md, "Tree digests"), if known; `None` for everything else.
    pub fn tree_digest(&self) -> Result<Option<Digest>> {
        if !self.is_directory() {
            return Ok(None);
        }
        entry::tree_digest(&self.page, self.slot.slot)
    }

    /// Where the extended attributes lie, if there are any.
    pub fn attributes(&self) -> Result<Option<AttributeBlock>> {
        entry::attributes(&self.page, self.slot.slot, self.flags)
    }

    /// The entry with everything in it, owned.
    pub fn to_entry(&self) -> Result<Entry> {
        let (kind, attributes) = entry::kind(&self.page, self.slot.slot, self.flags)?;
        Ok(Entry {
            path: self.path()?,
            kind,
            mode: self.mode()?,
            mtime: self.mtime()?,
            owner: self.owner()?,
            attributes,
            tree_digest: self.tree_digest()?,
        })
    }

    /// Puts the path that it has in `directory`, which may stand for its own, in the place of `path`, whose memory is used again.
    ///
    /// # Errors
    /// [`Error::BadPath`](crate::Error::BadPath) when it would be too long. Then the path means nothing.
    #[inline]
    pub fn path_in(&self, directory: PackPath<'_>, path: &mut PackPathBuf) -> Result<()> {
        path.set_child(directory, self.name_parts())
    }

    /// Puts everything else that is known of it into `entry`.
    ///
    /// # Errors
    /// As of [`EntryRef::mode`]. Then the entry means nothing.
    #[inline]
    pub fn read_into(&self, entry: &mut Entry) -> Result<()> {
        (entry.kind, entry.attributes) = entry::kind(&self.page, self.slot.slot, self.flags)?;
        entry.mode = self.mode()?;
        entry.mtime = self.mtime()?;
        entry.owner = self.owner()?;
        entry.tree_digest = self.tree_digest()?;
        Ok(())
    }

    /// What the sums of directories take of it, when it lies at `path`.
    ///
    /// # Errors
    /// As of [`EntryRef::mode`].
    #[inline]
    pub fn gist<'g>(&self, path: &'g PackPathBuf) -> Result<Gist<'g>>
    where
        'a: 'g,
    {
        let what = entry::what(&self.page, self.slot.slot, self.flags)?;
        Ok(Gist { path, mode: self.mode()?, what })
    }

    /// Where a file's payload lies in its volume; `None` for everything else.
    pub fn payload(&self) -> Result<Option<Extent>> {
        Ok(self.content()?.map(|content| content.extent()))
    }
}
