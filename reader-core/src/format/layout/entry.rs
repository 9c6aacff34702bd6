//! What an entry is in a leaf: its columns, its digest, its record (FORMAT.md, "Leaf pages").
//!
//! Each value is written by the function above the one that reads it.

use super::columns::{Column, Row};
use super::leaf::LeafPage;
use super::put::to_u16;
use super::record::{self, Record, TOTALS_PLACE};
use crate::entry::{AttributeBlock, Owner, What};
use crate::error::{Error, Result, Structure};
use crate::{Codec, Content, DictionaryRef, Digest, Entry, Extent, Kind, Totals};
use alloc::vec::Vec;
use core::ops::Range;

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Leaf, field, value })
}

/// Says what an entry is, and how its payload is encoded: codec and dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u64);

impl Flags {
    const KIND: u64 = 0b11;
    const FILE: u64 = 0;
    const DIRECTORY: u64 = 1;
    const SYMLINK: u64 = 2;
    const CODEC_SHIFT: u32 = 2;
    const DICTIONARY_SHIFT: u32 = 10;
    /// What comes behind them is not known.
    const KNOWN: u64 = (1 << 26) - 1;

    /// The number of the dictionary is 0 when there is none.
    fn new(kind: &Kind, dictionary: u16) -> Flags {
        Flags(match kind {
            Kind::File(content) => {
                let codec = u64::from(content.codec.number()) << Flags::CODEC_SHIFT;
                Flags::FILE | codec | u64::from(dictionary) << Flags::DICTIONARY_SHIFT
            }
            Kind::Directory(_) => Flags::DIRECTORY,
            Kind::Symlink(_) => Flags::SYMLINK,
        })
    }

    /// The flags of an entry.
    #[inline]
    pub(crate) fn read(page: &LeafPage<'_>, slot: usize) -> Result<Flags> {
        let flags = column(page, slot, Column::Flags)?;
        if flags & Flags::KIND > Flags::SYMLINK {
            return bad("flags", flags);
        }
        Ok(Flags(flags))
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

    /// How a file's payload is encoded.
    #[inline]
    pub(crate) fn codec(self) -> Codec {
        let [number, ..] = (self.0 >> Flags::CODEC_SHIFT).to_le_bytes();
        Codec::from_number(number)
    }

    /// Number of the dictionary that a payload was compressed with, from 1.
    #[inline]
    fn dictionary(self) -> Option<u32> {
        let [low, high, ..] = (self.0 >> Flags::DICTIONARY_SHIFT).to_le_bytes();
        let number = u16::from_le_bytes([low, high]);
        (number > 0).then_some(number.into())
    }

    /// Fails when there are flags that no reader of this version knows.
    #[inline]
    fn supported(self) -> Result<()> {
        let flags = self.0 & !Flags::KNOWN;
        if flags != 0 {
            return Err(Error::UnsupportedEntry { flags });
        }
        let codec = self.codec();
        let fits = (self.is_file() || codec == Codec::Stored)
            && (codec == Codec::Zstd || self.dictionary().is_none());
        if fits { Ok(()) } else { bad("flags", self.0) }
    }
}

/// What a row takes over from those before it in its page, so that the columns stay narrow.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Above {
    /// Offset of the payload before: what has none gets it.
    pub(crate) offset: u64,
    /// How many of the entries have no digest of the content beside that of the payload.
    pub(crate) plain: u64,
}

impl Row {
    /// Becomes the row of an entry, whose record is appended to `records`, those of the page. `dictionary` is the number of the
    /// one that its payload was compressed with. Totals and tree digests of directories may still be missing.
    pub(crate) fn write(
        &mut self,
        entry: &Entry,
        above: Above,
        dictionary: Option<u32>,
        records: &mut Vec<u8>,
    ) -> Result<()> {
        let (mut offset, mut stored_size, mut size, mut volume) = (above.offset, 0, 0, 0);
        self.content_digest = None;
        let place = records.len() as u64;
        let digest = match &entry.kind {
            Kind::File(content) => {
                offset = content.offset;
                stored_size = content.stored_size;
                size = if content.codec == Codec::Stored { 0 } else { content.size };
                volume = u64::from(content.volume);
                self.content_digest = content.original_digest.map(|digest| digest.0);
                content.digest
            }
            Kind::Directory(_) => entry.tree_digest,
            Kind::Symlink(_) => None,
        };
        record::push(entry, records)?;
        let has_record = records.len() as u64 > place;
        let number = usize::try_from(dictionary.unwrap_or(0)).unwrap_or(usize::MAX);
        let dictionary = to_u16("number of a dictionary", number)?;
        let Flags(flags) = Flags::new(&entry.kind, dictionary);
        let mode = mode_to_column(entry.mode)?;
        let mtime = mtime_to_column(entry.mtime);
        let record = if has_record { place.saturating_add(1) } else { 0 };
        let uid = id_to_column(entry.owner.map(|owner| owner.uid));
        let gid = id_to_column(entry.owner.map(|owner| owner.gid));
        let content = if self.has_content_digest() { above.plain.saturating_add(1) } else { 0 };
        // In the order of `Column`.
        self.columns =
            [flags, mode, mtime, offset, stored_size, size, record, uid, gid, volume, content];
        self.digest = Digest::or_zeros(digest);
        Ok(())
    }
}

#[inline]
fn column(page: &LeafPage<'_>, slot: usize, column: Column) -> Result<u64> {
    page.column(slot, column).map_or_else(|| bad("row", slot as u64), Ok)
}

/// The record of an entry.
#[inline]
fn record<'a>(page: &LeafPage<'a>, slot: usize, flags: Flags) -> Result<Record<'a>> {
    flags.supported()?;
    let value = column(page, slot, Column::Record)?;
    let Some(place) = value.checked_sub(1) else { return Ok(Record::default()) };
    let place = usize::try_from(place).ok();
    let Some(bytes) = place.and_then(|place| page.record(place)) else {
        return bad("record", value);
    };
    let record = Record::parse(bytes)?;
    record.fits(flags.is_file(), flags.is_directory(), flags.codec())?;
    Ok(record)
}

#[inline]
fn digest(page: &LeafPage<'_>, slot: usize) -> Result<Option<Digest>> {
    page.digest(slot).map_or_else(|| bad("digest", slot as u64), |bytes| Ok(Digest(*bytes).known()))
}

/// Digest of an encoded file's content, if known.
fn content_digest(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<Option<Digest>> {
    let value = column(page, slot, Column::Content)?;
    let Some(plain) = value.checked_sub(1) else { return Ok(None) };
    let plain = usize::try_from(plain).ok();
    let index = plain.and_then(|plain| slot.checked_sub(plain));
    match index.and_then(|index| page.content_digest(index)) {
        Some(bytes) if flags.is_file() && flags.codec() != Codec::Stored => {
            Ok(Digest(*bytes).known())
        }
        _ => bad("content", value),
    }
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
    match (id(Column::Uid)?, id(Column::Gid)?) {
        (Some(uid), Some(gid)) => Ok(Some(Owner { uid, gid })),
        (None, None) => Ok(None),
        (Some(id), None) | (None, Some(id)) => bad("owner", u64::from(id)),
    }
}

/// Length of a file's content.
#[inline]
pub(crate) fn size(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<u64> {
    let size = column(page, slot, Column::Size)?;
    match flags.codec() {
        Codec::Stored if size != 0 => bad("size", size),
        Codec::Stored => column(page, slot, Column::StoredSize),
        _ => Ok(size),
    }
}

/// Where and how the content of a file is stored; `None` for everything else.
#[inline]
pub(crate) fn content(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<Option<Content>> {
    if !flags.is_file() {
        return Ok(None);
    }
    file(page, slot, flags, &record(page, slot, flags)?).map(Some)
}

#[inline]
fn file(page: &LeafPage<'_>, slot: usize, flags: Flags, record: &Record<'_>) -> Result<Content> {
    let volume = column(page, slot, Column::Volume)?;
    Ok(Content {
        volume: u32::try_from(volume).or_else(|_| bad("volume", volume))?,
        offset: column(page, slot, Column::Offset)?,
        stored_size: column(page, slot, Column::StoredSize)?,
        size: size(page, slot, flags)?,
        codec: flags.codec(),
        digest: digest(page, slot)?,
        original_digest: content_digest(page, slot, flags)?,
        blocks: record.blocks()?,
        dictionary: flags.dictionary().map(DictionaryRef::Number),
        hard_link: record.hard_link()?,
        sparse: record.sparse(),
    })
}

/// Volume and place of the content of a file that lies there as it is, of which there is no record; `None` for everything else.
#[inline]
pub(crate) fn plain(
    page: &LeafPage<'_>,
    slot: usize,
    flags: Flags,
) -> Result<Option<(u32, Extent)>> {
    let is_stored = flags.is_file() && flags.codec() == Codec::Stored;
    // A stored file has no other digest, which `content` would say.
    let more = || Ok(column(page, slot, Column::Record)? | column(page, slot, Column::Content)?);
    if !is_stored || more()? != 0 {
        return Ok(None);
    }
    flags.supported()?;
    let volume = column(page, slot, Column::Volume)?;
    let volume = u32::try_from(volume).or_else(|_| bad("volume", volume))?;
    let extent =
        Extent { start: column(page, slot, Column::Offset)?, len: size(page, slot, flags)? };
    Ok(Some((volume, extent)))
}

/// What an entry is, and where its attributes lie.
#[inline]
pub(crate) fn kind(
    page: &LeafPage<'_>,
    slot: usize,
    flags: Flags,
) -> Result<(Kind, Option<AttributeBlock>)> {
    let record = record(page, slot, flags)?;
    let kind = if flags.is_file() {
        Kind::File(file(page, slot, flags, &record)?)
    } else if flags.is_directory() {
        Kind::Directory(record.totals()?)
    } else {
        Kind::Symlink(record.target()?.to_vec())
    };
    Ok((kind, record.attributes()?))
}

/// What an entry is, as far as sums depend on it.
#[inline]
pub(crate) fn what<'a>(page: &LeafPage<'a>, slot: usize, flags: Flags) -> Result<What<'a>> {
    let record = record(page, slot, flags)?;
    if flags.is_file() {
        let content_digest = match flags.codec() {
            Codec::Stored => digest(page, slot)?,
            _ => content_digest(page, slot, flags)?,
        };
        let stored_size = column(page, slot, Column::StoredSize)?;
        Ok(What::File { size: size(page, slot, flags)?, stored_size, content_digest })
    } else if flags.is_directory() {
        Ok(What::Directory)
    } else {
        record.target().map(What::Symlink)
    }
}

/// Target of a symbolic link.
pub(crate) fn link_target<'a>(page: &LeafPage<'a>, slot: usize, flags: Flags) -> Result<&'a [u8]> {
    record(page, slot, flags)?.target()
}

/// Totals of a directory.
pub(crate) fn totals(page: &LeafPage<'_>, slot: usize, flags: Flags) -> Result<Totals> {
    record(page, slot, flags)?.totals()
}

/// Tree digest of a directory, if known.
pub(crate) fn tree_digest(page: &LeafPage<'_>, slot: usize) -> Result<Option<Digest>> {
    digest(page, slot)
}

/// Where the attributes of an entry lie.
pub(crate) fn attributes(
    page: &LeafPage<'_>,
    slot: usize,
    flags: Flags,
) -> Result<Option<AttributeBlock>> {
    record(page, slot, flags)?.attributes()
}

/// Fills in the totals and tree digests of the directories in a page, which were not known when it was
/// written.
///
/// `sums` gives them in the order of the entries.
///
/// # Errors
/// [`Error::Truncated`] and [`Error::BadField`] when the page is none.
pub fn set_sums(
    page: &mut [u8],
    sums: &mut impl Iterator<Item = (Totals, Option<Digest>)>,
) -> Result<()> {
    let leaf = LeafPage::from_bytes(page)?;
    let mut places = Vec::new();
    for slot in 0..leaf.entries() {
        if Flags::read(&leaf, slot)?.is_directory() {
            places.push((totals_range(&leaf, slot)?, leaf.digest_range(slot)));
        }
    }
    for ((totals_place, digest_place), (totals, digest)) in places.into_iter().zip(sums) {
        if let Some(place) = page.get_mut(totals_place) {
            place.copy_from_slice(&record::totals_to_bytes(&totals));
        }
        if let Some(place) = digest_place.and_then(|range| page.get_mut(range)) {
            place.copy_from_slice(&Digest::or_zeros(digest));
        }
    }
    Ok(())
}

/// Where in the page the totals of a directory lie, as they were written.
fn totals_range(page: &LeafPage<'_>, slot: usize) -> Result<Range<usize>> {
    let value = column(page, slot, Column::Record)?;
    let start = value.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    let Some(start) = start.and_then(|place| page.record_start(place)) else {
        return bad("record", value);
    };
    let place = |at: usize| start.saturating_add(at);
    Ok(place(TOTALS_PLACE.start)..place(TOTALS_PLACE.end))
}
