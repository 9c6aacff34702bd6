//! Lines as [`write_line`](super::super::write_line) writes most of them, read without a parser of JSON: nearly all lines of
//! an index are such, and are read in a fraction of the time.

use super::{Bytes, Hex, Line, Time};
use crate::digest::Digest;

/// The keys of such a line; `None` of any other, well-formed or not.
///
/// Keys come in the order in which they are written, with a blank behind each colon and comma; strings have no escapes,
/// numbers no signs.
pub(super) fn read(line: &[u8]) -> Option<Line> {
    let mut rest = Rest(line);
    rest.key(b"{\"relpath\": \"")?;
    let mut line = Line { relpath: rest.string()?, ..Line::default() };
    rest.key(b", \"offset\": ")?;
    line.offset = Some(rest.number()?);
    rest.key(b", \"payload_size\": ")?;
    line.payload_size = Some(rest.number()?);
    rest.key(b", \"orig_size\": ")?;
    line.orig_size = Some(rest.number()?);
    if rest.key(b", \"sha256\": \"").is_some() {
        line.sha256 = Some(rest.digest()?);
    }
    rest.key(b", \"compressed\": ")?;
    line.compressed =
        Some(rest.key(b"false").map(|()| false).or_else(|| rest.key(b"true").map(|()| true))?);
    if rest.key(b", \"entry_type\": \"").is_some() {
        line.entry_type = Some(rest.string()?);
    }
    if rest.key(b", \"mode\": ").is_some() {
        line.mode = Some(rest.number()?);
    }
    if rest.key(b", \"mtime\": ").is_some() {
        line.mtime = Some(Time::Whole(rest.number()?.try_into().ok()?));
    }
    if rest.key(b", \"mtime_ns\": ").is_some() {
        line.mtime_ns = Some(rest.number()?.try_into().ok()?);
    }
    if rest.key(b", \"uid\": ").is_some() {
        line.uid = Some(rest.number()?.try_into().ok()?);
    }
    if rest.key(b", \"gid\": ").is_some() {
        line.gid = Some(rest.number()?.try_into().ok()?);
    }
    if rest.key(b", \"codec\": \"").is_some() {
        line.codec = Some(rest.string()?);
    }
    if rest.key(b", \"orig_sha256\": \"").is_some() {
        line.orig_sha256 = Some(rest.digest()?);
    }
    // Its check was compared before.
    if rest.key(b", \"crc32\": \"").is_some() {
        rest.text()?;
    }
    (rest.0 == b"}").then_some(line)
}

/// What is not read yet.
struct Rest<'l>(&'l [u8]);

impl<'l> Rest<'l> {
    /// Goes behind these bytes, if they are next.
    fn key(&mut self, key: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(key)?;
        Some(())
    }

    /// Up to the quotation mark, and goes behind it.
    fn text(&mut self) -> Option<&'l [u8]> {
        // ED begins what stands for single bytes.
        let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\' | 0xed);
        let (text, rest) = self.0.split_at_checked(self.0.iter().position(is_special)?)?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    fn string(&mut self) -> Option<Bytes> {
        self.text().map(|text| Bytes(text.to_vec()))
    }

    fn digest(&mut self) -> Option<Hex> {
        let (digits, rest) = self.0.split_first_chunk::<64>()?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(Hex(Some(Digest::from_hex(core::str::from_utf8(digits).ok()?)?)))
    }

    fn number(&mut self) -> Option<u64> {
        let len = self.0.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at_checked(len)?;
        if digits.is_empty() || (digits.first() == Some(&b'0') && len > 1) {
            return None;
        }
        self.0 = rest;
        digits.iter().try_fold(0u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        })
    }
}
