//! Plain files in as few parts as can be, of which JavaScript makes the objects: that takes a third of the time that [`crate::json`]
//! takes, and most look-ups find one. (`web/reader/src/plain.js` is the other side.)

use crate::value::{self, MAX_SAFE};
use js_sys::Float64Array;
use rangepack_core::{Codec, DictionaryRef, Entry};
use wasm_bindgen::prelude::*;

/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// Puts a file's size, stored size, offset, volume, mode, codec, dictionary (-1: none), and the seconds and nanoseconds of its time
/// into `numbers`, and gives its digest and its original digest, if it has one, as one text.
///
/// `None` of a path that is no text, of everything but files, and of a file of which less is known, or more.
pub fn write(entry: &Entry, numbers: &Float64Array) -> Option<JsValue> {
    let content = entry.content()?;
    let (mode, time, digest) = (entry.mode?, entry.mtime?, content.digest?);
    let codec = match content.codec {
        Codec::Stored => 0.0,
        Codec::Gzip => 1.0,
        Codec::Deflate => 2.0,
        Codec::Zstd => 3.0,
        _ => return None,
    };
    let dictionary = match content.dictionary {
        Some(DictionaryRef::Number(number)) => number.into(),
        Some(_) => return None,
        None => -1.0,
    };
    let counts = [content.size, content.stored_size, content.offset];
    let has_more = content.blocks.is_some()
        || content.hard_link.is_some()
        || content.sparse
        || entry.owner.is_some()
        || entry.attributes.is_some();
    if has_more
        || !value::is_plain(entry.path.as_bytes())
        || time < SECOND
        || counts.iter().any(|count| *count > MAX_SAFE)
    {
        return None;
    }
    let [size, stored_size, offset] = counts.map(|count| count as f64);
    let [seconds, nanoseconds] = [time / SECOND, time % SECOND].map(|part| part as f64);
    let (volume, mode) = (content.volume.into(), mode.into());
    let parts = [size, stored_size, offset, volume, mode, codec, dictionary, seconds, nanoseconds];
    for (at, part) in (0..).zip(parts) {
        numbers.set_index(at, part);
    }
    let digests = [digest.to_hex(), content.original_digest.unwrap_or(digest).to_hex()];
    let both = digests.as_flattened();
    let text = if content.original_digest.is_some() { both } else { both.get(..64)? };
    Some(JsValue::from_str(core::str::from_utf8(text).ok()?))
}
