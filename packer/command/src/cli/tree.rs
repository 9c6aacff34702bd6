//! `rangepack tree`: a pack as a tree.

use super::arguments::{PackArgs, TrafficArgs};
use super::console::{Global, Out, Paint};
use super::exit::Exit;
use super::listing::totals_below;
use super::{Result, listing};
use crate::format::{Size, count};
use rangepack::{Entries, Pack, Verify};
use rangepack_core::{EntryRef, PackPathBuf};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack tree photos.pack
  rangepack tree --level 2 photos.pack 2024
  rangepack tree --directories-only photos.pack

The totals in the last line are of everything below PATH, whatever is shown of it.";

/// Show what is in a pack as a tree
///
/// Draws the tree below PATH, and says in the last line how much there is in all.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// A directory inside the pack [default: its root]
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Show so many levels only
    #[arg(short = 'L', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    level: Option<u32>,
    /// Show directories only
    #[arg(short, long)]
    directories_only: bool,
}

/// Draws.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Index, global)?;
    let path = args.path.as_deref().map_or(&b""[..], OsStr::as_encoded_bytes);
    let directory = pack.resolve_directory(path);
    let directory =
        directory.map_err(|error| super::paths::with_suggestion(&pack, path, error.into()))?;
    let mut out = global.stdout();
    let title = match args.path.as_deref().map(OsStr::as_encoded_bytes) {
        Some(path) => Cow::Borrowed(path),
        None => pack.location().shown_bytes(),
    };
    out.name(&[&title], Paint::Directory)?;
    out.write_all(b"\n")?;
    draw(args, &pack, &directory, &mut out)?;
    let totals = totals_below(&pack, &directory)?;
    let (directories, files) =
        (count(totals.directories, "directory"), count(totals.files, "file"));
    writeln!(out, "\n{directories}, {files}, {}", Size(totals.bytes))?;
    out.flush()?;
    args.traffic.tell(&pack);
    Ok(Exit::Fine)
}

/// The children of a directory, of which one is looked at before its turn: the last one is drawn
/// differently.
struct Level<'p> {
    entries: Entries<'p>,
    next: Option<EntryRef<'p>>,
    directories_only: bool,
}

impl<'p> Level<'p> {
    fn new(pack: &'p Pack, path: &[u8], directories_only: bool) -> Result<Level<'p>> {
        let entries = pack.read_dir(path)?;
        let mut level = Level { entries, next: None, directories_only };
        level.advance()?;
        Ok(level)
    }

    /// Gives the entry whose turn it is.
    fn advance(&mut self) -> Result<Option<EntryRef<'p>>> {
        let current = self.next.take();
        for entry in self.entries.by_ref() {
            let entry = entry?;
            if !self.directories_only || entry.is_directory() {
                self.next = Some(entry);
                break;
            }
        }
        Ok(current)
    }
}

/// Keeps the way down on the heap: hostile packs nest deeper than stacks reach.
fn draw(args: &Args, pack: &Pack, directory: &PackPathBuf, out: &mut Out) -> Result<()> {
    let deepest = args.level.unwrap_or(u32::MAX) as usize;
    let mut levels = vec![Level::new(pack, directory.as_bytes(), args.directories_only)?];
    while let Some((level, above)) = levels.split_last_mut() {
        let Some(entry) = level.advance()? else {
            levels.pop();
            continue;
        };
        for level in above {
            let line = if level.next.is_some() { "│   " } else { "    " };
            out.write_all(line.as_bytes())?;
        }
        let line = if level.next.is_some() { "├── " } else { "└── " };
        out.write_all(line.as_bytes())?;
        listing::name(out, &entry, false)?;
        if let Some(target) = entry.link_target().map_err(|error| pack.error(error))? {
            out.write_all(b" -> ")?;
            out.name(&[target], Paint::Plain)?;
        }
        out.write_all(b"\n")?;
        if entry.is_directory() && levels.len() < deepest {
            let path = entry.path().map_err(|error| pack.error(error))?;
            levels.push(Level::new(pack, path.as_bytes(), args.directories_only)?);
        }
    }
    Ok(())
}
