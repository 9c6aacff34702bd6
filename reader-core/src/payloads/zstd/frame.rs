//! What a Zstandard frame says of itself (RFC 8878, section 3.1.1).

use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};
use crate::payloads::zstd::MAX_FRAME;

/// What a frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window that a frame may state, in bytes.
const MAX_WINDOW: u64 = 8 << 20;

/// Length of a block's header and of the check sum behind the blocks, in bytes.
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;

/// One frame, of which the header and the headers of all blocks were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Its length in bytes.
    pub len: usize,
    /// Length of the content that it says it holds, in bytes.
    pub size: u64,
    window: u64,
    dictionary: u32,
}

impl Frame {
    /// The frame with which `bytes` begin.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::BadField`] when there is no whole frame, or none that says how much it holds.
    pub fn of(bytes: &[u8]) -> Result<Frame> {
        let mut walk = Walk::default();
        match walk.go_on(bytes)? {
            Step::Whole(frame) => Ok(frame),
            Step::Needs(need) => {
                let (need, have) = (need as u64, bytes.len() as u64);
                Err(Error::Truncated { structure: Structure::Zstd, need, have })
            }
        }
    }

    /// Fails unless it holds `size` bytes of content, in a window that is allowed, and was made with this
    /// dictionary, or does not say with which.
    pub(super) fn check(&self, size: u64, dictionary: Option<u32>) -> Result<()> {
        let bad = |field, value| Err(Error::BadField { structure: Structure::Zstd, field, value });
        if self.size != size {
            return Err(Error::SizeMismatch { expected: size, found: self.size });
        }
        if size > MAX_FRAME {
            return bad("content size", size);
        }
        if self.window > MAX_WINDOW {
            return bad("window size", self.window);
        }
        if self.dictionary != 0 && dictionary != Some(self.dictionary) {
            return bad("dictionary", self.dictionary.into());
        }
        Ok(())
    }
}

/// How far a frame was looked through.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    header: Option<Header>,
    /// Where the next block begins.
    at: usize,
    ended: bool,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    size: u64,
    window: u64,
    dictionary: u32,
    has_checksum: bool,
}

pub(super) enum Step {
    /// The frame is there, all of it.
    Whole(Frame),
    /// So many bytes from its beginning on must be there to go on.
    Needs(usize),
}

impl Walk {
    /// Goes on through a frame, of which `bytes` are the beginning, longer at each call.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Result<Step> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let need = header_len(bytes)?;
                if bytes.len() < need {
                    return Ok(Step::Needs(need));
                }
                self.at = need;
                *self.header.insert(Header::read(bytes)?)
            }
        };
        while !self.ended {
            let need = self.at.saturating_add(BLOCK_HEADER);
            let Some([low, middle, high]) = bytes.get(self.at..need) else {
                return Ok(Step::Needs(need));
            };
            let word = u32::from_le_bytes([*low, *middle, *high, 0]);
            let len = match (word >> 1) & 3 {
                0 | 2 => word >> 3,
                // One byte that is repeated.
                1 => 1,
                kind => return bad("block type", kind.into()),
            };
            self.ended = word & 1 != 0;
            self.at = need.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            // Raw blocks are the longest: no frame that is allowed is as long as this.
            if self.at as u64 > LONGEST {
                return bad("length", self.at as u64);
            }
        }
        let len = self.at.saturating_add(if header.has_checksum { CHECKSUM } else { 0 });
        if bytes.len() < len {
            return Ok(Step::Needs(len));
        }
        let Header { size, window, dictionary, .. } = header;
        Ok(Step::Whole(Frame { len, size, window, dictionary }))
    }
}

/// No frame is longer, in bytes: content that does not shrink, and a quarter.
const LONGEST: u64 = MAX_FRAME + MAX_FRAME / 4;

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Zstd, field, value })
}

/// Length of the header of the frame with which `bytes` begin; of five bytes when there are fewer.
fn header_len(bytes: &[u8]) -> Result<usize> {
    let Some(([m0, m1, m2, m3, descriptor], _)) = bytes.split_first_chunk::<5>() else {
        return Ok(5);
    };
    let magic = [*m0, *m1, *m2, *m3];
    if magic != MAGIC {
        return bad("magic", u32::from_le_bytes(magic).into());
    }
    let (window, dictionary, size) = fields(*descriptor);
    Ok([5, window, dictionary, size].into_iter().fold(0, usize::saturating_add))
}

/// Lengths of the fields behind the descriptor: window, dictionary and content size.
fn fields(descriptor: u8) -> (usize, usize, usize) {
    let is_single = descriptor & 0x20 != 0;
    let dictionary = match descriptor & 3 {
        3 => 4,
        len => usize::from(len),
    };
    let size = match (descriptor >> 6, is_single) {
        (0, false) => 0,
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    (usize::from(!is_single), dictionary, size)
}

/// The next `len` bytes, eight at most, as a number.
fn number(cursor: &mut Cursor<'_>, len: usize) -> Result<u64> {
    Ok(cursor.take(len)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl Header {
    /// Reads the header, all of which is there.
    fn read(bytes: &[u8]) -> Result<Header> {
        let mut cursor = Cursor::new(Structure::Zstd, bytes);
        let [_, _, _, _, descriptor]: [u8; 5] = cursor.array()?;
        if descriptor & 8 != 0 {
            return bad("descriptor", descriptor.into());
        }
        let (window_len, dictionary_len, size_len) = fields(descriptor);
        let window = match window_len {
            0 => None,
            _ => {
                let byte = u64::from(cursor.u8()?);
                let base = 1u64 << (byte >> 3).saturating_add(10);
                Some(base.saturating_add((base >> 3).saturating_mul(byte & 7)))
            }
        };
        let dictionary = number(&mut cursor, dictionary_len)?;
        let size = match size_len {
            // It does not say.
            0 => return bad("content size", 0),
            2 => number(&mut cursor, 2)?.saturating_add(256),
            len => number(&mut cursor, len)?,
        };
        Ok(Header {
            size,
            window: window.unwrap_or(size),
            dictionary: u32::try_from(dictionary).unwrap_or(u32::MAX),
            has_checksum: descriptor & 4 != 0,
        })
    }
}
