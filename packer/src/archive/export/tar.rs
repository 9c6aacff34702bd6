//! Tar: ustar headers, and pax records for what does not fit into them.

use super::payload::Payload;
use super::{Member, Writer};
use crate::error::Result;
use rangepack_core::{Kind, Owner};
use std::io::{self, Write};
use tar::{EntryType, Header};

/// A header, and what all lengths are rounded up to, in bytes.
const BLOCK: usize = 512;

/// Numbers of eleven octal digits fit into a header, and of seven.
const LONG: u64 = 0o777_7777_7777;
const SHORT: u64 = 0o777_7777;

/// See [the module](self).
pub(super) struct TarWriter<W> {
    out: W,
}

/// What stands in the pax header before a member.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    /// Adds `LEN KEY=VALUE\n`, whose length counts itself.
    fn push(&mut self, key: &[u8], value: &[u8]) {
        let rest = key.len() + value.len() + 3;
        let mut len = rest + 1;
        while len != rest + len.to_string().len() {
            len = rest + len.to_string().len();
        }
        self.0.extend(len.to_string().into_bytes());
        self.0.push(b' ');
        self.0.extend(key);
        self.0.push(b'=');
        self.0.extend(value);
        self.0.push(b'\n');
    }

    /// Adds a name, and first that it is bytes if it is no text.
    fn push_name(&mut self, key: &[u8], name: &[u8]) {
        if self.0.is_empty() && std::str::from_utf8(name).is_err() {
            self.push(b"hdrcharset", b"BINARY");
        }
        self.push(key, name);
    }
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W) -> TarWriter<W> {
        TarWriter { out }
    }

    /// Writes the header, and a pax header before it if it is needed.
    fn head(
        &mut self,
        member: &Member<'_>,
        kind: EntryType,
        size: u64,
        link: &[u8],
    ) -> io::Result<()> {
        let entry = member.entry;
        let mut header = Header::new_ustar();
        let mut records = Records::default();
        let mut path = entry.path.as_bytes().to_vec();
        if kind == EntryType::Directory {
            path.push(b'/');
        }
        if !set_path(&mut header, &path) {
            records.push_name(b"path", &path);
        }
        if !set(&mut header.as_old_mut().linkname, link) {
            records.push_name(b"linkpath", link);
        }
        let fallback = match kind {
            EntryType::Directory => 0o755,
            EntryType::Symlink => 0o777,
            _ => 0o644,
        };
        header.set_entry_type(kind);
        header.set_mode(entry.mode.unwrap_or(fallback));
        let mut number = |key: &[u8], value: u64, most: u64| {
            if value > most {
                records.push(key, value.to_string().as_bytes());
            }
            if value > most { 0 } else { value }
        };
        let owner = entry.owner.unwrap_or(Owner { uid: 0, gid: 0 });
        header.set_uid(number(b"uid", owner.uid.into(), SHORT));
        header.set_gid(number(b"gid", owner.gid.into(), SHORT));
        header.set_size(number(b"size", size, LONG));
        let (seconds, nanoseconds) = split(entry.mtime.unwrap_or(0));
        if nanoseconds != 0 || seconds < 0 {
            records.push(b"mtime", decimal(entry.mtime.unwrap_or(0)).as_bytes());
        }
        header.set_mtime(u64::try_from(seconds).unwrap_or(0));
        for (name, value) in &member.attributes {
            let mut key = b"SCHILY.xattr.".to_vec();
            key.extend(encoded(name));
            records.push(&key, value);
        }
        let Records(records) = records;
        if !records.is_empty() {
            let mut before = Header::new_ustar();
            set_path(&mut before, b"pax_header");
            before.set_entry_type(EntryType::XHeader);
            before.set_mode(0o644);
            before.set_uid(0);
            before.set_gid(0);
            before.set_mtime(0);
            before.set_size(records.len() as u64);
            before.set_cksum();
            self.out.write_all(before.as_bytes())?;
            self.out.write_all(&records)?;
            self.fill(records.len() as u64)?;
        }
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    /// Zeros up to the next block.
    fn fill(&mut self, len: u64) -> io::Result<()> {
        let over = (len % BLOCK as u64) as usize;
        self.out.write_all(&[0; BLOCK][..(BLOCK - over) % BLOCK])
    }
}

impl<W: Write> Writer for TarWriter<W> {
    type Out = W;
    const HARD_LINKS: bool = true;
    const ATTRIBUTES: bool = true;

    fn bare(&mut self, member: &Member<'_>) -> io::Result<()> {
        match &member.entry.kind {
            Kind::Symlink(target) => self.head(member, EntryType::Symlink, 0, target),
            _ => self.head(member, EntryType::Directory, 0, b""),
        }
    }

    fn link(&mut self, member: &Member<'_>, first: &[u8]) -> io::Result<()> {
        self.head(member, EntryType::Link, 0, first)
    }

    fn file(&mut self, member: &Member<'_>, payload: &mut Payload<'_>) -> Result<()> {
        let size = payload.content.size;
        self.head(member, EntryType::Regular, size, b"").map_err(payload.failed())?;
        payload.copy(&mut self.out)?;
        self.fill(size).map_err(payload.failed())
    }

    fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }
}

/// Sets a field, unless `bytes` are too many for it: then to the first of them.
fn set(field: &mut [u8], bytes: &[u8]) -> bool {
    let len = bytes.len().min(field.len());
    field[..len].copy_from_slice(&bytes[..len]);
    len == bytes.len()
}

/// Sets the path, in two parts if it is long; whether it fits.
fn set_path(header: &mut Header, path: &[u8]) -> bool {
    let Some(ustar) = header.as_ustar_mut() else { return false };
    if path.len() > ustar.name.len() {
        // The name is what comes behind some slash, and not empty.
        let first = path.len() - ustar.name.len() - 1;
        let last = (path.len() - 2).min(ustar.prefix.len());
        let slash = (first..=last).find(|at| path[*at] == b'/');
        if let Some(slash) = slash {
            set(&mut ustar.prefix, &path[..slash]);
            return set(&mut ustar.name, &path[slash + 1..]);
        }
    }
    set(&mut ustar.name, path)
}

/// Seconds, rounded down, and nanoseconds.
fn split(mtime: i64) -> (i64, i64) {
    (mtime.div_euclid(1_000_000_000), mtime.rem_euclid(1_000_000_000))
}

/// A time as a decimal number of seconds.
fn decimal(mtime: i64) -> String {
    let sign = if mtime < 0 { "-" } else { "" };
    let (whole, part) =
        (mtime.unsigned_abs() / 1_000_000_000, mtime.unsigned_abs() % 1_000_000_000);
    let text = format!("{sign}{whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The name of an attribute as GNU tar writes it in a key, which ends at the first `=`.
fn encoded(name: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'%' => encoded.extend(b"%25"),
            b'=' => encoded.extend(b"%3D"),
            byte => encoded.push(*byte),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_themselves() {
        for len in [1, 3, 90, 91, 92, 93, 94, 95, 989, 990, 991, 992, 993, 994] {
            let mut records = Records::default();
            records.push(b"path", &vec![b'a'; len]);
            let text = String::from_utf8(records.0).unwrap();
            let (number, _) = text.split_once(' ').unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), text.len());
        }
    }

    #[test]
    fn times_are_decimal() {
        for (mtime, text) in [
            (1, "0.000000001"),
            (-1, "-0.000000001"),
            (-1_500_000_000, "-1.5"),
            (1_700_000_000_120_000_000, "1700000000.12"),
            (-2_000_000_000, "-2"),
        ] {
            assert_eq!(decimal(mtime), text);
        }
    }

    #[test]
    fn long_paths_are_cut_at_a_slash() {
        let is = |path: &str, fits: bool| {
            let mut header = Header::new_ustar();
            assert_eq!(set_path(&mut header, path.as_bytes()), fits, "{path}");
            if fits {
                assert_eq!(&*header.path_bytes(), path.as_bytes());
            }
        };
        let (short, long) = ("a".repeat(99), "b".repeat(155));
        is(&short, true);
        is(&format!("{short}c"), true);
        is(&format!("{short}cd"), false);
        is(&format!("{long}/{short}"), true);
        is(&format!("{long}/{short}c"), true);
        is(&format!("{long}/{short}cd"), false);
        is(&format!("{long}b/{short}"), false);
        is(&format!("{short}/{short}/"), true);
        is(&format!("{short}c/"), false);
    }
}
