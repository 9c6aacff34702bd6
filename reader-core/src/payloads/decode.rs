//! Decodes and verifies a payload as its bytes arrive.
//!
//! [`Decoder`] is for payloads that arrive in pieces, [`decode_all`] for those that are at hand,
//! [`PayloadHasher`] for callers that copy stored bytes themselves. Parts of a large payload are
//! verified on their own by [`crate::blocks`].

use crate::{
    Codec, Content, Digest, Limits,
    digest::Hasher,
    error::{Error, Part, Result},
    payloads::gzip::{GzipDecoder, plausible},
    payloads::zstd::{self, Dictionary, FrameDecoder, decode_frames},
};
use alloc::{borrow::Cow, vec::Vec};

pub use crate::payloads::gzip::Progress;

/// Decodes and verifies one whole payload.
///
/// The bytes put out are NOT verified until [`Decoder::finish`] returned `Ok`: a caller that acts
/// on them before must be able to take it back. Memory does not grow with the payload. After an
/// error every further call fails with the same error.
#[derive(Debug, Clone)]
pub struct Decoder {
    content: Content,
    received: u64,
    /// Fed with the payload; absent when the pack has no digest of it.
    stored: Option<Hasher>,
    /// Fed with the decoded content of a payload whose digest the pack has.
    original: Option<Hasher>,
    encoding: Encoding,
    failed: Option<Error>,
}

/// What undoes the encoding.
#[derive(Debug, Clone)]
enum Encoding {
    Stored,
    Gzip(GzipDecoder),
    Zstd(FrameDecoder),
}

impl Decoder {
    /// A decoder for the payload of `content`, with the dictionary that it needs.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] when no payload of that length can hold content of that length;
    /// [`Error::UnsupportedCodec`]; of a zstd payload those of [`FrameDecoder::new`].
    pub fn new(content: &Content, dictionary: Option<Dictionary>) -> Result<Decoder> {
        check_sizes(content)?;
        let encoding = match content.codec {
            Codec::Stored => Encoding::Stored,
            Codec::Gzip | Codec::Deflate => {
                Encoding::Gzip(GzipDecoder::of(content.size, content.codec == Codec::Deflate))
            }
            Codec::Zstd => Encoding::Zstd(FrameDecoder::new(content, dictionary)?),
            Codec::Other(number) => return Err(Error::UnsupportedCodec { number }),
        };
        Ok(Decoder {
            content: *content,
            received: 0,
            stored: content.digest.map(|_| Hasher::new()),
            original: match encoding {
                Encoding::Stored => None,
                _ => content.original_digest.map(|_| Hasher::new()),
            },
            encoding,
            failed: None,
        })
    }

    /// Takes payload bytes from the front of `input` and writes content to the front of `output`.
    ///
    /// Goes on until the output is full or the input is used up: if the output was not filled, all
    /// input was consumed and nothing is held back. [`Progress::finished`] says that the payload is
    /// complete; it is verified by [`Decoder::finish`].
    ///
    /// # Errors
    /// [`Error::PayloadLength`] when there is more input than the payload has bytes; those of
    /// [`GzipDecoder::decode`].
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.advance(input, output);
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    fn advance(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress> {
        let expected = self.content.stored_size;
        let found = self.received.saturating_add(input.len() as u64);
        if found > expected {
            return Err(Error::PayloadLength { expected, found });
        }
        let mut progress = match &mut self.encoding {
            Encoding::Stored => copy(input, output),
            Encoding::Gzip(gzip) => gzip.decode(input, output)?,
            Encoding::Zstd(frames) => frames.decode(input, output)?,
        };
        if let Some(hasher) = &mut self.stored {
            hasher.update(input.get(..progress.consumed).unwrap_or_default());
        }
        if let Some(hasher) = &mut self.original {
            hasher.update(output.get(..progress.produced).unwrap_or_default());
        }
        self.received = self.received.saturating_add(progress.consumed as u64);
        let is_stored = matches!(self.encoding, Encoding::Stored);
        progress.finished = self.received == expected && (is_stored || progress.finished);
        Ok(progress)
    }

    /// Verifies everything that was decoded.
    ///
    /// # Errors
    /// [`Error::PayloadLength`] when the payload is not complete, [`Error::DigestMismatch`] when
    /// its SHA-256 or that of the content is not the expected one, [`Error::SizeMismatch`] when the
    /// content is too short, and any error that decoding ended with.
    pub fn finish(self) -> Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        check_stored(&self.content, self.received, self.stored.map(Hasher::finish))?;
        let found = match self.encoding {
            Encoding::Stored => return Ok(()),
            Encoding::Gzip(gzip) => gzip.finish().map(|()| gzip.produced())?,
            Encoding::Zstd(frames) => frames.finish().map(|()| frames.produced())?,
        };
        if found != self.content.size {
            return Err(Error::SizeMismatch { expected: self.content.size, found });
        }
        let found = self.original.map(Hasher::finish);
        check_digest(&self.content, Part::Original, self.content.original_digest, found)
    }
}

/// Hashes a stored payload that the caller copies by itself.
#[derive(Debug, Clone, Default)]
pub struct PayloadHasher {
    hasher: Hasher,
    len: u64,
}

impl PayloadHasher {
    /// One that has seen no bytes.
    pub fn new() -> PayloadHasher {
        PayloadHasher::default()
    }

    /// Adds the payload's next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(bytes.len() as u64);
    }

    /// Fails unless the bytes added are the payload of `content`, as far as the pack tells:
    /// [`Error::PayloadLength`] or [`Error::DigestMismatch`].
    pub fn finish(self, content: &Content) -> Result<()> {
        check_stored(content, self.len, Some(self.hasher.finish()))
    }
}

/// Fails unless `payload` is the payload of `content` as stored, as far as the pack tells.
///
/// # Errors
/// [`Error::PayloadLength`] or [`Error::DigestMismatch`].
pub fn verify_stored(content: &Content, payload: &[u8]) -> Result<()> {
    let found = content.digest.map(|_| Digest::of(payload));
    check_stored(content, payload.len() as u64, found)
}

/// The same where the payload was hashed before, with others ([`Digest::of_each`]): what is left to be verified, which is
/// `content` without that digest.
///
/// # Errors
/// [`Error::DigestMismatch`].
pub fn verify_hashed(content: &Content, found: Digest) -> Result<Content> {
    check_digest(content, Part::Payload, content.digest, content.digest.map(|_| found))?;
    Ok(Content { digest: None, ..*content })
}

/// The verified content of a payload that is at hand: borrowed when it is stored as it is.
///
/// The payload is verified before it is decoded, with the dictionary that it needs. Memory is taken as the content grows, up to
/// `content.size`.
///
/// # Errors
/// [`Error::OverLimit`] when decoded content would be longer than [`Limits::content_bytes`], and
/// those of [`Decoder`].
pub fn decode_all<'a>(
    content: &Content,
    payload: &'a [u8],
    dictionary: Option<&Dictionary>,
    limits: &Limits,
) -> Result<Cow<'a, [u8]>> {
    check_sizes(content)?;
    verify_stored(content, payload)?;
    if content.codec == Codec::Stored {
        return Ok(Cow::Borrowed(payload));
    }
    // On machines with short addresses they are a limit, too.
    let limit = limits.content_bytes.min(isize::MAX as u64);
    Limits::check("content_bytes", content.size, limit)?;
    if content.codec == Codec::Zstd {
        let output = decode_frames(content, payload, dictionary)?;
        let found = content.original_digest.map(|_| Digest::of(&output));
        check_digest(content, Part::Original, content.original_digest, found)?;
        return Ok(Cow::Owned(output));
    }
    // The stored bytes need no second hashing.
    let mut decoder = Decoder::new(&Content { digest: None, ..*content }, None)?;
    let mut output = Vec::new();
    let (mut consumed, mut produced) = (0usize, 0usize);
    loop {
        let len = (output.len() as u64).saturating_mul(2).clamp(1 << 16, 1 << 60);
        let len = usize::try_from(len.min(content.size)).unwrap_or(usize::MAX);
        output.resize(len, 0);
        let progress = decoder.decode(
            payload.get(consumed..).unwrap_or_default(),
            output.get_mut(produced..).unwrap_or_default(),
        )?;
        consumed = consumed.saturating_add(progress.consumed);
        produced = produced.saturating_add(progress.produced);
        // An output that was not filled, or is as long as can be, means that no more will come.
        if produced < len || len as u64 == content.size {
            break;
        }
    }
    decoder.finish()?;
    Ok(Cow::Owned(output))
}

fn copy(input: &[u8], output: &mut [u8]) -> Progress {
    let len = input.len().min(output.len());
    if let (Some(from), Some(to)) = (input.get(..len), output.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    Progress { consumed: len, produced: len, finished: false }
}

/// Refuses lengths that cannot belong together, before anything is read for their sake.
fn check_sizes(content: &Content) -> Result<()> {
    match content.codec {
        Codec::Stored if content.size != content.stored_size => {
            Err(Error::SizeMismatch { expected: content.size, found: content.stored_size })
        }
        Codec::Stored => Ok(()),
        Codec::Gzip | Codec::Deflate => plausible(content.stored_size, content.size),
        Codec::Zstd => zstd::plausible(content.stored_size, content.size),
        Codec::Other(number) => Err(Error::UnsupportedCodec { number }),
    }
}

fn check_stored(content: &Content, found: u64, digest: Option<Digest>) -> Result<()> {
    if found != content.stored_size {
        return Err(Error::PayloadLength { expected: content.stored_size, found });
    }
    check_digest(content, Part::Payload, content.digest, digest)
}

/// Compares what the pack says, if it does, with what was found.
fn check_digest(
    content: &Content,
    part: Part,
    expected: Option<Digest>,
    found: Option<Digest>,
) -> Result<()> {
    match (expected, found) {
        (Some(expected), Some(found)) if expected != found => {
            Err(Error::DigestMismatch { part, extent: content.extent(), expected, found })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
