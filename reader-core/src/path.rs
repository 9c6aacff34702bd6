//! Paths inside a pack, and the order of their keys (FORMAT.md, "Keys").

use crate::bytes::common_prefix;
use crate::error::{Error, PathProblem, Result};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

mod conversions;
mod escaped;
mod portable;

pub use escaped::{Escaped, is_deceptive};
pub use portable::{NameProblem, name_problem};

/// The longest path, in bytes.
pub const MAX_PATH: usize = 8192;

/// The longest target of a symbolic link, in bytes.
pub const MAX_LINK_TARGET: usize = 8192;

/// A path inside a pack: components joined by `/`, as raw bytes.
///
/// It is never absolute, never holds `.`, `..`, an empty component or a NUL, and is at most
/// [`MAX_PATH`] bytes long; so joined to a target directory it cannot lead out of it. The empty
/// path is the pack's root directory.
///
/// The order is that of the keys: by parent directory, component by component, then by name.
///
/// Like a path of the standard library it does not show itself: [`PackPath::display`] is for people, and may be
/// another name; [`PackPath::to_str`] is the name, if it is text.
///
/// ```
/// use rangepack_core::PackPath;
/// let path = PackPath::new(b"images/cats/1.jpg").unwrap();
/// assert_eq!(path.parent(), "images/cats");
/// assert_eq!(path.name(), b"1.jpg");
/// assert_eq!(path.parent().join("2.jpg")?.to_str(), Some("images/cats/2.jpg"));
/// assert!(PackPath::new(b"../etc/passwd").is_err());
/// # Ok::<(), rangepack_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PackPath<'a>(&'a [u8]);

impl<'a> PackPath<'a> {
    /// The root directory of the pack.
    pub const ROOT: PackPath<'static> = PackPath(b"");

    /// Checks `bytes`; [`Error::BadPath`] says what is wrong.
    pub fn new(bytes: &'a [u8]) -> Result<PackPath<'a>> {
        let bad = |problem| Err(Error::BadPath { problem });
        if bytes.is_empty() {
            return bad(PathProblem::Empty);
        }
        if bytes.len() > MAX_PATH {
            return bad(PathProblem::TooLong);
        }
        if bytes.first() == Some(&b'/') {
            return bad(PathProblem::Absolute);
        }
        if memchr::memchr(0, bytes).is_some() {
            return bad(PathProblem::Nul);
        }
        let mut start = 0usize;
        for end in memchr::memchr_iter(b'/', bytes).chain([bytes.len()]) {
            match bytes.get(start..end) {
                Some(b"" | b".") => return bad(PathProblem::EmptyComponent),
                Some(b"..") => return bad(PathProblem::Parent),
                _ => start = end.saturating_add(1),
            }
        }
        Ok(PackPath(bytes))
    }

    /// A directory: like [`PackPath::new`], but the empty path is the root.
    pub fn directory(bytes: &'a [u8]) -> Result<PackPath<'a>> {
        if bytes.is_empty() { Ok(PackPath::ROOT) } else { PackPath::new(bytes) }
    }

    /// The bytes, without a leading or trailing slash.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether this is the root directory.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds it; the root's parent is the root.
    #[inline]
    pub fn parent(&self) -> PackPath<'a> {
        self.split().0
    }

    /// The last component; empty for the root.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.split().1
    }

    /// Both at once: [`PackPath::parent`] and [`PackPath::name`].
    #[inline]
    pub fn split(&self) -> (PackPath<'a>, &'a [u8]) {
        match memchr::memrchr(b'/', self.0) {
            Some(slash) => {
                let (parent, name) = self.0.split_at_checked(slash).unwrap_or((self.0, b""));
                (PackPath(parent), name.get(1..).unwrap_or(b""))
            }
            None => (PackPath::ROOT, self.0),
        }
    }

    /// Whether it is `directory` itself or lies below it.
    pub fn is_within(&self, directory: PackPath<'_>) -> bool {
        directory.is_root()
            || self
                .0
                .strip_prefix(directory.0)
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    }

    /// The path as text; `None` when it is not UTF-8.
    pub fn to_str(&self) -> Option<&'a str> {
        core::str::from_utf8(self.0).ok()
    }

    /// What people may see of it: what is no plain text in it is escaped, so this may be another name.
    pub fn display(&self) -> Escaped<'a> {
        Escaped(self.0)
    }

    /// What lies at the relative path `below` in this directory.
    ///
    /// # Errors
    /// [`Error::BadPath`] when `below` is no path, or both together are too long.
    pub fn join(&self, below: impl AsRef<[u8]>) -> Result<PackPathBuf> {
        let below = PackPath::new(below.as_ref())?;
        if self.is_root() {
            return Ok(below.to_owned());
        }
        PackPathBuf::new([self.0, b"/", below.0].concat())
    }

    /// An owned copy.
    pub fn to_owned(&self) -> PackPathBuf {
        let name = self.0.len().saturating_sub(self.name().len());
        PackPathBuf { bytes: self.0.to_vec(), name }
    }
}

impl Ord for PackPath<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = common_prefix(self.0, other.0);
        let [rest, other] = [self.0, other.0].map(|path| path.get(common..).unwrap_or(&[]));
        cmp_rests((rest, rest.contains(&b'/')), (other, other.contains(&b'/')))
    }
}

/// Compares two paths by what is left of them behind their common beginning, and whether a slash is in that.
#[inline]
fn cmp_rests((rest, is_below): (&[u8], bool), (other, other_is): (&[u8], bool)) -> Ordering {
    match (is_below, other_is) {
        // The names differ, in one directory.
        (false, false) => rest.cmp(other),
        // The directories do, where the paths do.
        (true, true) => {
            let byte = |rest: &[u8]| rest.first().copied().map(directory_byte);
            byte(rest).cmp(&byte(other))
        }
        // One lies in the other's directory, or farther below.
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
    }
}

impl PartialOrd for PackPath<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for PackPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0))
    }
}

/// A [`PackPath`] that owns its bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PackPathBuf {
    bytes: Vec<u8>,
    /// Where the last component begins: who writes an index asks for it several times.
    name: usize,
}

impl PackPathBuf {
    /// Checks `bytes` as [`PackPath::new`] does.
    pub fn new(bytes: Vec<u8>) -> Result<PackPathBuf> {
        let name = PackPath::new(&bytes)?.name().len();
        Ok(PackPathBuf { name: bytes.len().saturating_sub(name), bytes })
    }

    /// Becomes the path of a child of `directory`, whose name is `name` in two parts. The memory is used again.
    ///
    /// # Errors
    /// [`Error::BadPath`], and then it is the root.
    pub(crate) fn set_child(&mut self, directory: PackPath<'_>, name: [&[u8]; 2]) -> Result<()> {
        self.bytes.clear();
        if !directory.is_root() {
            self.bytes.extend_from_slice(directory.0);
            self.bytes.push(b'/');
        }
        self.name = self.bytes.len();
        name.iter().for_each(|part| self.bytes.extend_from_slice(part));
        // The directory was checked before.
        if self.bytes.len() > MAX_PATH || !is_name(self.split().1) {
            self.name = 0;
            *self = PackPathBuf::new(core::mem::take(&mut self.bytes))?;
        }
        Ok(())
    }

    /// The path, borrowed.
    #[inline]
    pub fn as_path(&self) -> PackPath<'_> {
        PackPath(&self.bytes)
    }

    /// As [`PackPath::split`].
    #[inline]
    pub fn split(&self) -> (PackPath<'_>, &[u8]) {
        let (parent, name) = self.bytes.split_at_checked(self.name).unwrap_or_default();
        (PackPath(parent.strip_suffix(b"/").unwrap_or(parent)), name)
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// As [`PackPath::to_str`].
    pub fn to_str(&self) -> Option<&str> {
        self.as_path().to_str()
    }

    /// As [`PackPath::display`].
    pub fn display(&self) -> Escaped<'_> {
        self.as_path().display()
    }

    /// As [`PackPath::join`].
    ///
    /// # Errors
    /// As there.
    pub fn join(&self, below: impl AsRef<[u8]>) -> Result<PackPathBuf> {
        self.as_path().join(below)
    }
}

impl Ord for PackPathBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = common_prefix(&self.bytes, &other.bytes);
        // The last slash stands before the name.
        let [rest, other] =
            [self, other].map(|path| (path.bytes.get(common..).unwrap_or(&[]), path.name > common));
        cmp_rests(rest, other)
    }
}

impl PartialOrd for PackPathBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for PackPathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_path(), f)
    }
}

/// Compares two directories component by component: bytewise, `/` lowest of all.
#[inline]
pub(crate) fn cmp_directories(a: &[u8], b: &[u8]) -> Ordering {
    let common = common_prefix(a, b);
    match (a.get(common), b.get(common)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(x), Some(y)) => directory_byte(*x).cmp(&directory_byte(*y)),
    }
}

#[inline]
pub(crate) fn directory_byte(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

/// Takes off what people type: `./` before, slashes around. The root becomes the empty path.
///
/// ```
/// use rangepack_core::trim_path;
/// assert_eq!(trim_path(b"./cats/"), b"cats");
/// assert_eq!(trim_path(b"/"), b"");
/// ```
#[must_use]
pub fn trim_path(path: &[u8]) -> &[u8] {
    let mut path = path;
    loop {
        path = match path {
            [b'.', b'/', rest @ ..] | [b'/', rest @ ..] | [rest @ .., b'/'] => rest,
            b"." => b"",
            path => return path,
        }
    }
}

/// Whether `name` can be one component of a path.
#[inline]
pub fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && no_separator(name)
}

/// Whether there is neither a slash nor a NUL. Names are short: eight bytes at a time is faster than to prepare for more.
#[inline]
pub(crate) fn no_separator(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    // A byte that is 0 borrows from its highest bit, which it did not have.
    let has_zero = |word: u64| word.wrapping_sub(u64::MAX / 255) & !word & (u64::MAX / 255 * 128);
    let found = words.iter().map(|word| u64::from_le_bytes(*word));
    let found = found.fold(0, |all, word| all | has_zero(word) | has_zero(word ^ SLASHES));
    found == 0 && !rest.iter().any(|byte| matches!(byte, 0 | b'/'))
}

const SLASHES: u64 = u64::from_le_bytes([b'/'; 8]);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn what_a_path_cannot_hold() {
        let problem = |bytes: &[u8]| match PackPath::new(bytes) {
            Err(Error::BadPath { problem }) => Some(problem),
            _ => None,
        };
        assert_eq!(problem(b""), Some(PathProblem::Empty));
        assert_eq!(problem(b"/a"), Some(PathProblem::Absolute));
        assert_eq!(problem(b"a/../b"), Some(PathProblem::Parent));
        assert_eq!(problem(b".."), Some(PathProblem::Parent));
        assert_eq!(problem(b"a//b"), Some(PathProblem::EmptyComponent));
        assert_eq!(problem(b"a/./b"), Some(PathProblem::EmptyComponent));
        assert_eq!(problem(b"a/"), Some(PathProblem::EmptyComponent));
        assert_eq!(problem(b"a\0"), Some(PathProblem::Nul));
        assert_eq!(problem(&[b'a'; MAX_PATH + 1]), Some(PathProblem::TooLong));
        assert_eq!(problem(b"a/..b/c.."), None);
        assert_eq!(problem(b"\xff\xfe"), None);
    }

    #[test]
    fn separators_are_found_wherever_they_are() {
        for len in 0..40 {
            let mut name = vec![b'.'; len];
            assert!(no_separator(&name));
            for at in 0..len {
                for (byte, is_separator) in
                    [(b'/', true), (0, true), (1, false), (b'/' + 1, false), (0x80, false)]
                {
                    name[at] = byte;
                    assert_eq!(no_separator(&name), !is_separator, "{byte} at {at} of {len}");
                }
                name[at] = b'.';
            }
        }
        assert!(no_separator(b"\x01\x01\x01\x01\x01\x01\x01\x01.........") && is_name(b".a"));
        assert!(!no_separator(b"\x01\x01\x01\0\x01\x01\x01\x01") && !is_name(b"a\0b"));
    }

    #[test]
    fn a_path_becomes_that_of_a_child() {
        let mut path = PackPath::ROOT.to_owned();
        let directory = PackPath::new(b"a/b").unwrap();
        for (directory, name, expected) in [
            (directory, [&b"c"[..], b".jpg"], "a/b/c.jpg"),
            (PackPath::ROOT, [b"c", b""], "c"),
            (directory, [b"", b"d"], "a/b/d"),
        ] {
            path.set_child(directory, name).unwrap();
            assert_eq!(path, PackPathBuf::new(expected.into()).unwrap());
            assert_eq!(path.split(), path.as_path().split());
        }
        for name in [&b""[..], b".", b"..", b"a\0", &[b'x'; MAX_PATH - 3]] {
            assert!(path.set_child(directory, [name, b""]).is_err());
            assert!(path.as_bytes().is_empty() && path.split().1.is_empty());
        }
        path.set_child(directory, [&[b'x'; MAX_PATH - 4], b""]).unwrap();
    }

    #[test]
    fn keys_compare_as_their_directories_and_names_do() {
        let mut paths = vec![vec![]];
        for _ in 0..5 {
            let longer = |path: &Vec<u8>| b"-a/".map(|byte| [&path[..], &[byte]].concat());
            paths.extend(paths.iter().flat_map(longer).collect::<Vec<_>>());
            paths.sort();
            paths.dedup();
        }
        let paths = paths.into_iter().filter_map(|path| PackPathBuf::new(path).ok());
        let paths: Vec<PackPathBuf> = paths.collect();
        assert!(paths.len() > 100);
        for (a, b) in paths.iter().flat_map(|a| paths.iter().map(move |b| (a, b))) {
            let ((parent, name), other) = (a.as_path().split(), b.as_path().split());
            let expected = cmp_directories(parent.as_bytes(), other.0.as_bytes());
            let expected = expected.then_with(|| name.cmp(other.1));
            assert_eq!(a.cmp(b), expected, "{a:?} {b:?}");
            assert_eq!(a.as_path().cmp(&b.as_path()), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn keys_sort_by_parent_component_by_component_then_by_name() {
        let mut paths = vec!["a/b/z", "b", "a-/x", "a", "a/z", "a/b", "a/b-/q", "a-", "a/b/c/d"];
        paths.sort_by_key(|path| PackPathBuf::new(path.as_bytes().to_vec()).unwrap());
        assert_eq!(paths, ["a", "a-", "b", "a/b", "a/z", "a/b/z", "a/b/c/d", "a/b-/q", "a-/x"]);
    }

    #[test]
    fn joined() {
        let cats = PackPath::new(b"cats").unwrap();
        assert_eq!(cats.join("1.jpg").unwrap(), "cats/1.jpg");
        assert_eq!(cats.join(b"old/\xff").unwrap().to_str(), None);
        assert_eq!(PackPath::ROOT.join(cats).unwrap(), "cats");
        for bad in ["", "/etc", "..", "a/../b"] {
            assert!(cats.join(bad).is_err(), "{bad}");
        }
        let long = PackPathBuf::new(vec![b'a'; MAX_PATH]).unwrap();
        assert!(long.join("a").is_err());
    }

    #[test]
    fn within() {
        let path = |text: &'static str| PackPath::directory(text.as_bytes()).unwrap();
        assert!(path("a/b").is_within(path("a")));
        assert!(path("a/b").is_within(path("a/b")));
        assert!(path("a/b").is_within(PackPath::ROOT));
        assert!(!path("ab").is_within(path("a")));
    }
}
