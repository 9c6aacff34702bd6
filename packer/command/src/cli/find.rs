//! `rangepack find`: entries by name, kind, size and time.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, parse_size};
use super::console::Global;
use super::exit::Exit;
use super::listing::{Lines, OrderArgs, ShowArgs};
use super::paths::bad_glob;
use crate::format::moment_given;
use rangepack::{Error, Filter, FilterOptions, Globs, Pack, Verify};
use rangepack_core::EntryRef;
use std::io::Write;
use std::ops::Range;

const EXAMPLES: &str = "\
Examples:
  rangepack find photos.pack '*.jpg'
  rangepack find photos.pack '2024/**' --type file --size +1M --size -10M
  rangepack find logs.pack --newer 2024-06-30 --ext log,txt -l
  rangepack find logs.pack --newer '3 days' -0 | xargs -0 rangepack cat logs.pack --
  rangepack find photos.pack --type link --json | jq -r .link_target

A GLOB is one of .gitignore: without a `/` it matches a name at any depth (`*.txt`), with one in front or
in the middle from the root (`/*.txt`, `notes/**`), with one at its end directories only. Of several GLOBs one has to match, and so has one of --type and
one of --ext; bounds of --size and times have to hold all. Only the index is read, and each entry is
printed when it is found.";

/// Find entries by name, kind, size and time
///
/// Prints the whole path of each entry that all conditions hold for; without conditions, of every entry.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Names or paths that are wanted [default: all]
    #[arg(value_name = "GLOB")]
    globs: Vec<String>,
    /// Kinds that are wanted: `file`, `directory`, `link`, or their first letters [default: all]
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    kinds: Vec<KindChoice>,
    /// Only names with these extensions: `jpg,png`
    #[arg(short, long, value_name = "EXT", value_delimiter = ',')]
    ext: Vec<String>,
    /// Only files of this many bytes: `+1M` at least, `-4k` at most, `0` exactly (repeatable)
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = parse_bound)]
    size: Vec<Bound>,
    /// Only what was changed at this time or later: `2024-06-30`, `2024-06-30T12:00:00Z`, or a time ago:
    /// `3 days`
    #[arg(long, value_name = "TIME", value_parser = moment_given)]
    newer: Option<i64>,
    /// Only what was changed before this time
    #[arg(long, value_name = "TIME", value_parser = moment_given)]
    older: Option<i64>,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    order: OrderArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum KindChoice {
    /// Regular files
    #[value(alias = "f")]
    File,
    /// Directories
    #[value(alias = "d", alias = "dir")]
    Directory,
    /// Symbolic links
    #[value(alias = "l", alias = "symlink")]
    Link,
}

/// What `--size` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast(u64),
    AtMost(u64),
    Exactly(u64),
}

impl Bound {
    fn holds(self, size: u64) -> bool {
        match self {
            Bound::AtLeast(least) => size >= least,
            Bound::AtMost(most) => size <= most,
            Bound::Exactly(wanted) => size == wanted,
        }
    }
}

fn parse_bound(text: &str) -> std::result::Result<Bound, String> {
    match text.split_at_checked(1) {
        Some(("+", size)) => parse_size(size).map(Bound::AtLeast),
        Some(("-", size)) => parse_size(size).map(Bound::AtMost),
        _ => parse_size(text).map(Bound::Exactly),
    }
}

/// Finds.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let wanted = Wanted::new(args)?;
    let pack = args.pack.open(Verify::Index, global)?;
    let mut lines = Lines::new(&pack, &args.show, true, global.stdout());
    let below = wanted.below(&pack)?;
    let mut path = Vec::new();
    args.order.visit(
        &pack,
        &below,
        &mut |entry| Ok(wanted.is(entry, &mut path).map_err(|error| pack.error(error))?),
        &mut |entry| lines.entry(entry),
    )?;
    lines.out.flush()?;
    args.traffic.tell(&pack);
    Ok(Exit::Fine)
}

/// The conditions.
struct Wanted<'a> {
    args: &'a Args,
    globs: Option<Globs>,
    extensions: Filter,
}

impl Wanted<'_> {
    fn new(args: &Args) -> Result<Wanted<'_>> {
        let mut options = FilterOptions::default();
        options.extensions.clone_from(&args.ext);
        let extensions = Filter::new(options).map_err(|error| bad_glob(&error))?;
        let globs = (!args.globs.is_empty()).then(|| Globs::new(&args.globs)).transpose();
        Ok(Wanted { args, globs: globs.map_err(|error| bad_glob(&error))?, extensions })
    }

    /// The numbers of the entries among which all are that are wanted.
    fn below(&self, pack: &Pack) -> Result<Vec<Range<u64>>> {
        let base = self.globs.as_ref().map_or(&b""[..], Globs::base);
        match pack.resolve_directory(base) {
            Ok(base) => Ok(vec![pack.ask(|pages| pack.index().subtree(pages, base.as_path()))?]),
            Err(Error::NoEntry { .. } | Error::WrongKind { .. } | Error::BrokenLink { .. }) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether all hold for an entry; `path` is room for its path.
    fn is(&self, entry: &EntryRef<'_>, path: &mut Vec<u8>) -> rangepack_core::Result<bool> {
        let Args { kinds, size, newer, older, .. } = self.args;
        let kind = if entry.is_directory() {
            KindChoice::Directory
        } else if entry.is_symlink() {
            KindChoice::Link
        } else {
            KindChoice::File
        };
        if !kinds.is_empty() && !kinds.contains(&kind) {
            return Ok(false);
        }
        if !size.is_empty() {
            if kind != KindChoice::File {
                return Ok(false);
            }
            let is = entry.size()?;
            if !size.iter().all(|bound| bound.holds(is)) {
                return Ok(false);
            }
        }
        if newer.is_some() || older.is_some() {
            // Of what has no time nobody knows.
            let Some(time) = entry.mtime()? else { return Ok(false) };
            if newer.is_some_and(|since| time < since) || older.is_some_and(|until| time >= until) {
                return Ok(false);
            }
        }
        path.clear();
        entry.push_path(path);
        // Directories are found by their endings like files.
        Ok(self.globs.as_ref().is_none_or(|globs| globs.matches(path, entry.is_directory()))
            && self.extensions.accepts(path, false))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn sizes_and_kinds() {
        let args =
            parse::<Args>("find x.pack --size +1M --size -4k --type f,l -t dir -e jpg").unwrap();
        assert_eq!(args.size, [Bound::AtLeast(1 << 20), Bound::AtMost(4096)]);
        assert_eq!(args.kinds, [KindChoice::File, KindChoice::Link, KindChoice::Directory]);
        assert_eq!(parse_bound("0"), Ok(Bound::Exactly(0)));
        for bad in ["", "+", "-", "+-1", "é", "1x"] {
            assert!(parse_bound(bad).is_err(), "{bad}");
        }
        assert!(Bound::AtLeast(4).holds(4) && Bound::AtMost(4).holds(4));
        assert!(!Bound::AtLeast(4).holds(3) && !Bound::AtMost(4).holds(5));
    }
}
