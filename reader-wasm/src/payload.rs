//! Verifies and decodes what the files of a pack hold.

use crate::entry::{self, content_of, digest, integer};
use crate::value::{self, KEYS, core_error};
use js_sys::{Array, Uint8Array};
use rangepack_core::blocks::{self, Block};
use rangepack_core::{Attributes, Codec, Digest, Extent, Limits};
use wasm_bindgen::prelude::*;

/// SHA-256 as 64 hexadecimal digits.
#[wasm_bindgen]
#[must_use]
pub fn sha256(bytes: &[u8]) -> JsValue {
    value::hex(&Digest::of(bytes))
}

/// The content of a whole payload, verified against its digest first.
///
/// With `verified` the caller has compared the digest of the stored bytes already.
#[wasm_bindgen(js_name = decodeAll)]
pub fn decode_all(entry: &JsValue, payload: &[u8], verified: bool) -> Result<Vec<u8>, JsValue> {
    let mut content = content_of(entry)?;
    if verified {
        content.digest = None;
    }
    let mut limits = Limits::default();
    limits.content_bytes = 1 << 30;
    let decoded = rangepack_core::decode_all(&content, payload, None, &limits);
    Ok(decoded.map_err(core_error)?.into_owned())
}

/// The verified content of one block of [`crate::reader::Reader::locate`], from its stored bytes.
#[wasm_bindgen(js_name = decodeBlock)]
pub fn decode_block(entry: &JsValue, block: &JsValue, stored: &[u8]) -> Result<Vec<u8>, JsValue> {
    let content = content_of(entry)?;
    let block = KEYS.with(|keys| -> Result<Block, JsValue> {
        Ok(Block {
            index: integer(block, &keys.index)?,
            stored: Extent {
                start: integer(block, &keys.offset)?,
                len: integer(block, &keys.length)?,
            },
            digest: digest(block, &keys.sha256)?,
            content: integer(block, &keys.start)?..integer(block, &keys.end)?,
        })
    })?;
    let decoded = blocks::decode_block(&content, &block, stored, None);
    Ok(decoded.map_err(core_error)?.into_owned())
}

/// The names and values of an attribute block, whose digest the caller has compared: an array of pairs.
#[wasm_bindgen]
pub fn attributes(block: &[u8]) -> Result<Array, JsValue> {
    let pairs = Array::new();
    let mut each = |name: &[u8], value: &[u8]| {
        pairs.push(&Array::of2(&value::name(name), &Uint8Array::from(value)));
    };
    Attributes::read(block, &mut each).map_err(core_error)?;
    Ok(pairs)
}

/// How many bytes are decoded in one go.
const PIECE: usize = 256 << 10;

/// Decodes and verifies a payload that arrives in pieces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Decoder {
    decoder: rangepack_core::Decoder,
    stored: bool,
    input: Vec<u8>,
    consumed: usize,
}

#[wasm_bindgen]
impl Decoder {
    /// For the payload of the file `entry`.
    #[wasm_bindgen(constructor)]
    pub fn new(entry: &JsValue) -> Result<Decoder, JsValue> {
        let content = entry::content_of(entry)?;
        let decoder = rangepack_core::Decoder::new(&content, None).map_err(core_error)?;
        let stored = content.codec == Codec::Stored;
        Ok(Decoder { decoder, stored, input: Vec::new(), consumed: 0 })
    }

    /// Takes the payload's next bytes. Then [`Decoder::pull`] until it gives nothing.
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.input = bytes;
        self.consumed = 0;
    }

    /// Some content; empty when all that was pushed is decoded. It is NOT verified before
    /// [`Decoder::finish`].
    pub fn pull(&mut self) -> Result<Vec<u8>, JsValue> {
        let rest = self.input.get(self.consumed..).unwrap_or_default();
        // What is stored as it is gives as much as it takes.
        let room = if self.stored { rest.len().min(PIECE) } else { PIECE };
        let mut output = vec![0; room];
        let progress = self.decoder.decode(rest, &mut output).map_err(core_error)?;
        self.consumed += progress.consumed;
        output.truncate(progress.produced);
        Ok(output)
    }

    /// Verifies everything that was decoded.
    pub fn finish(self) -> Result<(), JsValue> {
        self.decoder.finish().map_err(core_error)
    }
}
