//! The rules of `.gitignore` and `.ignore` files, in force along the way down the tree.

use super::as_path;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The files that hold rules, the later ones stronger.
pub(crate) const IGNORE_FILES: [&[u8]; 2] = [b".gitignore", b".ignore"];

/// The rules of the directory that is being walked and of all above it.
///
/// As in git, the last matching rule of the nearest directory decides. Files outside the tree
/// (git's global excludes, `.gitignore` files above the root) have no say: the same tree gives the
/// same pack wherever it lies.
#[derive(Debug, Default)]
pub(crate) struct IgnoreFiles {
    /// For each directory with rules the length of its path, which it shares with all below it.
    rules: Vec<(usize, Gitignore)>,
}

impl IgnoreFiles {
    /// Puts the `contents` of a directory's ignore files in force, the stronger last. `bad_line` is
    /// told the file's place in `contents` and the number of each line (from 1) that is no pattern.
    pub(crate) fn enter(
        &mut self,
        directory: &[u8],
        contents: &[Vec<u8>],
        mut bad_line: impl FnMut(usize, usize),
    ) {
        // Paths are cut to the directory before they are matched, so the root of the rules is "".
        let mut builder = GitignoreBuilder::new("");
        for (file, content) in contents.iter().enumerate() {
            let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
            for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
                let added = std::str::from_utf8(line)
                    .is_ok_and(|line| builder.add_line(None, line).is_ok());
                if !added {
                    bad_line(file, index + 1);
                }
            }
        }
        // Each pattern was compiled; all together can only be too many, which is as bad as none.
        match builder.build() {
            Ok(rules) if rules.is_empty() => {}
            Ok(rules) => self.rules.push((directory.len(), rules)),
            Err(_) => bad_line(0, 1),
        }
    }

    /// Ends what was in force for `directory` itself.
    pub(crate) fn leave(&mut self, directory: &[u8]) {
        if self.rules.last().is_some_and(|(length, _)| *length == directory.len()) {
            self.rules.pop();
        }
    }

    /// Whether the rules leave out `path`, which lies in the directory entered last.
    pub(crate) fn leave_out(&self, path: &[u8], is_directory: bool) -> bool {
        for (length, rules) in self.rules.iter().rev() {
            let below = path.get(*length..).unwrap_or(path);
            let below = below.strip_prefix(b"/").unwrap_or(below);
            match rules.matched(as_path(below), is_directory) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(files: &mut IgnoreFiles, directory: &str, content: &[u8]) -> Vec<(usize, usize)> {
        let mut bad = Vec::new();
        files.enter(directory.as_bytes(), &[content.to_vec()], |file, line| bad.push((file, line)));
        bad
    }

    #[test]
    fn the_nearest_file_decides_and_its_last_rule() {
        let mut files = IgnoreFiles::default();
        assert_eq!(enter(&mut files, "", b"*.log\n!keep.log\n/top\nout/\r\n# no\n\n"), []);
        assert!(files.leave_out(b"a.log", false));
        assert!(!files.leave_out(b"keep.log", false));
        assert!(files.leave_out(b"top", false));
        assert!(files.leave_out(b"out", true));
        assert!(!files.leave_out(b"out", false));

        enter(&mut files, "sub", b"!a.log\nkeep.log\n/x/y\n");
        assert!(!files.leave_out(b"sub/a.log", false));
        assert!(files.leave_out(b"sub/b.log", false));
        assert!(files.leave_out(b"sub/keep.log", false));
        assert!(files.leave_out(b"sub/x/y", false));
        assert!(!files.leave_out(b"sub/top", false));

        files.leave(b"sub/deeper");
        assert!(!files.leave_out(b"sub/a.log", false), "only its own rules end");
        files.leave(b"sub");
        assert!(files.leave_out(b"sub/a.log", false));
    }

    #[test]
    fn the_stronger_file_of_one_directory_comes_last() {
        let mut files = IgnoreFiles::default();
        files.enter(b"", &[b"*.bin".to_vec(), b"!*.bin".to_vec()], |_, _| panic!("no bad line"));
        assert!(!files.leave_out(b"a.bin", false));
    }

    #[test]
    fn bad_lines_are_told_and_the_rest_holds() {
        let mut files = IgnoreFiles::default();
        assert_eq!(enter(&mut files, "", b"\xef\xbb\xbfa\n\xff\nb{\nc\n"), [(0, 2), (0, 3)]);
        assert!(files.leave_out(b"a", false));
        assert!(files.leave_out(b"c", false));
    }
}
