//! One entry of a leaf.

use super::{Leaf, Slot, bad};
use crate::bytes::Extent;
use crate::entry::Owner;
use crate::error::Result;
use crate::format::layout::{
    self, Column, FLAG_BLOCKS, FLAG_GZIP, FLAG_KIND, FLAG_NO_DIGEST, FLAG_ORIGINAL_DIGEST,
    KIND_DIRECTORY, KIND_FILE, KIND_SYMLINK,
};
use crate::path::{MAX_LINK_TARGET, PackPathBuf};
use crate::{BlockTable, Codec, Content, Digest, Entry, Kind, PackPath, Totals};
use alloc::vec::Vec;

/// One entry of a leaf page, borrowed. Its path was checked; other fields are read when asked for.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    pub(super) leaf: Leaf<'a>,
    pub(super) slot: Slot<'a>,
    pub(super) flags: u64,
}

impl<'a> EntryRef<'a> {
    /// The directory that holds it.
    pub fn directory(&self) -> PackPath<'a> {
        PackPath::directory(self.slot.directory).unwrap_or(PackPath::ROOT)
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
        self.flags & FLAG_KIND == KIND_FILE
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.flags & FLAG_KIND == KIND_DIRECTORY
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.flags & FLAG_KIND == KIND_SYMLINK
    }

    /// Permission bits, if known.
    pub fn mode(&self) -> Result<Option<u32>> {
        match self.leaf.column(self.slot.slot, Column::Mode)? {
            0 => Ok(None),
            value => match value.checked_sub(1 << 16).and_then(|mode| u32::try_from(mode).ok()) {
                Some(mode) if mode <= 0o7777 => Ok(Some(mode)),
                _ => bad("mode", value),
            },
        }
    }

    /// Time of last modification in nanoseconds since 1970, if known.
    pub fn mtime(&self) -> Result<Option<i64>> {
        let value = self.leaf.column(self.slot.slot, Column::Mtime)?;
        Ok((value != 0).then_some((value ^ (1 << 63)).cast_signed()))
    }

    /// Owner, if kept.
    pub fn owner(&self) -> Result<Option<Owner>> {
        let id = |column| match self.leaf.column(self.slot.slot, column)?.checked_sub(1) {
            None => Ok(None),
            Some(value) => u32::try_from(value).map(Some).or_else(|_| bad("owner", value)),
        };
        Ok(match (id(Column::Uid)?, id(Column::Gid)?) {
            (Some(uid), Some(gid)) => Some(Owner { uid, gid }),
            _ => None,
        })
    }

    /// Length of a file's content in bytes; 0 for everything else.
    #[inline]
    pub fn size(&self) -> Result<u64> {
        if !self.is_file() {
            return Ok(0);
        }
        if self.flags & FLAG_GZIP != 0 {
            return self.leaf.extra(self.slot.slot)?.u64();
        }
        self.leaf.column(self.slot.slot, Column::StoredSize)
    }

    /// Where a file's bytes lie; `None` for everything else.
    #[inline]
    pub fn content(&self) -> Result<Option<Content>> {
        if !self.is_file() {
            return Ok(None);
        }
        let slot = self.slot.slot;
        let stored_size = self.leaf.column(slot, Column::StoredSize)?;
        let mut content = Content {
            volume: 0,
            offset: self.leaf.column(slot, Column::Offset)?,
            stored_size,
            size: stored_size,
            codec: Codec::Stored,
            digest: None,
            original_digest: None,
            blocks: None,
        };
        let volume = self.leaf.column(slot, Column::Volume)?;
        content.volume = u16::try_from(volume).or_else(|_| bad("volume", volume))?;
        if self.flags & FLAG_NO_DIGEST == 0 {
            content.digest = Some(Digest(*self.leaf.digest(slot)?));
        }
        if self.flags & (FLAG_GZIP | FLAG_ORIGINAL_DIGEST | FLAG_BLOCKS) != 0 {
            let mut extra = self.leaf.extra(slot)?;
            if self.flags & FLAG_GZIP != 0 {
                content.codec = Codec::Gzip;
                content.size = extra.u64()?;
            }
            if self.flags & FLAG_ORIGINAL_DIGEST != 0 {
                content.original_digest = Some(Digest(extra.array()?));
            }
            if self.flags & FLAG_BLOCKS != 0 {
                content.blocks = Some(BlockTable {
                    offset: extra.u64()?,
                    block_log2: extra.u8()?,
                    digest: Digest(extra.array()?),
                });
            }
        }
        Ok(Some(content))
    }

    /// Target of a symbolic link; `None` for everything else.
    pub fn link_target(&self) -> Result<Option<&'a [u8]>> {
        if !self.is_symlink() {
            return Ok(None);
        }
        let mut extra = self.leaf.extra(self.slot.slot)?;
        let len = usize::from(extra.u16()?);
        if len == 0 || len > MAX_LINK_TARGET {
            return bad("link_target", len as u64);
        }
        let target = extra.take(len)?;
        if memchr::memchr(0, target).is_some() {
            return bad("link_target", 0);
        }
        Ok(Some(target))
    }

    /// Totals of a directory; `None` for everything else.
    pub fn totals(&self) -> Result<Option<Totals>> {
        if !self.is_directory() {
            return Ok(None);
        }
        layout::totals_from_bytes(self.leaf.digest(self.slot.slot)?).map(Some)
    }

    /// The entry with everything in it, owned.
    pub fn to_entry(&self) -> Result<Entry> {
        let kind = match (self.content()?, self.link_target()?, self.totals()?) {
            (Some(content), _, _) => Kind::File(content),
            (_, Some(target), _) => Kind::Symlink(target.to_vec()),
            (_, _, totals) => Kind::Directory(totals.unwrap_or_default()),
        };
        Ok(Entry {
            path: self.path()?,
            kind,
            mode: self.mode()?,
            mtime: self.mtime()?,
            owner: self.owner()?,
        })
    }

    /// Where a file's payload lies in its volume; `None` for everything else.
    pub fn payload(&self) -> Result<Option<Extent>> {
        Ok(self.content()?.map(|content| content.extent()))
    }
}
