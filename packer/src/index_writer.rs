//! Writes everything that follows the payloads: index pages, CTNRv1 trailer, root page, footer.

use crate::error::{Error, Result};
use crate::spool::Spool;
use reader_core::assemble::DirectorySums;
use reader_core::layout::{Header, Volume};
use reader_core::tree::{Places, TreeBuilder};
use reader_core::{Digest, Entry, Extent, Kind, ndjson, trailer};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Which indexes a finished pack carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexFormat {
    /// The paged index, and the NDJSON trailer that the old programs read.
    #[default]
    Both,
    /// The paged index alone: the pack is smaller by some 250 bytes a file.
    Paged,
    /// The NDJSON trailer alone, as the old programs wrote it.
    Ndjson,
}

/// Whether the NDJSON index has lines for directories, which the old extractor cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DirectoryLines {
    /// Only where no paged index keeps them.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: empty directories are lost where no paged index keeps them.
    Never,
}

/// Both choices together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexOptions {
    /// Which indexes.
    pub format: IndexFormat,
    /// Directories in the NDJSON index.
    pub directories: DirectoryLines,
}

impl IndexOptions {
    /// The paged index alone.
    pub fn paged() -> IndexOptions {
        IndexOptions { format: IndexFormat::Paged, ..IndexOptions::default() }
    }

    fn directory_lines(&self) -> bool {
        match self.directories {
            DirectoryLines::Auto => self.format == IndexFormat::Ndjson,
            DirectoryLines::Always => true,
            DirectoryLines::Never => false,
        }
    }
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What the root page says of the pack.
    pub header: Header,
    /// The pack's name; `None` without a paged index.
    pub digest: Option<Digest>,
    /// Length of the whole file in bytes.
    pub file_len: u64,
    /// Length of pages, root page and footer in bytes.
    pub paged_len: u64,
}

/// Takes entries in key order, spools them, and sums up directories on the way.
#[derive(Debug)]
pub(crate) struct IndexWriter {
    spool: Spool,
    sums: DirectorySums,
}

impl IndexWriter {
    /// An empty one, whose temporary file lies in `directory`.
    pub(crate) fn new(directory: &Path) -> IndexWriter {
        IndexWriter { spool: Spool::new(directory), sums: DirectorySums::default() }
    }

    /// Adds the next entry. Its directory must have come before.
    pub(crate) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        self.sums.push(entry).map_err(io::Error::other)?;
        self.spool.push(entry)
    }

    /// Writes pages, trailer, root page and footer to `out`, which stands at `payload_end`.
    pub(crate) fn finish<W: Write + Seek>(
        mut self,
        out: &mut W,
        path: &Path,
        payload_end: u64,
        volumes: Vec<Volume>,
        options: IndexOptions,
    ) -> Result<Finished> {
        let write = || Error::io("write", path);
        let pack = || Error::pack(path);
        let places = Places { payload_end, pages_offset: payload_end, volumes };
        let mut builder = TreeBuilder::new();
        let mut pages = Vec::new();
        let mut position = payload_end;
        let mut totals = std::mem::take(&mut self.sums).finish().into_iter();
        // The tree is built in any case: it is cheap, and counts and checks everything.
        for entry in self.spool.read().map_err(write())? {
            let mut entry = entry.map_err(write())?;
            if let Kind::Directory(place) = &mut entry.kind {
                *place = totals.next().unwrap_or_default();
            }
            builder.push(&entry, &mut pages).map_err(pack())?;
            if options.format != IndexFormat::Ndjson && !pages.is_empty() {
                out.write_all(&pages).map_err(write())?;
                position += pages.len() as u64;
            }
            pages.clear();
        }
        let tree = builder.finish(places, &mut pages).map_err(pack())?;
        if options.format != IndexFormat::Ndjson {
            out.write_all(&pages).map_err(write())?;
            position += pages.len() as u64;
        }
        let mut trailer = Extent { start: position, len: 0 };
        if options.format != IndexFormat::Paged {
            trailer.len = self.write_trailer(out, position, options).map_err(write())?;
            position = trailer.end();
        }
        let mut header = tree.header().clone();
        let mut digest = None;
        let paged_start = position;
        if options.format != IndexFormat::Ndjson {
            let (root, root_digest) = tree.root(position, trailer);
            out.write_all(&root).map_err(write())?;
            position += root.len() as u64;
            digest = Some(root_digest);
        }
        header.trailer = trailer;
        out.flush().map_err(write())?;
        let paged_len = position - paged_start + trailer.start - payload_end;
        Ok(Finished { header, digest, file_len: position, paged_len })
    }

    /// Writes magic, length and NDJSON; returns how long all three are.
    fn write_trailer<W: Write + Seek>(
        &mut self,
        out: &mut W,
        start: u64,
        options: IndexOptions,
    ) -> io::Result<u64> {
        // The length is known at the end; until then it is 0, which no reader accepts.
        out.write_all(&trailer::trailer_header(0))?;
        let mut index = NdjsonIndex::new(options.directory_lines());
        for entry in self.spool.read()? {
            index.push(&entry?, out)?;
        }
        let len = index.finish(out)?;
        let end = start + 16 + len;
        out.seek(SeekFrom::Start(start))?;
        out.write_all(&trailer::trailer_header(len))?;
        out.seek(SeekFrom::Start(end))?;
        Ok(16 + len)
    }
}

/// Writes entries as an index that the old programs read: NDJSON, or for a single entry a JSON array,
/// because they take one line for one object.
#[derive(Debug)]
pub(crate) struct NdjsonIndex {
    directories: bool,
    count: u64,
    first: Vec<u8>,
    lines: Vec<u8>,
    len: u64,
}

impl NdjsonIndex {
    /// With or without lines for directories.
    pub(crate) fn new(directories: bool) -> NdjsonIndex {
        NdjsonIndex { directories, count: 0, first: Vec::new(), lines: Vec::new(), len: 0 }
    }

    /// Adds an entry; writes when enough lines have gathered.
    pub(crate) fn push(&mut self, entry: &Entry, out: &mut impl Write) -> io::Result<()> {
        if !self.directories && matches!(entry.kind, Kind::Directory(_)) {
            return Ok(());
        }
        if self.count == 1 {
            // There is a second line, so the first can be one.
            self.lines.append(&mut self.first);
            self.lines.push(b'\n');
        }
        let lines = if self.count == 0 { &mut self.first } else { &mut self.lines };
        ndjson::write_line(entry, lines);
        if self.count > 0 {
            self.lines.push(b'\n');
        }
        self.count += 1;
        if self.lines.len() >= 256 << 10 {
            out.write_all(&self.lines)?;
            self.len += self.lines.len() as u64;
            self.lines.clear();
        }
        Ok(())
    }

    /// Writes what is left; returns the length of the whole index in bytes.
    pub(crate) fn finish(mut self, out: &mut impl Write) -> io::Result<u64> {
        if self.count < 2 {
            // The old reader refuses an empty index, and takes one line for a single object.
            self.lines.push(b'[');
            self.lines.append(&mut self.first);
            self.lines.extend(b"]\n");
        }
        out.write_all(&self.lines)?;
        Ok(self.len + self.lines.len() as u64)
    }
}
