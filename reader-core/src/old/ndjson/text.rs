//! Raw bytes as JSON strings, and back (docs/old-formats.md, "NDJSON index").

use crate::Digest;
use crate::format::layout::MAGIC;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

pub(super) fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                write_character(character, out);
            }
            for byte in chunk.invalid() {
                write_escape(0xdc00 | u16::from(*byte), out);
            }
        }
    }
    out.push(b'"');
}

/// Whether a name is the same inside a JSON string: UTF-8 without anything to escape. A C2 or E2
/// may begin one of the characters that end a line, so names with these go the long way, too.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\' | 0x7f | 0xc2 | 0xe2);
    !bytes.iter().any(special)
        && core::str::from_utf8(bytes).is_ok()
        && !memchr::memchr_iter(b'_', bytes)
            .any(|last| bytes.get(..=last).is_some_and(|head| head.ends_with(MAGIC)))
}

fn write_character(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        // The magic must not occur in an index: old readers take its last occurrence.
        '_' if MAGIC.strip_suffix(b"_").is_some_and(|head| out.ends_with(head)) => {
            write_escape(u16::from(b'_'), out);
        }
        // All that Python takes for the end of a line, and the other control characters.
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
            write_escape(u16::try_from(u32::from(character)).unwrap_or_default(), out);
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn write_escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(u32::from(unit >> shift) & 15, 16).unwrap_or('0');
        out.extend_from_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// A JSON string as raw bytes: the lone surrogates `\udc80` to `\udcff` are single bytes again.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> core::result::Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, text: &[u8]) -> core::result::Result<Bytes, E> {
                Ok(Bytes(without_surrogates(text).into_owned()))
            }

            // Keys come as text.
            fn visit_str<E>(self, text: &str) -> core::result::Result<Bytes, E> {
                Ok(Bytes(text.into()))
            }
        }

        reader.deserialize_bytes(Text)
    }
}

/// A digest as hexadecimal digits; nothing when the string holds anything else.
#[derive(Deserialize)]
#[serde(from = "Bytes")]
pub(super) struct Hex(pub(super) Option<Digest>);

impl From<Bytes> for Hex {
    fn from(Bytes(digits): Bytes) -> Hex {
        Hex(core::str::from_utf8(&digits).ok().and_then(Digest::from_hex))
    }
}

/// Lone surrogates arrive as if UTF-8 allowed them: ED B2 80 to ED B3 BF. No valid UTF-8 holds
/// these, so each stands for one byte.
fn without_surrogates(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0xed, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [0xed, 0xb2, low @ 0x80..=0xbf, rest @ ..] => {
                bytes.push(*low);
                rest
            }
            [0xed, 0xb3, low @ 0x80..=0xbf, rest @ ..] => {
                bytes.push(*low | 0x40);
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
            [] => return Cow::Owned(bytes),
        };
    }
}
