//! The content of a file, verified as a whole or piece by piece.

use crate::error::{Error, Result};
use crate::read::blocks::Blocks;
use crate::read::pack::Pack;
use crate::source::data::{Cut, Pieces};
use crate::source::location::Location;
use rangepack_core::zstd::Dictionary;
use rangepack_core::{
    Codec, Content, Decoder, Digest, Extent, Limits, Part, PayloadHasher, decode_all,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The content of a payload that is at hand, verified as a whole, by its dictionary if it needs one. What is stored as it is is not copied.
pub(crate) fn whole<'b>(
    content: &Content,
    payload: Cow<'b, [u8]>,
    dictionary: Option<&Dictionary>,
    limits: &Limits,
) -> rangepack_core::Result<Cow<'b, [u8]>> {
    match payload {
        Cow::Borrowed(payload) => decode_all(content, payload, dictionary, limits),
        Cow::Owned(payload) => match decode_all(content, &payload, dictionary, limits)? {
            Cow::Borrowed(_) => Ok(Cow::Owned(payload)),
            Cow::Owned(content) => Ok(Cow::Owned(content)),
        },
    }
}

/// The content of one file from its beginning to its end, piece by piece.
///
/// Blocks are verified on their own before they are given out, and so is what a [`FirstPass`] vouched for; for
/// the rest, the last piece is given out only when everything was verified. After an error it must not be
/// asked again.
#[derive(Debug)]
pub(crate) struct Verified<'p> {
    pack: &'p Location,
    content: Content,
    /// No piece of content is longer.
    longest: usize,
    /// What comes after the stored bytes at hand, of which some are used up.
    payload: Payload<'p>,
    piece: Cow<'p, [u8]>,
    consumed: usize,
    /// How much content was given out.
    position: u64,
    /// `None` when everything was verified.
    check: Option<Check>,
}

/// Where stored bytes come from.
#[derive(Debug)]
enum Payload<'p> {
    /// All are at hand.
    AtHand,
    Pieces(Pieces<'p, Cut>),
    /// Pieces whose digests are taken, for who comes again.
    Noted(Pieces<'p, Cut>, Vec<Digest>),
    /// Pieces that must be those whose digests were taken; so many came, up to this offset.
    Known(Pieces<'p, Cut>, Vouched, usize, u64),
    Blocks(Box<Blocks<'p>>),
}

/// Digests of the pieces of a payload that was verified as a whole.
pub(crate) type Vouched = Arc<[Digest]>;

/// A first pass over a payload without block table: it is verified as a whole, and nothing of it is given
/// out. Then each of its pieces is known again when it is read for the second time.
#[derive(Debug)]
pub(crate) struct FirstPass<'p>(Verified<'p>);

impl<'p> FirstPass<'p> {
    /// Of a payload that is mapped or fetched, and known to be in its file.
    pub(crate) fn new(pack: &'p Pack, content: &Content) -> Result<FirstPass<'p>> {
        let pieces = pieces(pack, content)?;
        Verified::new(pack, content, 0, Payload::Noted(pieces, Vec::new())).map(FirstPass)
    }

    /// Goes on for as much content as `buffer` holds; what vouches for the pieces once all is verified.
    pub(crate) fn step(&mut self, buffer: &mut [u8]) -> Result<Option<Vouched>> {
        self.0.fill(buffer)?;
        match &mut self.0.payload {
            Payload::Noted(_, digests) if self.0.check.is_none() => {
                Ok(Some(std::mem::take(digests).into()))
            }
            _ => Ok(None),
        }
    }
}

/// Fails unless the bytes that came from `start` on are those of this digest.
fn same(bytes: &[u8], start: u64, expected: Digest) -> rangepack_core::Result<()> {
    let (part, found) = (Part::Block, Digest::of(bytes));
    let extent = Extent { start, len: bytes.len() as u64 };
    match found == expected {
        true => Ok(()),
        false => Err(rangepack_core::Error::DigestMismatch { part, extent, expected, found }),
    }
}

fn pieces<'p>(pack: &'p Pack, content: &Content) -> Result<Pieces<'p, Cut>> {
    Ok(pack.volume_of(content)?.pieces_of(content.extent()))
}

/// Verifies the payload, and its content, as a whole.
#[derive(Debug)]
enum Check {
    Stored(PayloadHasher),
    Encoded(Box<Decoder>),
}

impl<'p> Verified<'p> {
    /// Of a payload that is mapped or fetched, and known to be in its file.
    pub(crate) fn read(pack: &'p Pack, content: &Content, longest: usize) -> Result<Verified<'p>> {
        Verified::new(pack, content, longest, Payload::Pieces(pieces(pack, content)?))
    }

    /// The same after a [`FirstPass`]: each piece is verified before anything is made of it.
    pub(crate) fn known(
        pack: &'p Pack,
        content: &Content,
        longest: usize,
        vouched: Vouched,
    ) -> Result<Verified<'p>> {
        Verified::new(
            pack,
            content,
            longest,
            Payload::Known(pieces(pack, content)?, vouched, 0, content.offset),
        )
    }

    /// Of a payload that is at hand.
    pub(crate) fn at_hand(
        pack: &'p Pack,
        content: &Content,
        longest: usize,
        payload: &'p [u8],
    ) -> Result<Verified<'p>> {
        let all = Verified::new(pack, content, longest, Payload::AtHand)?;
        Ok(Verified { piece: Cow::Borrowed(payload), ..all })
    }

    /// Of all blocks, which lie side by side from the payload's first byte to its last.
    pub(crate) fn blocks(
        pack: &'p Pack,
        content: &Content,
        longest: usize,
        blocks: Blocks<'p>,
    ) -> Result<Verified<'p>> {
        Verified::new(pack, content, longest, Payload::Blocks(Box::new(blocks)))
    }

    fn new(
        pack: &'p Pack,
        content: &Content,
        longest: usize,
        payload: Payload<'p>,
    ) -> Result<Verified<'p>> {
        let check = match content.codec {
            Codec::Stored => Check::Stored(PayloadHasher::new()),
            _ => {
                let decoder = Decoder::new(content, pack.dictionary(content)?);
                Check::Encoded(Box::new(decoder.map_err(Error::pack(pack.location()))?))
            }
        };
        let pack = pack.location();
        Ok(Verified {
            pack,
            content: *content,
            longest,
            payload,
            piece: Cow::Borrowed(&[]),
            consumed: 0,
            position: 0,
            check: Some(check),
        })
    }

    /// Where the next piece begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything was given out and verified.
    pub(crate) fn is_over(&self) -> bool {
        self.check.is_none()
    }

    /// The next piece, decoded into `buffer` unless it is stored as it is; `None` at the end.
    pub(crate) fn next<'b>(&'b mut self, buffer: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>> {
        if let Some(Check::Encoded(_)) = self.check {
            buffer.resize(self.longest, 0);
            let filled = self.fill(buffer)?;
            return Ok(buffer.get(..filled).filter(|piece| !piece.is_empty()));
        }
        if self.consumed == self.piece.len() {
            self.take_piece()?;
        }
        let start = self.consumed;
        let end = self.piece.len().min(start + self.longest);
        if let Some(Check::Stored(hasher)) = &mut self.check {
            hasher.update(&self.piece[start..end]);
        }
        self.consumed = end;
        self.position += (end - start) as u64;
        if start == end || self.position == self.content.size {
            // Were there another piece, this would fail, so the one at hand stays.
            self.finish()?;
        }
        Ok(self.piece.get(start..end).filter(|piece| !piece.is_empty()))
    }

    /// The same as a copy: fills `buffer` unless the content ends; returns how much of it.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        // An output that was not filled means that all input was used up.
        while filled < buffer.len() {
            filled += self.decode(&mut buffer[filled..])?;
            if filled < buffer.len() && !self.take_piece()? {
                break;
            }
        }
        if self.position == self.content.size || filled < buffer.len() {
            self.finish()?;
        }
        Ok(filled)
    }

    /// Decodes what is left of the piece at hand; how many bytes that gave.
    fn decode(&mut self, output: &mut [u8]) -> Result<usize> {
        let rest = &self.piece[self.consumed..];
        let (consumed, produced) = match &mut self.check {
            Some(Check::Stored(hasher)) => {
                let len = rest.len().min(output.len());
                hasher.update(&rest[..len]);
                output[..len].copy_from_slice(&rest[..len]);
                (len, len)
            }
            Some(Check::Encoded(decoder)) => {
                let progress = decoder.decode(rest, output).map_err(Error::pack(self.pack))?;
                (progress.consumed, progress.produced)
            }
            None => (0, 0),
        };
        self.consumed += consumed;
        self.position += produced as u64;
        Ok(produced)
    }

    /// Goes to the next stored bytes; stays where it is when there are none.
    fn take_piece(&mut self) -> Result<bool> {
        loop {
            let piece = match &mut self.payload {
                Payload::AtHand => None,
                Payload::Pieces(pieces) => pieces.next().transpose()?,
                Payload::Noted(pieces, digests) => {
                    let piece = pieces.next().transpose()?;
                    digests.extend(piece.as_deref().map(Digest::of));
                    piece
                }
                Payload::Known(pieces, vouched, came, at) => {
                    let piece = pieces.next().transpose()?;
                    if let (Some(piece), Some(expected)) = (&piece, vouched.get(*came)) {
                        same(piece, *at, *expected).map_err(Error::pack(self.pack))?;
                        *at += piece.len() as u64;
                    }
                    *came += 1;
                    piece
                }
                Payload::Blocks(blocks) => match blocks.stored()? {
                    Some((block, stored)) => {
                        blocks.decode(&block, &stored)?;
                        Some(stored)
                    }
                    None => None,
                },
            };
            match piece {
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    (self.piece, self.consumed) = (piece, 0);
                    return Ok(true);
                }
                None => return Ok(false),
            }
        }
    }

    /// Verifies the whole; what a gzip member ends with may be in a piece of its own.
    fn finish(&mut self) -> Result<()> {
        while self.decode(&mut [0])? == 0 && self.take_piece()? {}
        let verified = match self.check.take() {
            Some(Check::Stored(hasher)) => hasher.finish(&self.content),
            Some(Check::Encoded(decoder)) => decoder.finish(),
            None => Ok(()),
        };
        verified.map_err(Error::pack(self.pack))
    }
}
