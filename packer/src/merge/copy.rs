//! Payloads copied into the new pack: each verified, and stored once.

use super::fetch::{Brought, bring};
use crate::error::{Action, Error, Result};
use crate::index::writer::IndexWriter;
use crate::pack::{Dedup, Placed};
use crate::progress::{Event, Observer, go_on};
use crate::read::pack::Pack;
use crate::read::small_files::{SMALL, Share};
use crate::source::data::{Data, Gathered};
use rangepack_core::blocks::{Slice, locate, table_len};
use rangepack_core::{
    AttributeBlock, BlockTable, Codec, Content, DictionaryPlace, DictionaryRef, Digest, Entry,
    Escaped, Extent, Hasher, Kind, PackPathBuf, Part,
};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

/// So many attribute blocks at least are remembered: most trees have few different ones.
const BLOCKS: usize = 1 << 14;

/// Takes entries of packs with all that they name into one file.
pub(super) struct Copier<'p> {
    packs: &'p [Pack],
    /// The new pack.
    out: &'p Path,
    align: u64,
    position: u64,
    /// Where payloads lie, by [`key_of`].
    payloads: Dedup,
    attributes: Dedup,
    dictionaries: HashMap<Digest, DictionaryPlace>,
    /// What the members of each group of hard links share.
    links: HashMap<u64, Content>,
    /// Entries that are taken together, for payloads of remote packs come together.
    batch: Vec<(usize, Entry)>,
    share: Share,
}

/// Where what is copied goes, and who hears of it.
pub(super) struct NewPack<'i, W> {
    pub(super) file: &'i mut W,
    pub(super) index: &'i mut IndexWriter,
    pub(super) observer: &'i dyn Observer,
}

impl<'p> Copier<'p> {
    /// Each payload is to begin at a multiple of `align` bytes of `out`.
    pub(super) fn new(packs: &'p [Pack], out: &'p Path, align: u64) -> Copier<'p> {
        Copier {
            packs,
            out,
            align: align.max(1),
            position: 0,
            payloads: Dedup::default(),
            attributes: Dedup::new(BLOCKS),
            dictionaries: HashMap::new(),
            links: HashMap::new(),
            batch: Vec::new(),
            share: Share::REMOTE,
        }
    }

    /// Writes the list of the dictionaries that entries need, and these behind it, as the first thing in the pack: so they are
    /// found when its end is lost. Where the list lies, if there are any.
    pub(super) fn dictionaries(
        &mut self,
        file: &mut impl Write,
    ) -> Result<Option<(Extent, Vec<DictionaryPlace>)>> {
        let mut found = Vec::new();
        for pack in self.packs {
            for place in needed(pack)? {
                if self.dictionaries.insert(place.digest, place).is_none() {
                    found.push((pack, place));
                }
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        let list = Extent { start: self.position, len: DictionaryPlace::list_len(found.len()) };
        let mut offset = list.end();
        let mut places = Vec::with_capacity(found.len());
        for (_, place) in &found {
            places.push(DictionaryPlace { volume: 0, offset, ..*place });
            offset += u64::from(place.len);
        }
        self.write(&DictionaryPlace::list_to_bytes(&places), file)?;
        for ((pack, from), to) in found.into_iter().zip(&places) {
            let data = pack.volume(from.volume)?;
            let bytes = data.read(bounded(pack, from.volume, from.extent())?)?;
            let checked = same(Part::Dictionary, from.extent(), from.digest, Digest::of(&bytes));
            checked.map_err(Error::pack(data.location()))?;
            self.write(&bytes, file)?;
            self.dictionaries.insert(from.digest, *to);
        }
        Ok(Some((list, places)))
    }

    /// Takes an entry of pack `number`, which is in the index after [`Copier::flush`] at the latest.
    pub(super) fn take<W: Write>(
        &mut self,
        number: usize,
        entry: Entry,
        into: &mut NewPack<'_, W>,
    ) -> Result<()> {
        if !self.share.take_content(entry.content()) {
            self.flush(into)?;
            self.share.take_content(entry.content());
        }
        self.batch.push((number, entry));
        Ok(())
    }

    /// Copies what was taken; where the payloads end then.
    pub(super) fn flush<W: Write>(&mut self, into: &mut NewPack<'_, W>) -> Result<u64> {
        self.share = Share::REMOTE;
        let batch = std::mem::take(&mut self.batch);
        let mut brought = bring(self.packs, &batch, &self.payloads)?;
        for (place, (number, mut entry)) in batch.into_iter().enumerate() {
            go_on(into.observer, self.out)?;
            let brought = brought.remove(&place).unwrap_or_default();
            let left = self.entry(number, &mut entry, &brought, into)?;
            into.index.push(&entry)?;
            let path = Escaped(entry.path.as_bytes());
            into.observer.event(Event::Done { path, bytes: left });
        }
        Ok(self.position)
    }

    /// Copies what an entry names, and makes it name the copies; how much of its content was not told of yet.
    fn entry<W: Write>(
        &mut self,
        number: usize,
        entry: &mut Entry,
        brought: &Brought,
        into: &mut NewPack<'_, W>,
    ) -> Result<u64> {
        let pack = &self.packs[number];
        let from = Origin { pack, path: &entry.path, brought };
        let mut left = 0;
        if let Kind::File(content) = &mut entry.kind {
            left = content.size;
            match content.hard_link.and_then(|group| self.links.get(&group)) {
                Some(shared) => *content = *shared,
                None => {
                    self.content(&from, content, &mut left, into)?;
                    if let Some(group) = content.hard_link {
                        self.links.insert(group, *content);
                    }
                }
            }
        }
        if let Some(block) = &mut entry.attributes {
            block.offset = self.block(&from, block, into.file)?;
        }
        Ok(left)
    }

    fn content<W: Write>(
        &mut self,
        from: &Origin<'_>,
        content: &mut Content,
        left: &mut u64,
        into: &mut NewPack<'_, W>,
    ) -> Result<()> {
        let old = *content;
        if let Some(which) = old.dictionary {
            let place = from.pack.dictionary_place(which)?;
            let copied = self.dictionaries.get(&place.digest).copied();
            content.dictionary = Some(DictionaryRef::Place(copied.unwrap_or(place)));
        }
        // One that nobody took a digest of is known by what it holds, if that fits into memory.
        let unnamed = old.digest.is_none() && old.stored_size <= SMALL;
        let at_hand = match from.brought.get(old.extent()) {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None if unnamed => Some(from.read(from.pack.volume_of(&old)?, from.payload(&old)?)?),
            None => None,
        };
        if unnamed && let Some(bytes) = &at_hand {
            content.digest = Some(Digest::of(bytes));
        }
        content.volume = 0;
        let known = key_of(content).and_then(|key| self.payloads.find(&key, content.codec));
        if old.stored_size == 0 {
            content.offset = 0;
        } else if let Some(placed) = known {
            content.offset = placed.offset;
        } else {
            self.pad(into.file)?;
            content.offset = self.position;
            let found = self.payload(from, &old, at_hand.as_deref(), left, into)?;
            if let Some(expected) = content.digest {
                let checked = same(Part::Payload, old.extent(), expected, found);
                checked.map_err(from.damaged(from.pack.volume_of(&old)?))?;
            }
            content.digest = Some(found);
        }
        content.blocks = match (old.blocks.filter(|_| old.size > 0), known.and_then(|it| it.blocks))
        {
            (Some(table), Some(copied)) if is_same(&table, &copied) => Some(copied),
            (Some(table), _) => Some(self.table(from, &old, table, into.file)?),
            (None, _) => None,
        };
        let is_new = known.is_none_or(|placed| placed.blocks != content.blocks);
        if is_new
            && content.stored_size > 0
            && let Some(key) = key_of(content)
        {
            let placed = Placed { offset: content.offset, blocks: content.blocks };
            self.payloads.insert(key, content.codec, placed);
        }
        Ok(())
    }

    /// Copies a payload, and takes the digest of what was copied.
    fn payload<W: Write>(
        &mut self,
        from: &Origin<'_>,
        content: &Content,
        at_hand: Option<&[u8]>,
        left: &mut u64,
        into: &mut NewPack<'_, W>,
    ) -> Result<Digest> {
        if let Some(bytes) = at_hand {
            self.write(bytes, into.file)?;
            return Ok(Digest::of(bytes));
        }
        let (extent, data) = (from.payload(content)?, from.pack.volume_of(content)?);
        let mut hasher = Hasher::new();
        for piece in data.pieces_of(extent) {
            let piece = piece.map_err(from.of_entry(data))?;
            hasher.update(&piece);
            self.write(&piece, into.file)?;
            // What is short is told of when it is done.
            if extent.len > SMALL {
                let bytes = (piece.len() as u64).min(*left);
                *left -= bytes;
                into.observer.event(Event::Bytes { bytes });
                go_on(into.observer, self.out)?;
            }
        }
        Ok(hasher.finish())
    }

    /// Copies a block table, all of whose pages are verified before.
    fn table(
        &mut self,
        from: &Origin<'_>,
        content: &Content,
        table: BlockTable,
        file: &mut impl Write,
    ) -> Result<BlockTable> {
        let tables = from.pack.tables();
        let extent = Extent { start: table.offset, len: table_len(content.size, table.block_log2) };
        let wrong = || from.damaged(tables);
        Extent::new(extent.start, extent.len, from.pack.tables_end()).map_err(wrong())?;
        let mut gathered = Gathered::new(tables);
        gathered.lend(from.brought.get(extent).map(|bytes| (extent.start, bytes)));
        let mut start = 0;
        while start < content.size {
            let found = gathered.ask(|source| locate(content, start..content.size, source));
            start = match found.map_err(from.of_entry(tables))? {
                Slice::Blocks { range, .. } => range.end,
                Slice::Whole { .. } => content.size,
            };
            gathered.trim();
        }
        let offset = self.position;
        match from.brought.get(extent) {
            Some(bytes) => self.write(bytes, file)?,
            None => {
                for piece in tables.pieces_of(extent) {
                    self.write(&piece.map_err(from.of_entry(tables))?, file)?;
                }
            }
        }
        Ok(BlockTable { offset, ..table })
    }

    /// Copies extended attributes; where they lie then.
    fn block(
        &mut self,
        from: &Origin<'_>,
        block: &AttributeBlock,
        file: &mut impl Write,
    ) -> Result<u64> {
        if let Some(placed) = self.attributes.find(&block.digest, Codec::Stored) {
            return Ok(placed.offset);
        }
        let (extent, tables) = (block.extent(), from.pack.tables());
        let wrong = || from.damaged(tables);
        Extent::new(extent.start, extent.len, from.pack.tables_end()).map_err(wrong())?;
        let bytes = match from.brought.get(extent) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => from.read(tables, extent)?,
        };
        same(Part::Attributes, extent, block.digest, Digest::of(&bytes)).map_err(wrong())?;
        let offset = self.position;
        self.write(&bytes, file)?;
        self.attributes.insert(block.digest, Codec::Stored, Placed { offset, blocks: None });
        Ok(offset)
    }

    /// Fills up to the alignment.
    fn pad(&mut self, file: &mut impl Write) -> Result<()> {
        let zeros = [0; 4096];
        let mut left = self.position.next_multiple_of(self.align) - self.position;
        while left > 0 {
            let piece = left.min(zeros.len() as u64);
            self.write(&zeros[..piece as usize], file)?;
            left -= piece;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], file: &mut impl Write) -> Result<()> {
        file.write_all(bytes).map_err(Error::io(Action::Write, self.out))?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// An entry in its pack.
struct Origin<'f> {
    pack: &'f Pack,
    path: &'f PackPathBuf,
    /// What came of it already.
    brought: &'f Brought,
}

impl Origin<'_> {
    /// Where its payload lies, which must be inside the file.
    fn payload(&self, content: &Content) -> Result<Extent> {
        let data = self.pack.volume_of(content)?;
        bounded(self.pack, content.volume, content.extent()).map_err(self.of_entry(data))
    }

    fn read<'d>(&self, data: &'d Data, extent: Extent) -> Result<Cow<'d, [u8]>> {
        data.read(extent).map_err(self.of_entry(data))
    }

    /// Tells which entry it is about, and in which file.
    fn of_entry(&self, data: &Data) -> impl FnOnce(Error) -> Error {
        let damaged = self.damaged(data);
        move |error| error.of_entry(damaged)
    }

    fn damaged(&self, data: &Data) -> impl FnOnce(rangepack_core::Error) -> Error + use<> {
        let (pack, entry) = (data.location().clone(), self.path.as_bytes().into());
        move |source| Error::Entry { pack, entry, source: Box::new(source) }
    }
}

/// What a payload is remembered by; `None` when nobody took a digest of it. An index that lies about one of its lengths does not meet the
/// payload that another one speaks the truth of.
pub(super) fn key_of(content: &Content) -> Option<Digest> {
    let Digest(mut key) = content.digest?;
    let lengths = [content.stored_size.to_le_bytes(), content.size.to_le_bytes()];
    key.iter_mut().zip(lengths.as_flattened()).for_each(|(byte, with)| *byte ^= with);
    Some(Digest(key))
}

fn is_same(table: &BlockTable, other: &BlockTable) -> bool {
    (table.digest, table.block_log2) == (other.digest, other.block_log2)
}

/// Where the dictionaries lie that entries of a pack need, in the order of their numbers.
fn needed(pack: &Pack) -> Result<Vec<DictionaryPlace>> {
    let mut numbers = BTreeSet::new();
    if pack.header().section(rangepack_core::Tag::DICTIONARIES).is_some() {
        for entry in pack.entries() {
            let entry = entry?.to_entry().map_err(Error::pack(pack.location()))?;
            if let Some(DictionaryRef::Number(number)) =
                entry.content().and_then(|it| it.dictionary)
            {
                numbers.insert(number);
            }
        }
    }
    let place = |number| pack.dictionary_place(DictionaryRef::Number(number));
    numbers.into_iter().map(place).collect()
}

/// Bytes of a volume that must lie before its index.
fn bounded(pack: &Pack, volume: u32, extent: Extent) -> Result<Extent> {
    let end = pack.payload_end(volume)?;
    let wrong = Error::pack(pack.volume(volume)?.location());
    Extent::new(extent.start, extent.len, end).map_err(wrong)
}

fn same(part: Part, extent: Extent, expected: Digest, found: Digest) -> rangepack_core::Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(rangepack_core::Error::DigestMismatch { part, extent, expected, found }),
    }
}
