//! The NDJSON index of CTNRv1 containers: lines written, and whole indexes read (FORMAT.md,
//! "NDJSON index").
//!
//! Names are raw bytes, JSON is text. Valid UTF-8 stands as it is; any other byte `0xNN` is the
//! lone surrogate `\udcNN`, which Python's `surrogateescape` turns back into that byte.

mod write;
mod line;

pub use line::{Item, Refused, parse_line};
pub use write::write_line;

use crate::error::{Error, Result};
use crate::limits::Limits;
use core::fmt;
use line::Bytes;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

const NANOSECONDS: i64 = 1_000_000_000;

/// What [`parse_index`] came across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexSummary {
    /// Number of entries.
    pub entries: u64,
    /// Number of entries under names that are refused.
    pub refused: u64,
    /// Number of lines or array elements that are not entries. The old readers skip them silently.
    pub bad_lines: u64,
    /// The first of these: its number, counted from 1, and its byte offset in the index.
    pub first_bad: Option<(u64, u64)>,
}

/// Whether `first_bytes` can be the beginning of an index: perhaps whitespace, a bracket, and what
/// may follow it. Sixteen bytes are plenty; it tells a true trailer from a payload with the magic.
///
/// ```
/// use rangepack_core::ndjson::looks_like_index;
/// assert!(looks_like_index(b"{\"relpath\": \"a\""));
/// assert!(!looks_like_index(b"{relpath}"));
/// ```
pub fn looks_like_index(first_bytes: &[u8]) -> bool {
    match first_bytes.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), None | Some(b'{' | b']')),
        _ => false,
    }
}

/// Reads a whole index and hands its items to `each`, one after the other: NDJSON, a JSON array, or
/// an object whose `entries` are one. Nothing is collected.
///
/// Lines and elements that are not entries are counted, and reading goes on. A JSON array that
/// breaks off or is not well-formed is [`Error::BadIndexLine`], after the items before the break.
/// [`Error::OverLimit`] beyond `v1_index_bytes` and `v1_entries`; errors of `each` end it, too.
pub fn parse_index(
    bytes: &[u8],
    limits: &Limits,
    each: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<IndexSummary> {
    Limits::check("v1_index_bytes", bytes.len() as u64, limits.v1_index_bytes)?;
    let mut progress = Progress {
        index: bytes,
        limits,
        each,
        summary: IndexSummary::default(),
        number: 0,
        reached: 0,
    };
    match bytes.trim_ascii_start().first() {
        Some(b'[') => progress.document()?,
        Some(b'{') if is_document(bytes) => progress.document()?,
        _ => progress.lines()?,
    }
    Ok(progress.summary)
}

struct Progress<'a> {
    index: &'a [u8],
    limits: &'a Limits,
    each: &'a mut dyn FnMut(Item) -> Result<()>,
    summary: IndexSummary,
    number: u64,
    /// Where the last element ends.
    reached: u64,
}

impl Progress<'_> {
    /// Takes in one line or element, which lies inside the index.
    fn item(&mut self, text: &[u8]) -> Result<()> {
        let offset = text.as_ptr().addr().saturating_sub(self.index.as_ptr().addr());
        self.reached = offset.saturating_add(text.len()) as u64;
        let Ok(item) = parse_line(text) else {
            self.summary.bad_lines = self.summary.bad_lines.saturating_add(1);
            self.summary.first_bad.get_or_insert((self.number, offset as u64));
            return Ok(());
        };
        let count = match &item {
            Item::Entry(_) => &mut self.summary.entries,
            Item::Refused(_) => &mut self.summary.refused,
        };
        *count = count.saturating_add(1);
        let total = self.summary.entries.saturating_add(self.summary.refused);
        Limits::check("v1_entries", total, self.limits.v1_entries)?;
        (self.each)(item)
    }

    fn lines(&mut self) -> Result<()> {
        for line in self.index.split(|byte| *byte == b'\n') {
            self.number = self.number.saturating_add(1);
            let line = line.trim_ascii();
            if !line.is_empty() {
                self.item(line)?;
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Result<()> {
        let mut failure = None;
        let mut reader = serde_json::Deserializer::from_slice(self.index);
        let read = reader.deserialize_any(Document { progress: self, failure: &mut failure });
        match failure {
            Some(error) => Err(error),
            None => read.and_then(|()| reader.end()).map_err(|_| Error::BadIndexLine {
                number: self.number.saturating_add(1),
                offset: self.reached,
            }),
        }
    }
}

/// Reads an array of entries, or an object with such an array under `entries`.
struct Document<'a, 'b> {
    progress: &'a mut Progress<'b>,
    failure: &'a mut Option<Error>,
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> core::result::Result<(), A::Error> {
        // Raw text first, so that one bad element does not end the whole array.
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.progress.number = self.progress.number.saturating_add(1);
            if let Err(error) = self.progress.item(element.get().as_bytes()) {
                *self.failure = Some(error);
                return Err(A::Error::custom(""));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> core::result::Result<(), A::Error> {
        let Document { progress, failure } = self;
        while let Some(key) = pairs.next_key::<Bytes>()? {
            if key.0 == b"entries" {
                pairs.next_value_seed(Document { progress, failure })?;
            } else {
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> core::result::Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

/// Whether an index that begins with `{` is one object with `entries`, not a line.
fn is_document(index: &[u8]) -> bool {
    struct Keys<'a>(&'a mut bool);

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> core::result::Result<(), A::Error> {
            while let Some(key) = pairs.next_key::<Bytes>()? {
                match key.0.as_slice() {
                    b"relpath" => break,
                    b"entries" => {
                        *self.0 = true;
                        break;
                    }
                    _ => pairs.next_value::<IgnoredAny>()?,
                };
            }
            // Ends the reading here: the rest may be gigabytes.
            Err(A::Error::custom(""))
        }
    }

    let mut found = false;
    // Fails always, found or not.
    let _ = serde_json::Deserializer::from_slice(index).deserialize_map(Keys(&mut found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::old::trailer::find_trailer;
    use crate::{Codec, Digest, Entry, Kind, Source as _};
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    const LINE: &str = r#"{"relpath": "a", "offset": 0, "payload_size": 0, "orig_size": 0}"#;

    fn read(index: &[u8]) -> Result<(Vec<Entry>, IndexSummary)> {
        let mut entries = Vec::new();
        let summary = parse_index(index, &Limits::default(), &mut |item| {
            if let Item::Entry(entry) = item {
                entries.push(entry);
            }
            Ok(())
        })?;
        Ok((entries, summary))
    }

    /// Entries, refused, bad lines, the first of these.
    type Counts = (u64, u64, u64, Option<(u64, u64)>);

    fn counts(index: &str) -> Result<Counts> {
        let (_, summary) = read(index.as_bytes())?;
        Ok((summary.entries, summary.refused, summary.bad_lines, summary.first_bad))
    }

    /// Size and SHA-256 of each file that the old programs packed.
    fn expected() -> BTreeMap<String, (u64, Digest)> {
        let json = include_bytes!("../../../tests/fixtures/seed-formats/expected.json");
        let json: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
            serde_json::from_slice(json).unwrap();
        let value = |file: &BTreeMap<String, serde_json::Value>| {
            let digest = Digest::from_hex(file["sha256"].as_str().unwrap()).unwrap();
            (file["size"].as_u64().unwrap(), digest)
        };
        // The old packer made slashes of backslashes.
        json.iter().map(|(name, file)| (name.replace('\\', "/"), value(file))).collect()
    }

    fn check(file: &[u8], index: &[u8], codec: Codec, count: usize) {
        let (entries, summary) = read(index).unwrap();
        assert_eq!((summary.entries, summary.refused, summary.bad_lines), (count as u64, 0, 0));
        let expected = expected();
        let mut seen = BTreeMap::new();
        for entry in &entries {
            let name = core::str::from_utf8(entry.path.as_bytes()).unwrap();
            let Kind::File(content) = entry.kind else { panic!("{name}") };
            let payload = file.bytes(content.extent()).unwrap();
            let (size, digest) = expected[name];
            assert_eq!((content.size, content.codec), (size, codec), "{name}");
            assert_eq!(content.digest, Some(Digest::of(payload)), "{name}");
            if codec == Codec::Stored {
                assert_eq!(content.digest, Some(digest), "{name}");
            }
            seen.insert(name, ());
        }
        assert_eq!(seen.len(), count);
    }

    macro_rules! seed {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/fixtures/seed-formats/", $name)).as_slice()
        };
    }

    #[test]
    fn the_old_programs_containers() {
        for (file, codec, count) in [
            (seed!("plain.container"), Codec::Stored, 48),
            (seed!("gzip.container"), Codec::Gzip, 48),
            (seed!("json-array.container"), Codec::Stored, 48),
            (seed!("json-object.container"), Codec::Stored, 48),
            (seed!("trailing-bytes.container"), Codec::Stored, 48),
            (seed!("one-file.container"), Codec::Stored, 1),
        ] {
            let trailer = find_trailer(file, file.len() as u64, 1 << 20).unwrap();
            let index = file.bytes(trailer.ready().unwrap().unwrap().index).unwrap();
            check(file, index, codec, count);
        }
        let index = seed!("unfinalized.container.idx");
        check(seed!("unfinalized.container"), index, Codec::Stored, 48);
    }

    #[test]
    fn bad_lines_are_counted() {
        let bad = format!("\r\n{LINE}\n{{\"relpath\": \n\n  x\n{LINE}\r\n{LINE}");
        assert_eq!(counts(&bad), Ok((3, 0, 2, Some((3, 2 + LINE.len() as u64 + 1)))));
        let refused = LINE.replace("\"a\"", "\"../a\"");
        assert_eq!(counts(&refused), Ok((0, 1, 0, None)));
        assert_eq!(counts(""), Ok((0, 0, 0, None)));
        assert_eq!(counts("x"), Ok((0, 0, 1, Some((1, 0)))));
    }

    #[test]
    fn arrays_and_objects() {
        assert_eq!(counts("[]"), Ok((0, 0, 0, None)));
        assert_eq!(counts(&format!(" [\n{LINE},\n 5, {LINE}]\n")), {
            Ok((2, 0, 1, Some((2, 2 + 1 + LINE.len() as u64 + 1 + 2))))
        });
        let object = format!("{{\n \"v\": {{\"relpath\": 1}}, \"entries\": [{LINE}], \"x\": 1}}");
        assert_eq!(counts(&object), Ok((1, 0, 0, None)));
        // A line that has `entries` as well.
        let line = LINE.replace('}', ", \"entries\": []}");
        assert_eq!(counts(&line), Ok((1, 0, 0, None)));
        assert_eq!(counts("{}"), Ok((0, 0, 1, Some((1, 0)))));
    }

    #[test]
    fn a_broken_array_says_where() {
        let broken = format!("[{LINE}, {LINE}, {{\"rel");
        let offset = 1 + LINE.len() as u64 + 2 + LINE.len() as u64;
        assert_eq!(counts(&broken), Err(Error::BadIndexLine { number: 3, offset }));
        for bad in
            ["[", "[1,]", "[] []", "{\"entries\": 1}", "{\"entries\": {}}", "{\"entries\": ["]
        {
            assert!(matches!(counts(bad), Err(Error::BadIndexLine { .. })), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(counts(&deep).is_err());
        assert!(counts(&format!("{{\"entries\": {deep}")).is_err());
        assert!(counts(&"{\"a\":".repeat(100_000)).is_ok_and(|counts| counts.0 == 0));
    }

    #[test]
    fn limits_are_kept() {
        let limits = Limits { v1_entries: 1, ..Limits::default() };
        let over = Err(Error::OverLimit { what: "v1_entries", value: 2, limit: 1 });
        for index in [format!("{LINE}\n{LINE}"), format!("[{LINE},{LINE}]")] {
            assert_eq!(parse_index(index.as_bytes(), &limits, &mut |_| Ok(())), over);
        }
        let limits = Limits { v1_index_bytes: 1, ..Limits::default() };
        assert!(parse_index(b"[]", &limits, &mut |_| Ok(())).is_err());
    }

    #[test]
    fn the_callers_error_comes_back() {
        let error = Error::NotAPack { file_len: 7 };
        for index in [LINE.into(), format!("[{LINE}]"), format!("{{\"entries\":[{LINE}]}}")] {
            let found =
                parse_index(index.as_bytes(), &Limits::default(), &mut |_| Err(error.clone()));
            assert_eq!(found, Err(error.clone()));
        }
    }

    #[test]
    fn every_cut_is_survived() {
        for index in [
            format!("{LINE}\n{LINE}\n"),
            format!("[{LINE}, {LINE}]"),
            format!("{{\"version\":1,\"entries\":[{LINE}, {LINE}]}}"),
        ] {
            assert_eq!(counts(&index), Ok((2, 0, 0, None)));
            for len in 0..index.len() {
                match counts(&index[..len]) {
                    Ok((entries, ..)) => assert!(entries < 2 || index.starts_with("{\"rel")),
                    Err(error) => assert!(matches!(error, Error::BadIndexLine { .. })),
                }
            }
        }
    }

    #[test]
    fn beginnings_of_indexes() {
        for yes in ["{", "[", " \n{ \r\n\"", "{}", "[]", "[ {", "[\n"] {
            assert!(looks_like_index(yes.as_bytes()), "{yes}");
        }
        for no in ["", "  ", "x", "{{", "[[", "[1", "{'", "[\"", "\"{"] {
            assert!(!looks_like_index(no.as_bytes()), "{no}");
        }
    }
}
