//! A file inside a pack, as a file object.

use crate::error::{Error, Result};
use crate::open::{Pack, Verify};
use reader_core::blocks::{self, Block, Slice};
use reader_core::decode::{self, Decoder};
use reader_core::path::PackPathBuf;
use reader_core::{Answer, Codec, Content, Extent, Limits, PackPath, Source};
use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Compressed files without a block table are decoded as a whole up to this length, in bytes.
const WHOLE: u64 = 1 << 20;

/// Longer ones pass through a buffer of this length, in bytes.
const BUFFER: usize = 64 << 10;

/// A file inside a pack: `Read`, `Seek` and `BufRead`, as if it had been opened on disk.
///
/// Nothing is read before it is asked for. Files that are stored as they are come straight from the
/// mapping; with [`Verify::Payloads`] a block (or the payload, if it has no block table) is hashed
/// before its first byte is given out. Compressed files with a block table are decoded and verified
/// block by block, and one block is kept. Compressed files without one are decoded and verified as a
/// whole up to 1 MiB; longer ones are decoded as they are read, so their bytes are verified only when
/// the end was reached: the read that would give out the last bytes fails if the payload is damaged.
/// In these, seeking back begins anew, and seeking forward decodes what lies between.
///
/// Errors of reading are [`io::ErrorKind::InvalidData`] around [`Error::Entry`], which names the file.
#[derive(Debug)]
pub struct File<'p> {
    pack: &'p Pack,
    path: PackPathBuf,
    content: Content,
    payload: &'p [u8],
    position: u64,
    way: Way,
    /// Content at hand, which begins at `window_start`.
    window: Cow<'p, [u8]>,
    window_start: u64,
}

/// How content comes into the window.
#[derive(Debug)]
enum Way {
    /// All at once.
    Whole,
    /// Block by block; some blocks whose places are known already.
    Blocks(Vec<Block>),
    /// From the beginning to the end; where the decoder stands, if it has begun.
    Stream(Option<Box<Stream>>),
}

#[derive(Debug)]
struct Stream {
    decoder: Decoder,
    consumed: usize,
    produced: u64,
}

impl<'p> File<'p> {
    pub(crate) fn new(pack: &'p Pack, path: PackPathBuf, content: Content) -> Result<File<'p>> {
        let payload = match pack.payload(&content) {
            Ok(payload) => payload,
            // Only the entry is bad, so its path is told, too.
            Err(Error::Pack { source, .. }) => return Err(pack.entry_error(&path)(*source)),
            Err(error) => return Err(error),
        };
        let is_stored = content.codec == Codec::Stored;
        let mut window = Cow::Borrowed(&[][..]);
        let way = if is_stored && pack.options().verify == Verify::Index {
            window = Cow::Borrowed(payload);
            Way::Whole
        } else if content.blocks.is_some() {
            Way::Blocks(Vec::new())
        } else if is_stored || content.size <= WHOLE {
            Way::Whole
        } else {
            Way::Stream(None)
        };
        Ok(File { pack, path, content, payload, position: 0, way, window, window_start: 0 })
    }

    /// Length of the content in bytes.
    pub fn len(&self) -> u64 {
        self.content.size
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it is in the pack, links followed.
    pub fn path(&self) -> PackPath<'_> {
        self.path.as_path()
    }

    /// Where its bytes lie and how they are stored.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Reads at `offset` and leaves the position where it is, so that threads can share the file.
    ///
    /// Gives fewer bytes than asked for at the end of the file or of a block, and 0 only behind the
    /// end. What is not in the buffer is decoded for this one call: of a long compressed file without
    /// a block table, everything before it as well.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(mut bytes) = self.at_hand(offset) {
            return bytes.read(buffer);
        }
        let mut other = File::new(self.pack, self.path.clone(), self.content).map_err(invalid)?;
        other.position = offset;
        other.read(buffer)
    }

    /// The content from `offset` on, as far as it is in the window; empty behind the file's end.
    fn at_hand(&self, offset: u64) -> Option<&[u8]> {
        if offset >= self.content.size {
            return Some(&[]);
        }
        let start = usize::try_from(offset.checked_sub(self.window_start)?).ok()?;
        self.window.get(start..).filter(|bytes| !bytes.is_empty())
    }

    /// Brings content into the window, so that the byte at `position`, which is in the file, is there.
    fn load(&mut self) -> reader_core::Result<()> {
        match &mut self.way {
            Way::Whole => {
                let limits = &self.pack.options().limits;
                self.window = decode::decode_all(&self.content, self.payload, limits)?;
                Ok(())
            }
            Way::Blocks(_) => self.load_block(),
            Way::Stream(_) => loop {
                self.load_more()?;
                if self.at_hand(self.position).is_some() {
                    return Ok(());
                }
            },
        }
    }

    fn load_block(&mut self) -> reader_core::Result<()> {
        let Way::Blocks(known) = &mut self.way else { return Ok(()) };
        let holds = |block: &&Block| block.content.contains(&self.position);
        if !known.iter().any(|block| holds(&block)) {
            *known = locate(self.pack, &self.content, self.position)?.0;
        }
        if let Some(block) = known.iter().find(holds) {
            self.window = decode_block(self.pack, &self.content, block)?;
            self.window_start = block.content.start;
        }
        Ok(())
    }

    /// Decodes the next piece of a stream, from the beginning if the position lies before it.
    fn load_more(&mut self) -> reader_core::Result<()> {
        let Way::Stream(place) = &mut self.way else { return Ok(()) };
        // After an error nothing is left here, so that the next read begins anew.
        let mut stream = match place.take() {
            Some(stream) if stream.produced <= self.position => stream,
            _ => {
                let decoder = Decoder::new(&self.content)?;
                Box::new(Stream { decoder, consumed: 0, produced: 0 })
            }
        };
        let mut buffer = std::mem::take(&mut self.window).into_owned();
        buffer.resize(BUFFER, 0);
        let rest = self.payload.get(stream.consumed..).unwrap_or(&[]);
        let progress = stream.decoder.decode(rest, &mut buffer)?;
        buffer.truncate(progress.produced);
        let start = stream.produced;
        stream.consumed += progress.consumed;
        stream.produced += progress.produced as u64;
        if stream.produced == self.content.size || progress.produced < BUFFER {
            // The last piece is given out only when everything was verified.
            stream.decoder.finish()?;
        } else {
            *place = Some(stream);
        }
        (self.window, self.window_start) = (Cow::Owned(buffer), start);
        Ok(())
    }

    fn invalid(&self, source: reader_core::Error) -> io::Error {
        invalid(self.pack.entry_error(&self.path)(source))
    }
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The blocks that hold the content from `start` on, and where the last of them ends.
pub(crate) fn locate(
    pack: &Pack,
    content: &Content,
    start: u64,
) -> reader_core::Result<(Vec<Block>, u64)> {
    let tables = pack.tables();
    match blocks::locate(content, start..content.size, tables, &pack.options().limits)? {
        Answer::Ready(Slice::Blocks { blocks, range }) => Ok((blocks, range.end)),
        Answer::Ready(Slice::Whole { range, .. }) => Ok((Vec::new(), range.end)),
        Answer::Need(extent) => Err(out_of_bounds(extent, tables)),
    }
}

/// The verified content of one block: borrowed from the mapping when it is stored as it is.
pub(crate) fn decode_block<'p>(
    pack: &'p Pack,
    content: &Content,
    block: &Block,
) -> reader_core::Result<Cow<'p, [u8]>> {
    let volume = pack.volume(content.volume).unwrap_or(&[]);
    let Some(stored) = Source::bytes(volume, block.stored) else {
        return Err(out_of_bounds(block.stored, volume));
    };
    let value = block.content.end.saturating_sub(block.content.start);
    let Limits { content_bytes: limit, .. } = pack.options().limits;
    if content.codec != Codec::Stored && value > limit {
        return Err(reader_core::Error::OverLimit { what: "content_bytes", value, limit });
    }
    blocks::decode_block(content, block, stored)
}

fn out_of_bounds(Extent { start, len }: Extent, volume: &[u8]) -> reader_core::Error {
    reader_core::Error::OutOfBounds { start, len, file_len: volume.len() as u64 }
}

impl BufRead for File<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at_hand(self.position).is_none() {
            self.load().map_err(|error| self.invalid(error))?;
        }
        Ok(self.at_hand(self.position).unwrap_or(&[]))
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount as u64);
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.content.size.checked_add_signed(distance),
        };
        match position {
            Some(position) => {
                self.position = position;
                Ok(position)
            }
            None => {
                let problem = "cannot seek to before the beginning of the file";
                Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
            }
        }
    }
}

#[cfg(test)]
mod tests;
