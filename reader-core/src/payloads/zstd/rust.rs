//! A decoder in Rust without `unsafe`: for WebAssembly, and wherever there is no C compiler.

use crate::error::Result;
use alloc::vec::Vec;
use zstd_rs::{DecoderDictionary, Decompressor, Dictionary, DictionaryFormat};

/// Whether anything can be decoded.
pub(super) fn available() -> Result<()> {
    Ok(())
}

/// A dictionary with its tables built.
pub(super) struct Prepared(DecoderDictionary);

impl Prepared {
    /// `None` when it is not sound.
    pub(super) fn new(bytes: &[u8]) -> Result<Option<Prepared>> {
        let dictionary =
            Dictionary::new(bytes, DictionaryFormat::Zstd).and_then(DecoderDictionary::new);
        Ok(dictionary.ok().map(Prepared))
    }
}

/// The decoder's tables and buffers, once there are any.
#[derive(Default)]
pub(super) struct Context(Option<Decompressor>);

impl Clone for Context {
    fn clone(&self) -> Context {
        Context::default()
    }
}

/// It grows its output by so much more than the content, so that it copies whole words.
const SLACK: usize = 32;

impl Context {
    /// Appends the content of `frame`, which is `size` bytes long; `false` when it cannot be decoded.
    pub(super) fn decode(
        &mut self,
        frame: &[u8],
        dictionary: Option<&Prepared>,
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let limit = out.len().saturating_add(size);
        out.reserve(size.saturating_add(SLACK));
        let dictionary = dictionary.map(|Prepared(dictionary)| dictionary);
        let context = self.0.get_or_insert_with(Decompressor::new);
        let decoded = context.decompress_frame(frame, dictionary, limit, out);
        Ok(decoded.is_ok_and(|consumed| consumed == frame.len()))
    }
}
