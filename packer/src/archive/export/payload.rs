//! What a file holds, verified, or its payload as it lies in the pack.

use crate::error::{Action, Error, Result};
use crate::progress::{Event, Observer, go_on};
use crate::read::content::{self, Verified};
use crate::read::pack::Pack;
use rangepack_core::{Codec, Content, Digest, Hasher, PackPathBuf, gzip};
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

/// Shorter files are read as a whole, in bytes of content or payload.
const WHOLE: u64 = 1 << 20;

/// Longer ones come in pieces of so many bytes.
const PIECE: usize = 256 << 10;

/// A file that is to be written.
pub(super) struct Payload<'p> {
    pack: &'p Pack,
    path: &'p PackPathBuf,
    pub(super) content: &'p Content,
    at_hand: Option<Vec<u8>>,
    /// What is written, for errors.
    out: &'p Path,
    observer: &'p dyn Observer,
    buffer: &'p mut Vec<u8>,
    told: u64,
}

impl<'p> Payload<'p> {
    pub(super) fn new(
        pack: &'p Pack,
        path: &'p PackPathBuf,
        content: &'p Content,
        at_hand: Option<Vec<u8>>,
        out: &'p Path,
        observer: &'p dyn Observer,
        buffer: &'p mut Vec<u8>,
    ) -> Payload<'p> {
        Payload { pack, path, content, at_hand, out, observer, buffer, told: 0 }
    }

    /// How much of it the observer was told of.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// What a failed write means.
    pub(super) fn failed(&self) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::io(Action::Write, self.out)
    }

    /// Writes the content. Short files are verified before a byte of them is written, others while they are.
    pub(super) fn copy(&mut self, out: &mut dyn Write) -> Result<()> {
        let name = self.out;
        let mut write = |bytes: &[u8]| {
            out.write_all(bytes).map_err(|error| Error::io(Action::Write, name)(error))
        };
        self.each(true, &mut write)
    }

    /// Hands out the content; `told` says whether the observer hears of it.
    fn each(&mut self, told: bool, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Payload { pack, path, content, at_hand, observer, buffer, .. } = self;
        let of_entry = |error: Error| error.of_entry(pack.entry_error(path));
        if content.size <= WHOLE && content.stored_size <= 2 * WHOLE {
            let payload = match at_hand {
                Some(payload) => Cow::Borrowed(&payload[..]),
                None => pack.payload(content).map_err(of_entry)?,
            };
            let dictionary = pack.dictionary(content).map_err(of_entry)?;
            let limits = &pack.options().limits;
            let whole = content::whole(content, payload, dictionary.as_ref(), limits)
                .map_err(pack.entry_error(path))?;
            return each(&whole);
        }
        let file = pack.volume_of(content)?;
        file.check(content.extent()).map_err(of_entry)?;
        let mut pieces = match at_hand {
            Some(payload) => Verified::at_hand(pack, content, PIECE, payload),
            None => Verified::read(pack, content, PIECE),
        }
        .map_err(of_entry)?;
        loop {
            go_on(*observer, self.out)?;
            let Some(piece) = pieces.next(buffer).map_err(of_entry)? else { return Ok(()) };
            each(piece)?;
            if told {
                let bytes = piece.len() as u64;
                self.told += bytes;
                observer.event(Event::Bytes { bytes });
            }
        }
    }

    /// The CRC-32 of the content and the raw deflate stream between header and trailer, for a file that is one gzip member
    /// as this program makes them: it is written without being compressed again. The content is verified first.
    pub(super) fn copy_deflated(&mut self, out: &mut dyn Write) -> Result<Option<u32>> {
        let content = *self.content;
        let (head, tail) = (gzip::MEMBER_HEADER.len() as u64, gzip::MEMBER_TRAILER_LEN as u64);
        let is_member = content.codec == Codec::Gzip && content.digest.is_some();
        if !is_member || content.stored_size <= head + tail {
            return Ok(None);
        }
        let mut begin = [0; gzip::MEMBER_HEADER.len()];
        let mut end = [0; gzip::MEMBER_TRAILER_LEN];
        let (start, stored) = (content.offset, content.stored_size);
        self.raw(start, &mut begin)?;
        self.raw(start + stored - tail, &mut end)?;
        let crc = u32::from_le_bytes([end[0], end[1], end[2], end[3]]);
        // Members of others may have names and comments in front of their deflate stream.
        if begin[3] != 0 || end != gzip::member_trailer(crc, content.size) {
            return Ok(None);
        }
        self.each(true, &mut |_| Ok(()))?;
        let mut hasher = Hasher::new();
        hasher.update(&begin);
        let mut at = head;
        let mut piece = vec![0; PIECE.min((stored - head - tail) as usize)];
        while at < stored - tail {
            go_on(self.observer, self.out)?;
            let len = (piece.len() as u64).min(stored - tail - at) as usize;
            self.raw(start + at, &mut piece[..len])?;
            hasher.update(&piece[..len]);
            out.write_all(&piece[..len]).map_err(self.failed())?;
            at += len as u64;
        }
        hasher.update(&end);
        // It is read for the second time, and may have become another one.
        let found = hasher.finish();
        let expected = content.digest.unwrap_or(Digest([0; 32]));
        if found != expected {
            let (part, extent) = (rangepack_core::Part::Payload, content.extent());
            let mismatch = rangepack_core::Error::DigestMismatch { part, extent, expected, found };
            return Err(self.pack.entry_error(self.path)(mismatch));
        }
        Ok(Some(crc))
    }

    /// Bytes of the payload.
    fn raw(&self, start: u64, out: &mut [u8]) -> Result<()> {
        if let Some(payload) = &self.at_hand {
            let from = start.saturating_sub(self.content.offset) as usize;
            if let Some(bytes) = payload.get(from..from.saturating_add(out.len())) {
                out.copy_from_slice(bytes);
                return Ok(());
            }
        }
        let extent = rangepack_core::Extent { start, len: out.len() as u64 };
        let bytes = self.pack.volume_of(self.content)?.read(extent)?;
        out.copy_from_slice(&bytes);
        Ok(())
    }
}
