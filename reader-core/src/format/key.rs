//! Keys as inner pages hold them (FORMAT.md, "Keys").

use crate::bytes::common_prefix;
use crate::path::directory_byte;
use alloc::vec::Vec;

/// A key as inner pages hold it: bytes whose plain order is the order of the keys.
///
/// The directory with `/` as 0, then 0 0, then the name (FORMAT.md, "Keys").
pub struct Key {
    short: [u8; 256],
    len: usize,
    long: Vec<u8>,
}

impl Key {
    /// The key of a directory and a name in it. Allocates only for paths of more than 254 bytes.
    #[inline]
    pub fn new(directory: &[u8], name: &[u8]) -> Key {
        let mut key = Key { short: [0; 256], len: 0, long: Vec::new() };
        let directory_len = directory.len();
        let total = directory_len.saturating_add(2).saturating_add(name.len());
        let place = if let Some(place) = key.short.get_mut(..total) {
            key.len = total;
            place
        } else {
            key.long.resize(total, 0);
            &mut key.long
        };
        if let Some((head, tail)) = place.split_at_mut_checked(directory_len) {
            for (to, from) in head.iter_mut().zip(directory) {
                *to = directory_byte(*from);
            }
            if let Some(tail) = tail.get_mut(2..) {
                tail.copy_from_slice(name);
            }
        }
        key
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { self.short.get(..self.len).unwrap_or(&[]) } else { &self.long }
    }
}

/// The shortest key that is above `low` and not above `high`.
pub(crate) fn separator(low: &Key, high: &Key) -> Vec<u8> {
    let high = high.as_bytes();
    let common = common_prefix(low.as_bytes(), high);
    high.get(..common.saturating_add(1)).unwrap_or(high).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PackPathBuf;

    #[test]
    fn encoded_keys_sort_like_paths() {
        let paths = ["a", "a-", "a/b", "a/b/c", "a/b-/c", "b", "a-/x", "a/\u{1}/x", "a/b/\u{1}"];
        for a in paths {
            for b in paths {
                let (a, b) =
                    (PackPathBuf::new(a.into()).unwrap(), PackPathBuf::new(b.into()).unwrap());
                let key = |path: &PackPathBuf| {
                    Key::new(path.as_path().parent().as_bytes(), path.as_path().name())
                };
                assert_eq!(a.cmp(&b), key(&a).as_bytes().cmp(key(&b).as_bytes()), "{a:?} {b:?}");
            }
        }
        let long = [b'x'; 300];
        assert_eq!(Key::new(&long, b"y").as_bytes().len(), 303);
    }

    #[test]
    fn separators_are_short_and_separate() {
        let (low, high) = (Key::new(b"d", b"file_0199"), Key::new(b"d", b"file_0200"));
        let between = separator(&low, &high);
        assert_eq!(between, b"d\0\0file_02");
        assert!(low.as_bytes() < &between[..] && &between[..] <= high.as_bytes());
    }
}
