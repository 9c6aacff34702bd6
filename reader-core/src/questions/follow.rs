//! Where a path leads when links are followed, as the file system would, but never out of the pack.

use crate::path::{PackPath, trim_path};
use alloc::vec::Vec;

/// More links on one way are a circle.
const MOST_LINKS: u32 = 40;

/// Follows the links on the way to a path. It looks nothing up: it names what is to be looked up, and is told what is
/// there.
///
/// ```
/// use rangepack_core::{Follow, Met, Step};
/// let mut follow = Follow::new(b"latest/notes");
/// let there = loop {
///     match follow.step() {
///         Step::Look(path) if path == "latest" => follow.met(Met::Link(b"2024")),
///         Step::Look(path) if path == "2024" => follow.met(Met::Directory),
///         Step::Look(path) if path == "2024/notes" => follow.met(Met::File),
///         Step::Look(_) => follow.met(Met::Nothing),
///         step => break step,
///     }
/// };
/// assert_eq!(there, Step::Last);
/// ```
#[derive(Debug, Clone)]
pub struct Follow {
    /// The whole path, which is tried first: most ways have no links.
    whole: Vec<u8>,
    turn: Turn,
    /// The way so far, without links.
    done: Vec<u8>,
    /// Where its last component begins.
    parent: usize,
    /// What is to come, the first component last.
    rest: Vec<Vec<u8>>,
    links: u32,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The whole path is tried.
    Whole,
    /// Its components, one after the other.
    Parts,
    /// What was met last lies at the end of the way so far.
    Met,
    /// It leads to what was met last.
    Last,
    /// It leads nowhere.
    Nowhere,
}

/// What [`Follow`] wants, or where the path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "who follows decides about every step")]
pub enum Step<'f> {
    /// This is to be looked up, and [`Follow::met`] be told of it.
    Look(PackPath<'f>),
    /// To what was met last, which is no link.
    Last,
    /// To the root of the pack.
    Root,
    /// To nothing in the pack.
    Nowhere,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the kinds of entries")]
pub enum Met<'e> {
    /// No entry.
    Nothing,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with this target.
    Link(&'e [u8]),
}

impl Follow {
    /// Begins with a path as people type it: slashes around it, `.` and `..` do not matter.
    pub fn new(path: &[u8]) -> Follow {
        let whole = trim_path(path).to_vec();
        let turn = if PackPath::new(&whole).is_ok() { Turn::Whole } else { Turn::Parts };
        let rest = components(&whole);
        Follow { whole, turn, done: Vec::new(), parent: 0, rest, links: 0 }
    }

    /// What is wanted next.
    pub fn step(&mut self) -> Step<'_> {
        match self.turn {
            Turn::Whole => return look(&self.whole),
            Turn::Last => return Step::Last,
            Turn::Nowhere => return Step::Nowhere,
            Turn::Parts | Turn::Met => {}
        }
        while let Some(component) = self.rest.pop() {
            match component.as_slice() {
                b"" | b"." => {}
                b".." => {
                    self.done.truncate(memchr::memrchr(b'/', &self.done).unwrap_or(0));
                    self.turn = Turn::Parts;
                }
                name => {
                    self.parent = self.done.len();
                    if !self.done.is_empty() {
                        self.done.push(b'/');
                    }
                    self.done.extend_from_slice(name);
                    return look(&self.done);
                }
            }
        }
        match self.turn {
            _ if self.done.is_empty() => Step::Root,
            Turn::Met => Step::Last,
            // A directory above was meant, which was met some steps before.
            _ => look(&self.done),
        }
    }

    /// Says what lies at the path that was to be looked up.
    pub fn met(&mut self, met: Met<'_>) {
        self.turn = match met {
            Met::Nothing | Met::Link(_) if self.turn == Turn::Whole => Turn::Parts,
            _ if self.turn == Turn::Whole => Turn::Last,
            Met::Nothing => Turn::Nowhere,
            Met::Directory => Turn::Met,
            Met::File if self.rest.is_empty() => Turn::Met,
            Met::File => Turn::Nowhere,
            // Absolute targets lead out of the pack.
            Met::Link(target) if self.links >= MOST_LINKS || target.starts_with(b"/") => {
                Turn::Nowhere
            }
            Met::Link(target) => {
                self.links = self.links.saturating_add(1);
                self.rest.extend(components(target));
                self.done.truncate(self.parent);
                Turn::Parts
            }
        };
    }
}

/// What no pack can hold leads nowhere.
fn look(path: &[u8]) -> Step<'_> {
    PackPath::new(path).map_or(Step::Nowhere, Step::Look)
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    const TREE: [(&str, Met<'static>); 9] = [
        ("a", Met::Directory),
        ("a/b", Met::Directory),
        ("a/b/file", Met::File),
        ("a/up", Met::Link(b"../a/b/./file")),
        ("out", Met::Link(b"/a")),
        ("circle", Met::Link(b"circle")),
        ("b", Met::Link(b"a/b/")),
        ("dangling", Met::Link(b"nothing")),
        ("top", Met::Link(b"a/..")),
    ];

    /// Where a path leads, and how often something was looked up.
    fn lead(path: &str) -> (String, usize) {
        let (mut follow, mut last, mut looked) = (Follow::new(path.as_bytes()), String::new(), 0);
        loop {
            match follow.step() {
                Step::Look(at) => {
                    looked += 1;
                    last = at.to_str().unwrap().to_string();
                    let met = TREE.iter().find(|(path, _)| at == *path);
                    follow.met(met.map_or(Met::Nothing, |(_, met)| *met));
                }
                Step::Last => return (last, looked),
                Step::Root => return ("/".into(), looked),
                Step::Nowhere => return ("nowhere".into(), looked),
            }
        }
    }

    #[test]
    fn leads_where_the_file_system_would() {
        for (path, to) in [
            ("a/b/file", "a/b/file"),
            ("/a/b/", "a/b"),
            ("", "/"),
            ("a/../a/./b", "a/b"),
            ("a/b/..", "a"),
            ("a/..", "/"),
            ("../..", "/"),
            ("a/up", "a/b/file"),
            ("b/file", "a/b/file"),
            ("b/..", "a"),
            ("top", "/"),
            ("top/b", "a/b"),
            ("a/b/file/x", "nowhere"),
            ("a/b/file/..", "nowhere"),
            ("out", "nowhere"),
            ("circle", "nowhere"),
            ("dangling", "nowhere"),
            ("nothing", "nowhere"),
        ] {
            assert_eq!(lead(path).0, to, "{path}");
        }
        assert_eq!(lead("a/b/file").1, 1, "most paths have no links");
        assert_eq!(lead("circle").1, 42);
    }
}
