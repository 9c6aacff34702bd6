//! Globs in the dialect of `.gitignore`, the only one there is here.

use super::{FilterError, as_path};
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns for paths inside a pack, in the dialect of `.gitignore`.
///
/// `*` and `?` do not match `/`, `**` does; `[a-z]` is a class, `{a,b}` one of several, `\` takes the next
/// character as it is. A pattern without `/` matches a name at any depth (`*.tmp`); one with a `/` in front or
/// in the middle matches from the root (`/build`, `docs/*.md`), `./` in front being no more than that. One with a
/// `/` at its end matches directories only. What is in a directory that matches is meant with it:
/// [`Globs::matches_within`].
///
/// ```
/// use rangepack::Globs;
/// let globs = Globs::new(["*.py", "/docs/"])?;
/// assert!(globs.matches(b"deep/in/a.py", false));
/// assert!(globs.matches(b"docs", true) && !globs.matches(b"docs", false));
/// assert!(globs.matches_within(b"docs/a/b.txt", false));
/// assert!(!globs.matches_within(b"old/docs/b.txt", false));
/// # Ok::<(), rangepack::FilterError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Globs {
    set: GlobSet,
    /// For each pattern whether it matches directories only.
    directories_only: Vec<bool>,
    base: Vec<u8>,
}

impl Globs {
    /// Compiles patterns; the error names the first bad one.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Globs, FilterError> {
        let mut builder = GlobSetBuilder::new();
        let mut directories_only = Vec::new();
        let mut base: Option<Vec<u8>> = None;
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if pattern.starts_with('!') {
                return Err(FilterError::Negated { pattern: pattern.to_owned() });
            }
            let whole = from_root(pattern);
            if whole.is_empty() {
                return Err(FilterError::EmptyPattern { pattern: pattern.to_owned() });
            }
            let glob =
                GlobBuilder::new(&whole).literal_separator(true).backslash_escape(true).build();
            builder.add(glob.map_err(|source| {
                let pattern = pattern.to_owned();
                FilterError::BadPattern { pattern, problem: source.kind().clone() }
            })?);
            directories_only.push(pattern.ends_with('/'));
            let own = literal_directory(&whole);
            base = Some(base.map_or_else(|| own.to_vec(), |base| common(&base, own).to_vec()));
        }
        let set = builder.build().map_err(|source| FilterError::TooManyPatterns { source })?;
        Ok(Globs { set, directories_only, base: base.unwrap_or_default() })
    }

    /// Whether a path from a command line is a pattern rather than the path of an entry: it holds one of
    /// `*`, `?`, `[` and `{`, and is text.
    pub fn is_pattern(path: &[u8]) -> bool {
        path.iter().any(|byte| b"*?[{".contains(byte)) && std::str::from_utf8(path).is_ok()
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.directories_only.len()
    }

    /// Whether there are none, so that nothing matches.
    pub fn is_empty(&self) -> bool {
        self.directories_only.is_empty()
    }

    /// The directory that everything lies in, or is, that any of them matches; empty for the root.
    pub fn base(&self) -> &[u8] {
        &self.base
    }

    /// Whether one of them matches the path itself.
    pub fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        if self.directories_only.iter().all(|only| !only) || is_directory {
            return self.set.is_match_candidate(&Candidate::new(&as_path(path)));
        }
        let mut found = Vec::new();
        self.matching(path, is_directory, &mut found);
        !found.is_empty()
    }

    /// Whether one of them matches the path itself or a directory above it.
    pub fn matches_within(&self, path: &[u8], is_directory: bool) -> bool {
        self.matches(path, is_directory)
            || memchr::memrchr_iter(b'/', path).any(|end| self.matches(&path[..end], true))
    }

    /// Which of them match the path itself, by their numbers in the order in which they were given.
    pub fn matching(&self, path: &[u8], is_directory: bool, numbers: &mut Vec<usize>) {
        self.set.matches_candidate_into(&Candidate::new(&as_path(path)), numbers);
        numbers.retain(|number| {
            is_directory || !self.directories_only.get(*number).copied().unwrap_or(false)
        });
    }
}

/// The pattern for whole paths: anchored when it has a slash in front or in the middle.
fn from_root(pattern: &str) -> String {
    let pattern = pattern.trim_end_matches('/');
    let relative = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/');
    if relative.is_empty() || pattern.contains('/') {
        relative.to_owned()
    } else {
        format!("**/{relative}")
    }
}

/// The directories at the beginning of a pattern that match nothing but themselves.
fn literal_directory(pattern: &str) -> &[u8] {
    let special = pattern.find(['*', '?', '[', '{', '\\', ']', '}']).unwrap_or(pattern.len());
    let literal = &pattern.as_bytes()[..special];
    memchr::memrchr(b'/', literal).map_or(&b""[..], |end| &literal[..end])
}

/// The directories that two paths of directories have in common.
fn common<'a>(a: &'a [u8], b: &[u8]) -> &'a [u8] {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let ends = |path: &[u8]| path.len() == same || path.get(same) == Some(&b'/');
    if ends(a) && ends(b) {
        return &a[..same];
    }
    memchr::memrchr(b'/', &a[..same]).map_or(&b""[..], |end| &a[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Globs {
        Globs::new(patterns).unwrap()
    }

    #[test]
    fn where_a_pattern_matches() {
        let cases: [(&str, &[&str], &[&str]); 7] = [
            ("*.py", &["a.py", "x/y/a.py"], &["a.pyc", "a.py/b"]),
            ("/*.py", &["a.py"], &["x/a.py"]),
            ("./a", &["a"], &["x/a"]),
            ("x/*", &["x/a", "x/b.c"], &["x", "x/y/a", "z/x/a"]),
            ("x/**", &["x/a", "x/y/a"], &["x"]),
            ("**/x/a?", &["x/ab", "y/x/ab"], &["x/a", "x/abc"]),
            ("a/**/b.{c,d}", &["a/b.c", "a/x/y/b.d"], &["a/b.e"]),
        ];
        for (pattern, matched, others) in cases {
            let globs = globs(&[pattern]);
            for path in matched {
                assert!(globs.matches(path.as_bytes(), false), "{pattern} {path}");
            }
            for path in others {
                assert!(!globs.matches(path.as_bytes(), false), "{pattern} {path}");
            }
        }
        assert!(globs(&["*"]).matches(b"x/\xff", false));
        assert!(globs(&[r"a\*"]).matches(b"a*", false) && !globs(&[r"a\*"]).matches(b"ab", false));
    }

    #[test]
    fn directories_bring_what_they_hold() {
        let globs = globs(&["build/", "/docs"]);
        assert!(globs.matches(b"x/build", true) && !globs.matches(b"x/build", false));
        assert!(globs.matches_within(b"x/build/a/b", false));
        assert!(globs.matches_within(b"docs/a", false) && globs.matches_within(b"docs", false));
        assert!(!globs.matches_within(b"x/docs/a", false));
        let mut numbers = Vec::new();
        globs.matching(b"docs", true, &mut numbers);
        assert_eq!((numbers, globs.len()), (vec![1], 2));
        assert!(Globs::default().is_empty() && !Globs::default().matches_within(b"a/b", true));
    }

    #[test]
    fn where_matches_can_lie() {
        let base = |patterns: &[&str]| String::from_utf8(globs(patterns).base().to_vec()).unwrap();
        assert_eq!(base(&["a/b/*.c"]), "a/b");
        assert_eq!(base(&["a/b/c"]), "a/b");
        assert_eq!(base(&["a/b*/c"]), "a");
        assert_eq!(base(&["*.c"]), "");
        assert_eq!(base(&["/c"]), "");
        assert_eq!(base(&["a/b/*", "a/b/c/*"]), "a/b");
        assert_eq!(base(&["a/bc/*", "a/bd/*"]), "a");
        assert_eq!(base(&["a/b/*", "*.c"]), "");
    }

    #[test]
    fn patterns_are_told_from_paths() {
        for pattern in ["*", "a?", "[a]", "{a"] {
            assert!(Globs::is_pattern(pattern.as_bytes()), "{pattern}");
        }
        assert!(!Globs::is_pattern(b"a/b.c") && !Globs::is_pattern(b"\xff*"));
        assert!(matches!(Globs::new(["/"]), Err(FilterError::EmptyPattern { .. })));
        assert!(matches!(Globs::new(["!a"]), Err(FilterError::Negated { .. })));
        assert!(globs(&[r"\!a"]).matches(b"!a", false));
        assert!(
            matches!(Globs::new(["a", "a[b"]), Err(FilterError::BadPattern { pattern, .. }) if pattern == "a[b")
        );
    }
}
