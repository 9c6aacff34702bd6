//! From entries to lines.

use crate::crc32::crc32;
use crate::{Codec, Content, DictionaryRef, Digest, Entry, Kind};
use alloc::vec::Vec;

use super::line::NANOSECONDS;
use super::text::write_string;

/// SHA-256 of no bytes, for entries without a payload: old readers insist on the key.
const EMPTY_SHA256: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Appends the line of `entry` to `out`: one JSON object, without a newline at its end.
///
/// The old keys come first, in the old order; those with a default are left out. A directory's
/// totals are not written. The bytes `CTNRv1__` never occur in the line, whatever the names, and
/// neither does anything that Python's `splitlines` would take for the end of a line.
pub fn write_line(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"relpath\": ");
    write_string(entry.path.as_bytes(), out);
    match &entry.kind {
        Kind::File(content) => write_content(content, out),
        Kind::Directory(_) => write_no_content(b"dir", out),
        Kind::Symlink(_) => write_no_content(b"symlink", out),
    }
    if let Some(mode) = entry.mode {
        write_number(b", \"mode\": ", mode, out);
    }
    if let Some(mtime) = entry.mtime {
        write_number(b", \"mtime\": ", mtime.div_euclid(NANOSECONDS), out);
        let rest = mtime.rem_euclid(NANOSECONDS);
        if rest != 0 {
            write_number(b", \"mtime_ns\": ", rest, out);
        }
    }
    if let Some(owner) = entry.owner {
        write_number(b", \"uid\": ", owner.uid, out);
        write_number(b", \"gid\": ", owner.gid, out);
    }
    match &entry.kind {
        Kind::File(content) => write_encoding(content, out),
        Kind::Symlink(_) | Kind::Directory(_) => {}
    }
    if let Some(block) = entry.attributes {
        write_number(b", \"xattrs\": {\"offset\": ", block.offset, out);
        write_number(b", \"size\": ", block.len, out);
        write_digest(b", \"sha256\": \"", &block.digest, out);
        out.push(b'}');
    }
    if let Kind::Symlink(target) = &entry.kind {
        out.extend_from_slice(b", \"link_target\": ");
        write_string(target, out);
    }
    out.push(b'}');
}

/// The same with a check of the line as its last key, which old readers ignore: for indexes that lie in files of
/// their own, where nothing else would tell of a changed bit.
pub fn write_checked_line(entry: &Entry, out: &mut Vec<u8>) {
    let start = out.len();
    write_line(entry, out);
    out.pop();
    let sum = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(CHECK_KEY);
    out.extend_from_slice(&check_digits(sum));
    out.extend_from_slice(b"\"}");
}

/// What stands before the digits of a line's check.
pub(super) const CHECK_KEY: &[u8] = b", \"crc32\": \"";

/// A check as eight hexadecimal digits.
pub(super) fn check_digits(sum: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (digit, shift) in digits.iter_mut().zip((0..32).step_by(4).rev()) {
        let nibble = (sum >> shift) & 0xf;
        *digit = b"0123456789abcdef".get(nibble as usize).copied().unwrap_or(b'0');
    }
    digits
}

fn write_content(content: &Content, out: &mut Vec<u8>) {
    write_number(b", \"offset\": ", content.offset, out);
    write_number(b", \"payload_size\": ", content.stored_size, out);
    write_number(b", \"orig_size\": ", content.size, out);
    if let Some(digest) = content.digest {
        write_digest(b", \"sha256\": \"", &digest, out);
    }
    out.extend_from_slice(match content.codec {
        Codec::Stored => b", \"compressed\": false".as_slice(),
        Codec::Gzip | Codec::Deflate | Codec::Zstd | Codec::Other(_) => b", \"compressed\": true",
    });
}

fn write_encoding(content: &Content, out: &mut Vec<u8>) {
    if content.codec != Codec::Stored {
        out.extend_from_slice(b", \"codec\": \"");
        out.extend_from_slice(content.codec.name().as_bytes());
        out.push(b'"');
    }
    if let Some(digest) = content.original_digest {
        write_digest(b", \"orig_sha256\": \"", &digest, out);
    }
    if let Some(blocks) = content.blocks {
        write_number(b", \"block_table\": {\"offset\": ", blocks.offset, out);
        write_digest(b", \"sha256\": \"", &blocks.digest, out);
        write_number(b", \"block_log2\": ", blocks.block_log2, out);
        out.push(b'}');
    }
    if let Some(DictionaryRef::Place(place)) = content.dictionary {
        write_number(b", \"dictionary\": {\"offset\": ", place.offset, out);
        write_number(b", \"size\": ", place.len, out);
        write_digest(b", \"sha256\": \"", &place.digest, out);
        if place.volume != 0 {
            write_number(b", \"volume\": ", place.volume, out);
        }
        out.push(b'}');
    }
    if content.volume != 0 {
        write_number(b", \"volume\": ", content.volume, out);
    }
    if let Some(group) = content.hard_link {
        write_number(b", \"hardlink\": ", group, out);
    }
    if content.sparse {
        out.extend_from_slice(b", \"sparse\": true");
    }
}

fn write_no_content(entry_type: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(
        b", \"offset\": 0, \"payload_size\": 0, \"orig_size\": 0, \"sha256\": \"",
    );
    out.extend_from_slice(EMPTY_SHA256);
    out.extend_from_slice(b"\", \"compressed\": false, \"entry_type\": \"");
    out.extend_from_slice(entry_type);
    out.push(b'"');
}

#[inline]
fn write_number(key: &[u8], value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[inline]
fn write_digest(key: &[u8], digest: &Digest, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(&digest.to_hex());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{AttributeBlock, Owner};
    use crate::format::layout::MAGIC;
    use crate::old::ndjson::{Item, parse_line};
    use crate::path::PackPathBuf;
    use crate::{BlockTable, Totals};
    use alloc::string::String;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    const NAMES: &[&[u8]] = &[
        b"images/n01440764_10026.JPEG",
        b"CTNRv1__",
        b"_CTNRv1___CTNRv1__CTNRv1_",
        b"CTNRv1_\xff_",
        b"quote\"back\\slash\n\r\t\x01\x1c\x7f",
        "é中文😀 \u{85}\u{2028}\u{2029}\u{d7ff}\u{e000}".as_bytes(),
        b"\x80\xbf\xc0\xff \xed\xb2\x80 \xf0\x9f\x98 \xc3",
        b" </script> {}",
    ];

    fn named(name: &[u8], kind: Kind) -> Entry {
        let path = PackPathBuf::new(name.to_vec()).unwrap();
        Entry::new(path, kind)
    }

    fn written(entry: &Entry) -> Vec<u8> {
        let mut line = Vec::new();
        write_line(entry, &mut line);
        line
    }

    fn text(entry: &Entry) -> String {
        String::from_utf8(written(entry)).unwrap()
    }

    fn stored() -> Content {
        Content::new(Codec::Stored, 220, 3, 3).with_digest(Some(Digest::of(b"abc")))
    }

    #[test]
    fn an_old_line_byte_for_byte() {
        assert_eq!(
            text(&named(b"a b.txt", Kind::File(stored()))),
            r#"{"relpath": "a b.txt", "offset": 220, "payload_size": 3, "orig_size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "compressed": false}"#
        );
    }

    #[test]
    fn every_key() {
        let digest = Digest::of(b"");
        let content = Content {
            volume: 2,
            stored_size: 23,
            codec: Codec::Gzip,
            original_digest: Some(digest),
            blocks: Some(BlockTable { offset: 243, digest, block_log2: 18 }),
            hard_link: Some(5),
            sparse: true,
            ..stored()
        };
        let mut entry = named(b"a", Kind::File(content));
        entry.attributes = Some(AttributeBlock { offset: 9, len: 8, digest });
        entry.mode = Some(0o644);
        entry.mtime = Some(-1);
        entry.owner = Some(Owner { uid: 1000, gid: 100 });
        let empty = core::str::from_utf8(EMPTY_SHA256).unwrap();
        assert_eq!(
            text(&entry),
            alloc::string::String::from(
                r#"{"relpath": "a", "offset": 220, "payload_size": 23, "orig_size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "compressed": true, "mode": 420, "mtime": -1, "mtime_ns": 999999999, "uid": 1000, "gid": 100, "codec": "gzip", "orig_sha256": "#
            ) + &alloc::format!(
                r#""{empty}", "block_table": {{"offset": 243, "sha256": "{empty}", "block_log2": 18}}, "volume": 2, "hardlink": 5, "sparse": true, "xattrs": {{"offset": 9, "size": 8, "sha256": "{empty}"}}}}"#
            )
        );
        assert_eq!(digest.to_hex(), EMPTY_SHA256);
    }

    #[test]
    fn directories_and_links_keep_the_old_keys() {
        let totals = Totals { files: 7, ..Totals::default() };
        let old = r#""offset": 0, "payload_size": 0, "orig_size": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "compressed": false"#;
        assert_eq!(
            text(&named(b"d", Kind::Directory(totals))),
            alloc::format!(r#"{{"relpath": "d", {old}, "entry_type": "dir"}}"#)
        );
        assert_eq!(
            text(&named(b"l", Kind::Symlink(b"../CTNRv1__\xff".to_vec()))),
            alloc::format!(
                r#"{{"relpath": "l", {old}, "entry_type": "symlink", "link_target": "../CTNRv1_\u005f\udcff"}}"#
            )
        );
    }

    fn component() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::sample::select(NAMES).prop_map(<[u8]>::to_vec),
            proptest::collection::vec(any::<u8>(), 1..20),
            any::<String>().prop_map(String::into_bytes),
            "[CTNRv1_]{0,20}(CTNRv1__)+".prop_map(String::into_bytes),
        ]
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let path = proptest::collection::vec(component(), 1..4)
            .prop_map(|components| components.join(&b'/'))
            .prop_filter_map("no path", |path| PackPathBuf::new(path).ok());
        let digest = any::<[u8; 32]>().prop_map(Digest);
        let file = (
            (any::<u32>(), 0..u64::MAX / 2, 0..u64::MAX / 2, any::<Option<u64>>()),
            (proptest::option::of(digest.clone()), proptest::option::of(digest.clone())),
            proptest::option::of((any::<u64>(), digest.clone(), any::<u8>())),
            (proptest::option::of(1u64..), any::<bool>()),
        )
            .prop_map(
                |((volume, offset, stored_size, size), digests, blocks, (link, sparse))| {
                    let most = stored_size.saturating_mul(1032).saturating_add(65536);
                    let codec = if size.is_some() { Codec::Gzip } else { Codec::Stored };
                    let size = size.map_or(stored_size, |size| size.min(most));
                    let table =
                        |(offset, digest, block_log2)| BlockTable { offset, digest, block_log2 };
                    let content = Content::new(codec, offset, stored_size, size)
                        .with_volume(volume)
                        .with_digest(digests.0)
                        .with_original_digest(digests.1)
                        .with_blocks(blocks.map(table));
                    Kind::File(content.with_hard_link(link).with_sparse(sparse))
                },
            );
        let attributes = proptest::option::of((any::<u64>(), 1..1u32 << 20, digest));
        let link = component()
            .prop_filter("no target", |target| !target.is_empty() && !target.contains(&0))
            .prop_map(Kind::Symlink);
        let kind = prop_oneof![file, Just(Kind::Directory(Totals::default())), link];
        let owner = any::<Option<(u32, u32)>>();
        let known = (proptest::option::of(0..=0o7777u32), any::<Option<i64>>(), owner);
        (path, kind, known, attributes).prop_map(|(path, kind, (mode, mtime, owner), block)| {
            let owner = owner.map(|(uid, gid)| Owner { uid, gid });
            let block = block.map(|(offset, len, digest)| AttributeBlock { offset, len, digest });
            let entry = Entry::new(path, kind).with_mode(mode).with_mtime(mtime);
            entry.with_owner(owner).with_attributes(block)
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entry in entry()) {
            let line = written(&entry);
            prop_assert!(core::str::from_utf8(&line).is_ok());
            prop_assert!(memchr::memmem::find(&line, MAGIC).is_none());
            prop_assert!(!line.iter().any(u8::is_ascii_control));
            prop_assert_eq!(parse_line(&line), Ok(Item::Entry(entry)));
        }

        /// Whichever way a line is read, and whatever was done to it.
        #[test]
        fn lines_mean_the_same_to_both_readers(
            entry in entry(),
            cuts in proptest::collection::vec((any::<u16>(), 0..4usize, "[ -~]{0,3}|é|\u{1f}"), 0..3),
        ) {
            let mut line = Vec::new();
            write_checked_line(&entry, &mut line);
            for (at, removed, added) in cuts {
                let start = usize::from(at) % line.len();
                let end = line.len().min(start + removed);
                line.splice(start..end, added.into_bytes());
            }
            super::super::line::assert_same_by_both_readers(&line);
        }
    }

    #[test]
    fn a_checked_line_is_read_and_a_changed_bit_is_found() {
        let entry = named("é, \"crc32\": \"".as_bytes(), Kind::File(stored()));
        let mut line = Vec::new();
        write_checked_line(&entry, &mut line);
        assert!(line.ends_with(b"\"}") && line.starts_with(&written(&entry)[..40]));
        assert_eq!(parse_line(&line), Ok(Item::Entry(entry.clone())));
        for bit in 0..line.len() * 8 {
            let mut changed = line.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // A check that is not there any more checks nothing, but then it is that which was changed.
            let same = parse_line(&changed) == Ok(Item::Entry(entry.clone()));
            assert!(same || parse_line(&changed).is_err(), "bit {bit}");
        }
    }

    /// Python is the old readers' language; where there is none, the test says nothing.
    #[test]
    fn python_reads_the_names_back() {
        const SCRIPT: &str = "
import json, os, sys
for line in sys.stdin.buffer.read().decode('utf-8').splitlines():
    print(json.loads(line)['relpath'].encode('utf-8', 'surrogateescape').hex())
";
        let Ok(mut python) = Command::new("python3")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
        else {
            return;
        };
        let mut index = Vec::new();
        for name in NAMES {
            write_line(&named(name, Kind::File(stored())), &mut index);
            index.push(b'\n');
        }
        python.stdin.take().unwrap().write_all(&index).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success());
        let hex = |name: &&[u8]| name.iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        let expected: Vec<String> = NAMES.iter().map(hex).collect();
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    }
}
