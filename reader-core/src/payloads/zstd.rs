//! Zstandard frames and the dictionaries that they need (FORMAT.md, "Payloads" and "Dictionaries").
//!
//! A frame holds [`MAX_FRAME`] bytes of content at most and says how many, so it is decoded in one step into memory whose length
//! was known before. [`Frame`] checks what a frame says of itself, [`Dictionary`] is made ready once for many
//! frames, a [`Context`] decodes one, a [`FrameDecoder`] one after the other.

use crate::entry::DictionaryPlace;
use crate::error::{Error, Part, Result, Structure};
use crate::{Content, Digest};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use frame::Frame;
pub use frames::FrameDecoder;

mod frame;
mod frames;
#[cfg(feature = "zstd-c")]
#[path = "zstd/c.rs"]
mod backend;
#[cfg(all(feature = "zstd", not(feature = "zstd-c")))]
#[path = "zstd/rust.rs"]
mod backend;
#[cfg(not(any(feature = "zstd", feature = "zstd-c")))]
#[path = "zstd/absent.rs"]
mod backend;

/// The longest content of a frame, in bytes: that of the longest block.
pub const MAX_FRAME: u64 = 1 << 22;

/// What a dictionary begins with.
const DICTIONARY_MAGIC: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

/// A dictionary, made ready for decoding. Clones share it.
#[derive(Clone)]
pub struct Dictionary {
    id: u32,
    prepared: Arc<backend::Prepared>,
}

impl core::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Dictionary").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Dictionary {
    /// The dictionary that lies at `place`, from its bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::DigestMismatch`] when these are not its bytes; [`Error::BadField`] when it is none;
    /// [`Error::UnsupportedCodec`] where this crate was built without the feature `zstd`.
    pub fn new(place: &DictionaryPlace, bytes: &[u8]) -> Result<Dictionary> {
        if bytes.len() as u64 != u64::from(place.len) {
            let (need, have) = (u64::from(place.len), bytes.len() as u64);
            return Err(Error::Truncated { structure: Structure::Dictionary, need, have });
        }
        let found = Digest::of(bytes);
        if found != place.digest {
            let (extent, expected) = (place.extent(), place.digest);
            return Err(Error::DigestMismatch { part: Part::Dictionary, extent, expected, found });
        }
        Dictionary::parse(bytes)
    }

    /// The same from bytes that the caller vouches for.
    pub fn parse(bytes: &[u8]) -> Result<Dictionary> {
        let bad = |field| Error::BadField { structure: Structure::Dictionary, field, value: 0 };
        let Some(([magic, id], _)) = bytes.as_chunks::<4>().0.split_first_chunk::<2>() else {
            return Err(bad("magic"));
        };
        let id = u32::from_le_bytes(*id);
        if *magic != DICTIONARY_MAGIC || id == 0 {
            return Err(bad("magic"));
        }
        let prepared = backend::Prepared::new(bytes)?.ok_or_else(|| bad("tables"))?;
        Ok(Dictionary { id, prepared: Arc::new(prepared) })
    }
}

/// Whether `stored` bytes of Zstandard frames can hold `size` bytes of content.
///
/// A block of a frame holds 128 KiB at most and takes four bytes at least.
pub(crate) fn plausible(stored: u64, size: u64) -> Result<()> {
    let most = stored.saturating_mul(RATIO);
    if size > most {
        return Err(Error::SizeMismatch { expected: size, found: most });
    }
    Ok(())
}

/// No frame expands further.
pub(crate) const RATIO: u64 = 1 << 15;

/// Fails unless a dictionary is given when, and only when, `content` needs one.
pub(crate) fn check_dictionary(content: &Content, given: Option<&Dictionary>) -> Result<()> {
    match content.dictionary.is_some() == given.is_some() {
        true => Ok(()),
        false => Err(Error::NoDictionary),
    }
}

/// Decodes frames one after the other, in memory that is used again and again.
#[derive(Clone, Default)]
pub struct Context(backend::Context);

impl core::fmt::Debug for Context {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

impl Context {
    /// One that has decoded nothing.
    pub fn new() -> Context {
        Context::default()
    }

    /// Appends to `out` the content of the frame that is all of `stored`, which is `size` bytes long.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::TrailingBytes`] and [`Error::BadField`] when `stored` is not one frame, or one of a size,
    /// window or dictionary that is not allowed; [`Error::BadFrame`] when it cannot be decoded;
    /// [`Error::UnsupportedCodec`] where this crate was built without the feature `zstd`.
    ///
    /// Memory: `size` bytes, which is checked against [`MAX_FRAME`] and the length of `stored`.
    pub fn decode_frame(
        &mut self,
        stored: &[u8],
        size: u64,
        dictionary: Option<&Dictionary>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        backend::available()?;
        plausible(stored.len() as u64, size)?;
        let frame = Frame::of(stored)?;
        if frame.len < stored.len() {
            return Err(Error::TrailingBytes { structure: Structure::Zstd, len: frame.len as u64 });
        }
        self.decode(stored, &frame, size, dictionary, out)
    }

    /// Appends the content of a frame that was looked at.
    fn decode(
        &mut self,
        stored: &[u8],
        frame: &Frame,
        size: u64,
        dictionary: Option<&Dictionary>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        frame.check(size, dictionary.map(|dictionary| dictionary.id))?;
        let prepared = dictionary.map(|dictionary| &*dictionary.prepared);
        let start = out.len();
        // It is MAX_FRAME at most.
        let len = usize::try_from(size).unwrap_or(0);
        let decoded = self.0.decode(stored, prepared, len, out)?;
        let found = out.len().saturating_sub(start) as u64;
        if decoded && found == size {
            return Ok(());
        }
        out.truncate(start);
        match decoded {
            true => Err(Error::SizeMismatch { expected: size, found }),
            false => Err(Error::BadFrame { start: 0 }),
        }
    }
}

/// The content of a payload that is at hand, each frame of which is decoded where it lies.
pub(crate) fn decode_frames(
    content: &Content,
    payload: &[u8],
    dictionary: Option<&Dictionary>,
) -> Result<Vec<u8>> {
    backend::available()?;
    check_dictionary(content, dictionary)?;
    let step = frames::frame_size(content)?;
    let mut context = Context::new();
    let mut output = Vec::new();
    let mut rest = payload;
    loop {
        let start = payload.len().saturating_sub(rest.len()) as u64;
        if rest.is_empty() && !output.is_empty() {
            let (expected, found) = (content.size, output.len() as u64);
            return Err(Error::SizeMismatch { expected, found });
        }
        let frame = Frame::of(rest)?;
        let size = frames::next_size(step, content.size, output.len() as u64, &frame);
        let stored = rest.get(..frame.len).unwrap_or_default();
        context
            .decode(stored, &frame, size, dictionary, &mut output)
            .map_err(|error| error.in_frame(start))?;
        rest = rest.get(frame.len..).unwrap_or_default();
        if output.len() as u64 == content.size {
            break;
        }
    }
    if rest.is_empty() {
        return Ok(output);
    }
    let len = payload.len().saturating_sub(rest.len()) as u64;
    Err(Error::TrailingBytes { structure: Structure::Zstd, len })
}

#[cfg(test)]
mod tests;
