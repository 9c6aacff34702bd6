//! Pax records: what stands in the headers `x` and `g`.

/// Keys and values, as they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Records(Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    /// Reads `LEN KEY=VALUE\n` after each other; `None` when that is not what stands there.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Records> {
        let mut records = Vec::new();
        // Some programs fill up with zeros.
        while bytes.first().is_some_and(|byte| *byte != 0) {
            let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
            let len: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..len)?.strip_suffix(b"\n")?;
            let equals = memchr::memchr(b'=', record)?;
            records.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
            bytes = &bytes[len..];
        }
        Some(Records(records))
    }

    /// Adds others, which count more.
    pub(super) fn extend(&mut self, others: Records) {
        self.0.extend(others.0);
    }

    /// The value of a key; an empty one takes away what came before.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let found = self.0.iter().rev().find(|(known, _)| known == key.as_bytes());
        found.map(|(_, value)| &value[..]).filter(|value| !value.is_empty())
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(key, value)| (&key[..], &value[..]))
    }

    /// A number; `Some(None)` when it is none.
    pub(super) fn number(&self, key: &str) -> Option<Option<u64>> {
        self.get(key).map(number)
    }

    /// Extended attributes: those of the key `SCHILY.xattr.NAME`.
    pub(super) fn attributes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (key, value) in self.iter() {
            let Some(name) = key.strip_prefix(b"SCHILY.xattr.") else { continue };
            let name = decoded(name);
            found.retain(|(known, _)| *known != name);
            found.push((name, value.to_vec()));
        }
        found
    }
}

/// A decimal number.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The name of an attribute, in whose place GNU tar writes `%3D` for `=` and `%25` for `%`.
fn decoded(name: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let (byte, len) = match rest {
            [b'%', b'3', b'D', ..] => (b'=', 3),
            [b'%', b'2', b'5', ..] => (b'%', 3),
            _ => (*first, 1),
        };
        decoded.push(byte);
        rest = if len == 3 { &after[2..] } else { after };
    }
    decoded
}

/// A decimal number of seconds in nanoseconds, rounded down, and whether it fits.
pub(super) fn nanoseconds(text: &[u8]) -> Option<(i64, bool)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = whole.starts_with('-');
    let seconds: i64 = match whole {
        "" | "-" => 0,
        whole => whole.parse().ok()?,
    };
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = part.chars().chain("000000000".chars()).take(9).collect();
    let part: i64 = digits.parse().ok()?;
    let part = if is_negative { -part } else { part };
    Some(fitting(seconds, part))
}

/// Seconds and nanoseconds as nanoseconds; the nearest that fit, and whether they do.
pub(super) fn fitting(seconds: i64, nanoseconds: i64) -> (i64, bool) {
    let exact = seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanoseconds));
    match exact {
        Some(exact) => (exact, true),
        None => (if seconds < 0 { i64::MIN } else { i64::MAX }, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_any_bytes() {
        let text = b"8 a=b\nc\n11 a=later\n6 d=e\n30 SCHILY.xattr.user.a%3Db=\n\xff\n\0\0";
        let records = Records::parse(text).unwrap();
        assert_eq!((records.iter().count(), records.get("a")), (4, Some(&b"later"[..])));
        assert_eq!(records.attributes(), [(b"user.a=b".to_vec(), b"\n\xff".to_vec())]);
        for text in [&b"5"[..], b"5 a", b"99 a=b\n", b"0 a=b\n", b"x a=b\n", b"6 a=bc\n"] {
            assert!(Records::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn times_have_nine_digits() {
        for (text, expected) in [
            ("1.5", Some((1_500_000_000, true))),
            ("-1.5", Some((-1_500_000_000, true))),
            ("-0.000000001", Some((-1, true))),
            ("7", Some((7_000_000_000, true))),
            ("1.0000000019", Some((1_000_000_001, true))),
            ("99999999999", Some((i64::MAX, false))),
            ("1.x", None),
            ("", Some((0, true))),
        ] {
            assert_eq!(nanoseconds(text.as_bytes()), expected, "{text}");
        }
    }
}
