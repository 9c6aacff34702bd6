//! The blocks of a large file, one after the other from any of them on.

use crate::error::{Error, Result};
use crate::read::pack::Pack;
use crate::source::data::{Gathered, PIECE, Pieces};
use crate::source::verified_blocks::{StoredBlock, VerifiedBlocks, are};
use rangepack_core::blocks::{self, Block, Slice};
use rangepack_core::{Codec, Content, Extent, Source};
use std::borrow::Cow;
use std::vec::IntoIter;

/// No more blocks are fetched at once.
const MOST: usize = 1024;

/// Reads blocks. Of remote files several are fetched at once, more and more of them.
#[derive(Debug)]
pub(crate) struct Blocks<'p> {
    pack: &'p Pack,
    content: Content,
    /// The block table, and whatever else was brought before.
    gathered: Gathered<'p>,
    /// Blocks whose places are known, side by side.
    known: Vec<Block>,
    /// Which of them comes next.
    next: usize,
    /// Where the content after them begins, or where to begin when there are none.
    behind: u64,
    /// Where the caller will stop.
    end: u64,
    /// How many are fetched at first.
    at_first: usize,
    /// What is on its way, and what came last.
    coming: Option<Pieces<'p, IntoIter<Extent>>>,
    piece: (u64, Cow<'p, [u8]>),
}

impl<'p> Blocks<'p> {
    /// The blocks of a file with a block table, from the first on.
    pub(crate) fn new(pack: &'p Pack, content: &Content) -> Result<Blocks<'p>> {
        let gathered = Gathered::new(pack.volume_of(content)?);
        Ok(Blocks { at_first: 1, ..Blocks::all(pack, content, gathered) })
    }

    /// For who wants all of them; with bytes that are there already.
    pub(crate) fn all(pack: &'p Pack, content: &Content, gathered: Gathered<'p>) -> Blocks<'p> {
        Blocks {
            pack,
            content: *content,
            gathered,
            known: Vec::new(),
            next: 0,
            behind: 0,
            end: content.size,
            at_first: MOST,
            coming: None,
            piece: (0, Cow::Borrowed(&[])),
        }
    }

    /// Goes to the block that holds `position`, and fetches none behind `end` without being asked.
    pub(crate) fn seek(&mut self, position: u64, end: u64) {
        self.end = if position < end { end } else { self.content.size };
        let holds = |block: &Block| block.content.contains(&position);
        if self.known.get(self.next).is_some_and(holds) {
            return;
        }
        self.coming = None;
        match self.known.iter().position(holds) {
            Some(place) => self.next = place,
            None => (self.known, self.next, self.behind) = (Vec::new(), 0, position),
        }
    }

    /// Finds out where the blocks from `start` on lie.
    fn locate(&mut self, start: u64) -> Result<()> {
        self.coming = None;
        (self.known, self.next, self.behind) = (Vec::new(), 0, start);
        if start >= self.content.size {
            return Ok(());
        }
        // Who goes on behind the end that was set asks again.
        let end = self.end_from(start);
        let content = &self.content;
        // The table lies with the index, whatever volume the payload lies in.
        let mut beside = Gathered::new(self.pack.tables());
        let tables = if std::ptr::eq(beside.data(), self.gathered.data()) {
            self.gathered.trim();
            &mut self.gathered
        } else {
            &mut beside
        };
        let found = tables.ask(|source| blocks::locate(content, start..end, source))?;
        if let Slice::Blocks { blocks, range } = found {
            (self.known, self.behind) = (blocks, range.end);
        }
        Ok(())
    }

    /// The next block and its stored bytes, which are not verified; `None` at the end.
    pub(crate) fn stored(&mut self) -> Result<Option<(Block, Cow<'p, [u8]>)>> {
        if self.next >= self.known.len() {
            self.locate(self.behind)?;
        }
        let Some(block) = self.known.get(self.next).cloned() else { return Ok(None) };
        self.next += 1;
        if self.gathered.data().whole().is_some() {
            let bytes = self.gathered.data().read(block.stored)?;
            return Ok(Some((block, bytes)));
        }
        if let Some(bytes) = self.gathered.bytes(block.stored) {
            let bytes = Cow::Owned(bytes.to_vec());
            return Ok(Some((block, bytes)));
        }
        let Extent { start, len } = block.stored;
        let inside = |(at, piece): &(u64, Cow<'p, [u8]>)| {
            piece[..].bytes(Extent { start: start.checked_sub(*at)?, len }).map(<[u8]>::to_vec)
        };
        if let Some(bytes) = inside(&self.piece) {
            return Ok(Some((block, Cow::Owned(bytes))));
        }
        let piece = match self.coming.as_mut().and_then(Iterator::next) {
            Some(piece) => Some(piece?),
            // The first one, or the caller went on behind the end that was set.
            None => {
                let runs = self.gathered.data().pieces(self.runs().into_iter());
                self.coming.insert(runs).next().transpose()?
            }
        };
        self.piece = (start, piece.unwrap_or_default());
        let bytes = inside(&self.piece).unwrap_or_default();
        Ok(Some((block, Cow::Owned(bytes))))
    }

    /// Content from the next block on, verified: of the block, or of the parts of it that hold the content from `position` to where
    /// the caller will stop, if they are known; and where it begins.
    pub(crate) fn decoded(&mut self, position: u64) -> Result<Option<(u64, Cow<'p, [u8]>)>> {
        if let Some(found) = self.parts(position)? {
            return Ok(Some(found));
        }
        let Some((block, stored)) = self.stored()? else { return Ok(None) };
        let content = match stored {
            Cow::Borrowed(stored) => self.decode(&block, stored)?,
            Cow::Owned(stored) => match self.decode(&block, &stored)? {
                Cow::Borrowed(_) => Cow::Owned(stored),
                Cow::Owned(content) => Cow::Owned(content),
            },
        };
        if let Some(verified) = self.verified()
            && let Some(here) = StoredBlock::at(&self.content, block.content.start)
        {
            // Who wants all of a block most likely wants it once.
            let (_, wanted) = here.parts(position, self.end_from(position));
            if wanted < content.len() as u64 {
                verified.put(here.id, &content);
            }
        }
        Ok(Some((block.content.start, content)))
    }

    /// Where the caller stops who is at `position`.
    fn end_from(&self, position: u64) -> u64 {
        if position < self.end { self.end } else { self.content.size }
    }

    /// What is known of blocks; of those of remote packs nothing, which are asked for long ranges.
    fn verified(&self) -> Option<&'p VerifiedBlocks> {
        let is_remote = self.gathered.data().is_remote();
        self.pack.options().verified.as_deref().filter(|_| !is_remote)
    }

    /// Parts of the next block, if it was verified before, and they are what they were then.
    fn parts(&mut self, position: u64) -> Result<Option<(u64, Cow<'p, [u8]>)>> {
        let next = self.known.get(self.next).map_or(self.behind, |block| block.content.start);
        let Some(verified) = self.verified() else { return Ok(None) };
        let Some(block) = StoredBlock::at(&self.content, next) else { return Ok(None) };
        let Some(parts) = verified.get(&block.id) else { return Ok(None) };
        let (first, len) = block.parts(position, self.end_from(position));
        let start = block.content.start.saturating_add(first);
        let stored = Extent { start: self.content.offset.saturating_add(start), len };
        let bytes = self.gathered.data().read(stored)?;
        if !are(&parts, first, &bytes) {
            return Ok(None);
        }
        if start.saturating_add(len) >= block.content.end {
            // What is on its way begins with the block that was read here.
            self.coming = None;
            if self.next < self.known.len() {
                self.next += 1;
            } else {
                self.behind = block.content.end;
            }
        }
        Ok(Some((start, bytes)))
    }

    /// Verifies and decodes a block.
    pub(crate) fn decode<'s>(&self, block: &Block, stored: &'s [u8]) -> Result<Cow<'s, [u8]>> {
        let wrong = || Error::pack(self.pack.location());
        let value = block.content.end.saturating_sub(block.content.start);
        let limit = self.pack.options().limits.content_bytes;
        if self.content.codec != Codec::Stored && value > limit {
            let what = "content_bytes";
            return Err(wrong()(rangepack_core::Error::OverLimit { what, value, limit }));
        }
        let dictionary = self.pack.dictionary(&self.content)?;
        blocks::decode_block(&self.content, block, stored, dictionary.as_ref()).map_err(wrong())
    }

    /// The known blocks from the next one on in ranges; who may stop soon gets one block, then two, four, and so on.
    fn runs(&self) -> Vec<Extent> {
        let wanted = self.known.get(self.next.saturating_sub(1)..).unwrap_or(&[]);
        let first = wanted.first().map(|block| block.index);
        let wanted = wanted
            .iter()
            .take_while(|block| Some(block.index) == first || block.content.start < self.end);
        let mut runs: Vec<(Extent, usize)> = Vec::new();
        let mut most = self.at_first;
        for block in wanted {
            match runs.last_mut() {
                Some((run, blocks)) if *blocks < most && run.len + block.stored.len <= PIECE => {
                    run.len += block.stored.len;
                    *blocks += 1;
                }
                last => {
                    most = if last.is_some() { (most * 2).min(MOST) } else { self.at_first };
                    runs.push((block.stored, 1));
                }
            }
        }
        runs.into_iter().map(|(run, _)| run).collect()
    }
}
