//! Brings payloads from another pack, verified, unless the pack that grows has them.

use super::cutter::Cutter;
use super::left::Left;
use crate::error::{Error, Result};
use crate::pack::Output;
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::blocks::table_len;
use rangepack_core::{
    AttributeBlock, BlockTable, Codec, Content, DictionaryPlace, DictionaryRef, Digest, Extent,
    Hasher, Part,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// See [the module](self).
pub(super) struct Copier<'p> {
    source: &'p Pack,
    target: &'p Pack,
    /// Where dictionaries lie in the target.
    dictionaries: HashMap<Digest, DictionaryPlace>,
    /// Where the content of a group of hard links came to lie.
    groups: HashMap<u64, Content>,
    /// What payloads of the source became.
    became: HashMap<Stored, Content>,
    left: Left,
}

/// A payload of the source: its codec and digest, and that of the content, for the same bytes are another content with another
/// dictionary.
type Stored = (Codec, Digest, Digest);

/// So many payloads of the source are remembered at most.
const REMEMBERED: usize = 1 << 16;

impl<'p> Copier<'p> {
    pub(super) fn new(source: &'p Pack, target: &'p Pack, left: Left) -> Result<Copier<'p>> {
        let dictionaries =
            target.dictionaries()?.into_iter().map(|place| (place.digest, place)).collect();
        let (groups, became) = (HashMap::new(), HashMap::new());
        Ok(Copier { source, target, dictionaries, groups, became, left })
    }

    /// Whether the target seems to have a payload.
    pub(super) fn has(&self, content: &Content, output: &mut Output) -> bool {
        self.known_by_source(content).is_some()
            || content.digest.is_some_and(|it| output.stored(&it, content.codec).is_some())
    }

    /// Whether an interrupted run may have left payloads that come next.
    pub(super) fn may_be_left(&self) -> bool {
        self.left.is_some()
    }

    /// Whether the payload of the content that is taken next need not be fetched: the target has it, or an interrupted run left it.
    pub(super) fn is_left(&mut self, content: &Content, output: &mut Output) -> Result<bool> {
        if self.has(content, output) || content.stored_size == 0 {
            return Ok(true);
        }
        self.left.holds(content, output.next())
    }

    /// Makes a content of the source one of the target. Its payload may be among bytes that were gathered.
    pub(super) fn take(
        &mut self,
        content: &Content,
        gathered: Option<&Gathered<'_>>,
        output: &mut Output,
    ) -> Result<Content> {
        if let Some(known) = self.known_by_source(content) {
            return Ok(known);
        }
        let mut taken = *content;
        taken.volume = 0;
        if content.stored_size == 0 {
            taken.offset = output.position();
        } else if let Some((offset, blocks)) = self.known(content, output)? {
            (taken.offset, taken.blocks) = (offset, blocks);
        } else {
            (taken.offset, taken.blocks) = self.fetch(content, gathered, output)?;
            output.remember(&taken);
        }
        if let Some(which) = content.dictionary {
            let place = self.dictionary(which, output)?;
            taken.dictionary = Some(DictionaryRef::Place(place));
        }
        self.is_here(content, &taken);
        Ok(taken)
    }

    /// A content of the source is this one in the target.
    pub(super) fn is_here(&mut self, content: &Content, taken: &Content) {
        if let Some(group) = content.hard_link {
            self.groups.entry(group).or_insert(*taken);
        }
        if let Some(stored) = stored(content) {
            if self.became.len() >= REMEMBERED {
                self.became.clear();
            }
            self.became.insert(stored, *taken);
        }
    }

    /// What a content of the source became when it was met before, under another name or in another file.
    fn known_by_source(&self, content: &Content) -> Option<Content> {
        let group = content.hard_link.and_then(|group| self.groups.get(&group));
        let same = || self.became.get(&stored(content)?);
        let mut known = *group.or_else(same)?;
        (known.hard_link, known.sparse) = (content.hard_link, content.sparse);
        Some(known)
    }

    /// Extended attributes, which the target has once.
    pub(super) fn attributes(
        &self,
        block: &AttributeBlock,
        output: &mut Output,
    ) -> Result<AttributeBlock> {
        let bytes = self.source.attributes(block)?.to_bytes();
        let bytes = bytes.map_err(|error| self.source.error(error))?;
        output.attach(&bytes, Digest::of(&bytes))
    }

    /// Where the target has the same payload, undamaged, with the same block table.
    fn known(
        &self,
        content: &Content,
        output: &mut Output,
    ) -> Result<Option<(u64, Option<BlockTable>)>> {
        let Some(digest) = content.digest else { return Ok(None) };
        let Some((offset, blocks)) = output.stored(&digest, content.codec) else { return Ok(None) };
        let table = |blocks: Option<BlockTable>| blocks.map(|it| (it.block_log2, it.digest));
        if table(blocks) != table(content.blocks) {
            return Ok(None);
        }
        // What was written in this run is not in the mapping, and was verified then.
        if offset < self.target.file_len() {
            let extent = Extent { start: offset, len: content.stored_size };
            if self.target.data().check(extent).is_err()
                || self.target.data().digest(extent)? != digest
            {
                return Ok(None);
            }
        }
        Ok(Some((offset, blocks)))
    }

    /// Appends a payload and its block table.
    fn fetch(
        &mut self,
        content: &Content,
        gathered: Option<&Gathered<'_>>,
        output: &mut Output,
    ) -> Result<(u64, Option<BlockTable>)> {
        let (volume, extent) = (self.source.volume_of(content)?, content.extent());
        volume.check(extent)?;
        output.pad()?;
        let offset = output.position();
        let is_left = self.left.is_some() && self.left.holds(content, offset)?;
        let mut cutter = match content.blocks {
            Some(blocks) => Some(Cutter::new(content, &self.lengths(content, &blocks)?)),
            None => None,
        };
        let mut hasher = Hasher::new();
        let mut write = |bytes: &[u8]| {
            hasher.update(bytes);
            if let Some(cutter) = &mut cutter {
                cutter.update(bytes);
            }
            output.write(bytes)
        };
        match gathered.and_then(|gathered| gathered.here(extent)) {
            Some(bytes) => write(bytes)?,
            None => {
                // What is left is written once more to the same place.
                let here = Extent { start: offset, len: extent.len };
                let (volume, extent) = match self.left.source().filter(|_| is_left) {
                    Some(left) => (left, here),
                    None => (volume, extent),
                };
                for piece in volume.pieces_of(extent) {
                    write(&piece?)?;
                }
            }
        }
        let found = hasher.finish();
        if let Some(expected) = content.digest.filter(|expected| *expected != found) {
            return Err(self.mismatch(Part::Payload, extent, expected, found));
        }
        let (Some(cutter), Some(blocks)) = (cutter, content.blocks) else {
            return Ok((offset, None));
        };
        let (table, found) = cutter.finish();
        if found != blocks.digest {
            let extent = Extent { start: blocks.offset, len: table.len() as u64 };
            return Err(self.mismatch(Part::BlockTable, extent, blocks.digest, found));
        }
        let place = output.position();
        output.write(&table)?;
        Ok((offset, Some(BlockTable { offset: place, ..blocks })))
    }

    /// The lowest level of a block table; nothing of stored content, whose blocks have the lengths that they must have.
    fn lengths(&self, content: &Content, blocks: &BlockTable) -> Result<Cow<'p, [u8]>> {
        let tables = self.source.tables();
        let len = table_len(content.size, blocks.block_log2);
        let table = Extent { start: blocks.offset, len };
        tables.check(table)?;
        if content.codec == Codec::Stored {
            return Ok(Cow::Borrowed(&[]));
        }
        let lowest = Cutter::lowest_level(content, blocks).min(len);
        tables.read(Extent { start: table.end() - lowest, len: lowest })
    }

    /// Where a dictionary of the source lies in the target, which takes it first if it has not got it.
    fn dictionary(&mut self, which: DictionaryRef, output: &mut Output) -> Result<DictionaryPlace> {
        let place = self.source.dictionary_place(which)?;
        if let Some(known) = self.dictionaries.get(&place.digest) {
            return Ok(*known);
        }
        let extent = Extent { start: place.offset, len: place.len.into() };
        let bytes = self.source.volume(place.volume)?.read(extent)?;
        let found = Digest::of(&bytes);
        if found != place.digest {
            return Err(self.mismatch(Part::Dictionary, extent, place.digest, found));
        }
        let offset = output.position();
        output.write(&bytes)?;
        let taken = DictionaryPlace { volume: 0, offset, ..place };
        self.dictionaries.insert(place.digest, taken);
        Ok(taken)
    }

    fn mismatch(&self, part: Part, extent: Extent, expected: Digest, found: Digest) -> Error {
        self.source.error(rangepack_core::Error::DigestMismatch { part, extent, expected, found })
    }
}

fn stored(content: &Content) -> Option<Stored> {
    Some((content.codec, content.digest?, content.content_digest()?))
}
