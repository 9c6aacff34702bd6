//! JavaScript values of what the core answers and is asked: numbers, names, digests, errors.

use crate::code::code_of;
use crate::json::Json;
use js_sys::{Object, Reflect};
use rangepack_core::{Digest, Error, Extent, Part};
use wasm_bindgen::prelude::*;

/// What a question gives: a plain object, or an `Error` with a `code`.
pub type Answered = Result<JsValue, JsValue>;

/// The greatest integer that a JavaScript number holds exactly.
pub(crate) const MAX_SAFE: u64 = (1 << 53) - 1;

/// `{ offset, length }`.
fn range(extent: Extent) -> Answered {
    Json::default().begin(b'{').extent(extent)?.end(b'}').parse()
}

pub use js_sys::JsString;

/// A count or offset from JavaScript; anything but a safe integer is refused.
pub fn integer(value: f64) -> Result<u64, JsValue> {
    if value.fract() != 0.0 || !(0.0..=MAX_SAFE as f64).contains(&value) {
        return Err(error("ERR_ARGUMENT", "an offset or count is not an integer from 0 to 2^53-1"));
    }
    Ok(value as u64)
}

/// A digest as 64 hexadecimal digits.
#[must_use]
pub fn hex(digest: &Digest) -> JsValue {
    let digits = digest.to_hex();
    JsValue::from_str(core::str::from_utf8(&digits).unwrap_or_default())
}

/// A digest from 64 hexadecimal digits.
pub fn digest(text: &str) -> Result<Digest, JsValue> {
    Digest::from_hex(text).ok_or_else(|| {
        error("ERR_ARGUMENT", &format!("`{text}` is not a SHA-256 (64 hexadecimal digits)"))
    })
}

/// A name as a string. Bytes that are not UTF-8 stand as lone surrogates, U+DC80 to U+DCFF, as in
/// the NDJSON index, so that every name comes back as it was.
#[must_use]
pub fn name(bytes: &[u8]) -> JsValue {
    if let Ok(text) = core::str::from_utf8(bytes) {
        return JsValue::from_str(text);
    }
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        units.extend(chunk.valid().encode_utf16());
        units.extend(chunk.invalid().iter().map(|byte| 0xdc00 | u16::from(*byte)));
    }
    JsString::from_char_code(&units).into()
}

/// The bytes of a name: the inverse of [`name`].
#[must_use]
pub fn name_bytes(text: &JsString) -> Vec<u8> {
    // What has no place in UTF-8 is looked at unit by unit, which takes long.
    if let Some(text) = text.as_string().filter(|text| has_no_replacement(text.as_bytes())) {
        return text.into_bytes();
    }
    let mut bytes = Vec::new();
    for unit in char::decode_utf16(text.iter()) {
        match unit {
            Ok(character) => {
                bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            }
            Err(lone) => match lone.unpaired_surrogate() {
                escaped @ 0xdc80..=0xdcff => bytes.push((escaped & 0xff) as u8),
                _ => bytes.extend("\u{fffd}".bytes()),
            },
        }
    }
    bytes
}

/// Whether bytes are a name that only one string stands for.
#[must_use]
pub fn is_plain(name: &[u8]) -> bool {
    core::str::from_utf8(name).is_ok() && has_no_replacement(name)
}

/// Whether U+FFFD, as which all comes that has no place in UTF-8, is not among them.
fn has_no_replacement(bytes: &[u8]) -> bool {
    !bytes.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes())
}

/// An `Error` with a stable `code`.
#[must_use]
pub fn error(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message).into();
    KEYS.with(|keys| set(&error, &keys.code, &JsValue::from_str(code)));
    error
}

/// Sets a property.
fn set(error: &JsValue, key: &JsString, value: &JsValue) {
    // Of a plain object that never fails.
    let _ = Reflect::set(error, key, value);
}

/// What the core found wrong.
#[inline(never)]
#[must_use]
pub fn core_error(failure: Error) -> JsValue {
    let code = code_of(&failure);
    let error = error(code, &failure.to_string());
    let of_index = [Part::Page, Part::BlockTable, Part::Section];
    if let Error::DigestMismatch { part, extent, .. } = failure
        && of_index.contains(&part)
        && let Ok(range) = range(extent)
    {
        // Which bytes to bring once more.
        KEYS.with(|keys| set(&error, &keys.damaged, &range));
    }
    error
}

/// `{ value }` of something that is no text.
#[must_use]
pub fn ready(value: &JsValue) -> JsValue {
    let answer = Object::new().into();
    KEYS.with(|keys| set(&answer, &keys.value, value));
    answer
}

/// Names of properties, made once.
#[derive(Debug)]
pub struct Made;

/// Names of properties, made once.
pub static KEYS: Made = Made;

impl Made {
    /// Lends them.
    #[inline]
    pub fn with<T>(&self, work: impl FnOnce(&Keys) -> T) -> T {
        work(keys())
    }
}

// One copy of it is enough, and they live as long as the module.
#[inline(never)]
fn keys() -> &'static Keys {
    thread_local! {
        static MADE: &'static Keys = Box::leak(Box::new(make()));
    }
    MADE.with(|made| *made)
}

macro_rules! keys {
    ($($key:ident = $text:literal),* $(,)?) => {
        /// Names of properties, made once.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is the name that it holds")]
        pub struct Keys { $(pub $key: JsString),* }

        #[inline(never)]
        fn make() -> Keys {
            Keys { $($key: JsString::from($text)),* }
        }
    };
}

keys! {
    code = "code", value = "value", offset = "offset", length = "length", damaged = "damaged", size = "size", stored_size = "storedSize",
    codec = "codec", sha256 = "sha256", original_sha256 = "originalSha256", blocks = "blocks", block_log2 = "blockLog2",
    volume = "volume", start = "start", end = "end", index = "index", unreadable = "unreadable", message = "message",
}
