//! How the content of a file inside a pack comes, whatever its payload is like: all at once, block by block, as a stream.

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

/// How many such buffers [`Reading::approach`] fills at most.
const STEP: usize = 64;
/// Payloads on disk that were verified as a whole are read in parts of this length, in bytes.
const PART: u64 = 256 << 10;

/// What is behind a [`File`](super::file::File): it borrows the pack.
#[derive(Debug)]
pub(crate) struct Reading<'p> {
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

impl<'p> Reading<'p> {
    pub(crate) fn new(pack: &'p Pack, path: PackPathBuf, content: Content) -> Result<Reading<'p>> {
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
        Ok(Reading {
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

    pub(crate) fn read_until(&mut self, end: u64) {
        self.end = end.min(self.content.size);
    }

    pub(crate) fn approach(&mut self) -> io::Result<bool> {
        for _ in 0..STEP {
            if self.at_hand(self.position).is_some() || !matches!(self.way, Way::Stream(_)) {
                return Ok(true);
            }
            self.load_more().map_err(failed)?;
        }
        Ok(self.at_hand(self.position).is_some())
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.way, Way::Stream(_))
    }

    pub(crate) fn path(&self) -> PackPath<'_> {
        self.path.as_path()
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// See [`File::read_at`](super::file::File::read_at).
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(mut bytes) = self.at_hand(offset) {
            let len = bytes.read(buffer)?;
            self.source.intact().map_err(failed)?;
            return Ok(len);
        }
        let mut other = Reading::new(self.pack, self.path.clone(), self.content).map_err(failed)?;
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
                let dictionary = match self.pack.dictionary(&self.content) {
                    Ok(dictionary) => dictionary,
                    Err(error) => return Err(error.of_entry(bad)),
                };
                self.window = content::whole(&self.content, payload, dictionary.as_ref(), limits)
                    .map_err(bad)?;
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
                blocks.seek(self.position, self.end);
                let next = blocks.decoded(self.position).map_err(|error| error.of_entry(bad))?;
                if let Some((start, content)) = next {
                    (self.window, self.window_start) = (content, start);
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

impl BufRead for Reading<'_> {
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

impl Read for Reading<'_> {
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

impl Seek for Reading<'_> {
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
