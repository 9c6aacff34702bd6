//! Zip archives.

use super::tar::deflated;
use crate::gzip::crc32;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ZSTD: u16 = 93;

/// A 16 and a 32 bit number that send the reader to the fields of zip64.
const ELSEWHERE: u32 = u32::MAX;

/// A member: what its two headers say, and what lies there.
#[derive(Clone)]
struct Member {
    name: Vec<u8>,
    payload: Vec<u8>,
    central: Fields,
    local: Fields,
    /// Where the directory says that the local header is, if that is not where it is.
    offset: Option<u32>,
    /// What comes behind the payload.
    behind: Vec<u8>,
}

/// What stands in both headers of a member.
#[derive(Clone)]
struct Fields {
    signature: u32,
    /// The system of the writer, of the directory alone: 3 is Unix.
    system: u8,
    flags: u16,
    method: u16,
    crc32: u32,
    stored: u32,
    size: u32,
    name_len: u16,
    extra: Vec<u8>,
    mode: u16,
}

impl Member {
    fn new(name: &[u8], content: &[u8], method: u16) -> Member {
        let payload = match method {
            DEFLATED => deflated(content),
            ZSTD => zstd::encode_all(content, 3).unwrap_or_default(),
            _ => content.to_vec(),
        };
        let central = Fields {
            signature: 0x0201_4b50,
            system: 3,
            flags: 0,
            method,
            crc32: crc32(content),
            stored: payload.len() as u32,
            size: content.len() as u32,
            name_len: name.len() as u16,
            extra: Vec::new(),
            mode: 0o100_644,
        };
        let local = Fields { signature: 0x0403_4b50, ..central.clone() };
        let (name, behind) = (name.to_vec(), Vec::new());
        Member { name, payload, central, local, offset: None, behind }
    }

    /// Changes what both headers say.
    fn with(mut self, change: impl Fn(&mut Fields)) -> Member {
        change(&mut self.central);
        change(&mut self.local);
        self
    }

    /// Changes what the directory says.
    fn central(mut self, change: impl Fn(&mut Fields)) -> Member {
        change(&mut self.central);
        self
    }

    /// Changes what the local header says.
    fn local(mut self, change: impl Fn(&mut Fields)) -> Member {
        change(&mut self.local);
        self
    }

    fn at(mut self, offset: u32) -> Member {
        self.offset = Some(offset);
        self
    }

    fn behind(mut self, bytes: &[u8]) -> Member {
        self.behind = bytes.to_vec();
        self
    }
}

impl Fields {
    /// What both headers have in common.
    fn common(&self) -> Vec<u8> {
        let (flags, method) = (self.flags.to_le_bytes(), self.method.to_le_bytes());
        // The first of January 1980.
        let time = [0, 0, 0x21, 0];
        let sizes = [self.crc32, self.stored, self.size].map(u32::to_le_bytes).concat();
        let name_len = self.name_len.to_le_bytes();
        let extra_len = (self.extra.len() as u16).to_le_bytes();
        [&[20, 0][..], &flags, &method, &time, &sizes, &name_len, &extra_len].concat()
    }
}

/// An archive in its pieces.
#[derive(Clone, Default)]
struct Zip {
    members: Vec<u8>,
    directory: Vec<u8>,
    count: u32,
    /// What is added to what the end says: the count, the length of the directory, and its offset.
    lies: (i32, i32, i32),
    /// What stands before the end: the records of zip64.
    before_end: Vec<u8>,
    comment: Vec<u8>,
}

impl Zip {
    fn member(mut self, member: Member) -> Zip {
        let Member { name, payload, central, local, offset, behind } = member;
        let offset = offset.unwrap_or(self.members.len() as u32);
        self.members.extend(local.signature.to_le_bytes());
        self.members.extend(local.common());
        [&name, &local.extra, &payload, &behind].iter().for_each(|it| self.members.extend(*it));
        self.directory.extend(central.signature.to_le_bytes());
        self.directory.extend([20, central.system]);
        self.directory.extend(central.common());
        // The comment, the disk, attributes inside.
        self.directory.extend([0; 6]);
        self.directory.extend((u32::from(central.mode) << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        [&name, &central.extra].iter().for_each(|it| self.directory.extend(*it));
        self.count += 1;
        self
    }

    /// A file that is stored.
    fn file(self, name: &[u8], content: &[u8]) -> Zip {
        self.member(Member::new(name, content, STORED))
    }

    fn lies(mut self, count: i32, len: i32, offset: i32) -> Zip {
        self.lies = (count, len, offset);
        self
    }

    fn end(&self) -> Vec<u8> {
        let add = |number: usize, lie: i32| (number as i32).wrapping_add(lie);
        let count = (add(self.count as usize, self.lies.0) as u16).to_le_bytes();
        let len = add(self.directory.len(), self.lies.1).to_le_bytes();
        let offset = add(self.members.len(), self.lies.2).to_le_bytes();
        let comment = (self.comment.len() as u16).to_le_bytes();
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &len, &offset, &comment, &self.comment].concat()
    }

    fn bytes(self) -> Vec<u8> {
        [&self.members, &self.directory, &self.before_end, &self.end()].map(|it| &it[..]).concat()
    }

    /// With the records of zip64 before the end, which then says nothing itself.
    fn long(mut self, count: u64, len: u64, offset: u64, place: u64) -> Zip {
        let body = [&44u64.to_le_bytes()[..], &[45, 3, 45, 0]].concat();
        let numbers = [0, count, count, len, offset].map(u64::to_le_bytes).concat();
        // Both disks are one number there.
        let record = [b"PK\x06\x06", &body[..], &numbers].concat();
        let locator = [b"PK\x06\x07", &[0; 4][..], &place.to_le_bytes(), &1u32.to_le_bytes()];
        self.before_end = [record, locator.concat()].concat();
        let (count, len) = (self.count as i32, self.directory.len() as i32);
        self.lies = (-1 - count, -1 - len, -1 - self.members.len() as i32);
        self
    }

    /// The same, in which everything is right.
    fn long_sound(self) -> Zip {
        let (len, offset) = (self.directory.len() as u64, self.members.len() as u64);
        let count = self.count.into();
        self.long(count, len, offset, len + offset)
    }
}

fn start() -> Zip {
    Zip::default().file(b"good", b"as it is")
}

/// One member of that content.
fn stored(content: &[u8]) -> Member {
    Member::new(b"bad", content, STORED)
}

/// One that is compressed.
fn compressed() -> Member {
    Member::new(b"bad", &b"again and ".repeat(100), DEFLATED)
}

fn of(member: Member) -> Vec<u8> {
    start().member(member).bytes()
}

/// Fields of zip64, some of which may be missing.
fn long(numbers: &[u64]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [&[1, 0][..], &(bytes.len() as u16).to_le_bytes(), &bytes].concat()
}

/// A descriptor: the sum and lengths behind a payload.
fn descriptor(crc32: u32, stored: u32, size: u32) -> Vec<u8> {
    [0x0807_4b50, crc32, stored, size].map(u32::to_le_bytes).concat()
}

/// An archive of so many members, which may be more than 16 bits can count.
pub(super) fn of_many(members: u32) -> Vec<u8> {
    let file =
        |zip: Zip, number: u32| zip.file(format!("{}/{number}", number % 100).as_bytes(), b"");
    (0..members).fold(Zip::default(), file).long_sound().bytes()
}

/// All of them.
pub(super) fn make() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = names();
    all.extend(sizes());
    all.extend(places());
    all.extend(methods());
    all.extend(zip64());
    all.extend(ends());
    all
}

fn names() -> Vec<(&'static str, Vec<u8>)> {
    let named = |name: &[u8]| of(Member::new(name, b"bad", STORED));
    let of_windows = |name: &[u8]| {
        of(Member::new(name, b"bad", STORED)
            .central(|fields| (fields.system, fields.mode) = (0, 0)))
    };
    vec![
        ("name-dotdot.zip", named(b"../bad")),
        ("name-absolute.zip", named(b"/bad")),
        ("name-drive.zip", named(br"C:\bad")),
        ("name-backslash.zip", named(br"..\bad")),
        ("name-backslash-of-windows.zip", of_windows(br"..\bad")),
        ("name-backslash-of-windows-sound.zip", of_windows(br"a\b\bad")),
        ("name-empty.zip", named(b"")),
        ("name-nul.zip", named(b"a\0b")),
        ("name-not-utf-8.zip", named(b"bad\xff")),
        ("name-says-utf-8.zip", {
            of(Member::new(b"bad\xff", b"bad", STORED).with(|fields| fields.flags = 1 << 11))
        }),
        ("name-of-another.zip", {
            // Whose sum is not that of the name, and whose is.
            let field = |sum: u32, name: &[u8]| {
                let len = (name.len() as u16 + 5).to_le_bytes();
                [&[0x75, 0x70][..], &len, &[1], &sum.to_le_bytes(), name].concat()
            };
            let named = |name: &[u8], field: Vec<u8>| {
                Member::new(name, b"bad", STORED).central(move |it| it.extra.clone_from(&field))
            };
            let (one, two) = (field(7, b"other"), field(crc32(b"b"), b"../../other"));
            start().member(named(b"a", one)).member(named(b"b", two)).bytes()
        }),
        ("name-differs.zip", {
            let mut bytes = of(stored(b"bad"));
            // Of the local header.
            bytes[42 + 30] = b'd';
            bytes
        }),
        ("names-twice.zip", start().file(b"a", b"first").file(b"a", b"last").bytes()),
        ("file-then-beneath-it.zip", start().file(b"good/bad", b"bad").bytes()),
        ("link-then-beneath-it.zip", {
            let link = Member::new(b"dir", b"/tmp", STORED).with(|it| it.mode = 0o120_777);
            start().member(link).file(b"dir/rangepack-outside", b"bad").bytes()
        }),
        ("link-to-nothing-at-all.zip", of(stored(b"").with(|it| it.mode = 0o120_777))),
        ("link-too-long.zip", {
            let target = vec![b'x'; 70_000];
            of(Member::new(b"bad", &target, DEFLATED).with(|it| it.mode = 0o120_777))
        }),
        ("directory-with-content.zip", of(Member::new(b"dir/", b"bad", STORED))),
        ("device.zip", of(stored(b"bad").with(|it| it.mode = 0o060_644))),
    ]
}

fn sizes() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = |size: u32| {
        let bomb = Member::new(b"bad", &vec![0; 4 << 20], DEFLATED);
        of(bomb.with(|it| it.size = size))
    };
    vec![
        ("size-stored-too-large.zip", of(stored(b"bad").with(|it| it.size = 300))),
        ("size-stored-too-small.zip", of(stored(b"bad").with(|it| it.size = 2))),
        ("size-too-large.zip", of(compressed().with(|it| it.size = 1001))),
        ("size-too-small.zip", of(compressed().with(|it| it.size = 999))),
        ("size-of-4-gib.zip", of(compressed().with(|it| it.size = u32::MAX - 1))),
        ("size-0.zip", of(compressed().with(|it| it.size = 0))),
        ("stored-past-end.zip", of(compressed().with(|it| it.stored = 1 << 20))),
        ("stored-of-4-gib.zip", of(compressed().with(|it| it.stored = u32::MAX - 1))),
        (
            "stored-into-the-directory.zip",
            of(stored(b"bad").with(|it| (it.stored, it.size) = (40, 40))),
        ),
        ("stored-too-small.zip", of(compressed().with(|it| it.stored -= 1))),
        ("stored-too-large.zip", of(compressed().with(|it| it.stored += 1).behind(b"x"))),
        ("stored-0.zip", of(compressed().with(|it| it.stored = 0))),
        ("sizes-differ.zip", of(compressed().local(|it| (it.stored, it.size) = (7, 7)))),
        ("sum-wrong.zip", of(compressed().with(|it| it.crc32 ^= 1))),
        ("sum-wrong-stored.zip", of(stored(b"bad").with(|it| it.crc32 ^= 1))),
        ("sums-differ.zip", of(compressed().local(|it| it.crc32 ^= 1))),
        ("bomb-that-says-100.zip", zeros(100)),
        ("bomb-that-says-4-gib.zip", zeros(u32::MAX - 1)),
        ("bomb-of-zstd.zip", {
            let bomb = Member::new(b"bad", &vec![0; 16 << 20], ZSTD);
            of(bomb.with(|it| it.size = 100))
        }),
        ("descriptor-sound.zip", {
            let sum = crc32(&b"again and ".repeat(100));
            let stored = compressed().payload.len() as u32;
            let member = compressed().with(|it| it.flags = 8);
            let member = member.local(|it| (it.crc32, it.stored, it.size) = (0, 0, 0));
            of(member.behind(&descriptor(sum, stored, 1000)))
        }),
        ("descriptor-lies.zip", {
            let member = compressed().with(|it| it.flags = 8);
            let member = member.local(|it| (it.crc32, it.stored, it.size) = (0, 0, 0));
            of(member.behind(&descriptor(7, 7, 7)))
        }),
        ("descriptor-missing.zip", {
            let member = compressed().with(|it| it.flags = 8);
            of(member.local(|it| (it.crc32, it.stored, it.size) = (0, 0, 0)))
        }),
    ]
}

fn places() -> Vec<(&'static str, Vec<u8>)> {
    let quoted = {
        // The payload of the first holds the second with its header, which the directory names as well.
        let inner = Zip::default().file(b"inner", &[b'x'; 200]);
        let outer = stored(&inner.members);
        let at = 42 + 33;
        start().member(outer).member(Member::new(b"inner", &[b'x'; 200], STORED).at(at)).bytes()
    };
    vec![
        ("place-of-another.zip", of(stored(b"as it is").at(0))),
        ("place-past-end.zip", of(stored(b"bad").at(1 << 30))),
        ("place-off-by-one.zip", of(stored(b"bad").at(43))),
        ("place-in-the-directory.zip", of(stored(b"bad").at(42 + 36))),
        ("place-quoted.zip", quoted),
        ("local-signature-wrong.zip", of(stored(b"bad").local(|it| it.signature = 7))),
        ("local-name-too-long.zip", of(stored(b"bad").local(|it| it.name_len = u16::MAX))),
        ("local-extra-cut-off.zip", of(stored(b"bad").with(|it| it.extra = vec![1, 0, 255, 255]))),
        ("directory-signature-wrong.zip", of(stored(b"bad").central(|it| it.signature = 7))),
        ("directory-name-too-long.zip", of(stored(b"bad").central(|it| it.name_len = u16::MAX))),
    ]
}

fn methods() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("encrypted.zip", of(compressed().with(|it| it.flags = 1))),
        ("encrypted-strongly.zip", of(compressed().with(|it| it.flags = 1 | 1 << 6))),
        ("method-lzma.zip", of(compressed().with(|it| it.method = 14))),
        ("method-unknown.zip", of(compressed().with(|it| it.method = u16::MAX))),
        ("methods-differ.zip", of(compressed().local(|it| it.method = STORED))),
        ("deflate-is-noise.zip", {
            let noise = Member { payload: vec![0xff; 50], ..compressed() };
            of(noise.with(|it| it.stored = 50))
        }),
        ("zstd-is-noise.zip", of(stored(b"bad").with(|it| it.method = ZSTD))),
        ("zstd-sound.zip", of(Member::new(b"bad", b"sound", ZSTD))),
    ]
}

fn zip64() -> Vec<(&'static str, Vec<u8>)> {
    let elsewhere = |numbers: &[u64]| {
        let field = long(numbers);
        let member = stored(b"bad").with(|it| (it.stored, it.size) = (ELSEWHERE, ELSEWHERE));
        member.with(|it| it.extra.clone_from(&field))
    };
    let one = || start().member(stored(b"bad"));
    let (len, offset) = (one().directory.len() as u64, one().members.len() as u64);
    vec![
        ("zip64-sound.zip", start().member(elsewhere(&[3, 3])).long_sound().bytes()),
        ("zip64-fields-missing.zip", of(elsewhere(&[]))),
        ("zip64-field-missing.zip", of(elsewhere(&[3]))),
        ("zip64-field-cut-off.zip", {
            of(elsewhere(&[]).with(|it| it.extra = vec![1, 0, 16, 0, 3, 0, 0, 0]))
        }),
        ("zip64-stored-of-2-to-63.zip", of(elsewhere(&[1 << 63, 1 << 63]))),
        ("zip64-stored-of-2-to-64.zip", of(elsewhere(&[u64::MAX, u64::MAX]))),
        ("zip64-size-of-2-to-60.zip", {
            let stored = compressed().payload.len() as u64;
            let field = long(&[1 << 60, stored]);
            let member = compressed().with(|it| (it.stored, it.size) = (ELSEWHERE, ELSEWHERE));
            of(member.with(|it| it.extra.clone_from(&field)))
        }),
        ("zip64-place-of-2-to-64.zip", {
            let field = long(&[u64::MAX]);
            of(stored(b"bad").central(|it| it.extra.clone_from(&field)).at(ELSEWHERE))
        }),
        ("zip64-end-past-end.zip", one().long(2, len, offset, 1 << 62).bytes()),
        ("zip64-end-of-2-to-63.zip", one().long(2, len, offset, 1 << 63).bytes()),
        ("zip64-end-elsewhere.zip", one().long(2, len, offset, 7).bytes()),
        ("zip64-count-lies.zip", one().long(u64::MAX, len, offset, len + offset).bytes()),
        ("zip64-directory-len-lies.zip", one().long(2, u64::MAX, offset, len + offset).bytes()),
        ("zip64-directory-past-end.zip", one().long(2, len, 1 << 62, len + offset).bytes()),
    ]
}

fn ends() -> Vec<(&'static str, Vec<u8>)> {
    let good = start().bytes();
    let end = start().end();
    let with = |comment: &[u8]| Zip { comment: comment.to_vec(), ..start() }.bytes();
    vec![
        ("count-too-large.zip", start().lies(1, 0, 0).bytes()),
        ("count-too-small.zip", start().file(b"more", b"more").lies(-1, 0, 0).bytes()),
        ("count-of-65534.zip", start().lies(65_533, 0, 0).bytes()),
        ("directory-too-long.zip", start().lies(0, 1000, 0).bytes()),
        ("directory-too-short.zip", start().lies(0, -7, 0).bytes()),
        ("directory-past-end.zip", start().lies(0, 0, 1 << 30).bytes()),
        ("directory-elsewhere.zip", start().lies(0, 0, -9).bytes()),
        ("end-cut-off.zip", good[..good.len() - 3].to_vec()),
        ("end-missing.zip", good[..good.len() - end.len()].to_vec()),
        ("end-twice.zip", [&good[..], &end].concat()),
        ("end-in-the-comment.zip", with(&Zip::default().end())),
        ("end-with-a-long-comment.zip", with(&vec![b'x'; 65_535])),
        ("bytes-behind-the-end.zip", [&good[..], b"more"].concat()),
        ("bytes-before.zip", [b"PK\x07\x08PK", &good[..]].concat()),
        (
            "two-archives.zip",
            [&good[..], &Zip::default().file(b"other", b"other").bytes()].concat(),
        ),
        ("empty.zip", Zip::default().bytes()),
        ("only-a-signature.zip", b"PK\x03\x04".to_vec()),
    ]
}
