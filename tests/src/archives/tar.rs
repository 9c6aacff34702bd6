//! Tar archives.

use crate::gzip::{crc32, member_of};
use std::io::Write;

const BLOCK: usize = 512;

/// Where fields lie in a header, and how long they are.
const NAME: (usize, usize) = (0, 100);
const MODE: (usize, usize) = (100, 8);
const SIZE: (usize, usize) = (124, 12);
const MTIME: (usize, usize) = (136, 12);
const SUM: (usize, usize) = (148, 8);
const LINK: (usize, usize) = (157, 100);
/// Of files with holes: the first piece, whether there are more, and the whole length.
const PIECES: usize = 386;
const IS_EXTENDED: usize = 482;
const REAL_SIZE: (usize, usize) = (483, 12);

/// A header, whose sum is made when it is written.
#[derive(Clone)]
struct Header([u8; BLOCK]);

impl Header {
    fn new(kind: u8, name: &[u8], size: u64) -> Header {
        let mut header = Header([0; BLOCK]);
        header.0[156] = kind;
        header.0[257..265].copy_from_slice(b"ustar\x0000");
        let numbers = [(MODE, 0o644), ((108, 8), 0), ((116, 8), 0), (SIZE, size), (MTIME, 1)];
        let header = numbers.into_iter().fold(header, |header, (field, number)| {
            header.with(field, format!("{number:0width$o}\0", width = field.1 - 1).as_bytes())
        });
        header.with(NAME, name)
    }

    /// Of the dialect of GNU, which has other fields at the end.
    fn gnu(kind: u8, name: &[u8], size: u64) -> Header {
        Header::new(kind, name, size).with((257, 8), b"ustar  \0")
    }

    fn with(mut self, (at, len): (usize, usize), value: &[u8]) -> Header {
        self.0[at..at + len].fill(0);
        self.0[at..at + value.len()].copy_from_slice(value);
        self
    }

    fn link(self, target: &[u8]) -> Header {
        self.with(LINK, target)
    }

    fn bytes(self) -> [u8; BLOCK] {
        let mut bytes = self.with(SUM, b"        ").0;
        let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        bytes[SUM.0..SUM.0 + 8].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }
}

/// An archive as it grows.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn header(mut self, header: Header) -> Tar {
        self.0.extend(header.bytes());
        self
    }

    /// Bytes, and zeros up to the next block.
    fn data(mut self, data: &[u8]) -> Tar {
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    fn file(self, name: &[u8], content: &[u8]) -> Tar {
        self.header(Header::new(b'0', name, content.len() as u64)).data(content)
    }

    /// What speaks of the next member, or of all: pax records, or a long name.
    fn before(self, kind: u8, text: &[u8]) -> Tar {
        self.header(Header::new(kind, b"before", text.len() as u64)).data(text)
    }

    fn link(self, kind: u8, name: &[u8], target: &[u8]) -> Tar {
        self.header(Header::new(kind, name, 0).link(target))
    }

    /// The mark of the end.
    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK]);
        self.0
    }
}

/// One file, which is there in all of them where it is not told otherwise.
fn start() -> Tar {
    Tar::default().file(b"good", b"as it is")
}

/// One member whose header was changed.
fn changed(field: (usize, usize), value: &[u8]) -> Vec<u8> {
    start().header(Header::new(b'0', b"bad", 3).with(field, value)).data(b"bad").end()
}

/// A number as it stands in a field when it is too large for digits, or less than 0.
fn binary(number: i128) -> [u8; 12] {
    let mut field = [0; 12];
    field.copy_from_slice(&number.to_be_bytes()[4..]);
    field[0] |= 0x80;
    field
}

/// A file with holes in the oldest way of GNU.
fn holes(pieces: &[(u64, u64)], whole: u64, stored: u64) -> Vec<u8> {
    let mut header = Header::gnu(b'S', b"bad", stored);
    for (number, (offset, len)) in pieces.iter().enumerate() {
        let at = PIECES + 24 * number;
        header = header.with((at, 12), format!("{offset:011o}").as_bytes());
        header = header.with((at + 12, 12), format!("{len:011o}").as_bytes());
    }
    let whole = format!("{whole:011o}");
    let header = header.with(REAL_SIZE, whole.as_bytes());
    start().header(header).data(&vec![b'x'; stored as usize]).end()
}

/// A file with holes by pax records of the version 1.0, whose map is this text.
fn mapped(map: &[u8], whole: &[u8]) -> Vec<u8> {
    let mut content = map.to_vec();
    content.resize(content.len().next_multiple_of(BLOCK), 0);
    content.extend(b"piece");
    let records = [
        record(b"GNU.sparse.major", b"1"),
        record(b"GNU.sparse.minor", b"0"),
        record(b"GNU.sparse.name", b"bad"),
        record(b"GNU.sparse.realsize", whole),
    ];
    start().before(b'x', &records.concat()).file(b"GNUSparseFile.0/bad", &content).end()
}

/// A pax record, whose length is right.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() != len {
        len += 1;
    }
    [len.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// A file behind pax records.
fn behind(records: &[u8]) -> Vec<u8> {
    start().before(b'x', records).file(b"bad", b"bad").end()
}

/// All of them.
pub(super) fn make() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = names();
    all.extend(sizes());
    all.extend(records());
    all.extend(with_holes());
    all.extend(links());
    all.extend(whole());
    all
}

fn named(name: &[u8]) -> Vec<u8> {
    start().file(name, b"bad").end()
}

fn names() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("name-dotdot.tar", named(b"../bad")),
        ("name-dotdot-inside.tar", named(b"a/../../bad")),
        ("name-absolute.tar", named(b"/bad")),
        ("name-two-slashes.tar", named(b"//host/bad")),
        ("name-drive.tar", named(br"C:\bad")),
        ("name-backslash.tar", named(br"..\bad")),
        ("name-empty.tar", named(b"")),
        ("name-dot.tar", named(b".")),
        ("name-not-utf-8.tar", named(b"bad\xff")),
        ("name-nul.tar", behind(&record(b"path", b"a\0b"))),
        ("name-too-long.tar", {
            let name = [b"a/".repeat(40_000), b"a".to_vec()].concat();
            start().before(b'L', &name).file(b"short", b"bad").end()
        }),
        ("long-name-of-1-gib.tar", {
            start().header(Header::gnu(b'L', b"././@LongLink", 1 << 30)).end()
        }),
        ("long-name-cut-off.tar", {
            start().header(Header::gnu(b'L', b"././@LongLink", 2000)).data(b"name").0
        }),
        ("long-name-of-nothing.tar", start().before(b'L', b"name\0").end()),
        ("long-name-empty.tar", start().before(b'L', b"").file(b"bad", b"bad").end()),
    ]
}

fn sizes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("size-past-end.tar", changed(SIZE, b"00000010000\0")),
        ("size-of-8-gib.tar", changed(SIZE, b"77777777777\0")),
        ("size-of-2-to-63.tar", changed(SIZE, &binary(1 << 63))),
        ("size-of-2-to-64.tar", changed(SIZE, &binary(1 << 64))),
        ("size-negative.tar", changed(SIZE, &binary(-1))),
        ("size-no-number.tar", changed(SIZE, b"9 bottles")),
        ("size-empty.tar", changed(SIZE, b"")),
        ("size-too-small.tar", {
            start().header(Header::new(b'0', b"bad", 3)).data(&[b'x'; 1000]).end()
        }),
        ("size-binary-sound.tar", changed(SIZE, &binary(3))),
        ("mode-no-number.tar", changed(MODE, b"rw-r--r-")),
        ("mode-empty.tar", changed(MODE, b"")),
        ("time-negative-sound.tar", changed(MTIME, &binary(-1))),
        ("time-too-late.tar", changed(MTIME, &binary(1 << 62))),
        ("sum-wrong.tar", {
            let mut bytes = named(b"bad");
            bytes[2 * BLOCK] ^= 1;
            bytes
        }),
        ("type-unknown.tar", start().header(Header::new(b'Q', b"bad", 3)).data(b"bad").end()),
        ("type-unknown-size-of-2-to-63.tar", {
            let header = Header::new(b'Q', b"bad", 0).with(SIZE, &binary(1 << 63));
            start().header(header).end()
        }),
        ("directory-with-size.tar", {
            start().header(Header::new(b'5', b"dir", 1 << 32)).file(b"dir/in", b"in").end()
        }),
        ("link-with-size.tar", {
            let header = Header::new(b'1', b"again", 8).link(b"good");
            start().header(header).file(b"last", b"last").end()
        }),
    ]
}

fn records() -> Vec<(&'static str, Vec<u8>)> {
    let many: Vec<u8> = (0..20_000)
        .flat_map(|number| record(format!("SCHILY.xattr.user.{number}").as_bytes(), b""))
        .collect();
    let global = record(b"comment", &[b'x'; 60_000]);
    vec![
        ("records-length-too-long.tar", behind(b"99 path=a\n")),
        ("records-length-too-short.tar", behind(b"3 path=a\n")),
        ("records-length-0.tar", behind(b"0 path=a\n")),
        ("records-length-of-2-to-64.tar", behind(b"18446744073709551616 path=a\n")),
        ("records-length-no-number.tar", behind(b"x path=a\n")),
        ("records-without-newline.tar", behind(b"9 path=ab")),
        ("records-without-equals.tar", behind(b"7 path\n")),
        ("records-without-space.tar", behind(b"777777777777777777777777777777")),
        ("records-of-1-gib.tar", start().header(Header::new(b'x', b"before", 1 << 30)).end()),
        ("records-cut-off.tar", start().header(Header::new(b'x', b"before", 2000)).0),
        ("records-of-nothing.tar", start().before(b'x', &record(b"path", b"a")).end()),
        ("records-size-past-end.tar", behind(&record(b"size", b"1000000"))),
        ("records-size-of-2-to-63.tar", behind(&record(b"size", b"9223372036854775808"))),
        ("records-size-of-2-to-64.tar", behind(&record(b"size", b"18446744073709551616"))),
        ("records-size-negative.tar", behind(&record(b"size", b"-1"))),
        ("records-size-no-number.tar", behind(&record(b"size", b"3 bytes"))),
        ("records-time-no-number.tar", behind(&record(b"mtime", b"yesterday"))),
        ("records-time-too-late.tar", behind(&record(b"mtime", b"99999999999.5"))),
        ("records-path-dotdot.tar", behind(&record(b"path", b"../../bad"))),
        ("records-owner-too-large.tar", behind(&record(b"uid", b"4294967296"))),
        ("records-many-attributes.tar.gz", gzip(&behind(&many))),
        ("records-attribute-name-nul.tar", {
            behind(&record(b"SCHILY.xattr.user.a\0b", b"value"))
        }),
        ("records-attribute-too-large.tar.gz", {
            gzip(&behind(&record(b"SCHILY.xattr.user.a", &[b'x'; 100_000])))
        }),
        ("records-global-sizes.tar", {
            // For whoever takes one of them for that of the members behind it.
            start().before(b'g', &record(b"size", b"1000000")).file(b"bad", b"bad").end()
        }),
        ("records-global-without-end.tar.gz", {
            gzip(&(0..40).fold(start(), |tar, _| tar.before(b'g', &global)).file(b"b", b"b").end())
        }),
    ]
}

fn with_holes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("holes-sound.tar", holes(&[(10, 5), (30, 3)], 40, 8)),
        ("holes-overlap.tar", holes(&[(10, 5), (12, 3)], 40, 8)),
        ("holes-descend.tar", holes(&[(30, 5), (10, 3)], 40, 8)),
        ("holes-past-end.tar", holes(&[(10, 5), (38, 3)], 40, 8)),
        ("holes-more-than-stored.tar", holes(&[(10, 5), (30, 4)], 40, 8)),
        ("holes-less-than-stored.tar", holes(&[(10, 5)], 40, 8)),
        ("holes-overflow.tar", {
            let header = Header::gnu(b'S', b"bad", 3).with((PIECES, 12), &binary((1 << 64) - 2));
            let header = header.with((PIECES + 12, 12), b"00000000003");
            start().header(header.with(REAL_SIZE, b"00000000100")).data(b"bad").end()
        }),
        ("holes-no-more-maps.tar", {
            let header = Header::gnu(b'S', b"bad", 0).with((IS_EXTENDED, 1), &[1]);
            start().header(header).0
        }),
        (
            "holes-of-an-old-header.tar",
            start().header(Header::new(b'S', b"bad", 3)).data(b"bad").end(),
        ),
        ("holes-of-2-to-63.tar", {
            let header = Header::gnu(b'S', b"bad", 0).with(REAL_SIZE, &binary(1 << 63));
            start().header(header).end()
        }),
        ("map-sound.tar", mapped(b"1\n700\n5\n", b"1000")),
        ("map-count-lies.tar", mapped(b"18446744073709551615\n700\n5\n", b"1000")),
        ("map-without-end.tar", mapped(&[b'1'; 600], b"1000")),
        ("map-past-end.tar", mapped(b"1\n1000\n5\n", b"1000")),
        ("map-no-number.tar", mapped(b"1\n-7\n5\n", b"1000")),
        ("map-longer-than-member.tar", mapped(&b"1\n".repeat(256), b"1000")),
        ("map-size-missing.tar", mapped(b"1\n700\n5\n", b"")),
        ("map-size-of-2-to-64.tar", mapped(b"1\n700\n5\n", b"18446744073709551615")),
    ]
}

fn links() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("hard-link-to-nothing.tar", start().link(b'1', b"bad", b"nothing").end()),
        ("hard-link-to-itself.tar", start().link(b'1', b"bad", b"bad").end()),
        ("hard-link-to-itself-again.tar", start().link(b'1', b"good", b"./good").end()),
        ("hard-links-in-a-circle.tar", {
            start().link(b'1', b"a", b"b").link(b'1', b"b", b"c").link(b'1', b"c", b"a").end()
        }),
        ("hard-link-outside.tar", start().link(b'1', b"bad", b"../../etc/passwd").end()),
        ("hard-link-to-the-root.tar", start().link(b'1', b"bad", b"/").end()),
        ("hard-link-to-a-directory.tar", {
            start().link(b'5', b"dir", b"").link(b'1', b"bad", b"dir").end()
        }),
        ("hard-link-to-what-comes-later.tar", {
            start().link(b'1', b"bad", b"late").file(b"late", b"late").end()
        }),
        ("hard-link-beneath-a-file.tar", start().link(b'1', b"good/bad", b"good").end()),
        ("link-then-beneath-it.tar", {
            start().link(b'2', b"dir", b"/tmp").file(b"dir/rangepack-outside", b"bad").end()
        }),
        ("link-outside.tar", start().link(b'2', b"link", b"../../../../etc").end()),
        ("link-to-nothing-at-all.tar", start().link(b'2', b"bad", b"").end()),
        ("file-then-beneath-it.tar", start().file(b"good/bad", b"bad").end()),
        ("beneath-it-then-file.tar", start().file(b"dir/in", b"in").file(b"dir", b"bad").end()),
        ("names-twice.tar", {
            start().file(b"a", b"first").link(b'2', b"a", b"good").file(b"a", b"last").end()
        }),
        ("names-twice-link-last.tar", start().file(b"a", b"first").link(b'2', b"a", b"good").end()),
        ("directory-then-file.tar", start().link(b'5', b"a", b"").file(b"a", b"last").end()),
        ("device.tar", start().header(Header::new(b'4', b"device", 0)).end()),
    ]
}

fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let good = start().end();
    vec![
        ("end-missing.tar", start().0),
        ("end-cut-off.tar", start().0[..BLOCK + 3].to_vec()),
        ("header-cut-off.tar", named(b"bad")[..2 * BLOCK + 300].to_vec()),
        ("bytes-behind-the-end.tar", [good.clone(), named(b"bad")].concat()),
        ("header-of-noise.tar", start().data(&[b'x'; BLOCK]).end()),
        ("nothing.tar", Vec::new()),
        ("only-the-end.tar", Tar::default().end()),
        ("gzip-cut-off.tar.gz", {
            let mut bytes = gzip(&good);
            bytes.truncate(bytes.len() - 9);
            bytes
        }),
        ("gzip-sum-wrong.tar.gz", {
            let mut bytes = gzip(&good);
            let at = bytes.len() - 8;
            bytes[at] ^= 1;
            bytes
        }),
        ("gzip-size-wrong.tar.gz", member_of(&deflated(&good), crc32(&good), 7)),
        ("gzip-and-noise.tar.gz", [gzip(&good), b"noise".to_vec()].concat()),
        ("gzip-in-gzip.tar.gz", gzip(&gzip(&good))),
        ("zstd-cut-off.tar.zst", {
            let mut bytes = zstd::encode_all(&good[..], 3).unwrap_or_default();
            bytes.truncate(bytes.len() - 3);
            bytes
        }),
    ]
}

/// A raw deflate stream, which is compressed.
pub(super) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    member_of(&deflated(content), crc32(content), content.len() as u64)
}
