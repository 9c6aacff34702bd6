//! What `pack` is given: paths, lists of paths, and under which names they are packed.

use super::Result;
use super::arguments::require_disk;
use super::exit::Failure;
use rangepack::{Filter, Sources, listed_name};
use rangepack_core::{Escaped, PackPath};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// No path in a list has more bytes, whatever the system.
const LONGEST: u64 = 128 << 10;

/// Where what is packed lies, and what it is called in the pack.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Where it comes from")]
pub(super) struct SourceArgs {
    /// Pack what LIST names, one path a line, instead of SRC; `-` is standard input
    ///
    /// Each path is packed under the name that it has in the list: `a/b`, `./a/b` and `/a/b` become a/b. A directory
    /// in the list is packed without what is in it, unless that is in the list as well, as `find` and `git ls-files`
    /// print it. Directories above the paths come by themselves.
    #[arg(long, value_name = "LIST")]
    pub(super) files_from: Option<PathBuf>,
    /// The paths in LIST end with a NUL byte, as after `find -print0`
    #[arg(short = '0', long, requires = "files_from")]
    null: bool,
    /// Look for SRC, and for the paths in LIST, in this directory
    #[arg(short = 'C', long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Put what would be FROM in the pack, or in FROM, at TO instead (repeatable); the first that fits counts
    ///
    /// An empty FROM puts everything into TO; an empty TO takes FROM away. FROM is a SRC's name, or a path in LIST or
    /// above one; what is in a SRC cannot be put elsewhere.
    #[arg(long, value_name = "FROM=TO", value_parser = parse_rename)]
    rename: Vec<Rename>,
}

/// A path, or the beginning of one, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rename {
    from: String,
    to: String,
}

fn parse_rename(text: &str) -> std::result::Result<Rename, String> {
    let Some((from, to)) = text.split_once('=') else {
        return Err("two paths in the pack and `=` between them are wanted".to_owned());
    };
    let tidy = |path: &str| path.trim_start_matches("./").trim_matches('/').to_owned();
    let (from, to) = (tidy(from), tidy(to));
    for path in [&from, &to] {
        PackPath::directory(path.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
    }
    if from == to {
        return Err("both paths are the same".to_owned());
    }
    Ok(Rename { from, to })
}

impl SourceArgs {
    /// Whether anything is said of where files come from.
    #[cfg(feature = "archives")]
    pub(super) fn is_set(&self) -> bool {
        self.files_from.is_some() || self.directory.is_some() || !self.rename.is_empty()
    }

    /// What is to be packed: what `given` names, or the list. `scratch` is a directory for temporary files.
    pub(super) fn sources(
        &self,
        given: &[PathBuf],
        filter: &Filter,
        scratch: &Path,
    ) -> Result<Sources> {
        let mut sources = Sources::new(scratch);
        match &self.files_from {
            Some(list) => self.read_list(list, filter, &mut sources)?,
            None => self.add_given(given, &mut sources)?,
        }
        Ok(sources)
    }

    /// The path on disk of one that was given.
    fn on_disk(&self, path: &Path) -> PathBuf {
        self.directory.as_deref().map_or_else(|| path.to_owned(), |directory| directory.join(path))
    }

    /// Adds what was given on the command line: the content of a single directory, and of several each below its own
    /// name.
    fn add_given(&self, given: &[PathBuf], sources: &mut Sources) -> Result<()> {
        let mut taken: Vec<(Vec<u8>, &Path)> = Vec::new();
        for path in given {
            require_disk(path)?;
            let disk = self.on_disk(path);
            // What is not there is told at once, not when all others were packed.
            let metadata = disk.metadata().map_err(Failure::system("read", &disk))?;
            let is_single = given.len() == 1 && metadata.is_dir();
            let own = if is_single { Vec::new() } else { own_name(&disk)? };
            let name = self.renamed(&own);
            if !self.rename.is_empty() && name == own {
                self.refuse_useless(&own, is_single)?;
            }
            if let Some((_, other)) = taken.iter().find(|(other, _)| overlap(other, &name)) {
                return Err(Failure::Usage {
                    problem: format!(
                        "{} and {} would have the same place in the pack, or one in the other",
                        other.display(),
                        path.display()
                    ),
                    hint: "give one of them another name with --rename NAME=OTHER",
                });
            }
            let place = place(&name, path)?;
            sources.add(&disk, place)?;
            taken.push((name, path));
        }
        Ok(())
    }

    /// Adds what a list names.
    fn read_list(&self, list: &Path, filter: &Filter, sources: &mut Sources) -> Result<()> {
        let reading = || Failure::system("read", list);
        let mut lines: Box<dyn BufRead> = match list.to_str() {
            Some("-") => Box::new(io::stdin().lock()),
            _ => Box::new(BufReader::new(File::open(list).map_err(Failure::system("open", list))?)),
        };
        let end = if self.null { 0 } else { b'\n' };
        let (mut line, mut number) = (Vec::new(), 0u64);
        loop {
            line.clear();
            number += 1;
            // A list without ends would fill the memory.
            let mut some = lines.by_ref().take(LONGEST);
            if some.read_until(end, &mut line).map_err(reading())? == 0 {
                return Ok(());
            }
            let refused = |what: &str| Failure::Usage {
                problem: format!("{}, path {number}: {what}", list.display()),
                hint: if self.null {
                    "with -0 paths end with NUL bytes; without, each has a line of its own"
                } else {
                    "lists whose paths end with NUL bytes, as those of `rangepack split` and `find -print0`, are read with -0"
                },
            };
            let text = line.strip_suffix(&[end]).unwrap_or(&line);
            if text.contains(&0) {
                return Err(refused("no path holds a NUL byte"));
            }
            if line.len() as u64 == LONGEST && !line.ends_with(&[end]) {
                return Err(refused("it is longer than any path"));
            }
            if text.is_empty() {
                continue;
            }
            let path = super::console::os_path(text);
            let Some(own) = listed_name(&path) else {
                return Err(Failure::Usage {
                    problem: format!(
                        "{}, path {number}: {}: no path in a pack holds `..`",
                        list.display(),
                        Escaped(text)
                    ),
                    hint: "write it without, or say where the paths begin with -C DIR",
                });
            };
            let name = self.renamed(&own);
            if name.is_empty() || !filter.accepts_listed(&name) {
                continue;
            }
            sources.add_alone(&self.on_disk(&path), place(&name, &path)?)?;
        }
    }

    /// The name in the pack of what would be called so.
    fn renamed(&self, own: &[u8]) -> Vec<u8> {
        for Rename { from, to } in &self.rename {
            let Some(rest) = own.strip_prefix(from.as_bytes()) else { continue };
            let rest = match rest {
                rest if from.is_empty() || rest.is_empty() => rest,
                [b'/', rest @ ..] => rest,
                _ => continue,
            };
            let slash = if to.is_empty() || rest.is_empty() { &b""[..] } else { b"/" };
            return [to.as_bytes(), slash, rest].concat();
        }
        own.to_vec()
    }

    /// Fails when a path is to be renamed that lies in a source.
    fn refuse_useless(&self, own: &[u8], is_single: bool) -> Result<()> {
        let within = |from: &&Rename| {
            is_single
                || from.from.as_bytes().strip_prefix(own).is_some_and(|rest| rest.starts_with(b"/"))
        };
        let Some(Rename { from, to }) = self.rename.iter().find(within) else { return Ok(()) };
        Err(Failure::Usage {
            problem: format!(
                "--rename {from}={to}: {from} is no SRC, and what is in one keeps its name"
            ),
            hint: "name it as a SRC of its own, or list the files with --files-from; --rename =TO puts all into TO",
        })
    }
}

/// The name that a file or directory has where it lies.
fn own_name(disk: &Path) -> Result<Vec<u8>> {
    let name = |path: &Path| path.file_name().map(|name| name.as_encoded_bytes().to_vec());
    let found = name(disk).or_else(|| disk.canonicalize().ok().as_deref().and_then(name));
    found.ok_or_else(|| Failure::Usage {
        problem: format!(
            "{} has no name of its own, under which it could be packed",
            disk.display()
        ),
        hint: "pack it alone, or name what is in it",
    })
}

/// Whether two paths in a pack are one, or one lies in the other.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    let within = |path: &[u8], above: &[u8]| {
        let rest = path.strip_prefix(above);
        rest.is_some_and(|rest| rest.is_empty() || above.is_empty() || rest.starts_with(b"/"))
    };
    within(a, b) || within(b, a)
}

fn place<'n>(name: &'n [u8], path: &Path) -> Result<PackPath<'n>> {
    PackPath::directory(name).map_err(|error| Failure::Usage {
        problem: format!("{}: {error}", path.display()),
        hint: "give it another name with --rename",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let args = |renames: &[&str]| {
            let rename = renames.iter().map(|text| parse_rename(text).unwrap()).collect();
            SourceArgs { rename, ..SourceArgs::default() }
        };
        let renamed = |renames: &[&str], name: &str| {
            String::from_utf8(args(renames).renamed(name.as_bytes())).unwrap()
        };
        assert_eq!(renamed(&[], "a/b"), "a/b");
        assert_eq!(renamed(&["a=b"], "a"), "b");
        assert_eq!(renamed(&["a=b/c"], "a/x"), "b/c/x");
        assert_eq!(renamed(&["a=b"], "ab"), "ab");
        assert_eq!(renamed(&["./a/="], "a/x"), "x");
        assert_eq!(renamed(&["a="], "a"), "");
        assert_eq!(renamed(&["=all"], "a/x"), "all/a/x");
        assert_eq!(renamed(&["=all"], ""), "all");
        assert_eq!(renamed(&["a/b=1", "a=2", "=3"], "a/b/c"), "1/c");
        assert_eq!(renamed(&["a/b=1", "a=2", "=3"], "a/c"), "2/c");
        assert_eq!(renamed(&["a/b=1", "a=2", "=3"], "x"), "3/x");
        for bad in ["a", "a=..", "../a=b", "a=a/"] {
            assert!(parse_rename(bad).is_err(), "{bad}");
        }
        assert!(overlap(b"a", b"a/b") && overlap(b"", b"x") && !overlap(b"a", b"ab"));
    }
}
