//! The names in one directory, held compactly.

use super::kind::ItemKind;

/// The names in one directory with their kinds: one piece of memory for all names, sixteen bytes
/// beside it for each.
#[derive(Debug, Default)]
pub(super) struct Listing {
    names: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    /// Systems that allow more than 255 bytes allow 4096 at most.
    length: u16,
    kind: Option<ItemKind>,
}

impl Listing {
    /// Adds a name; `None` is a kind yet to be found out. False if the name is absurdly long.
    #[must_use]
    pub(super) fn push(&mut self, name: &[u8], kind: Option<ItemKind>) -> bool {
        let Ok(length) = u16::try_from(name.len()) else { return false };
        self.entries.push(Entry { start: self.names.len(), length, kind });
        self.names.extend_from_slice(name);
        true
    }

    /// Sorts the names by their bytes.
    pub(super) fn sort(&mut self) {
        let names = &self.names;
        self.entries.sort_unstable_by(|a, b| name_of(names, a).cmp(name_of(names, b)));
    }

    /// Keeps the names of which `judge` tells a kind.
    pub(super) fn retain(
        &mut self,
        mut judge: impl FnMut(&[u8], Option<ItemKind>) -> Option<ItemKind>,
    ) {
        let names = &self.names;
        self.entries.retain_mut(|entry| {
            entry.kind = judge(name_of(names, entry), entry.kind);
            entry.kind.is_some()
        });
    }

    /// The directories alone, in the same order.
    pub(super) fn directories(&self) -> Listing {
        let mut directories = Listing::default();
        for entry in &self.entries {
            if entry.kind == Some(ItemKind::Directory) {
                let start = directories.names.len();
                directories.names.extend_from_slice(name_of(&self.names, entry));
                directories.entries.push(Entry { start, ..*entry });
            }
        }
        directories
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Name and kind of the one at `index`.
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], ItemKind)> {
        let entry = self.entries.get(index)?;
        Some((name_of(&self.names, entry), entry.kind.unwrap_or(ItemKind::Other)))
    }
}

fn name_of<'a>(names: &'a [u8], entry: &Entry) -> &'a [u8] {
    names.get(entry.start..).and_then(|rest| rest.get(..usize::from(entry.length))).unwrap_or(b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listing: &Listing) -> Vec<&[u8]> {
        (0..listing.len()).map(|index| listing.get(index).unwrap().0).collect()
    }

    #[test]
    fn sorted_judged_and_cut_down_to_directories() {
        let mut listing = Listing::default();
        for name in [&b"b"[..], b"\xff", b"a.b", b"a-", b"a", b""] {
            let kind = (name != b"b").then_some(ItemKind::Directory);
            assert!(listing.push(name, kind));
        }
        listing.sort();
        assert_eq!(names(&listing), [&b""[..], b"a", b"a-", b"a.b", b"b", b"\xff"]);
        listing.retain(|name, kind| (name != b"a-").then_some(kind.unwrap_or(ItemKind::File)));
        assert_eq!(names(&listing), [&b""[..], b"a", b"a.b", b"b", b"\xff"]);
        assert_eq!(listing.get(3), Some((&b"b"[..], ItemKind::File)));
        assert_eq!(names(&listing.directories()), [&b""[..], b"a", b"a.b", b"\xff"]);
        assert_eq!(listing.get(5), None);
    }

    #[test]
    fn a_name_beyond_all_systems_is_refused() {
        assert!(!Listing::default().push(&[b'a'; 65_536], None));
    }
}
