//! `rangepack ls`: what is in a pack.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs};
use super::console::Global;
use super::exit::Exit;
use super::listing::{Lines, OrderArgs, ShowArgs, Sort};
use super::paths;
use rangepack::Error;
use rangepack::{Globs, Pack, Verify};
use rangepack_core::PackPath;
use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;

const EXAMPLES: &str = "\
Examples:
  rangepack ls photos.pack
  rangepack ls -l photos.pack 2024/summer
  rangepack ls -RSl photos.pack | head
  rangepack ls -R -f -0 logs.pack | xargs -0 rangepack cat logs.pack -- | grep error
  rangepack ls -R --json photos.pack | jq -r 'select(.size > 1e6) | .path'

A directory given alone is listed by the names in it; with -R, a glob or several PATHs, and in JSON,
whole paths are printed. Of what a glob matches the entries themselves are listed, with -R what is
below them, too. Names are in the order of their bytes; -R lists all of a directory before it lists
what is below its subdirectories, and sorts everything together. With -l a `+` behind the mode means
extended attributes. On a terminal, control characters in names are spelt out. Times are in UTC.

-h beside a PACK is what it is for the system's ls: sizes as people read them, which they are without
it, too. Alone it prints the short help.";

/// List what is in a pack
///
/// Prints one name a line. Any directory of any pack is listed at once, however many entries the pack
/// has; the totals of directories are in the index and cost nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{}", paths::ABOUT), disable_help_flag = true)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Files and directories inside the pack, or globs [default: its root]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// List everything below, too
    #[arg(short = 'R', long)]
    recursive: bool,
    #[command(flatten)]
    show: ShowArgs,
    /// List directories only
    #[arg(short, long)]
    directories_only: bool,
    /// List files and links only
    #[arg(short, long, conflicts_with = "directories_only")]
    files_only: bool,
    #[command(flatten)]
    order: OrderArgs,
    /// The same as `--sort size`
    #[arg(short = 'S', conflicts_with = "sort", overrides_with = "by_time")]
    by_size: bool,
    /// The same as `--sort time`
    #[arg(short = 't', conflicts_with = "sort", overrides_with = "by_size")]
    by_time: bool,
    /// One name a line, as always
    #[arg(short = '1', hide_short_help = true)]
    one_a_line: bool,
    /// Names that begin with a dot, too, as always
    #[arg(short = 'a', long = "all", hide_short_help = true)]
    all: bool,
    /// Sizes as people read them, as always; alone, the short help
    #[arg(short = 'h', long)]
    human_readable: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

/// Lists.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Index, global)?;
    let mut exit = Exit::Fine;
    let mut ranges = Vec::new();
    let mut whole_paths = args.recursive || args.show.json || args.paths.len() > 1;
    if args.paths.is_empty() {
        ranges.push(args.range(&pack, b"")?.0);
    }
    for path in &args.paths {
        let path = path.as_encoded_bytes();
        whole_paths |= Globs::is_pattern(path);
        let found = match paths::is_glob(&pack, path)? {
            true => args.matches(&pack, path, &mut ranges),
            false => args.range(&pack, path).map(|(range, is_directory)| {
                whole_paths |= !is_directory;
                ranges.push(range);
            }),
        };
        let found = found.map_err(|failure| paths::with_suggestion(&pack, path, failure));
        super::cat::tolerate(found, &mut exit, &mut std::io::sink(), global)?;
    }
    let mut lines = Lines::new(&pack, &args.show, whole_paths, global.stdout());
    let left_out =
        |is_directory| if is_directory { args.files_only } else { args.directories_only };
    args.order().visit(
        &pack,
        &ranges,
        &mut |entry| Ok(!left_out(entry.is_directory())),
        &mut |entry| lines.entry(entry),
    )?;
    lines.out.flush()?;
    args.traffic.tell(&pack);
    Ok(exit)
}

impl Args {
    fn order(&self) -> OrderArgs {
        let sort = match (self.by_size, self.by_time) {
            (true, _) => Some(Sort::Size),
            (_, true) => Some(Sort::Time),
            _ => self.order.sort,
        };
        OrderArgs { sort, reverse: self.order.reverse }
    }

    /// The numbers of what is to be listed: of what is in a directory, or of a file or link; and which of them it is.
    fn range(&self, pack: &Pack, path: &[u8]) -> Result<(Range<u64>, bool)> {
        let index = pack.index();
        match pack.resolve_directory(path) {
            Ok(directory) => {
                let range = pack.ask(|pages| match self.recursive {
                    true => index.subtree(pages, directory.as_path()),
                    false => index.children(pages, directory.as_path()),
                })?;
                return Ok((range, true));
            }
            // It may be a file, or a link that leads nowhere.
            Err(Error::WrongKind { .. } | Error::BrokenLink { .. } | Error::NoEntry { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let entry = pack.symlink_metadata(path).or_else(|_| pack.metadata(path))?;
        let number = number(pack, entry.path.as_path())?;
        Ok((number..number + 1, false))
    }

    /// The numbers of what a glob matches; with what is below it, if that is wanted.
    fn matches(&self, pack: &Pack, glob: &[u8], ranges: &mut Vec<Range<u64>>) -> Result<()> {
        // What is listed with a directory above it is not listed once more.
        let mut taken = paths::Taken::default();
        paths::each_match(pack, glob, |entry| {
            let path = entry.path().map_err(|error| pack.error(error))?;
            if taken.holds(path.as_bytes()) {
                return Ok(());
            }
            let number = number(pack, path.as_path())?;
            match ranges.last_mut() {
                Some(last) if last.end == number => last.end += 1,
                _ => ranges.push(number..number + 1),
            }
            if self.recursive && entry.is_directory() {
                ranges.push(pack.ask(|pages| pack.index().subtree(pages, path.as_path()))?);
                taken.take(path.as_bytes());
            }
            Ok(())
        })
    }
}

/// The number of the entry at a path, which is there.
fn number(pack: &Pack, path: PackPath<'_>) -> Result<u64> {
    Ok(pack.ask(|pages| pack.index().lower_bound(pages, path.parent(), path.name()))?)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn as_people_type_it() {
        let args = parse::<Args>("ls -lahS x.pack").unwrap();
        assert!(args.show.long && args.order().sort == Some(Sort::Size));
        let args = parse::<Args>("ls -1rt x.pack").unwrap();
        assert!(args.order().reverse && args.order().sort == Some(Sort::Time));
        assert_eq!(parse::<Args>("ls -S -t x.pack").unwrap().order().sort, Some(Sort::Time));
        assert!(parse::<Args>("ls -S --sort name x.pack").is_err());
        assert!(parse::<Args>("ls -h").is_err());
    }
}
