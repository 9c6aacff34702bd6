//! Names that the target cannot hold beside each other, or not at all.

use super::scan::{Ranges, scan};
use crate::Result;
use crate::read::pack::Pack;
use std::collections::HashSet;

/// What is special about names in the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Names that differ in case only are the same.
    pub(super) folds_case: bool,
    /// Characters, endings and devices of Windows.
    pub(super) windows: bool,
}

const SAME_NAME: &str =
    "the target does not tell upper from lower case, and another entry has this name already";

impl Rules {
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
        let mut refused_directories: HashSet<Vec<u8>> = HashSet::new();
        let mut names: HashSet<Vec<u8>> = HashSet::new();
        let (mut directory, mut path, mut name) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_below_refused = false;
        for item in ranges.iter().flat_map(|range| scan(pack, range)) {
            let (ordinal, entry) = item?;
            // Directories come one after the other, those above before those below.
            if entry.directory().as_bytes() != directory {
                directory.clear();
                directory.extend_from_slice(entry.directory().as_bytes());
                is_below_refused = refused_directories.contains(&directory);
                names.clear();
            }
            name.clear();
            entry.push_name(&mut name);
            let problem = if is_below_refused {
                Some("its directory is refused")
            } else if let Some(problem) = self.windows.then(|| windows_problem(&name)).flatten() {
                Some(problem)
            } else if self.folds_case && !names.insert(fold(&name)) {
                Some(SAME_NAME)
            } else {
                None
            };
            let Some(problem) = problem else {
                kept.push(ordinal..ordinal + 1);
                continue;
            };
            path.clear();
            entry.push_path(&mut path);
            refuse(&path, problem);
            if entry.is_directory() {
                refused_directories.insert(path.clone());
            }
        }
        Ok(kept)
    }
}

/// The name in lower case, as far as it is text.
fn fold(name: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        folded.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    folded
}

/// Why Windows cannot hold a file of this name, or would take it for something else.
fn windows_problem(name: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(name) else {
        return Some("Windows cannot hold it: its name is not Unicode");
    };
    if text.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
        return Some("Windows cannot hold it: its name has one of \\ : * ? \" < > |");
    }
    if text.contains(|character: char| character < ' ') {
        return Some("Windows cannot hold it: its name has a control character");
    }
    if text.ends_with([' ', '.']) {
        return Some("Windows cannot hold it: its name ends in a space or a dot");
    }
    // A device stays one with any extension, and with spaces before it.
    let stem = text.split('.').next().unwrap_or(text).trim_end().to_ascii_uppercase();
    let is_numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| {
            let mut characters = number.chars();
            matches!(characters.next(), Some('0'..='9' | '¹' | '²' | '³'))
                && characters.next().is_none()
        })
    };
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    if devices.contains(&stem.as_str()) || is_numbered("COM") || is_numbered("LPT") {
        return Some("Windows cannot hold it: its name is that of a device");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_cannot_hold() {
        let bad = [
            "a\\b",
            "c:",
            "a*",
            "what?",
            "\"",
            "<",
            ">",
            "a|b",
            "a\nb",
            "dot.",
            "space ",
            "con",
            "NUL.txt",
            "com1",
            "LPT9.tar.gz",
            "aux .c",
            "COM²",
            "CONIN$",
        ];
        for name in bad {
            assert!(windows_problem(name.as_bytes()).is_some(), "{name:?}");
        }
        assert!(windows_problem(b"\xff").is_some());
        for name in ["a.b", "console", "com", "com10", " a", ".hidden", "é", "nul_", "a b"] {
            assert_eq!(windows_problem(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn folding() {
        assert_eq!(fold("ÄB\u{130}".as_bytes()), "äbi\u{307}".as_bytes());
        assert_eq!(fold(b"A\xffB"), b"a\xffb");
    }
}
