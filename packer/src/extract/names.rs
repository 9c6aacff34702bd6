//! Names that the target cannot hold beside each other, or not at all.

use super::scan::{Ranges, scan};
use crate::Result;
use crate::read::pack::Pack;
use rangepack_core::name_problem;
use std::collections::{HashMap, HashSet};
use unicode_normalization::UnicodeNormalization;

/// What is special about names in the target, which is found out by trying.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Names that differ in case only are the same.
    pub(super) folds_case: bool,
    /// So are letters that have several small forms: `s` and `ſ`, `σ` and `ς`.
    pub(super) folds_forms: bool,
    /// A letter with an accent is the same as the letter and the accent.
    pub(super) normalizes: bool,
    /// Characters, endings and devices of Windows.
    pub(super) windows: bool,
}

const SAME_NAME: &str = "the target takes its name for that of another entry, which has it already";

impl Rules {
    /// Asks of pairs of names, each with something in common that is not there yet, whether the target takes them for one.
    pub(super) fn find(
        is_same: impl Fn(&str, &str) -> std::io::Result<bool>,
    ) -> std::io::Result<Rules> {
        // What cannot even be created is no name that others could have.
        let is_one = |a, b| is_same(a, b).unwrap_or(false);
        Ok(Rules {
            folds_case: is_same("case", "CASE")?,
            folds_forms: is_one("s", "\u{17f}") || is_one("\u{3c3}", "\u{3c2}"),
            normalizes: is_one("\u{e9}", "e\u{301}"),
            windows: cfg!(windows),
        })
    }

    /// Takes refused entries, and all that lies below them, out of `ranges`; `refuse` is told each.
    pub(super) fn apply(
        self,
        pack: &Pack,
        ranges: Ranges,
        mut refuse: impl FnMut(&[u8], &str),
    ) -> Result<Ranges> {
        if self == Rules::default() {
            return Ok(ranges);
        }
        let mut kept = Ranges::default();
        let mut directories = Directories::default();
        let mut names: HashSet<Vec<u8>> = HashSet::new();
        let (mut directory, mut path, mut name) = (Vec::new(), Vec::new(), Vec::new());
        let mut of_directory = None;
        for item in ranges.iter().flat_map(|range| scan(pack, range)) {
            let (ordinal, entry) = item?;
            // Directories come one after the other, those above before those below.
            if entry.directory().as_bytes() != directory {
                directory.clear();
                directory.extend_from_slice(entry.directory().as_bytes());
                of_directory = directories.enter(self, &directory);
                names.clear();
            }
            name.clear();
            entry.push_name(&mut name);
            let problem = of_directory.clone().or_else(|| self.problem(&name)).or_else(|| {
                let is_new = !self.folds() || names.insert(self.fold(&name));
                (!is_new).then(|| SAME_NAME.to_owned())
            });
            let Some(problem) = problem else {
                kept.push(ordinal..ordinal + 1);
                continue;
            };
            path.clear();
            entry.push_path(&mut path);
            refuse(&path, &problem);
            if entry.is_directory() {
                directories.refused.insert(path.clone());
            }
        }
        Ok(kept)
    }

    /// Why no file can have this name in the target.
    fn problem(self, name: &[u8]) -> Option<String> {
        let problem = name_problem(name).filter(|_| self.windows)?;
        Some(format!("Windows cannot hold it: {problem}"))
    }

    fn folds(self) -> bool {
        self.folds_case || self.folds_forms || self.normalizes
    }

    /// A name, or a path, in the form that it has in common with those that are the same here, as far as it is text.
    pub(super) fn fold(self, name: &[u8]) -> Vec<u8> {
        let mut folded = Vec::with_capacity(name.len());
        for chunk in name.utf8_chunks() {
            let mut text = chunk.valid().to_owned();
            if self.normalizes {
                text = text.nfd().collect();
            }
            if self.folds_forms {
                text = text.to_lowercase().to_uppercase();
            }
            if self.folds_case {
                text = text.to_lowercase();
            }
            if self.folds_forms {
                // Which of its small forms a letter gets depends on what stands beside it.
                text = text.replace('\u{3c2}', "\u{3c3}");
            }
            if self.normalizes {
                text = text.nfd().collect();
            }
            folded.extend_from_slice(text.as_bytes());
            folded.extend_from_slice(chunk.invalid());
        }
        folded
    }
}

/// Directories that entries lie in. They need not have entries of their own in a pack that means harm.
#[derive(Default)]
struct Directories {
    refused: HashSet<Vec<u8>>,
    /// How each was written first, by what it has in common with those that are the same.
    seen: HashMap<Vec<u8>, Vec<u8>>,
}

impl Directories {
    /// Why nothing can lie in `directory`.
    fn enter(&mut self, rules: Rules, directory: &[u8]) -> Option<String> {
        let ends = memchr::memchr_iter(b'/', directory).chain([directory.len()]);
        let mut start = 0;
        for end in ends.filter(|_| !directory.is_empty()) {
            let (above, name) = (&directory[..end], &directory[start..end]);
            start = end + 1;
            if self.refused.contains(above) {
                return Some("its directory is refused".to_owned());
            }
            if let Some(problem) = rules.problem(name) {
                return Some(problem);
            }
            if rules.folds() {
                let seen = self.seen.entry(rules.fold(above)).or_insert_with(|| above.to_vec());
                if seen != above {
                    return Some(SAME_NAME.to_owned());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Rules =
        Rules { folds_case: true, folds_forms: true, normalizes: true, windows: false };

    #[test]
    fn folding() {
        let case = Rules { folds_case: true, ..Rules::default() };
        assert_eq!(case.fold("ÄB\u{130}".as_bytes()), "äbi\u{307}".as_bytes());
        assert_eq!(case.fold(b"A\xffB"), b"a\xffb");
        assert_ne!(case.fold("ſ".as_bytes()), case.fold(b"s"));
        let same = [
            ("README", "readme"),
            ("\u{e9}", "e\u{301}"),
            ("\u{c9}", "e\u{301}"),
            ("\u{17f}", "S"),
            ("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς"),
            ("ΣΑΣ", "σασ"),
            ("straße", "STRASSE"),
            ("\u{212b}", "a\u{30a}"),
        ];
        for (a, b) in same {
            assert_eq!(ALL.fold(a.as_bytes()), ALL.fold(b.as_bytes()), "{a} {b}");
        }
        for (a, b) in [("a", "b"), ("e", "\u{e9}"), ("ss", "s")] {
            assert_ne!(ALL.fold(a.as_bytes()), ALL.fold(b.as_bytes()), "{a} {b}");
        }
    }

    #[test]
    fn every_component_of_a_directory_counts() {
        let windows = Rules { windows: true, ..Rules::default() };
        let enter = |rules, directory: &str| {
            Directories::default().enter(rules, directory.as_bytes()).is_some()
        };
        for directory in [r"..\..\evil", r"a/..\b/c", "a/nul/b", "c:/a", "a./b", r"\\host\share"] {
            assert!(enter(windows, directory) && !enter(ALL, directory), "{directory}");
        }
        assert!(!enter(windows, "") && !enter(windows, "a/b"));
        // Two directories that are one here, neither with an entry of its own.
        let mut directories = Directories::default();
        assert_eq!(directories.enter(ALL, b"A/b"), None);
        assert_eq!(directories.enter(ALL, b"A/c"), None);
        assert!(directories.enter(ALL, b"a/d").is_some());
        directories.refused.insert(b"x".to_vec());
        assert!(directories.enter(ALL, b"x/y/z").is_some());
    }
}
