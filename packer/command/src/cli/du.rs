//! `rangepack du`: what takes how much.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs};
use super::console::{Global, Out, Paint};
use super::exit::Exit;
use super::listing::{Sort, totals_below};
use crate::format::Size;
use crate::record::{Totals, text};
use rangepack::{Entries, Error, Pack, Verify};
use rangepack_core::{EntryRef, PackPathBuf};
use serde::Serialize;
use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack du photos.pack
  rangepack du -h -d 2 photos.pack 2024
  rangepack du -s https://example.org/photos.pack
  rangepack du --sort size photos.pack | head
  rangepack du --json -d 1 photos.pack | jq -r 'select(.bytes > 1e9) | .path'

What is counted is content, as `ls -l` shows it: identical files each time, nothing for links and
directories themselves. --stored counts what they take in the pack instead, compressed where they are;
identical files, which lie there once, each time all the same. The index has the sums, so nothing but
it is read, and of it no more than is shown.

-h beside a PACK is what it is for the system's du: sizes as people read them, which they are without
it, too. Alone it prints the short help.";

/// Say what takes how much
///
/// Prints a size, a tab and a path for each directory, those in a directory before itself.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, disable_help_flag = true)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// A directory or file inside the pack [default: its root]
    #[arg(value_name = "DIR")]
    path: Option<OsString>,
    /// Show directories so many levels below DIR; 0 shows DIR alone
    #[arg(short = 'd', long, visible_alias = "depth", value_name = "N", default_value_t = 1)]
    max_depth: usize,
    /// The same as `--max-depth 0`
    #[arg(short, long, conflicts_with = "max_depth")]
    summarize: bool,
    /// Show files and links, too
    #[arg(short, long)]
    all: bool,
    /// Count bytes as they are stored in the pack
    #[arg(long)]
    stored: bool,
    /// Sort by size, largest first, rather than by name
    #[arg(long, value_name = "WHAT", value_parser = parse_sort)]
    sort: Option<Sort>,
    /// Reverse the order
    #[arg(short, long, requires = "sort")]
    reverse: bool,
    /// Print sizes as exact numbers of bytes
    #[arg(short, long, conflicts_with = "json")]
    bytes: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// End lines with a NUL byte instead of a line break
    #[arg(short = '0', long, conflicts_with = "json")]
    null: bool,
    /// Sizes as people read them, as always; alone, the short help
    #[arg(short = 'h', long)]
    human_readable: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

fn parse_sort(name: &str) -> std::result::Result<Sort, String> {
    match name {
        "size" => Ok(Sort::Size),
        "name" => Ok(Sort::Name),
        _ => Err("`size` or `name` is meant".to_owned()),
    }
}

/// Adds up, or rather looks up.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Index, global)?;
    let path = args.path.as_deref().map_or(&b""[..], OsStr::as_encoded_bytes);
    let mut out = global.stdout();
    out.escape &= !args.null;
    let mut sums = Sums { args, pack: &pack, out, sorted: Vec::new() };
    match pack.resolve_directory(path) {
        Ok(directory) => sums.directory(directory)?,
        Err(Error::WrongKind { .. }) => {
            let entry = pack.metadata(path)?;
            let totals = rangepack_core::Totals::of(&entry.kind);
            sums.write(&Line {
                path: entry.path.as_bytes().to_vec(),
                totals,
                is_directory: false,
            })?;
        }
        Err(error) => return Err(super::paths::with_suggestion(&pack, path, error.into())),
    }
    sums.out.flush()?;
    args.traffic.tell(&pack);
    Ok(Exit::Fine)
}

struct Line {
    path: Vec<u8>,
    totals: rangepack_core::Totals,
    is_directory: bool,
}

#[derive(Serialize)]
struct Json {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    kind: &'static str,
    #[serde(flatten)]
    totals: Totals,
}

struct Sums<'a> {
    args: &'a Args,
    pack: &'a Pack,
    out: Out,
    /// Lines that are held until all are there, where they are sorted by size.
    sorted: Vec<Line>,
}

impl Sums<'_> {
    /// What is below a directory, then itself. Keeps the way down on the heap: hostile packs nest deeper than
    /// stacks reach.
    fn directory(&mut self, top: PackPathBuf) -> Result<()> {
        let pack = self.pack;
        let deepest = if self.args.summarize { 0 } else { self.args.max_depth };
        let read = |path: &[u8]| -> Result<Entries<'_>> { Ok(pack.read_dir(path)?) };
        let mut levels: Vec<(Entries<'_>, Line)> = Vec::new();
        let last = Line {
            path: top.as_bytes().to_vec(),
            totals: totals_below(pack, &top)?,
            is_directory: true,
        };
        if deepest > 0 {
            levels.push((read(top.as_bytes())?, last));
        } else {
            return self.write(&last);
        }
        while let Some((entries, _)) = levels.last_mut() {
            match entries.next() {
                Some(entry) => {
                    let entry = entry?;
                    if !entry.is_directory() && !self.args.all {
                        continue;
                    }
                    let line = Line::new(&entry).map_err(|error| pack.error(error))?;
                    if entry.is_directory() && levels.len() < deepest {
                        levels.push((read(&line.path)?, line));
                    } else {
                        self.counted(line)?;
                    }
                }
                None if levels.len() > 1 => {
                    if let Some((_, line)) = levels.pop() {
                        self.counted(line)?;
                    }
                }
                None => break,
            }
        }
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.sort_by_key(|line| Reverse(self.size(line)));
        if self.args.reverse {
            sorted.reverse();
        }
        sorted.iter().try_for_each(|line| self.write(line))?;
        // The sum stands last in any order.
        levels.pop().map_or(Ok(()), |(_, line)| self.write(&line))
    }

    fn counted(&mut self, line: Line) -> Result<()> {
        if self.args.sort == Some(Sort::Size) {
            self.sorted.push(line);
            return Ok(());
        }
        self.write(&line)
    }

    fn size(&self, line: &Line) -> u64 {
        if self.args.stored { line.totals.stored_bytes } else { line.totals.bytes }
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        if self.args.json {
            let (path, path_hex) = text(&line.path);
            let kind = if line.is_directory { "directory" } else { "file" };
            return Ok(self.out.json(&Json {
                path,
                path_hex,
                kind,
                totals: line.totals.into(),
            })?);
        }
        match self.size(line) {
            size if self.args.bytes => write!(self.out, "{size}\t")?,
            size => write!(self.out, "{:>9}\t", Size(size))?,
        }
        let paint = if line.is_directory { Paint::Directory } else { Paint::Plain };
        self.out.name(&[if line.path.is_empty() { b"." } else { &line.path }], paint)?;
        Ok(self.out.write_all(if self.args.null { b"\0" } else { b"\n" })?)
    }
}

impl Line {
    fn new(entry: &EntryRef<'_>) -> rangepack_core::Result<Line> {
        let mut path = Vec::new();
        entry.push_path(&mut path);
        let totals = match entry.totals()? {
            Some(totals) => totals,
            None => rangepack_core::Totals::of(&entry.to_entry()?.kind),
        };
        Ok(Line { path, totals, is_directory: entry.is_directory() })
    }
}
