//! Which paths of a tree are packed.

mod globs;
mod ignore_files;
mod unmatched;

pub(crate) use unmatched::Unmatched;

pub use globs::Globs;
pub(crate) use ignore_files::{IGNORE_FILES, IgnoreFiles};

use crate::setters::setters;
use std::borrow::Cow;
use std::path::Path;
use thiserror::Error;

/// What to pack, as the command line says it. The default packs everything.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FilterOptions {
    /// [`Globs`] of files and links to pack, and of directories to pack with all they hold; when empty, everything
    /// is packed.
    pub include: Vec<String>,
    /// [`Globs`] of what to leave out: files, links, and directories with all that they hold.
    pub exclude: Vec<String>,
    /// Endings of names to pack (`jpg`, `.jpg`, `tar.gz`), upper and lower case being the same for
    /// ASCII letters; when empty, all are.
    pub extensions: Vec<String>,
    /// Leaves out names that start with a dot.
    pub no_hidden: bool,
    /// Honours `.gitignore` and `.ignore` files in the tree, and leaves out `.git`.
    pub gitignore: bool,
}

setters!(FilterOptions {
    include(impl IntoIterator<Item: Into<String>>) = strings,
    exclude(impl IntoIterator<Item: Into<String>>) = strings,
    extensions(impl IntoIterator<Item: Into<String>>) = strings,
    no_hidden(bool),
    gitignore(bool),
});

fn strings(list: impl IntoIterator<Item: Into<String>>) -> Vec<String> {
    list.into_iter().map(Into::into).collect()
}

/// Why a [`Filter`] could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A pattern is not a glob.
    #[error("bad pattern {pattern:?}: {problem}")]
    BadPattern {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        problem: globset::ErrorKind,
    },
    /// A pattern begins with `!`: it would take back what others say, which none does here. `\\!` is a name that begins so.
    #[error("the pattern {pattern:?} would take back others, which cannot be done")]
    Negated {
        /// The pattern as it was given.
        pattern: String,
    },
    /// A pattern names nothing.
    #[error("the pattern {pattern:?} names nothing")]
    EmptyPattern {
        /// The pattern as it was given.
        pattern: String,
    },
    /// An extension without a letter.
    #[error("an extension is empty")]
    EmptyExtension,
    /// All patterns together are more than the matcher holds.
    #[error("too many patterns")]
    TooManyPatterns {
        /// What the matcher says.
        source: globset::Error,
    },
}

/// Decides which paths of a tree are packed.
///
/// Patterns are [`Globs`] for paths inside the pack. What is left out wins over what is included. Includes and
/// extensions each narrow the files and links (a file must satisfy both), and directories come only where something
/// in them is left then. A directory that is left out is never entered.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Option<Globs>,
    /// The patterns of `include`, as they were given.
    given: Vec<String>,
    exclude: Globs,
    /// Each with its dot.
    extensions: Vec<Vec<u8>>,
    no_hidden: bool,
    gitignore: bool,
}

impl Filter {
    /// Compiles the patterns; the error names the first bad one.
    pub fn new(options: FilterOptions) -> Result<Filter, FilterError> {
        let include = Globs::new(&options.include)?;
        Ok(Filter {
            include: Some(include).filter(|include| !include.is_empty()),
            given: options.include,
            exclude: Globs::new(&options.exclude)?,
            extensions: options
                .extensions
                .iter()
                .map(|given| extension(given))
                .collect::<Result<_, _>>()?,
            no_hidden: options.no_hidden,
            gitignore: options.gitignore,
        })
    }

    /// Whether it can leave anything out at all.
    pub fn is_active(&self) -> bool {
        self.narrows() || !self.exclude.is_empty() || self.no_hidden || self.gitignore
    }

    /// Whether it says which files are wanted, so that directories without any are not.
    pub fn narrows(&self) -> bool {
        self.include.is_some() || !self.extensions.is_empty()
    }

    /// Whether `.gitignore` and `.ignore` files are honoured.
    pub fn honours_ignore_files(&self) -> bool {
        self.gitignore
    }

    /// Whether the thing at `path` inside the pack is to be packed, as far as its path tells: ignore
    /// files are not asked, nor whether a directory above it is left out.
    pub fn accepts(&self, path: &[u8], is_directory: bool) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        if self.no_hidden && name.first() == Some(&b'.') {
            return false;
        }
        if self.gitignore && name == b".git" {
            return false;
        }
        if !is_directory && !self.extensions.is_empty() && !self.has_extension(name) {
            return false;
        }
        if !self.exclude.is_empty() && self.exclude.matches(path, is_directory) {
            return false;
        }
        let include = if is_directory { None } else { self.include.as_ref() };
        include.is_none_or(|include| include.matches_within(path, is_directory))
    }

    /// The same for a path that a list names, of which nobody knows whether it is a directory: no directory above it is left
    /// out, and where files are chosen it is one of them.
    pub fn accepts_listed(&self, path: &[u8]) -> bool {
        memchr::memchr_iter(b'/', path).all(|end| self.accepts(&path[..end], true))
            && (!self.narrows() || self.accepts(path, false))
    }

    fn has_extension(&self, name: &[u8]) -> bool {
        self.extensions.iter().any(|extension| {
            // The name of `.jpg` is not an extension.
            name.len() > extension.len()
                && name
                    .get(name.len() - extension.len()..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(extension))
        })
    }
}

fn extension(given: &str) -> Result<Vec<u8>, FilterError> {
    match given.trim_start_matches('.') {
        "" => Err(FilterError::EmptyExtension),
        letters => Ok(format!(".{letters}").into_bytes()),
    }
}

/// A path inside a pack in the form that matchers ask for.
#[cfg(unix)]
pub(crate) fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt;
    Cow::Borrowed(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// A path inside a pack in the form that matchers ask for; names are Unicode here.
#[cfg(not(unix))]
pub(crate) fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(Path::new(text)),
        Cow::Owned(text) => Cow::Owned(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclude(patterns: &[&str]) -> Filter {
        Filter::new(FilterOptions {
            exclude: strings(patterns.iter().copied()),
            ..Default::default()
        })
        .unwrap()
    }

    fn include(patterns: &[&str]) -> Filter {
        Filter::new(FilterOptions {
            include: strings(patterns.iter().copied()),
            ..Default::default()
        })
        .unwrap()
    }

    #[test]
    fn nothing_asked_nothing_left_out() {
        let filter = Filter::new(FilterOptions::default()).unwrap();
        assert!(!filter.is_active());
        assert!(filter.accepts(b".git", true));
        assert!(filter.accepts(b"\xff", false));
    }

    #[test]
    fn a_pattern_without_a_slash_matches_a_name_at_any_depth() {
        let filter = exclude(&["*.tmp", "cache"]);
        assert!(filter.is_active());
        assert!(!filter.accepts(b"a.tmp", false));
        assert!(!filter.accepts(b"x/y/a.tmp", false));
        assert!(!filter.accepts(b"x/\xff.tmp", false));
        assert!(!filter.accepts(b"x/cache", true));
        assert!(filter.accepts(b"x/a.tmp.gz", false));
        assert!(filter.accepts(b"x/caches", false));
    }

    #[test]
    fn a_pattern_with_a_slash_matches_from_the_root() {
        let filter = exclude(&["/build", "./dist", "docs/*.md", "deep/**"]);
        for path in ["build", "dist", "docs/a.md", "deep/x", "deep/x/y"] {
            assert!(!filter.accepts(path.as_bytes(), false), "{path}");
        }
        for path in ["x/build", "x/dist", "docs/sub/a.md", "x/docs/a.md", "deep", "x/deep/y"] {
            assert!(filter.accepts(path.as_bytes(), false), "{path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_speaks_of_directories() {
        let excluded = exclude(&["build/"]);
        assert!(!excluded.accepts(b"x/build", true));
        assert!(excluded.accepts(b"x/build", false));
        let included = include(&["src/"]);
        assert!(included.accepts(b"x/src/a/b", false));
        assert!(!included.accepts(b"src", false));
        assert!(include(&["src"]).accepts(b"x/src/a/b", false), "so does its name alone");
    }

    #[test]
    fn includes_narrow_and_excludes_win() {
        let filter = Filter::new(FilterOptions {
            include: strings(["*.{jpg,png}", "notes/**"]),
            exclude: strings(["draft*"]),
            ..Default::default()
        })
        .unwrap();
        assert!(filter.narrows() && !exclude(&["a"]).narrows());
        assert!(filter.accepts(b"a/b.jpg", false));
        assert!(filter.accepts(b"notes/b.txt", false));
        assert!(filter.accepts(b"anything", true));
        assert!(!filter.accepts(b"a/b.txt", false));
        assert!(!filter.accepts(b"a/draft.jpg", false));
        assert!(!filter.accepts(b"drafts", true));
    }

    #[test]
    fn what_a_list_names_is_left_out_with_the_directories_above_it() {
        let excluded = exclude(&["build/", "*.o"]);
        assert!(!excluded.accepts_listed(b"x/build/a") && !excluded.accepts_listed(b"build/x/a"));
        // It may be a directory.
        assert!(excluded.accepts_listed(b"a.o") && excluded.accepts_listed(b"x/build"));
        let included = include(&["*.jpg"]);
        assert!(included.accepts_listed(b"a/b.jpg") && !included.accepts_listed(b"a"));
    }

    #[test]
    fn extensions_whatever_their_case() {
        let options =
            FilterOptions { extensions: strings(["JPG", ".tar.gz"]), ..Default::default() };
        let filter = Filter::new(options).unwrap();
        for path in ["a.jpg", "x/a.JpG", "b.tar.gz"] {
            assert!(filter.accepts(path.as_bytes(), false), "{path}");
        }
        for path in ["jpg", ".jpg", "x/.jpg", "a.gz", "a.jpg.txt", "a.jpeg", "ajpg"] {
            assert!(!filter.accepts(path.as_bytes(), false), "{path}");
        }
        assert!(filter.accepts(b"directory", true));
    }

    #[test]
    fn hidden_names() {
        let filter = Filter::new(FilterOptions { no_hidden: true, ..Default::default() }).unwrap();
        assert!(!filter.accepts(b".profile", false));
        assert!(!filter.accepts(b"a/.config", true));
        assert!(filter.accepts(b".config/a", false), "the directory is judged when it is met");
    }

    #[test]
    fn git_itself() {
        let filter = Filter::new(FilterOptions { gitignore: true, ..Default::default() }).unwrap();
        assert!(filter.honours_ignore_files());
        assert!(!filter.accepts(b"sub/.git", true));
        assert!(filter.accepts(b".gitignore", false));
    }

    #[test]
    fn errors_name_the_pattern() {
        let error = |options| Filter::new(options).unwrap_err().to_string();
        let bad = error(FilterOptions { exclude: strings(["ok", "a[b"]), ..Default::default() });
        assert!(bad.contains("\"a[b\""), "{bad}");
        let empty = error(FilterOptions { include: strings(["/"]), ..Default::default() });
        assert!(empty.contains("\"/\""), "{empty}");
        let dot = error(FilterOptions { extensions: strings(["."]), ..Default::default() });
        assert_eq!(dot, "an extension is empty");
    }
}
