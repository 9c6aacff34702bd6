//! Paths in errors.

use rangepack_core::Escaped;
use std::fmt;

/// The path of an entry, as somebody asked for it or as the pack has it: any bytes. It shows itself fit for a terminal.
///
/// ```
/// use rangepack::EntryPath;
/// let path = EntryPath::from("a\nb");
/// assert_eq!((path.as_bytes(), path.to_string().as_str()), (b"a\nb".as_slice(), r"a\nb"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryPath(Vec<u8>);

impl EntryPath {
    /// The path as it is.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]>> From<T> for EntryPath {
    fn from(path: T) -> EntryPath {
        EntryPath(path.as_ref().to_vec())
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl PartialEq<&str> for EntryPath {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}
