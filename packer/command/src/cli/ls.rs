//! `rangepack ls`: what is in a pack.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs};
use super::console::{Global, Out, Paint};
use super::exit::Exit;
use super::paths;
use crate::format::{self, Count, Size, count};
use crate::record::Record;
use rangepack::Error;
use rangepack::{Entries, Globs, Pack, Verify};
use rangepack_core::{EntryRef, PackPath};
use std::ffi::OsString;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack ls photos.pack
  rangepack ls -l photos.pack 2024/summer
  rangepack ls -R -f -0 logs.pack | xargs -0 rangepack cat logs.pack | grep error
  rangepack ls -R --json photos.pack | jq -r 'select(.size > 1e6) | .path'

A directory given alone is listed by the names in it; with -R, a glob or several PATHs, and in JSON, whole
paths are printed. Of what a glob matches the entries themselves are listed, with -R what is below them, too. Names are in the order of their bytes; -R lists all of a directory before it
lists what is below its subdirectories. With -l a `+` behind the mode means extended attributes. On a
terminal, control characters in names are spelt out.";

/// List what is in a pack
///
/// Prints one name a line. Any directory of any pack is listed at once, however many entries the pack
/// has; the totals of directories are in the index and cost nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{}", paths::ABOUT))]
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
    /// Print mode, size, stored size, time and name; for directories, the totals of all they hold
    #[arg(short, long, conflicts_with = "json")]
    long: bool,
    /// Print sizes as exact numbers of bytes
    #[arg(short, long, requires = "long")]
    bytes: bool,
    /// List directories only
    #[arg(short, long)]
    directories_only: bool,
    /// List files and links only
    #[arg(short, long, conflicts_with = "directories_only")]
    files_only: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// End names with a NUL byte instead of a line break
    #[arg(short = '0', long, conflicts_with = "json")]
    null: bool,
}

/// Lists.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Index, global)?;
    let mut out = global.stdout();
    out.escape &= !args.null;
    let globs = args.paths.iter().any(|path| Globs::is_pattern(path.as_encoded_bytes()));
    let whole_paths = args.recursive || args.json || args.paths.len() > 1 || globs;
    let mut listing = Listing { args, pack: &pack, out, whole_paths };
    let mut exit = Exit::Fine;
    if args.paths.is_empty() {
        listing.path(b"")?;
    }
    for path in &args.paths {
        let path = path.as_encoded_bytes();
        let listed = listing.given(path);
        let listed = listed.map_err(|failure| paths::with_suggestion(&pack, path, failure));
        super::cat::tolerate(listed, &mut exit, &mut listing.out, global)?;
    }
    listing.out.flush()?;
    args.traffic.tell(&pack);
    Ok(exit)
}

struct Listing<'a> {
    args: &'a Args,
    pack: &'a Pack,
    out: Out,
    whole_paths: bool,
}

impl Listing<'_> {
    /// Lists what a PATH names.
    fn given(&mut self, path: &[u8]) -> Result<()> {
        if !paths::is_glob(self.pack, path)? {
            return self.path(path);
        }
        // What is listed with a directory above it is not listed once more.
        let mut taken = paths::Taken::default();
        let pack = self.pack;
        paths::each_match(pack, path, |entry| {
            let path = entry.path().map_err(|error| pack.error(error))?;
            if taken.holds(path.as_bytes()) {
                return Ok(());
            }
            self.entry(entry, true)?;
            if self.args.recursive && entry.is_directory() {
                self.entries(pack.walk(path.as_bytes())?)?;
                taken.take(path.as_bytes());
            }
            Ok(())
        })
    }

    /// Lists a directory, or shows a file or link.
    fn path(&mut self, path: &[u8]) -> Result<()> {
        let pack = self.pack;
        match pack.resolve_directory(path) {
            Ok(directory) if self.args.recursive => {
                return self.entries(pack.walk(directory.as_bytes())?);
            }
            Ok(directory) => return self.entries(pack.read_dir(directory.as_bytes())?),
            // It may be a file, or a link that leads nowhere.
            Err(Error::WrongKind { .. } | Error::BrokenLink { .. } | Error::NoEntry { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let entry = pack.symlink_metadata(path).or_else(|_| pack.metadata(path))?;
        let path = PackPath::new(entry.path.as_bytes()).map_err(|error| pack.error(error))?;
        match pack.find(path)? {
            Some(entry) => self.entry(&entry, true),
            None => Ok(()),
        }
    }

    fn entries(&mut self, entries: Entries<'_>) -> Result<()> {
        for entry in entries {
            self.entry(&entry?, self.whole_paths)?;
        }
        Ok(())
    }

    #[inline]
    fn entry(&mut self, entry: &EntryRef<'_>, whole_path: bool) -> Result<()> {
        let left_out =
            if entry.is_directory() { self.args.files_only } else { self.args.directories_only };
        if left_out {
            return Ok(());
        }
        let damaged = || |error| self.pack.error(error);
        if self.args.json {
            let entry = entry.to_entry().map_err(damaged())?;
            return Ok(self.out.json(&Record::new(&entry))?);
        }
        if self.args.long {
            let row = Row::new(entry).map_err(damaged())?;
            row.write(&mut self.out, self.args.bytes)?;
        }
        name(&mut self.out, entry, whole_path)?;
        if self.args.long {
            if let Some(target) = entry.link_target().map_err(damaged())? {
                self.out.write_all(b" -> ")?;
                self.out.name(&[target], Paint::Plain)?;
            } else if let Some(totals) = entry.totals().map_err(damaged())? {
                let files = format!("  ({})", count(totals.files, "file"));
                self.out.name(&[b"/"], Paint::Directory)?;
                self.out.name(&[files.as_bytes()], Paint::Dim)?;
            }
        }
        Ok(self.out.write_all(if self.args.null { b"\0" } else { b"\n" })?)
    }
}

/// Writes an entry's name, or its whole path, in its colour.
#[inline]
pub(super) fn name(out: &mut Out, entry: &EntryRef<'_>, whole_path: bool) -> Result<()> {
    let paint = if entry.is_directory() {
        Paint::Directory
    } else if entry.is_symlink() {
        Paint::Symlink
    } else {
        Paint::Plain
    };
    let [prefix, suffix] = entry.name_parts();
    let directory = entry.directory().as_bytes();
    if whole_path && !directory.is_empty() {
        out.name(&[directory, b"/", prefix, suffix], paint)?;
    } else {
        out.name(&[prefix, suffix], paint)?;
    }
    Ok(())
}

/// What `-l` shows before the name.
struct Row {
    mode: String,
    /// Whether there are extended attributes.
    attributes: bool,
    /// Size and stored size; links have none.
    sizes: Option<(u64, u64)>,
    time: Option<String>,
}

impl Row {
    fn new(entry: &EntryRef<'_>) -> rangepack_core::Result<Row> {
        let (kind, sizes) = if let Some(content) = entry.content()? {
            ('-', Some((content.size, content.stored_size)))
        } else if let Some(totals) = entry.totals()? {
            ('d', Some((totals.bytes, totals.stored_bytes)))
        } else {
            ('l', None)
        };
        let mode = format::mode(kind, entry.mode()?);
        let attributes = entry.attributes()?.is_some();
        Ok(Row { mode, attributes, sizes, time: entry.mtime()?.map(format::time) })
    }

    /// Every line stands for itself, so that a million of them need not be held to find the widths.
    fn write(&self, out: &mut Out, exact: bool) -> Result<()> {
        let time = self.time.as_deref().unwrap_or("-");
        write!(out, "{}{} ", self.mode, if self.attributes { '+' } else { ' ' })?;
        match self.sizes {
            Some((size, stored)) if exact => {
                write!(out, "{:>15}  {:>15}  ", Count(size), Count(stored))?;
            }
            Some((size, stored)) => write!(out, "{:>9}  {:>9}  ", Size(size), Size(stored))?,
            None if exact => write!(out, "{:>15}  {:>15}  ", "-", "-")?,
            None => write!(out, "{:>9}  {:>9}  ", "-", "-")?,
        }
        Ok(write!(out, "{time:20}  ")?)
    }
}
