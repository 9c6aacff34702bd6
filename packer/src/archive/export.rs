//! Writes what a pack holds as a tar or zip archive: the same bytes each time.

mod order;
mod payload;
mod tar;
mod zip;

use crate::error::{Action, EntryPath, Error, Result};
use crate::extract::Selection;
use crate::progress::{Event, Latch, Observer, go_on};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use order::{Batches, Order};
use rangepack_core::{Content, Entry, Escaped, Kind, PackPathBuf};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

/// Kinds of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ArchiveFormat {
    /// A tar archive: ustar, and pax records for what does not fit into that.
    #[default]
    Tar,
    /// The same in one gzip member.
    TarGzip,
    /// The same in one Zstandard frame.
    TarZstd,
    /// A zip archive, zip64 where that is needed.
    Zip,
}

impl ArchiveFormat {
    /// What a file of this name should hold, by its end: `.tar`, `.tar.gz` or `.tgz`, `.tar.zst` or `.tzst`, `.zip`.
    pub fn of_name(name: &Path) -> Option<ArchiveFormat> {
        let name = name.file_name()?.as_encoded_bytes().to_ascii_lowercase();
        let known = [
            (ArchiveFormat::Tar, &[&b".tar"[..]][..]),
            (ArchiveFormat::TarGzip, &[b".tar.gz", b".tgz"]),
            (ArchiveFormat::TarZstd, &[b".tar.zst", b".tzst"]),
            (ArchiveFormat::Zip, &[b".zip"]),
        ];
        let ends =
            |ends: &[&[u8]]| ends.iter().any(|end| name.len() > end.len() && name.ends_with(end));
        known.into_iter().find(|(_, all)| ends(all)).map(|(format, _)| format)
    }
}

/// How a pack is exported.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Which entries.
    pub selection: Selection,
    /// What is written.
    pub format: ArchiveFormat,
    /// The level at which a zip archive deflates files that lie in the pack as they are, 1 to 9; `None` stores them. Those
    /// that are gzip members in the pack are taken over as they are, those in Zstandard are deflated.
    pub deflate: Option<u32>,
    /// Replace a file that is there.
    pub overwrite: bool,
    /// The archive is on disk, and its name too, when this is over.
    pub fsync: bool,
}

setters!(ExportOptions {
    selection(Selection),
    format(ArchiveFormat),
    deflate(impl Into<Option<u32>>),
    overwrite(bool),
    fsync(bool),
});

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Regular files, other names of files among them.
    pub files: u64,
    /// How many of them are hard links to one that came before.
    pub hard_links: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of content; of hard links none.
    pub bytes: u64,
    /// Length of the archive in bytes.
    pub archive_len: u64,
    /// Patterns that match nothing, fit for a terminal.
    pub unmatched: Vec<EntryPath>,
}

/// Writes what a pack holds into the archive `target`, which appears when it is complete.
///
/// Every payload is verified before the archive gets its name. The same pack and options give the same bytes.
/// Directories come before what is in them, and all of a directory comes at a stretch. What is not known of an entry
/// is written as mode 755 or 644, time 0 and owner 0. Zip archives have neither owners, extended attributes
/// nor hard links, and times in whole seconds from 1970 to 2106.
///
/// Memory grows with the depth of the tree and the number of files that have several names; for zip, whose directory
/// comes at its end, with the number of entries, too.
///
/// # Errors
/// [`Error::Exists`]; [`Error::SameFile`] when `target` is the pack; and what reading the pack gives: nothing is
/// left of the archive then.
pub fn export(
    pack: &Pack,
    target: impl AsRef<Path>,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    let target = target.as_ref();
    refuse_to_replace(target, options.overwrite)?;
    for data in pack.files() {
        data.location().disk().map_or(Ok(()), |path| refuse_same(target, path))?;
    }
    let replacement = Replacement::new(target)?;
    let exported = write(pack, replacement.writer(), target, options, observer)?;
    replacement.finish(Finish { overwrite: options.overwrite, sync: options.fsync })?;
    Ok(exported)
}

/// The same into something that takes bytes only: a pipe, a socket. Errors name it as `name`.
///
/// When this fails, what was written is no whole archive.
///
/// # Errors
/// As [`export()`].
pub fn export_stream(
    pack: &Pack,
    out: impl Write,
    name: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    write(pack, io::BufWriter::with_capacity(256 << 10, out), name, options, observer)
}

fn write(
    pack: &Pack,
    out: impl Write,
    name: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    if let Some(level) = options.deflate {
        crate::Setting::Compress.check(level)?;
    }
    let observer = &Latch::new(observer);
    let out = Counting { out, written: 0 };
    let run = Run {
        pack,
        name,
        observer,
        counts: Exported::default(),
        groups: HashMap::new(),
        buffer: Vec::new(),
    };
    let failed = || Error::io(Action::Write, name);
    match options.format {
        ArchiveFormat::Tar => run.archive(options, tar::TarWriter::new(out), Ok),
        ArchiveFormat::TarGzip => {
            let out = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            run.archive(options, tar::TarWriter::new(out), |out| out.finish())
        }
        ArchiveFormat::TarZstd => {
            let out = zstd::Encoder::new(out, 0).map_err(failed())?;
            run.archive(options, tar::TarWriter::new(out), |out| out.finish())
        }
        ArchiveFormat::Zip => run.archive(options, zip::ZipWriter::new(out, options.deflate), Ok),
    }
}

/// One kind of archive, being written.
trait Writer {
    /// What all of it goes into.
    type Out;
    /// Whether a file can be another name of one that came before.
    const HARD_LINKS: bool;
    /// Whether there is a place for extended attributes.
    const ATTRIBUTES: bool;

    /// Writes an entry without content: a directory, or a symbolic link.
    fn bare(&mut self, member: &Member<'_>) -> io::Result<()>;
    /// Writes another name of `first`.
    fn link(&mut self, member: &Member<'_>, first: &[u8]) -> io::Result<()>;
    /// Writes a file, whose content `payload` gives.
    fn file(&mut self, member: &Member<'_>, payload: &mut payload::Payload<'_>) -> Result<()>;
    /// Writes what stands at the end.
    fn finish(self) -> io::Result<Self::Out>;
}

/// An entry, and what an archive can say of it.
struct Member<'m> {
    entry: &'m Entry,
    /// Extended attributes.
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A file that has other names.
struct First {
    path: PackPathBuf,
    /// Names of one file have all of this in common, unless the pack lies.
    shared: (Content, Option<u32>, Option<i64>),
}

struct Run<'r> {
    pack: &'r Pack,
    name: &'r Path,
    observer: &'r dyn Observer,
    counts: Exported,
    groups: HashMap<u64, First>,
    buffer: Vec<u8>,
}

impl Run<'_> {
    fn archive<A: Writer, W: Write>(
        mut self,
        options: &ExportOptions,
        mut archive: A,
        finish: impl FnOnce(A::Out) -> io::Result<Counting<W>>,
    ) -> Result<Exported> {
        let selected = options.selection.resolve(self.pack)?;
        let total = selected.ranges.len();
        self.counts.unmatched = selected.unmatched;
        self.observer.event(Event::Selected { entries: total });
        let mut batches = Batches::new(self.pack, Order::new(self.pack, selected.ranges)?);
        let mut written = 0;
        while let Some(batch) = batches.next().transpose()? {
            for (entry, payload) in batch {
                go_on(self.observer, self.name)?;
                self.entry(&mut archive, &entry, payload)?;
                written += 1;
            }
        }
        if written != total {
            // An index may speak of files in directories that it has not.
            let (structure, field) = (rangepack_core::Structure::Leaf, "directory");
            let value = total.saturating_sub(written);
            return Err(self.pack.error(rangepack_core::Error::BadField {
                structure,
                field,
                value,
            }));
        }
        self.pack.intact()?;
        let finished = archive.finish().and_then(finish);
        let mut out = finished.map_err(Error::io(Action::Write, self.name))?;
        out.flush().map_err(Error::io(Action::Write, self.name))?;
        self.counts.archive_len = out.written;
        Ok(self.counts)
    }

    fn entry<A: Writer>(
        &mut self,
        archive: &mut A,
        entry: &Entry,
        at_hand: Option<Vec<u8>>,
    ) -> Result<()> {
        let failed = Error::io(Action::Write, self.name);
        let attributes = match entry.attributes {
            Some(block) if A::ATTRIBUTES => {
                let read = self.pack.attributes(&block);
                let read =
                    read.map_err(|error| error.of_entry(self.pack.entry_error(&entry.path)))?;
                read.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            }
            _ => Vec::new(),
        };
        let member = Member { entry, attributes };
        let mut bytes = 0;
        match &entry.kind {
            Kind::Directory(_) => {
                self.counts.directories += 1;
                archive.bare(&member).map_err(failed)?;
            }
            Kind::Symlink(_) => {
                self.counts.symlinks += 1;
                archive.bare(&member).map_err(failed)?;
            }
            Kind::File(content) => {
                self.counts.files += 1;
                match self.first(content, entry).filter(|_| A::HARD_LINKS) {
                    Some(first) => {
                        archive.link(&member, first.as_bytes()).map_err(failed)?;
                        self.counts.hard_links += 1;
                    }
                    None => {
                        let mut payload = payload::Payload::new(
                            self.pack,
                            &entry.path,
                            content,
                            at_hand,
                            self.name,
                            self.observer,
                            &mut self.buffer,
                        );
                        archive.file(&member, &mut payload)?;
                        bytes = content.size - payload.told();
                        self.counts.bytes += content.size;
                    }
                }
            }
        }
        self.observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes });
        Ok(())
    }

    /// The name under which this file was written already.
    fn first(&mut self, content: &Content, entry: &Entry) -> Option<PackPathBuf> {
        let shared = (*content, entry.mode, entry.mtime);
        let path = entry.path.clone();
        match self.groups.entry(content.hard_link?) {
            std::collections::hash_map::Entry::Occupied(known) => {
                let known = known.get();
                (known.shared == shared).then(|| known.path.clone())
            }
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(First { path, shared });
                None
            }
        }
    }
}

/// Counts what goes through.
struct Counting<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
