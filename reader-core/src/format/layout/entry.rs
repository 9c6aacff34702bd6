//! What an entry is in a leaf: its columns, its digest, its extra record (FORMAT.md, "Leaf pages").
//!
//! Each value is written by the function above the one that reads it.

use super::columns::{Column, Row};
use super::leaf::LeafPage;
use super::put::{Put, to_u16};
use crate::bytes::Cursor;
use crate::entry::Owner;
use crate::error::{Error, Result, Structure};
use crate::path::MAX_LINK_TARGET;
use crate::{BlockTable, Codec, Content, Digest, Entry, Kind, Totals};
use alloc::vec::Vec;

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Leaf, field, value })
}

/// Says what an entry is, and what else the page holds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u64);

impl Flags {
    const KIND: u64 = 0b11;
    const FILE: u64 = 0;
    const DIRECTORY: u64 = 1;
    const SYMLINK: u64 = 2;
    /// The payload is a gzip member; the extra record begins with the content's size.
    const GZIP: u64 = 1 << 2;
    /// The extra record holds a block table's place.
    const BLOCKS: u64 = 1 << 3;
    /// The payload's digest is not known.
    const NO_DIGEST: u64 = 1 << 4;
    /// The extra record holds the content's digest.
    const ORIGINAL_DIGEST: u64 = 1 << 5;
    const KNOWN: u64 = 0b11_1111;

    fn of(kind: &Kind) -> Flags {
        let flag = |flag, is_set| if is_set { flag } else { 0 };
        Flags(match kind {
            Kind::File(content) => {
                Flags::FILE
                    | flag(Flags::GZIP, content.codec == Codec::Gzip)
                    | flag(Flags::BLOCKS, content.blocks.is_some())
                    | flag(Flags::NO_DIGEST, content.digest.is_none())
                    | flag(Flags::ORIGINAL_DIGEST, content.original_digest.is_some())
            }
            Kind::Directory(_) => Flags::DIRECTORY,
            Kind::Symlink(_) => Flags::SYMLINK,
        })
    }

    /// The flags of an entry.
    #[inline]
    pub(crate) fn read(page: &LeafPage<'_>, slot: usize) -> Result<Flags> {
        let flags = column(page, slot, Column::Flags)?;
        if flags & !Flags::KNOWN != 0 || flags & Flags::KIND > Flags::SYMLINK {
            return bad("flags", flags);
        }
        Ok(Flags(flags))
    }

    #[inline]
    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    pub(crate) fn is_file(self) -> bool {
        self.0 & Flags::KIND == Flags::FILE
    }

    #[inline]
    pub(crate) fn is_directory(self) -> bool {
        self.0 & Flags::KIND == Flags::DIRECTORY
    }

    #[inline]
    pub(crate) fn is_symlink(self) -> bool {
        self.0 & Flags::KIND == Flags::SYMLINK
    }
}

impl Row {
    /// The row of an entry, whose extra record is appended to `extras`, those of the page. What has no
    /// payload gets `offset`.
    pub(crate) fn write(entry: &Entry, offset: u64, extras: &mut Vec<u8>) -> Result<Row> {
        let (mut offset, mut stored_size, mut volume) = (offset, 0, 0);
        let mut digest = [0; 32];
        let place = extras.len() as u64;
        match &entry.kind {
            Kind::File(content) => {
                offset = content.offset;
                stored_size = content.stored_size;
                volume = u64::from(content.volume);
                digest = content.digest.map_or(digest, |digest| digest.0);
                push_file_extra(content, extras);
            }
            Kind::Directory(totals) => digest = totals_to_bytes(totals),
            Kind::Symlink(target) => push_target(target, extras)?,
        }
        let has_extra = extras.len() as u64 > place;
        let Flags(flags) = Flags::of(&entry.kind);
        let mode = mode_to_column(entry.mode)?;
        let mtime = mtime_to_column(entry.mtime);
        let extra = if has_extra { place.saturating_add(1) } else { 0 };
        let uid = id_to_column(entry.owner.map(|owner| owner.uid));
        let gid = id_to_column(entry.owner.map(|owner| owner.gid));
        // In the order of `Column`.
        let columns = [flags, mode, mtime, offset, stored_size, extra, uid, gid, volume];
        Ok(Row { columns, digest })
    }
}

#[inline]
fn column(page: &LeafPage<'_>, slot: usize, column: Column) -> Result<u64> {
    page.column(slot, column).map_or_else(|| bad("row", slot as u64), Ok)
}

/// The extra record of an entry and whatever follows it.
fn extra<'a>(page: &LeafPage<'a>, slot: usize) -> Result<Cursor<'a>> {
    let value = column(page, slot, Column::Extra)?;
    let place = value.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    match place.and_then(|place| page.extra(place)) {
        Some(bytes) => Ok(Cursor::new(Structure::Leaf, bytes)),
        None => bad("extra", value),
    }
}

#[inline]
fn digest<'a>(page: &LeafPage<'a>, slot: usize) -> Result<&'a [u8; 32]> {
    page.digest(slot).map_or_else(|| bad("digest", slot as u64), Ok)
}

/// Permission bits that are known stand above this.
const MODE_KNOWN: u64 = 1 << 16;
const MODE_HIGHEST: u32 = 0o7777;

fn mode_to_column(mode: Option<u32>) -> Result<u64> {
    match mode {
        None => Ok(0),
        Some(mode) if mode <= MODE_HIGHEST => Ok(MODE_KNOWN | u64::from(mode)),
        Some(mode) => {
            let (value, limit) = (u64::from(mode), u64::from(MODE_HIGHEST));
            Err(Error::TooLarge { what: "mode", value, limit })
        }
    }
}

/// Permission bits, if known.
pub(crate) fn mode(page: &LeafPage<'_>, slot: usize) -> Result<Option<u32>> {
    match column(page, slot, Column::Mode)? {
        0 => Ok(None),
        value => {
            let mode = value.checked_sub(MODE_KNOWN).and_then(|mode| u32::try_from(mode).ok());
            match mode {
                Some(mode) if mode <= MODE_HIGHEST => Ok(Some(mode)),
                _ => bad("mode", value),
            }
        }
    }
}

/// Turns signed nanoseconds into a number that grows with them. The least of them, in the year 1677, is
/// not known.
const MTIME_SIGN: u64 = 1 << 63;

fn mtime_to_column(mtime: Option<i64>) -> u64 {
    mtime.map_or(0, |mtime| mtime.cast_unsigned() ^ MTIME_SIGN)
}

/// Nanoseconds since 1970, if known.
pub(crate) fn mtime(page: &LeafPage<'_>, slot: usize) -> Result<Option<i64>> {
    let value = column(page, slot, Column::Mtime)?;
    Ok((value != 0).then_some((value ^ MTIME_SIGN).cast_signed()))
}

fn id_to_column(id: Option<u32>) -> u64 {
    id.map_or(0, |id| u64::from(id).saturating_add(1))
}

/// Owner, if kept.
pub(crate) fn owner(page: &LeafPage<'_>, slot: usize) -> Result<Option<Owner>> {
    let id = |of| match column(page, slot, of)?.checked_sub(1) {
        None => Ok(None),
        Some(value) => u32::try_from(value).map(Some).or_else(|_| bad("owner", value)),
    };
    Ok(match (id(Column::Uid)?, id(Column::Gid)?) {
        (Some(uid), Some(gid)) => Some(Owner { uid, gid }),
        _ => None,
    })
}

fn push_file_extra(content: &Content, extras: &mut Vec<u8>) {
    if content.codec == Codec::Gzip {
        extras.extend_from_slice(&content.size.to_le_bytes());
    }
    if let Some(original) = content.original_digest {
        extras.extend_from_slice(&original.0);
    }
    if let Some(blocks) = content.blocks {
        extras.extend_from_slice(&blocks.offset.to_le_bytes());
        extras.push(blocks.block_log2);
        extras.extend_from_slice(&blocks.digest.0);
    }
}

/// Length of a file's content.
#[inline]
pub(crate) fn size(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<u64> {
    if flags.has(Flags::GZIP) {
        return extra(page, slot)?.u64();
    }
    column(page, slot, Column::StoredSize)
}

/// Where and how the content of a file is stored; `None` for everything else.
#[inline]
pub(crate) fn content(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<Option<Content>> {
    if !flags.is_file() {
        return Ok(None);
    }
    let stored_size = column(page, slot, Column::StoredSize)?;
    let mut content = Content {
        volume: 0,
        offset: column(page, slot, Column::Offset)?,
        stored_size,
        size: stored_size,
        codec: Codec::Stored,
        digest: None,
        original_digest: None,
        blocks: None,
    };
    let volume = column(page, slot, Column::Volume)?;
    content.volume = u16::try_from(volume).or_else(|_| bad("volume", volume))?;
    if !flags.has(Flags::NO_DIGEST) {
        content.digest = Some(Digest(*digest(page, slot)?));
    }
    if flags.has(Flags::GZIP | Flags::ORIGINAL_DIGEST | Flags::BLOCKS) {
        let mut extra = extra(page, slot)?;
        if flags.has(Flags::GZIP) {
            content.codec = Codec::Gzip;
            content.size = extra.u64()?;
        }
        if flags.has(Flags::ORIGINAL_DIGEST) {
            content.original_digest = Some(Digest(extra.array()?));
        }
        if flags.has(Flags::BLOCKS) {
            content.blocks = Some(BlockTable {
                offset: extra.u64()?,
                block_log2: extra.u8()?,
                digest: Digest(extra.array()?),
            });
        }
    }
    Ok(Some(content))
}

fn push_target(target: &[u8], extras: &mut Vec<u8>) -> Result<()> {
    if target.len() > MAX_LINK_TARGET {
        let (value, limit) = (target.len() as u64, MAX_LINK_TARGET as u64);
        return Err(Error::TooLarge { what: "length of a link's target", value, limit });
    }
    let len = to_u16("length of a link's target", target.len())?;
    extras.extend_from_slice(&len.to_le_bytes());
    extras.extend_from_slice(target);
    Ok(())
}

/// Target of a symbolic link.
pub(crate) fn link_target<'a>(page: &LeafPage<'a>, slot: usize) -> Result<&'a [u8]> {
    let mut extra = extra(page, slot)?;
    let len = usize::from(extra.u16()?);
    if len == 0 || len > MAX_LINK_TARGET {
        return bad("link_target", len as u64);
    }
    let target = extra.take(len)?;
    if memchr::memchr(0, target).is_some() {
        return bad("link_target", 0);
    }
    Ok(target)
}

/// A directory's totals, in the place where a file has its digest.
pub(super) fn totals_to_bytes(totals: &Totals) -> [u8; 32] {
    let mut out = [0u8; 32];
    let mut put = Put { out: &mut out };
    for sum in [totals.files, totals.directories, totals.bytes, totals.stored_bytes] {
        put.bytes(&sum.to_le_bytes());
    }
    out
}

/// Totals of a directory.
pub(crate) fn totals(page: &LeafPage<'_>, slot: usize) -> Result<Totals> {
    let mut cursor = Cursor::new(Structure::Leaf, digest(page, slot)?);
    Ok(Totals {
        files: cursor.u64()?,
        directories: cursor.u64()?,
        bytes: cursor.u64()?,
        stored_bytes: cursor.u64()?,
    })
}

/// Fills in the totals of the directories in a page, which were not known when it was written.
///
/// `totals` gives them in the order of the entries.
///
/// # Errors
/// [`Error::Truncated`] and [`Error::BadField`] when the page is none.
pub fn set_totals(page: &mut [u8], totals: &mut impl Iterator<Item = Totals>) -> Result<()> {
    let leaf = LeafPage::from_bytes(page)?;
    let mut places = Vec::new();
    for slot in 0..leaf.entries() {
        let Flags(flags) = Flags(column(&leaf, slot, Column::Flags)?);
        if flags & Flags::KIND == Flags::DIRECTORY {
            places.push(leaf.digest_range(slot));
        }
    }
    for place in places {
        let place = place.and_then(|range| page.get_mut(range));
        if let (Some(place), Some(totals)) = (place, totals.next()) {
            place.copy_from_slice(&totals_to_bytes(&totals));
        }
    }
    Ok(())
}
