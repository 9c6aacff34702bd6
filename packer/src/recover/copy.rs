//! Copies payloads that are what their digests say.

use crate::error::{Action, Error, Result};
use crate::source::platform::read_exact_at;
use rangepack_core::blocks::Slice;
use rangepack_core::{
    Answer, BlockTable, Content, DictionaryPlace, DictionaryRef, Digest, Entry, Extent, Hasher,
    Kind, Source, blocks,
};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Read at once.
const PIECE: usize = 256 << 10;

/// Who takes the pieces of what is read.
type Each<'e, 'c> = dyn FnMut(&[u8], &mut BufWriter<&'c File>) -> Result<()> + 'e;

/// Takes what is whole from one file to another.
pub(super) struct Copier<'c> {
    from: File,
    len: u64,
    target: PathBuf,
    out: BufWriter<&'c File>,
    position: u64,
    /// Where what lay at an offset, with this length, lies now.
    known: HashMap<(u64, u64), u64>,
}

/// Parts of a block table.
#[derive(Default)]
struct Brought(Vec<(Extent, Vec<u8>)>);

impl Source for Brought {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        let (range, bytes) = self.0.iter().find(|(range, _)| range.contains(&extent))?;
        let start = usize::try_from(extent.start - range.start).ok()?;
        bytes.get(start..)?.get(..usize::try_from(extent.len).ok()?)
    }
}

/// What became of an entry.
#[derive(Default)]
pub(super) struct Copied {
    /// It is in the new pack.
    pub(super) is_there: bool,
    /// No digest says what its payload should be.
    pub(super) is_unverifiable: bool,
    /// What is missing.
    pub(super) problem: Option<String>,
}

impl Copied {
    fn lost(problem: impl Into<String>) -> Copied {
        Copied { problem: Some(problem.into()), ..Copied::default() }
    }
}

impl<'c> Copier<'c> {
    pub(super) fn new(container: &Path, target: &Path, out: &'c File) -> Result<Copier<'c>> {
        let open = || Error::io(Action::Open, container);
        let from = File::open(container).map_err(open())?;
        let len = from.metadata().map_err(open())?.len();
        Ok(Copier {
            from,
            len,
            target: target.to_owned(),
            out: BufWriter::with_capacity(PIECE, out),
            position: 0,
            known: HashMap::new(),
        })
    }

    /// Copies what an entry names, and makes it name the copy.
    pub(super) fn entry(&mut self, entry: &mut Entry) -> Result<Copied> {
        let mut copied = Copied { is_there: true, ..Copied::default() };
        if let Kind::File(content) = &mut entry.kind {
            copied = self.content(content)?;
        }
        if let Some(block) = &mut entry.attributes
            && copied.is_there
        {
            match self.bytes(block.extent(), Some(block.digest))? {
                Some(offset) => block.offset = offset,
                None => {
                    entry.attributes = None;
                    copied.problem = Some("its extended attributes are damaged".to_owned());
                }
            }
        }
        Ok(copied)
    }

    fn content(&mut self, content: &mut Content) -> Result<Copied> {
        if content.volume != 0 {
            return Ok(Copied::lost("its payload lies in another file"));
        }
        let extent = content.extent();
        if extent.end() > self.len {
            let text =
                format!("its payload ends at byte {}, behind the end of the file", extent.end());
            return Ok(Copied::lost(text));
        }
        let Some(offset) = self.bytes(extent, content.digest)? else {
            let text = format!("its payload at byte {} is not what its SHA-256 says", extent.start);
            return Ok(Copied::lost(text));
        };
        content.offset = offset;
        content.blocks = match content.blocks {
            Some(table) => self.table(table, content)?,
            None => None,
        };
        if let Some(which) = content.dictionary {
            let copied = match which {
                DictionaryRef::Place(place) if place.volume == 0 => {
                    let offset = self.bytes(place.extent(), Some(place.digest))?;
                    offset.map(|offset| DictionaryRef::Place(DictionaryPlace { offset, ..place }))
                }
                DictionaryRef::Place(_) | DictionaryRef::Number(_) => None,
            };
            if copied.is_none() {
                return Ok(Copied::lost(
                    "the dictionary that it was compressed with is damaged or lost",
                ));
            }
            content.dictionary = copied;
        }
        let is_unverifiable = content.digest.is_none();
        Ok(Copied { is_there: true, is_unverifiable, problem: None })
    }

    /// A damaged table is no loss: without it the payload is verified as a whole.
    fn table(&mut self, table: BlockTable, content: &Content) -> Result<Option<BlockTable>> {
        let len = blocks::table_len(content.size, table.block_log2);
        if !self.has_whole_table(content) {
            return Ok(None);
        }
        // Its upper level has the digest, and the rest was verified by that.
        let offset = self.bytes(Extent { start: table.offset, len }, None)?;
        Ok(offset.map(|offset| BlockTable { offset, ..table }))
    }

    /// Whether all pages of a table are what the one above says.
    fn has_whole_table(&self, content: &Content) -> bool {
        let mut start = 0;
        while start < content.size {
            let mut brought = Brought::default();
            let end = loop {
                match blocks::locate(content, start..content.size, &brought) {
                    Ok(Answer::Ready(Slice::Blocks { range, .. })) => break range.end,
                    Ok(Answer::Need(extent)) if extent.end() <= self.len => {
                        // It asks for some pages at a time, or a short table.
                        let Ok(len) = usize::try_from(extent.len) else { return false };
                        let mut bytes = vec![0; len];
                        if read_exact_at(&self.from, &mut bytes, extent.start).is_err() {
                            return false;
                        }
                        brought.0.push((extent, bytes));
                    }
                    _ => return false,
                }
            };
            start = end;
        }
        true
    }

    /// Copies bytes, once, and says where they lie; `None` when they are not there, or not what they should be.
    fn bytes(&mut self, extent: Extent, expected: Option<Digest>) -> Result<Option<u64>> {
        let key = (extent.start, extent.len);
        if extent.start.checked_add(extent.len).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        if let Some(offset) = self.known.get(&key) {
            return Ok(Some(*offset));
        }
        // Once to find out, once to copy: it may be longer than the memory.
        if let Some(expected) = expected {
            let mut hasher = Hasher::new();
            let read = self.pieces(extent, &mut |piece, _| {
                hasher.update(piece);
                Ok(())
            })?;
            if !read || hasher.finish() != expected {
                return Ok(None);
            }
        }
        let start = self.position;
        let target = self.target.clone();
        let read = self.pieces(extent, &mut |piece, out| {
            out.write_all(piece).map_err(Error::io(Action::Write, &target))
        })?;
        if !read {
            return Ok(None);
        }
        self.position += extent.len;
        self.known.insert(key, start);
        Ok(Some(start))
    }

    /// Hands the bytes to `each`; `false` when the disk does not give them.
    fn pieces(&mut self, extent: Extent, each: &mut Each<'_, 'c>) -> Result<bool> {
        let mut piece = vec![0; PIECE.min(usize::try_from(extent.len).unwrap_or(PIECE))];
        let mut at = extent.start;
        while at < extent.end() {
            let len = usize::try_from(extent.end() - at).unwrap_or(PIECE).min(PIECE);
            // A disk that goes bad is what this is for.
            if read_exact_at(&self.from, &mut piece[..len], at).is_err() {
                return Ok(false);
            }
            each(&piece[..len], &mut self.out)?;
            at += len as u64;
        }
        Ok(true)
    }

    /// Where the payloads end.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.out.flush().map_err(Error::io(Action::Write, &self.target))?;
        Ok(self.position)
    }
}
