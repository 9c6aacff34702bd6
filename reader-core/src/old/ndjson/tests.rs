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
    let first = summary.bad.first().map(|bad| (bad.number, bad.offset));
    Ok((summary.entries, summary.refused, summary.bad_lines, first))
}

/// Size and SHA-256 of each file that the old programs packed.
fn expected() -> BTreeMap<String, (u64, Digest)> {
    let json = include_bytes!("../../../../tests/fixtures/seed-formats/expected.json");
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
        include_bytes!(concat!("../../../../tests/fixtures/seed-formats/", $name)).as_slice()
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
fn bad_lines_are_named_where_they_can_be() {
    let odd = LINE.replace("\"a\"", "\"b\\udcff\", \"x\": 1, \"mode\": -1");
    let (_, summary) = read(format!("{odd}\nx\n{{\"relpath\": 1}}\n").as_bytes()).unwrap();
    let names: Vec<_> = summary.bad.iter().map(|bad| bad.name.as_deref()).collect();
    assert_eq!(names, [Some(&b"b\xff"[..]), None, None]);
    let (_, summary) = read("x\n".repeat(2000).as_bytes()).unwrap();
    assert_eq!((summary.bad_lines, summary.bad.len()), (2000, BAD_LINES_KEPT));
}

#[test]
fn what_can_be_an_index_in_a_file_of_its_own() {
    let check = |index: &str, container_len| {
        read(index.as_bytes())?.1.check(index.len() as u64, container_len)
    };
    let refused = LINE.replace("\"a\"", "\"../a\"");
    for index in [LINE, &refused, &format!("x\n{LINE}")] {
        assert_eq!(check(index, 5), Ok(()));
    }
    for (index, number) in [("<!DOCTYPE html>", 1), ("\n{\"error\": \"not found\"}", 2), ("[5]", 1)]
    {
        assert!(
            matches!(check(index, 5), Err(Error::BadIndexLine { number: found, .. }) if found == number)
        );
    }
    for nothing in ["\n", "[]", " \n \n"] {
        assert_eq!(check(nothing, 0), Ok(()), "a new journal, and an empty container");
        assert_eq!(check(nothing, 5), Err(Error::NotAPack { file_len: 5 }));
    }
    assert_eq!(check("", 0), Err(Error::NotAPack { file_len: 0 }));
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
    for bad in ["[", "[1,]", "[] []", "{\"entries\": 1}", "{\"entries\": {}}", "{\"entries\": ["] {
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
        let found = parse_index(index.as_bytes(), &Limits::default(), &mut |_| Err(error.clone()));
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

#[test]
fn lines_in_pieces_are_those_of_the_whole() {
    let line = |name: &str| {
        format!(
            "{{\"relpath\": \"{name}\", \"offset\": 0, \"payload_size\": 1, \"orig_size\": 1, \"compressed\": false}}"
        )
    };
    let index = format!("\n{}\r\n\nbad\n{}\n{}", line("a"), line("../b"), line("c"));
    let (entries, summary) = read(index.as_bytes()).unwrap();
    for len in 1..index.len() + 1 {
        let (mut lines, mut found) = (Lines::new(&Limits::default()), Vec::new());
        let mut each = |item| {
            if let Item::Entry(entry) = item {
                found.push(entry);
            }
            Ok(())
        };
        for piece in index.as_bytes().chunks(len) {
            lines.push(piece, &mut each).unwrap();
        }
        let in_pieces = lines.finish(&mut each).unwrap();
        assert_eq!((&found, &in_pieces), (&entries, &summary), "{len}");
    }
}

#[test]
fn pieces_that_hold_nothing_come_to_an_end() {
    for piece in [b"\n".repeat(1 << 20), b"{}\n".repeat(300_000), b"x".repeat(1 << 20)] {
        let mut lines = Lines::new(&Limits::default());
        let pieces = (0..200).position(|_| lines.push(&piece, &mut |_| Ok(())).is_err());
        assert!(pieces.is_some_and(|pieces| pieces < 100), "{pieces:?}");
    }
}
