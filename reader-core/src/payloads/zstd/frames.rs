//! Frames side by side, decoded as their bytes arrive.

use super::frame::{Step, Walk};
use super::{Context, Dictionary, Frame, backend, check_dictionary, plausible};
use crate::Content;
use crate::error::{Error, Result, Structure};
use crate::format::layout::TableShape;
use crate::payloads::gzip::Progress;
use alloc::vec::Vec;

/// Decodes the payload of one file, frame after frame, in memory for one frame and its content.
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    dictionary: Option<Dictionary>,
    context: Context,
    /// Content of each frame but the last, if that is known, and of all.
    step: Option<u64>,
    size: u64,
    /// What is there of the frame that comes, how far it was looked through, and where it begins in the payload.
    stored: Vec<u8>,
    walk: Walk,
    start: u64,
    /// Content that was decoded and not given out from here on.
    content: Vec<u8>,
    given: usize,
    decoded: u64,
    ended: bool,
}

impl FrameDecoder {
    /// For the payload of `content`, which needs this dictionary.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when no frames of that length hold content of that length, [`Error::BadField`] when the
    /// block table is none that can be, [`Error::NoDictionary`].
    pub fn new(content: &Content, dictionary: Option<Dictionary>) -> Result<FrameDecoder> {
        plausible(content.stored_size, content.size)?;
        check_dictionary(content, dictionary.as_ref())?;
        Ok(FrameDecoder {
            dictionary,
            context: Context::new(),
            step: frame_size(content)?,
            size: content.size,
            stored: Vec::new(),
            walk: Walk::default(),
            start: 0,
            content: Vec::new(),
            given: 0,
            decoded: 0,
            ended: false,
        })
    }

    /// Takes bytes from the front of `input` and writes content to the front of `output`, as
    /// [`GzipDecoder`](crate::gzip::GzipDecoder) does.
    ///
    /// # Errors
    /// Those of [`Context::decode_frame`], [`Error::TrailingBytes`] when `input` goes on after the last frame.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        backend::available()?;
        let mut progress = Progress::default();
        loop {
            let ready = self.content.get(self.given..).unwrap_or_default();
            if !ready.is_empty() {
                let room = output.get_mut(progress.produced..).unwrap_or_default();
                let len = ready.len().min(room.len());
                if len == 0 {
                    return Ok(progress);
                }
                if let (Some(room), Some(ready)) = (room.get_mut(..len), ready.get(..len)) {
                    room.copy_from_slice(ready);
                }
                self.given = self.given.saturating_add(len);
                progress.produced = progress.produced.saturating_add(len);
                continue;
            }
            let rest = input.get(progress.consumed..).unwrap_or_default();
            if self.ended {
                progress.finished = true;
                return match rest.is_empty() {
                    true => Ok(progress),
                    false => {
                        Err(Error::TrailingBytes { structure: Structure::Zstd, len: self.start })
                    }
                };
            }
            match self.walk.go_on(&self.stored)? {
                Step::Needs(need) => {
                    let len = need.saturating_sub(self.stored.len()).min(rest.len());
                    if len == 0 {
                        return Ok(progress);
                    }
                    self.stored.extend_from_slice(rest.get(..len).unwrap_or_default());
                    progress.consumed = progress.consumed.saturating_add(len);
                }
                Step::Whole(frame) => {
                    let size = next_size(self.step, self.size, self.decoded, &frame);
                    self.content.clear();
                    self.given = 0;
                    let start = self.start;
                    let dictionary = self.dictionary.as_ref();
                    self.context
                        .decode(&self.stored, &frame, size, dictionary, &mut self.content)
                        .map_err(|error| error.in_frame(start))?;
                    self.decoded = self.decoded.saturating_add(size);
                    self.start = self.start.saturating_add(self.stored.len() as u64);
                    self.stored.clear();
                    self.walk = Walk::default();
                    self.ended = self.decoded == self.size;
                }
            }
        }
    }

    /// How much content was given out, in bytes.
    pub(crate) fn produced(&self) -> u64 {
        self.decoded.saturating_sub(self.content.len().saturating_sub(self.given) as u64)
    }

    /// Fails unless all frames were decoded.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.stored.is_empty() && self.decoded > 0 {
            let (expected, found) = (self.size, self.decoded);
            return Err(Error::SizeMismatch { expected, found });
        }
        let have = self.start.saturating_add(self.stored.len() as u64);
        Err(Error::Truncated { structure: Structure::Zstd, need: have.saturating_add(1), have })
    }
}

/// How much content each frame of a payload with a block table holds, in bytes; the last one perhaps less.
pub(super) fn frame_size(content: &Content) -> Result<Option<u64>> {
    match &content.blocks {
        Some(blocks) if content.size > 0 => {
            TableShape::new(content.size, blocks.block_log2)?;
            Ok(Some(1 << blocks.block_log2))
        }
        _ => Ok(None),
    }
}

/// How much content the next frame must hold, of `size` bytes in all, of which some are `decoded`: what it says, unless that is
/// too much, or nothing.
pub(super) fn next_size(step: Option<u64>, size: u64, decoded: u64, frame: &Frame) -> u64 {
    let left = size.saturating_sub(decoded);
    step.unwrap_or(frame.size.max(1)).min(left)
}
