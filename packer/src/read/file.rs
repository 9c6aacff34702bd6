//! A file inside a pack, as a file object.

use crate::error::{Error, Result};
use crate::read::blocks::Blocks;
use crate::read::content::{self, FirstPass, Verified, Vouched};
use crate::read::pack::Pack;
use crate::source::data::Data;
use crate::source::options::Verify;
use rangepack_core::{Codec, Content, Extent, PackPath, PackPathBuf};
use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::OnceLock;

/// Files that have to be taken as a whole, for want of a block table, are held in memory up to this
/// length, in bytes.
const WHOLE: u64 = 1 << 20;

/// Longer ones pass through a buffer of this length, in bytes.
const BUFFER: usize = 64 << 10;

/// How many such buffers [`File::approach`] fills at most.
const STEP: usize = 64;
/// Payloads on disk that were verified as a whole are read in parts of this length, in bytes.
const PART: u64 = 256 << 10;

/// A file inside a pack: `Read`, `Seek` and `BufRead`, as if it had been opened on disk.
///
/// Nothing is read before it is asked for. Files that are stored as they are come straight from the
/// mapping, where what is cut off while it is read may be seen as zeros before the next read fails with
/// [`Error::Lost`]; with [`Verify::Payloads`] a block (or the payload, if it has no block table) is hashed
/// before its first byte is given out. Compressed files with a block table are decoded and verified
/// block by block, and one block is kept. Compressed files without one are decoded and verified as a
/// whole up to 1 MiB. Longer ones are *streams*: before the first byte is given out a first pass verifies all of the
/// payload, whatever part of it is asked for, and keeps digests of its pieces; then they are decoded as they are
/// read, from pieces that have these digests. Seeking back begins anew, and seeking forward decodes what lies
/// between. With [`Verify::Index`] local streams have no first pass: the read that would give out the last bytes
/// fails if the payload is damaged.
///
/// Files of remote packs are read in the same ways, those that are stored as they are like compressed
/// ones, so a stream is fetched twice; blocks are fetched ahead, the more of them the longer reading goes on.
///
/// Errors of reading are [`io::ErrorKind::InvalidData`] around [`Error::Entry`], which names the file,
/// or [`io::ErrorKind::Other`] around [`Error::Remote`].
#[derive(Debug)]
pub struct File<'p> {
    pack: &'p Pack,
    /// Where the payload lies.
    source: &'p Data,
    path: PackPathBuf,
    content: Content,
    position: u64,
    /// Nothing behind it is fetched ahead.
    end: u64,
    way: Way<'p>,
    /// Content at hand, which begins at `window_start`.
    window: Cow<'p, [u8]>,
    window_start: u64,
}

/// How content comes into the window.
#[derive(Debug)]
enum Way<'p> {
    /// All at once.
    Whole,
    /// Part by part of a long payload that is stored as it is on disk, from when all of it was verified.
    Parts { verified: bool },
    /// Block by block.
    Blocks(Box<Blocks<'p>>),
    /// From the beginning to the end.
    Stream(Box<Stream<'p>>),
}

/// A file that is decoded from its beginning to any place in it.
#[derive(Debug, Default)]
struct Stream<'p> {
    /// The local disk is believed, or nothing vouches for the payload, so there is no first pass.
    believed: bool,
    /// Where the first pass stands, if it has begun.
    first: Option<FirstPass<'p>>,
    /// What came of it.
    vouched: OnceLock<Vouched>,
    /// Where the decoder stands, if it has begun.
    second: Option<Verified<'p>>,
}

impl<'p> File<'p> {
    pub(crate) fn new(pack: &'p Pack, path: PackPathBuf, content: Content) -> Result<File<'p>> {
        let checked = pack.volume_of(&content).and_then(|file| {
            file.check(content.extent())?;
            Ok(file)
        });
        let file = match checked {
            Ok(file) => file,
            // Only the entry is bad, so its path is told, too.
            Err(Error::Pack { source, .. }) => return Err(pack.entry_error(&path)(*source)),
            Err(error) => return Err(error),
        };
        let is_stored = content.codec == Codec::Stored;
        let mut window = Cow::Borrowed(&[][..]);
        let way = if is_stored && pack.options().verify == Verify::Index && !file.is_remote() {
            window = pack.lent(&content)?;
            Way::Whole
        } else if content.blocks.is_some() {
            Way::Blocks(Box::new(Blocks::new(pack, &content)?))
        } else if content.size <= WHOLE {
            Way::Whole
        } else if is_stored && !file.is_remote() {
            Way::Parts { verified: false }
        } else {
            let is_trusted = pack.options().verify == Verify::Index && !file.is_remote();
            let believed = is_trusted || is_stored && content.digest.is_none();
            Way::Stream(Box::new(Stream { believed, ..Stream::default() }))
        };
        let end = content.size;
        Ok(File {
            pack,
            source: file,
            path,
            content,
            position: 0,
            end,
            way,
            window,
            window_start: 0,
        })
    }

    /// Says that nothing behind `end` will be read, so that nothing is fetched for it.
    pub fn read_until(&mut self, end: u64) {
        self.end = end.min(self.content.size);
    }

    /// Goes on towards the position, at most some 4 MiB of content; whether reading there needs no long way any more.
    ///
    /// Only streams have one. Who serves others can see between two steps whether anybody waits still.
    ///
    /// # Errors
    /// As for reading.
    pub fn approach(&mut self) -> io::Result<bool> {
        for _ in 0..STEP {
            if self.at_hand(self.position).is_some() || !matches!(self.way, Way::Stream(_)) {
                return Ok(true);
            }
            self.load_more().map_err(failed)?;
        }
        Ok(self.at_hand(self.position).is_some())
    }

    /// Whether it has to be decoded from its beginning to any place in it: see [`File::approach`].
    pub fn is_stream(&self) -> bool {
        matches!(self.way, Way::Stream(_))
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
            let len = bytes.read(buffer)?;
            self.source.intact().map_err(failed)?;
            return Ok(len);
        }
        let mut other = File::new(self.pack, self.path.clone(), self.content).map_err(failed)?;
        other.position = offset;
        match (&self.way, &mut other.way) {
            (Way::Stream(mine), Way::Stream(others)) => {
                others.vouched = mine.vouched.clone();
                let read = other.read(buffer)?;
                if let Way::Stream(others) = other.way
                    && let Some(vouched) = others.vouched.into_inner()
                {
                    // Another thread may have been quicker.
                    let _ = mine.vouched.set(vouched);
                }
                Ok(read)
            }
            _ => other.read(buffer),
        }
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
    fn load(&mut self) -> Result<()> {
        let bad = self.pack.entry_error(&self.path);
        match &mut self.way {
            Way::Whole => {
                let limits = &self.pack.options().limits;
                let payload = self.pack.payload(&self.content)?;
                self.window = content::whole(&self.content, payload, limits).map_err(bad)?;
                Ok(())
            }
            Way::Parts { verified } => {
                if !*verified {
                    verify(self.pack, &self.content).map_err(|error| error.of_entry(bad))?;
                    *verified = true;
                }
                let start = self.position - self.position % PART;
                let len = PART.min(self.content.size - start);
                let extent = Extent { start: self.content.offset + start, len };
                self.window = self.source.read(extent)?;
                self.window_start = start;
                Ok(())
            }
            Way::Blocks(blocks) => {
                blocks.seek(self.position, self.end).map_err(|error| error.of_entry(bad))?;
                let bad = self.pack.entry_error(&self.path);
                let next = blocks.decoded().map_err(|error| error.of_entry(bad))?;
                if let Some((block, content)) = next {
                    (self.window, self.window_start) = (content, block.content.start);
                }
                Ok(())
            }
            Way::Stream(_) => loop {
                self.load_more()?;
                if self.at_hand(self.position).is_some() {
                    return Ok(());
                }
            },
        }
    }

    /// Goes on with a stream by one buffer: with its first pass, then with decoding it, from the beginning if the
    /// position lies before what comes next.
    fn load_more(&mut self) -> Result<()> {
        let bad = self.pack.entry_error(&self.path);
        let Way::Stream(stream) = &mut self.way else { return Ok(()) };
        let buffer = std::mem::take(&mut self.window).into_owned();
        let next = stream.next(self.pack, &self.content, self.position, buffer);
        let (start, content) = next.map_err(|error| error.of_entry(bad))?;
        (self.window, self.window_start) = (Cow::Owned(content), start);
        Ok(())
    }
}

impl<'p> Stream<'p> {
    /// The next content and where it begins, in memory that was used before; none while the first pass goes on.
    fn next(
        &mut self,
        pack: &'p Pack,
        content: &Content,
        position: u64,
        mut buffer: Vec<u8>,
    ) -> Result<(u64, Vec<u8>)> {
        buffer.resize(BUFFER, 0);
        let vouched = self.vouched.get().cloned();
        // After an error nothing is left in either place, so that the next read begins anew.
        if vouched.is_none() && !self.believed {
            let begun = self.first.take();
            let mut first = begun.map_or_else(|| FirstPass::new(pack, content), Ok)?;
            match first.step(&mut buffer)? {
                Some(vouched) => self.vouched = vouched.into(),
                None => self.first = Some(first),
            }
            buffer.clear();
            return Ok((0, buffer));
        }
        let mut second = match (self.second.take(), vouched) {
            (Some(second), _) if second.position() <= position => second,
            (_, Some(vouched)) => Verified::known(pack, content, BUFFER, vouched)?,
            (_, None) => Verified::read(pack, content, BUFFER)?,
        };
        let start = second.position();
        let filled = second.fill(&mut buffer)?;
        buffer.truncate(filled);
        if !second.is_over() {
            self.second = Some(second);
        }
        Ok((start, buffer))
    }
}

/// Verifies a payload as a whole.
fn verify(pack: &Pack, content: &Content) -> Result<()> {
    let mut all = Verified::read(pack, content, BUFFER)?;
    let mut buffer = Vec::new();
    while all.next(&mut buffer)?.is_some() {}
    Ok(())
}

fn failed(error: Error) -> io::Error {
    let kind = if error.is_bad_pack() { io::ErrorKind::InvalidData } else { io::ErrorKind::Other };
    io::Error::new(kind, error)
}

impl BufRead for File<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at_hand(self.position).is_none() {
            self.load().map_err(failed)?;
        }
        self.source.intact().map_err(failed)?;
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
        // What was copied just now was there.
        self.source.intact().map_err(failed)?;
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
