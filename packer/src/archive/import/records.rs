//! Pax records: what stands in the headers `x` and `g`.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Keys and values, as they came, above those that hold for all members.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    own: Vec<(Vec<u8>, Vec<u8>)>,
    globals: Option<Arc<Records>>,
}

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
        Some(Records { own: records, globals: None })
    }

    /// These above others, which count less.
    pub(super) fn above(self, globals: &Arc<Records>) -> Records {
        Records { globals: Some(Arc::clone(globals)), ..self }
    }

    /// These with others, which count more: of each key the last value alone.
    pub(super) fn replaced(&self, others: Records) -> Records {
        let mut own = self.own.clone();
        own.extend(others.own);
        let mut known = HashSet::new();
        let is_last: Vec<bool> =
            own.iter().rev().map(|(key, _)| known.insert(key.clone())).collect();
        let mut is_last = is_last.into_iter().rev();
        own.retain(|_| is_last.next().unwrap_or(true));
        Records { own, globals: None }
    }

    /// How many bytes keys and values have, without those below.
    pub(super) fn len(&self) -> u64 {
        self.own.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// The value of a key; an empty one takes away what came before.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.find(key).filter(|value| !value.is_empty())
    }

    fn find(&self, key: &str) -> Option<&[u8]> {
        let found = self.own.iter().rev().find(|(known, _)| known == key.as_bytes());
        let below = || self.globals.as_ref().and_then(|globals| globals.find(key));
        found.map(|(_, value)| &value[..]).or_else(below)
    }

    /// All of them, those first that hold for all members.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let globals = self.globals.iter().flat_map(|globals| &globals.own);
        globals.chain(&self.own).map(|(key, value)| (&key[..], &value[..]))
    }

    /// A number; `Some(None)` when it is none.
    pub(super) fn number(&self, key: &str) -> Option<Option<u64>> {
        self.get(key).map(number)
    }

    /// Extended attributes: those of the key `SCHILY.xattr.NAME`.
    pub(super) fn attributes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let named = self.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(b"SCHILY.xattr.")?;
            Some((decoded(name), value.to_vec()))
        });
        // The last of a name counts.
        named.collect::<BTreeMap<_, _>>().into_iter().collect()
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
    fn globals_hold_until_they_are_replaced() {
        let parsed = |text: &[u8]| Records::parse(text).unwrap();
        let globals = parsed(b"6 a=1\n6 b=1\n").replaced(parsed(b"6 b=2\n6 b=3\n6 c=1\n"));
        assert_eq!((globals.own.len(), globals.len()), (3, 6));
        let records = parsed(b"6 a=9\n5 c=\n").above(&Arc::new(globals));
        let get = |key| records.get(key).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(["a", "b", "c", "d"].map(get), [Some("9".into()), Some("3".into()), None, None]);
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
