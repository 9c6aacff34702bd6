//! JavaScript values of what the core answers and is asked: numbers, names, digests, errors.

use crate::code::code_of;
use js_sys::{Object, Reflect};
use rangepack_core::{Digest, Error, Extent, Part};
use wasm_bindgen::prelude::*;

/// What a question gives: a plain object, or an `Error` with a `code`.
pub type Answered = Result<JsValue, JsValue>;

/// The greatest integer that a JavaScript number holds exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// A plain object with these properties.
#[must_use]
pub fn object<const N: usize>(properties: [(&JsString, JsValue); N]) -> Object {
    with_all(&properties)
}

/// One copy of it is enough.
#[inline(never)]
fn with_all(properties: &[(&JsString, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in properties {
        // Setting a property of a plain object never fails.
        let _ = Reflect::set(&object, key, value);
    }
    object
}

/// Sets one property of a plain object.
#[inline(never)]
pub fn set(object: &Object, key: &JsString, value: JsValue) {
    // Setting a property of a plain object never fails.
    let _ = Reflect::set(object, key, &value);
}

/// Sets one property to a number, unless JavaScript would round it.
pub fn count(object: &Object, key: &JsString, value: u64) -> Result<(), JsValue> {
    set(object, key, number(value)?);
    Ok(())
}

/// `{ offset, length }`.
pub fn range(extent: Extent) -> Result<Object, JsValue> {
    KEYS.with(|keys| {
        let object = Object::new();
        count(&object, &keys.offset, extent.start)?;
        count(&object, &keys.length, extent.len)?;
        Ok(object)
    })
}

pub use js_sys::JsString;

/// A number, unless JavaScript would round it.
pub fn number(value: u64) -> Answered {
    if value > MAX_SAFE {
        let text = format!("{value} is more than JavaScript can count exactly (2^53-1)");
        return Err(error("ERR_LIMIT", &text));
    }
    Ok(JsValue::from_f64(value as f64))
}

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
    if let Some(text) = text.is_valid_utf16().then(|| text.as_string()).flatten() {
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

/// An `Error` with a stable `code`.
#[must_use]
pub fn error(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    KEYS.with(|keys| set(&error, &keys.code, JsValue::from_str(code)));
    error.into()
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
        KEYS.with(|keys| set(error.unchecked_ref(), &keys.damaged, range.into()));
    }
    error
}

/// `{ value }`: the answer.
#[must_use]
pub fn ready(value: impl Into<JsValue>) -> JsValue {
    KEYS.with(|keys| object([(&keys.value, value.into())]).into())
}

/// `{ need: { offset, length } }`: a range that is lacking.
pub fn need(extent: Extent) -> Answered {
    let range = range(extent)?;
    KEYS.with(|keys| Ok(object([(&keys.need, range.into())]).into()))
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
    code = "code", value = "value", need = "need", volume = "volume", offset = "offset",
    length = "length", damaged = "damaged", path = "path", name = "name", kind = "kind", size = "size",
    stored_size = "storedSize", codec = "codec", sha256 = "sha256",
    original_sha256 = "originalSha256", blocks = "blocks", block_log2 = "blockLog2",
    mode = "mode", mtime_ms = "mtimeMs", mtime_ns = "mtimeNs", uid = "uid", gid = "gid",
    target = "target", files = "files", directories = "directories", bytes = "bytes",
    stored_bytes = "storedBytes", entries = "entries", symlinks = "symlinks", next = "next",
    end = "end", start = "start", format = "format", root = "root", volumes = "volumes",
    volume_count = "volumeCount",
    refused = "refused", bad_lines = "badLines", lost_names = "lostNames", unfinished = "unfinished",
    index_bytes = "indexBytes", legacy = "legacy", index = "index", whole = "whole", file_size = "fileSize",
    tree_digest = "treeDigest", hard_link = "hardLink", sparse = "sparse", unreadable = "unreadable",
    message = "message", misfit = "misfit", sections = "sections", tag = "tag", known = "known",
    attributes = "attributes", page_size = "pageSize", dictionary = "dictionary",
}
