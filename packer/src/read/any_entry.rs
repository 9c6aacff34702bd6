//! An entry at hand, borrowed or owned.

use rangepack_core::{Content, Entry, EntryRef, PackPathBuf, Result};

/// An entry at hand: an [`EntryRef`] of a pack's pages, or an [`Entry`]. What [`Pack::open_entry`](crate::Pack::open_entry)
/// and [`Pack::read_entry`](crate::Pack::read_entry) take.
pub trait AnyEntry {
    /// Its path, and where its bytes lie if it is a file.
    ///
    /// # Errors
    /// When the entry is damaged.
    fn parts(&self) -> Result<(PackPathBuf, Option<Content>)>;
}

impl AnyEntry for Entry {
    fn parts(&self) -> Result<(PackPathBuf, Option<Content>)> {
        Ok((self.path.clone(), self.content().copied()))
    }
}

impl AnyEntry for EntryRef<'_> {
    fn parts(&self) -> Result<(PackPathBuf, Option<Content>)> {
        Ok((self.path()?, self.content()?))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Pack, PackOptions, pack};

    #[test]
    fn files_are_read_by_whatever_is_at_hand() {
        let home = tempfile::tempdir().unwrap();
        let (tree, packed) = (home.path().join("tree"), home.path().join("a.pack"));
        std::fs::create_dir_all(tree.join("b")).unwrap();
        std::fs::write(tree.join("b/a"), "abc").unwrap();
        let _ = pack(&tree, &packed, &PackOptions::new(), &()).unwrap();
        let pack = Pack::open(&packed).unwrap();
        for entry in pack.walk("b").unwrap() {
            let entry = entry.unwrap();
            let path = entry.path().unwrap();
            let owned = pack.metadata(&path).unwrap();
            assert_eq!(pack.read(path.as_path()).unwrap(), b"abc");
            assert_eq!(pack.read_entry(&entry).unwrap(), pack.read_entry(&owned).unwrap());
            assert_eq!((owned.is_file(), owned.size(), owned.name()), (true, 3, &b"a"[..]));
            let mut byte = [0];
            let file = pack.open_entry(&owned).unwrap();
            assert_eq!((file.read_at(&mut byte, 1).unwrap(), byte), (1, *b"b"));
        }
        let directory = pack.metadata("b").unwrap();
        let error = pack.read_entry(&directory).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::WrongKind);
        assert!(pack.metadata("").unwrap_err().to_string().contains("its root is not"));
    }
}
