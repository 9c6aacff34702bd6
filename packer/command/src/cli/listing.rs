//! Entries as lines: names, the rows of `-l`, JSON; and the order in which they come.

use super::Result;
use super::console::{Out, Paint};
use crate::format::{self, Count, Size, count};
use crate::record::Record;
use rangepack::Pack;
use rangepack_core::{EntryRef, PackPathBuf, Totals};
use std::cmp::Reverse;
use std::io::Write;
use std::ops::Range;

/// What is printed of each entry.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Print mode, size, stored size, time and name; for directories, the totals of all they hold
    #[arg(short, long, conflicts_with = "json")]
    pub(super) long: bool,
    /// Print sizes as exact numbers of bytes
    #[arg(short, long, requires = "long")]
    pub(super) bytes: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
    /// End names with a NUL byte instead of a line break
    #[arg(short = '0', long, conflicts_with = "json")]
    pub(super) null: bool,
}

/// In which order entries come.
#[derive(Debug, Default, clap::Args)]
pub(super) struct OrderArgs {
    /// Sort by size, largest first, or by time, newest first; directories count with all they hold
    /// [default: name]
    #[arg(long, value_name = "WHAT")]
    pub(super) sort: Option<Sort>,
    /// Reverse the order
    #[arg(short, long)]
    pub(super) reverse: bool,
}

/// What entries are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Sort {
    /// Their names' bytes, which is the order of the index
    Name,
    /// Bytes of content
    Size,
    /// The last change
    Time,
}

impl OrderArgs {
    /// Goes through the entries with these numbers that are wanted.
    ///
    /// By name in memory that does not grow with them; to sort otherwise takes 16 bytes for each.
    pub(super) fn visit(
        &self,
        pack: &Pack,
        ranges: &[Range<u64>],
        wanted: &mut dyn FnMut(&EntryRef<'_>) -> Result<bool>,
        each: &mut dyn FnMut(&EntryRef<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut visit = |entry: &EntryRef<'_>| if wanted(entry)? { each(entry) } else { Ok(()) };
        match self.sort {
            None | Some(Sort::Name) if !self.reverse => {
                for range in ranges {
                    for entry in pack.entries_at(range.clone()) {
                        visit(&entry?)?;
                    }
                }
            }
            None | Some(Sort::Name) => {
                for number in ranges.iter().rev().flat_map(|range| range.clone().rev()) {
                    for entry in pack.entries_at(number..number + 1) {
                        visit(&entry?)?;
                    }
                }
            }
            Some(sort) => {
                let mut keys = Vec::new();
                for range in ranges {
                    for (number, entry) in range.clone().zip(pack.entries_at(range.clone())) {
                        let entry = entry?;
                        if wanted(&entry)? {
                            let key = sort.key(&entry).map_err(|error| pack.error(error))?;
                            keys.push((Reverse(key), number));
                        }
                    }
                }
                keys.sort_unstable();
                if self.reverse {
                    keys.reverse();
                }
                for (_, number) in keys {
                    for entry in pack.entries_at(number..number + 1) {
                        each(&entry?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Sort {
    /// What is larger comes first.
    fn key(self, entry: &EntryRef<'_>) -> rangepack_core::Result<u64> {
        Ok(match self {
            Sort::Name => 0,
            Sort::Size => match entry.totals()? {
                Some(totals) => totals.bytes,
                None => entry.size()?,
            },
            // Those without a time are the oldest.
            Sort::Time => entry.mtime()?.map_or(0, |time| time.cast_unsigned() ^ (1 << 63)),
        })
    }
}

/// Writes entries.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) pack: &'a Pack,
    pub(super) show: &'a ShowArgs,
    /// Whether names are whole paths.
    pub(super) whole_paths: bool,
    pub(super) out: Out,
}

impl<'a> Lines<'a> {
    /// Lines to standard output.
    pub(super) fn new(
        pack: &'a Pack,
        show: &'a ShowArgs,
        whole_paths: bool,
        mut out: Out,
    ) -> Lines<'a> {
        out.escape &= !show.null;
        Lines { pack, show, whole_paths, out }
    }

    /// Writes one.
    #[inline]
    pub(super) fn entry(&mut self, entry: &EntryRef<'_>) -> Result<()> {
        let damaged = || |error| self.pack.error(error);
        if self.show.json {
            let entry = entry.to_entry().map_err(damaged())?;
            return Ok(self.out.json(&Record::new(&entry))?);
        }
        if self.show.long {
            let row = Row::new(entry).map_err(damaged())?;
            row.write(&mut self.out, self.show.bytes)?;
        }
        name(&mut self.out, entry, self.whole_paths)?;
        if self.show.long {
            if let Some(target) = entry.link_target().map_err(damaged())? {
                self.out.write_all(b" -> ")?;
                self.out.name(&[target], Paint::Plain)?;
            } else if let Some(totals) = entry.totals().map_err(damaged())? {
                let files = format!("  ({})", count(totals.files, "file"));
                self.out.name(&[b"/"], Paint::Directory)?;
                self.out.name(&[files.as_bytes()], Paint::Dim)?;
            }
        }
        Ok(self.out.write_all(if self.show.null { b"\0" } else { b"\n" })?)
    }
}

/// What lies below a directory, in all.
pub(super) fn totals_below(pack: &Pack, directory: &PackPathBuf) -> Result<Totals> {
    if directory.as_path().is_root() {
        return Ok(pack.header().totals);
    }
    let entry = pack.find(directory.as_path())?;
    let totals = entry.map(|entry| entry.totals()).transpose();
    Ok(totals.map_err(|error| pack.error(error))?.flatten().unwrap_or_default())
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
