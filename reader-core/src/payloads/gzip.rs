//! One gzip member, decoded piece by piece.
//!
//! A compressed payload is exactly one member (RFC 1952). [`GzipDecoder`] takes it in pieces of any
//! size, in memory that does not grow with the member. A payload that was written with a block table
//! can also be decoded block by block, by [`crate::blocks`].

use crate::crc32::Crc32;
use crate::error::{Error, Result, Structure};
use alloc::boxed::Box;
use header::Header;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

mod header;

/// The header of the members that Rangepack writes: no time, no name, no system.
///
/// It is the same for every member, so that the same content gives the same bytes.
pub const MEMBER_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Length of a member's trailer in bytes: CRC-32, then the content's length modulo 2^32.
pub const MEMBER_TRAILER_LEN: usize = 8;

/// The trailer of a member whose content has this CRC-32 and this length in bytes.
pub fn member_trailer(crc32: u32, size: u64) -> [u8; MEMBER_TRAILER_LEN] {
    let [c0, c1, c2, c3] = crc32.to_le_bytes();
    let [s0, s1, s2, s3, ..] = size.to_le_bytes();
    [c0, c1, c2, c3, s0, s1, s2, s3]
}

/// Whether `stored` bytes of a gzip member can hold `size` bytes of content.
///
/// Deflate turns one byte into at most 1032; a little is added for what fits into a few bits.
pub(crate) fn plausible(stored: u64, size: u64) -> Result<()> {
    let most = stored.saturating_mul(1032).saturating_add(1 << 16);
    if size > most {
        return Err(Error::SizeMismatch { expected: size, found: most });
    }
    Ok(())
}

/// How far one call of a decoder got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of the input that were used; the caller passes the others again.
    pub consumed: usize,
    /// Bytes written to the front of the output.
    pub produced: usize,
    /// Whether everything was decoded.
    pub finished: bool,
}

/// Decodes one gzip member as its bytes arrive, or one deflate stream without header and trailer.
///
/// It holds a window of 32 KiB and some tables, whatever the member states. The member's CRC-32 and
/// length are checked when its last byte was taken: what was put out before is not yet verified.
/// After an error every further call fails with the same error.
#[derive(Clone)]
pub struct GzipDecoder {
    limit: u64,
    consumed: u64,
    produced: u64,
    crc32: Crc32,
    is_raw: bool,
    state: State,
    inflate: Box<InflateState>,
}

#[derive(Clone)]
enum State {
    Header(Header),
    Body,
    Trailer { bytes: [u8; MEMBER_TRAILER_LEN], len: usize },
    Done,
    Failed(Error),
}

impl core::fmt::Debug for GzipDecoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GzipDecoder")
            .field("limit", &self.limit)
            .field("consumed", &self.consumed)
            .field("produced", &self.produced)
            .finish_non_exhaustive()
    }
}

impl GzipDecoder {
    /// A decoder for a member with at most `limit` bytes of content.
    pub fn new(limit: u64) -> GzipDecoder {
        GzipDecoder::of(limit, false)
    }

    /// A decoder for a raw deflate stream (RFC 1951) with at most `limit` bytes of content: nothing vouches for that but its digest.
    pub fn raw(limit: u64) -> GzipDecoder {
        GzipDecoder::of(limit, true)
    }

    /// One of these two.
    pub(super) fn of(limit: u64, is_raw: bool) -> GzipDecoder {
        GzipDecoder {
            limit,
            consumed: 0,
            produced: 0,
            crc32: Crc32::new(),
            is_raw,
            state: if is_raw { State::Body } else { State::Header(Header::default()) },
            inflate: InflateState::new_boxed(DataFormat::Raw),
        }
    }

    /// Bytes of content put out so far.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// Takes bytes from the front of `input` and writes content to the front of `output`.
    ///
    /// Goes on until the output is full or the input is used up: if the output was not filled, all
    /// input was consumed and nothing is held back. Once all content is out, the rest of the member
    /// needs no output.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] as soon as there is more content than the limit,
    /// [`Error::TrailingBytes`] when `input` goes on after the member, [`Error::BadField`],
    /// [`Error::BadDeflate`] or [`Error::ChecksumMismatch`] when the member is damaged.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = self.advance(input, output);
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Fails unless the whole member was decoded and found sound.
    pub fn finish(&self) -> Result<()> {
        let missing = match &self.state {
            State::Done => return Ok(()),
            State::Failed(error) => return Err(error.clone()),
            State::Trailer { len, .. } => MEMBER_TRAILER_LEN.saturating_sub(*len),
            // The trailer at the least: nobody knows how long the rest would have been.
            State::Header(_) | State::Body => MEMBER_TRAILER_LEN,
        };
        Err(Error::Truncated {
            structure: Structure::Gzip,
            need: self.consumed.saturating_add(missing as u64),
            have: self.consumed,
        })
    }

    fn advance(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        let mut progress = Progress::default();
        loop {
            let rest = input.get(progress.consumed..).unwrap_or_default();
            let mut consumed = 0;
            match &mut self.state {
                State::Header(header) => {
                    let Some(byte) = rest.first() else { return Ok(progress) };
                    consumed = 1;
                    if header.push(*byte)? {
                        self.state = State::Body;
                    }
                }
                State::Body => {
                    let room = output.get_mut(progress.produced..).unwrap_or_default();
                    let step = self.inflate(rest, room)?;
                    if step.finished {
                        self.state = State::Trailer { bytes: Default::default(), len: 0 };
                    } else if step.consumed == 0 && step.produced == 0 {
                        return Ok(progress);
                    }
                    consumed = step.consumed;
                    progress.produced = progress.produced.saturating_add(step.produced);
                }
                State::Trailer { .. } if self.is_raw => self.state = State::Done,
                State::Trailer { bytes, len } => {
                    if let Some(slot) = bytes.get_mut(*len) {
                        let Some(byte) = rest.first() else { return Ok(progress) };
                        *slot = *byte;
                        *len = len.saturating_add(1);
                        consumed = 1;
                    } else {
                        let bytes = *bytes;
                        self.check(bytes)?;
                        self.state = State::Done;
                    }
                }
                State::Done if rest.is_empty() => {
                    progress.finished = true;
                    return Ok(progress);
                }
                State::Done => {
                    let len = self.consumed;
                    return Err(Error::TrailingBytes { structure: Structure::Gzip, len });
                }
                State::Failed(error) => return Err(error.clone()),
            }
            progress.consumed = progress.consumed.saturating_add(consumed);
            self.consumed = self.consumed.saturating_add(consumed as u64);
        }
    }

    /// One step of the deflate stream; `finished` says that the stream ended.
    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        let left = self.limit.saturating_sub(self.produced);
        // With all content out, the stream may still end; one more byte of content is too many.
        let mut excess = [0u8];
        let room = match usize::try_from(left) {
            Ok(0) => &mut excess[..],
            Ok(left) if left < output.len() => output.get_mut(..left).unwrap_or_default(),
            _ => output,
        };
        if room.is_empty() {
            return Ok(Progress::default());
        }
        let step = inflate(&mut self.inflate, input, room, MZFlush::None);
        let produced = room.get(..step.bytes_written).unwrap_or_default();
        if left == 0 && !produced.is_empty() {
            let found = self.limit.saturating_add(1);
            return Err(Error::SizeMismatch { expected: self.limit, found });
        }
        self.crc32.update(produced);
        self.produced = self.produced.saturating_add(produced.len() as u64);
        let finished = match step.status {
            Ok(status) => status == MZStatus::StreamEnd,
            // Nothing could be done without more input.
            Err(MZError::Buf) => false,
            Err(_) => return Err(Error::BadDeflate { decoded: self.produced }),
        };
        Ok(Progress { consumed: step.bytes_consumed, produced: produced.len(), finished })
    }

    fn check(&self, trailer: [u8; MEMBER_TRAILER_LEN]) -> Result<()> {
        let [c0, c1, c2, c3, s0, s1, s2, s3] = trailer;
        let expected = u32::from_le_bytes([c0, c1, c2, c3]);
        let found = self.crc32.clone().finalize();
        if expected != found {
            return Err(Error::ChecksumMismatch { structure: Structure::Gzip, expected, found });
        }
        check_isize(self.produced, u32::from_le_bytes([s0, s1, s2, s3]))
    }
}

/// Compares a member's length field with the length of its content.
pub(crate) fn check_isize(size: u64, isize: u32) -> Result<()> {
    if size & u64::from(u32::MAX) != u64::from(isize) {
        let value = u64::from(isize);
        return Err(Error::BadField { structure: Structure::Gzip, field: "ISIZE", value });
    }
    Ok(())
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic here is a failed test"
)]
mod tests;
