//! From lines to entries.

mod plain;

use crate::crc32::crc32;
use crate::entry::{
    AttributeBlock, DictionaryPlace, DictionaryRef, MAX_ATTRIBUTES, MAX_DICTIONARY, Owner,
};
use crate::error::{Error, PathProblem, Result};
use crate::path::{MAX_LINK_TARGET, PackPath, PackPathBuf};
use crate::payloads::zstd;
use crate::{BlockTable, Codec, Content, Digest, Entry, Extent, Kind, Totals};
use alloc::vec::Vec;
use serde::Deserialize;

use super::text::{Bytes, Hex};
use super::write::{CHECK_KEY, check_digits};

/// Nanoseconds in a second.
pub(super) const NANOSECONDS: i64 = 1_000_000_000;

/// No deflate stream expands further: 1032 to 1, beside what header and trailer take.
const DEFLATE_RATIO: u64 = 1032;
const DEFLATE_SLACK: u64 = 65536;

/// What a well-formed line of an index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the format is old and does not grow")]
#[expect(clippy::large_enum_variant, reason = "nearly all items are entries")]
pub enum Item {
    /// An entry.
    Entry(Entry),
    /// An entry under a name that must never be extracted.
    Refused(Refused),
}

/// A name that an old program wrote and that no pack may hold: to be reported, not extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The name as it stands there, raw bytes.
    pub name: Vec<u8>,
    /// What is wrong with it.
    pub problem: PathProblem,
}

impl Refused {
    /// The name of something that is no pack, which has its own reader.
    pub fn new(name: Vec<u8>, problem: PathProblem) -> Refused {
        Refused { name, problem }
    }
}

/// The error of a line that does not know where it stands: number and offset are 0, the caller
/// fills them in.
const BAD_LINE: Error = Error::BadIndexLine { number: 0, offset: 0 };

/// Reads one line (or one element of an array). Unknown keys are ignored; where there is a check of the
/// line it must be right.
///
/// [`Error::BadIndexLine`], with number and offset 0, when it is not a well-formed entry, or not as it was written;
/// [`Error::ImplausibleSize`] when a gzip payload cannot hold the content it is said to hold. A
/// stored payload IS the content, so its length is believed and `orig_size` is not.
pub fn parse_line(line: &[u8]) -> Result<Item> {
    // An array of the values in the right order would pass for a struct, too.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(BAD_LINE);
    }
    if !is_as_written(line) {
        return Err(BAD_LINE);
    }
    match plain::read(line) {
        Some(line) => line.into_item(),
        None => json(line)?.into_item(),
    }
}

/// Any well-formed line.
fn json(line: &[u8]) -> Result<Line> {
    serde_json::from_slice(line).map_err(|_| BAD_LINE)
}

/// Whether a line's check is right, if it has one as its last key, written as
/// [`write_checked_line`](super::write_checked_line) does.
fn is_as_written(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(rest) = line.strip_suffix(b"\"}") else { return true };
    let Some((rest, digits)) = rest.split_last_chunk::<8>() else { return true };
    let Some(checked) = rest.strip_suffix(CHECK_KEY) else { return true };
    check_digits(crc32(checked)) == *digits
}

/// The name that a line speaks of, whatever else is wrong with it; `None` when that cannot be told.
pub(super) fn name_of(line: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Name {
        relpath: Bytes,
    }
    let line: Name = serde_json::from_slice(line).ok()?;
    Some(line.relpath.0)
}

/// The keys of a line, as they stand there.
#[derive(Default, Deserialize)]
struct Line {
    relpath: Bytes,
    offset: Option<u64>,
    payload_size: Option<u64>,
    orig_size: Option<u64>,
    sha256: Option<Hex>,
    compressed: Option<bool>,
    entry_type: Option<Bytes>,
    mode: Option<u64>,
    mtime: Option<Time>,
    mtime_ns: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    link_target: Option<Bytes>,
    codec: Option<Bytes>,
    orig_sha256: Option<Hex>,
    block_table: Option<Blocks>,
    volume: Option<u32>,
    hardlink: Option<u64>,
    sparse: Option<bool>,
    xattrs: Option<Part>,
    dictionary: Option<Part>,
}

#[derive(Deserialize)]
struct Blocks {
    offset: u64,
    sha256: Hex,
    block_log2: u8,
}

/// Bytes with a digest of their own.
#[derive(Deserialize)]
struct Part {
    offset: u64,
    size: u32,
    sha256: Hex,
    #[serde(default)]
    volume: u32,
}

/// Seconds, as the key `mtime` holds them.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Time {
    Whole(i64),
    Fraction(f64),
}

impl Line {
    fn into_item(self) -> Result<Item> {
        let kind = match self.entry_type.as_ref().map(|name| name.0.as_slice()) {
            None | Some(b"file") => Kind::File(self.content()?),
            Some(b"dir" | b"directory") => Kind::Directory(Totals::default()),
            Some(b"symlink") => Kind::Symlink(self.target()?),
            Some(_) => return Err(BAD_LINE),
        };
        let (mtime, attributes) = (self.modified()?, self.attributes()?);
        let path = match PackPath::new(&self.relpath.0) {
            Ok(_) => PackPathBuf::new(self.relpath.0)?,
            Err(Error::BadPath { problem }) => {
                return Ok(Item::Refused(Refused { name: self.relpath.0, problem }));
            }
            Err(error) => return Err(error),
        };
        // Python's st_mode holds the file's type as well.
        let mode = self.mode.and_then(|mode| u32::try_from(mode & 0o7777).ok());
        let owner = match (self.uid, self.gid) {
            (Some(uid), Some(gid)) => Some(Owner { uid, gid }),
            _ => None,
        };
        let entry = Entry::new(path, kind).with_mode(mode).with_mtime(mtime).with_owner(owner);
        Ok(Item::Entry(entry.with_attributes(attributes)))
    }

    fn content(&self) -> Result<Content> {
        let offset = self.offset.ok_or(BAD_LINE)?;
        let stored_size = self.payload_size.ok_or(BAD_LINE)?;
        let stated_size = self.orig_size.ok_or(BAD_LINE)?;
        Extent::new(offset, stored_size, u64::MAX).map_err(|_| BAD_LINE)?;
        let codec = match (self.codec.as_ref().map(|name| name.0.as_slice()), self.compressed) {
            (None | Some(b"stored"), None | Some(false)) => Codec::Stored,
            (None, Some(true)) | (Some(b"gzip"), None | Some(true)) => Codec::Gzip,
            (Some(b"deflate"), None | Some(true)) => Codec::Deflate,
            (Some(b"zstd"), None | Some(true)) => Codec::Zstd,
            _ => return Err(BAD_LINE),
        };
        let size = match codec {
            Codec::Stored => stored_size,
            _ => stated_size,
        };
        let most = match codec {
            Codec::Gzip | Codec::Deflate => {
                stored_size.saturating_mul(DEFLATE_RATIO).saturating_add(DEFLATE_SLACK)
            }
            Codec::Zstd => stored_size.saturating_mul(zstd::RATIO),
            Codec::Stored | Codec::Other(_) => u64::MAX,
        };
        if size > most {
            return Err(Error::ImplausibleSize { stored: stored_size, size });
        }
        let blocks = match &self.block_table {
            Some(blocks) => Some(BlockTable {
                offset: blocks.offset,
                digest: digest(&blocks.sha256)?,
                block_log2: blocks.block_log2,
            }),
            None => None,
        };
        if self.hardlink == Some(0) || (blocks.is_some() && codec == Codec::Deflate) {
            return Err(BAD_LINE);
        }
        Ok(Content::new(codec, offset, stored_size, size)
            .with_volume(self.volume.unwrap_or(0))
            .with_digest(self.sha256.as_ref().map(digest).transpose()?.and_then(Digest::known))
            .with_original_digest(
                self.orig_sha256.as_ref().map(digest).transpose()?.and_then(Digest::known),
            )
            .with_blocks(blocks)
            .with_dictionary(self.dictionary(codec)?.map(DictionaryRef::Place))
            .with_hard_link(self.hardlink)
            .with_sparse(self.sparse.unwrap_or(false)))
    }

    fn dictionary(&self, codec: Codec) -> Result<Option<DictionaryPlace>> {
        let Some(Part { offset, size, sha256, volume }) = &self.dictionary else { return Ok(None) };
        if codec != Codec::Zstd || *size == 0 || *size > MAX_DICTIONARY {
            return Err(BAD_LINE);
        }
        let digest = digest(sha256)?;
        Ok(Some(DictionaryPlace { volume: *volume, offset: *offset, len: *size, digest }))
    }

    fn attributes(&self) -> Result<Option<AttributeBlock>> {
        let Some(Part { offset, size, sha256, .. }) = &self.xattrs else { return Ok(None) };
        if *size == 0 || *size > MAX_ATTRIBUTES {
            return Err(BAD_LINE);
        }
        Ok(Some(AttributeBlock { offset: *offset, len: *size, digest: digest(sha256)? }))
    }

    fn target(&self) -> Result<Vec<u8>> {
        match &self.link_target {
            Some(Bytes(target))
                if !target.is_empty()
                    && target.len() <= MAX_LINK_TARGET
                    && memchr::memchr(0, target).is_none() =>
            {
                Ok(target.clone())
            }
            _ => Err(BAD_LINE),
        }
    }

    /// Nanoseconds since 1970; `None` also when they do not fit (before 1677, after 2262).
    fn modified(&self) -> Result<Option<i64>> {
        let nanoseconds = match self.mtime_ns {
            Some(nanoseconds) if i64::from(nanoseconds) >= NANOSECONDS => return Err(BAD_LINE),
            other => i64::from(other.unwrap_or(0)),
        };
        let (seconds, nanoseconds) = match self.mtime {
            None => return Ok(None),
            Some(Time::Whole(seconds)) => (i128::from(seconds), i128::from(nanoseconds)),
            Some(Time::Fraction(seconds)) => (0, nanoseconds_of(seconds)),
        };
        let total = seconds.saturating_mul(i128::from(NANOSECONDS)).saturating_add(nanoseconds);
        Ok(i64::try_from(total).ok())
    }
}

/// As nanoseconds; the whole seconds apart, where a fraction keeps the most of its digits.
#[expect(clippy::cast_possible_truncation, reason = "casts from f64 saturate, as they should here")]
fn nanoseconds_of(seconds: f64) -> i128 {
    let whole = seconds as i64;
    let fraction = ((seconds - whole as f64) * NANOSECONDS as f64) as i128;
    i128::from(whole).saturating_mul(i128::from(NANOSECONDS)).saturating_add(fraction)
}

fn digest(hex: &Hex) -> Result<Digest> {
    hex.0.ok_or(BAD_LINE)
}

/// Fails where the quick way to read a line gives something else than that of JSON.
#[cfg(test)]
pub(super) fn assert_same_by_both_readers(line: &[u8]) {
    let Some(quick) = plain::read(line) else { return };
    let slow = json(line).and_then(Line::into_item);
    assert_eq!(quick.into_item(), slow, "{}", alloc::string::String::from_utf8_lossy(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::string::String;

    /// A line with the old keys, and `more` before its end.
    fn line(more: &str) -> String {
        let hex = Digest::of(b"abc");
        format!(
            r#"{{"relpath": "a", "offset": 5, "payload_size": 3, "orig_size": 3, "sha256": "{hex}", "compressed": false{more}}}"#
        )
    }

    fn entry(line: &str) -> Result<Entry> {
        match parse_line(line.as_bytes())? {
            Item::Entry(entry) => Ok(entry),
            Item::Refused(refused) => panic!("{refused:?}"),
        }
    }

    fn content(line: &str) -> Result<Content> {
        match entry(line)?.kind {
            Kind::File(content) => Ok(content),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_old_line() {
        let entry = entry(&line("")).unwrap();
        assert_eq!(entry.path.as_bytes(), b"a");
        assert_eq!((entry.mode, entry.mtime, entry.owner), (None, None, None));
        let content = content(&line("")).unwrap();
        assert_eq!(content.extent(), Extent { start: 5, len: 3 });
        assert_eq!((content.size, content.codec), (3, Codec::Stored));
        assert_eq!(content.digest, Some(Digest::of(b"abc")));
    }

    /// Changed in one byte, or cut there, a line that is read the quick way is read so no more, or means the same either way.
    #[test]
    fn both_readers_agree_on_plain_lines() {
        let digest = Digest::of(b"xyz");
        for more in [
            String::new(),
            r#", "mode": 420, "mtime": 1700000000, "mtime_ns": 5, "crc32": "0123abcd""#.to_owned(),
            r#", "mtime": 0, "uid": 4294967295, "gid": 0"#.to_owned(),
            r#", "entry_type": "dir", "mode": 0"#.to_owned(),
            format!(r#", "mode": 7, "codec": "stored", "orig_sha256": "{digest}""#),
        ] {
            let line = line(&more).into_bytes();
            assert!(plain::read(&line).is_some(), "{more}");
            assert_same_by_both_readers(&line);
            for at in 0..line.len() {
                assert!(plain::read(&line[..at]).is_none());
                for &byte in b"\0\x1f \"\\,:{}[]+-.0159aefnux\x7f\x80\xc3\xed\xff" {
                    let mut changed = line.clone();
                    changed[at] = byte;
                    assert_same_by_both_readers(&changed);
                    changed.insert(at, line[at]);
                    assert_same_by_both_readers(&changed);
                }
            }
        }
        for other in [
            r#", "entry_type": "symlink", "link_target": "b""#,
            r#", "mtime": -1"#,
            r#", "mtime": 9223372036854775808"#,
            r#", "mode": 18446744073709551616"#,
            r#", "mtime_ns": 4294967296"#,
            r#", "uid": 4294967296, "gid": 1"#,
            r#", "gid": 1, "uid": 1"#,
            r#", "mode": 1.0"#,
            r#", "mode":1"#,
        ] {
            assert!(plain::read(line(other).as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored() {
        let more = r#", "x": {"y": [1, "\udcff", null]}, "mode": null, "z": "\ud800""#;
        assert_eq!(entry(&line(more)), entry(&line("")));
    }

    #[test]
    fn kinds() {
        let dir = r#"{"relpath": "d", "entry_type": "directory", "mode": 16877}"#;
        assert_eq!(entry(dir).unwrap().kind, Kind::Directory(Totals::default()));
        assert_eq!(entry(dir).unwrap().mode, Some(0o755));
        assert!(entry(&line(r#", "entry_type": "file""#)).is_ok());
        let link = entry(&line(r#", "entry_type": "symlink", "link_target": "../\udcff""#));
        assert_eq!(link.unwrap().kind, Kind::Symlink(b"../\xff".to_vec()));
        for bad in [
            r#", "entry_type": "fifo""#,
            r#", "entry_type": "symlink""#,
            r#", "entry_type": "symlink", "link_target": """#,
            r#", "entry_type": "symlink", "link_target": "a\u0000""#,
        ] {
            assert_eq!(entry(&line(bad)), Err(BAD_LINE), "{bad}");
        }
    }

    #[test]
    fn times() {
        let mtime = |more: &str| entry(&line(more)).map(|entry| entry.mtime);
        assert_eq!(mtime(r#", "mtime": 2, "mtime_ns": 7"#), Ok(Some(2_000_000_007)));
        assert_eq!(mtime(r#", "mtime": -1, "mtime_ns": 999999999"#), Ok(Some(-1)));
        assert_eq!(mtime(r#", "mtime": 1700000000.5"#), Ok(Some(1_700_000_000_500_000_000)));
        assert_eq!(mtime(r#", "mtime": -1.5, "mtime_ns": 7"#), Ok(Some(-1_500_000_000)));
        for unknown in ["null", "1e300", "-1e300", "9223372036854775807", "18446744073709551615"] {
            assert_eq!(mtime(&format!(r#", "mtime": {unknown}, "mtime_ns": 9"#)), Ok(None));
        }
        assert_eq!(mtime(r#", "mtime": 1, "mtime_ns": 1000000000"#), Err(BAD_LINE));
        assert_eq!(mtime(r#", "mtime": "1""#), Err(BAD_LINE));
    }

    #[test]
    fn hostile_lines() {
        for (old, new) in [
            ("\"offset\": 5", "\"offset\": -1"),
            ("\"offset\": 5", "\"offset\": 5.0"),
            ("\"offset\": 5", "\"offset\": 18446744073709551616"),
            ("\"offset\": 5", "\"offset\": 18446744073709551613"),
            ("\"offset\": 5", "\"offset\": null"),
            ("\"offset\": 5, ", ""),
            ("\"payload_size\": 3, ", ""),
            ("\"orig_size\": 3, ", ""),
            ("\"relpath\": \"a\", ", ""),
            ("\"relpath\": \"a\"", "\"relpath\": [97]"),
            ("\"sha256\": \"b", "\"sha256\": \"x"),
            ("\"sha256\": \"b", "\"sha256\": \"bb"),
            ("false", "0"),
            ("false", "true, \"codec\": \"stored\""),
            ("false", "false, \"codec\": \"gzip\""),
            ("false", "false, \"codec\": \"zstd\""),
            ("false", "false, \"volume\": 4294967296"),
            ("false", "false, \"hardlink\": 0"),
            ("false", "false, \"sparse\": 1"),
            ("false", "false, \"xattrs\": {\"offset\": 1, \"size\": 0, \"sha256\": \"00\"}"),
            ("false", "false, \"mode\": -1"),
            ("false", "false, \"uid\": 4294967296"),
            ("false", "false, \"block_table\": {\"offset\": 1}"),
            ("false", "false, \"offset\": 6"),
        ] {
            let bad = line("").replacen(old, new, 1);
            assert_ne!(bad, line(""));
            assert_eq!(entry(&bad), Err(BAD_LINE), "{bad}");
        }
        let deep = format!("{{\"x\": {}", "[".repeat(100_000));
        let values = r#"["a", 5, 3, 3, null, false]"#;
        for bad in
            ["", " ", "{", "{}", "null", "[]", "[{}]", values, "{\"relpath\": \"a\"}x", &deep]
        {
            assert_eq!(parse_line(bad.as_bytes()), Err(BAD_LINE));
        }
    }

    #[test]
    fn every_cut_is_an_error() {
        let table = r#", "block_table": {"offset": 9, "sha256": "", "block_log2": 18}"#;
        let whole = line(&table.replace("\"\"", &format!("\"{}\"", Digest::of(b""))));
        assert!(content(&whole).unwrap().blocks.is_some());
        for len in 0..whole.len() {
            assert_eq!(parse_line(&whole.as_bytes()[..len]), Err(BAD_LINE), "{len}");
        }
    }

    #[test]
    fn a_decompression_bomb() {
        let gzip = |size: u64| {
            let size = format!("\"orig_size\": {size}");
            content(&line("").replace("\"orig_size\": 3", &size).replace("false", "true"))
        };
        assert_eq!(gzip(3).unwrap().codec, Codec::Gzip);
        assert_eq!(gzip(3 * 1032 + 65536).unwrap().size, 68632);
        assert_eq!(gzip(68633), Err(Error::ImplausibleSize { stored: 3, size: 68633 }));
        assert_eq!(gzip(u64::MAX), Err(Error::ImplausibleSize { stored: 3, size: u64::MAX }));
    }

    #[test]
    fn a_stored_payload_is_the_content() {
        let grown = line("").replace("\"orig_size\": 3", "\"orig_size\": 9");
        assert_eq!(content(&grown).unwrap().size, 3);
    }

    #[test]
    fn names_that_are_refused() {
        for (name, problem) in [
            ("/etc/passwd", PathProblem::Absolute),
            ("a/../../b", PathProblem::Parent),
            ("", PathProblem::Empty),
            ("a//b", PathProblem::EmptyComponent),
            ("a\\u0000", PathProblem::Nul),
        ] {
            let name = name.replace("\\\\", "\\");
            let line = line("").replace("\"a\"", &format!("\"{name}\""));
            match parse_line(line.as_bytes()) {
                Ok(Item::Refused(refused)) => assert_eq!(refused.problem, problem),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn surrogates_are_bytes() {
        let name = |json: &str| {
            let line = line("").replace("\"a\"", &format!("\"{json}\""));
            entry(&line).unwrap().path.as_bytes().to_vec()
        };
        assert_eq!(name(r"\udc80\udcbf\udcc0\udcff"), b"\x80\xbf\xc0\xff");
        assert_eq!(name(r"\udcc3\udca9"), "é".as_bytes());
        assert_eq!(name(r"\ud83d\ude00 ퟿"), "😀 ퟿".as_bytes());
        // Not single bytes; nobody but Windows makes such names.
        assert_eq!(
            name(r"\ud800\udc7f\udd00"),
            "\u{1007f}".bytes().chain(*b"\xed\xb4\x80").collect::<Vec<u8>>()
        );
        assert_eq!(name(r"\udced\udcb2\udc80"), b"\xed\xb2\x80");
    }
}
