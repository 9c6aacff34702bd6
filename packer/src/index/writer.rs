//! Writes everything that follows the payloads: index pages, CTNRv1 trailer, root page, footer.

use crate::error::{Action, Error, Result};
use crate::index::dictionaries;
use crate::index::groups::Groups;
use crate::index::ndjson;
use crate::index::slots::{Passing, Slots};
use crate::index::sort::Sorted;
use crate::setters::setters;
use rangepack_core::hash;
use rangepack_core::layout::{
    self, HashSection, Header, Leaf, Section, Volume, VolumeTable, set_sums,
};
use rangepack_core::{
    DictionaryPlace, Digest, DirectorySums, Entry, Extent, Kind, Tag, TreeBuilder, trailer,
};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::SpooledTempFile;

/// Which indexes a finished pack carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
pub struct IndexOptions {
    /// Which indexes.
    pub format: IndexFormat,
    /// Directories in the NDJSON index.
    pub directories: DirectoryLines,
}

setters!(IndexOptions {
    format(IndexFormat),
    directories(DirectoryLines),
});

impl IndexOptions {
    /// The paged index alone.
    pub fn paged() -> IndexOptions {
        IndexOptions { format: IndexFormat::Paged, ..IndexOptions::default() }
    }

    /// Whether any index has entries for directories.
    pub(crate) fn keeps_directories(&self) -> bool {
        self.format != IndexFormat::Ndjson || self.directory_lines()
    }

    /// Whether the NDJSON index gets lines for directories.
    pub fn directory_lines(&self) -> bool {
        match self.directories {
            DirectoryLines::Auto => self.format == IndexFormat::Ndjson,
            DirectoryLines::Always => true,
            DirectoryLines::Never => false,
        }
    }
}

/// What was written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// What the root page says of the pack.
    pub header: Header,
    /// The pack's name; `None` without a paged index.
    pub digest: Option<Digest>,
    /// Length of the whole file in bytes.
    pub file_len: u64,
    /// Length of everything that makes the paged index, root page and footer included, in bytes.
    pub paged_len: u64,
    /// Length of the CTNRv1 trailer, magic and length included, in bytes.
    pub trailer_len: u64,
}

impl Finished {
    /// Whether there is a CTNRv1 trailer that the old programs do not find: they look for it in the last 128 MiB,
    /// unless they are told to look farther.
    pub fn is_beyond_old_readers(&self) -> bool {
        const LOOKBACK: u64 = 128 << 20;
        let behind = self.digest.map_or(0, |_| (layout::MAX_ROOT + layout::FOOTER_LEN) as u64);
        self.trailer_len > LOOKBACK - behind
    }
}

/// What else goes into a pack with a paged index, beside its entries.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Other files that hold payloads: volume 1 is the first of them.
    pub(crate) volumes: Vec<Volume>,
    /// The same of a merged pack: they lie in a table, each with a record that is read alone.
    pub(crate) table: Vec<Volume>,
    /// What the user says of the pack: a JSON object.
    pub(crate) metadata: Option<Vec<u8>>,
    /// The root page of the generation before, and its digest.
    pub(crate) previous: Option<(Extent, Digest)>,
}

/// What an entry takes at most in all indexes together, beside its names, of which each byte becomes 12 at most.
const ENTRY: u64 = 4096;

/// Leaves lie in memory up to this length, then in a temporary file.
const IN_MEMORY: usize = 32 << 20;

const PAGE: usize = layout::PAGE_SIZE as usize;

/// So many leaves, some 4000 entries, are formatted as NDJSON at a time.
const LEAVES_AT_A_TIME: usize = 8;

/// Takes entries in key order and makes leaves of them, which wait in a temporary file for the totals
/// of the directories, and for the payloads to end.
#[derive(Debug)]
pub(crate) struct IndexWriter {
    tree: TreeBuilder,
    /// Where the list of dictionaries was written already.
    listed: Option<Section>,
    sums: DirectorySums,
    page: Vec<u8>,
    leaves: SpooledTempFile,
    /// Where the temporary file lies.
    directory: PathBuf,
    /// No index of these entries is longer.
    bound: u64,
    /// Where the last byte ends that an entry names.
    end: u64,
}

impl IndexWriter {
    /// An empty one, whose temporary file lies in `directory`.
    pub(crate) fn new(directory: &Path) -> IndexWriter {
        IndexWriter {
            tree: TreeBuilder::new(),
            listed: None,
            sums: DirectorySums::default(),
            page: Vec::new(),
            leaves: tempfile::spooled_tempfile_in(IN_MEMORY, directory),
            directory: directory.to_owned(),
            bound: 1 << 20,
            end: 0,
        }
    }

    /// One of a pack that begins with a list of these dictionaries.
    pub(crate) fn with_dictionaries(
        self,
        list: Option<(Extent, &[DictionaryPlace])>,
    ) -> Result<IndexWriter> {
        let Some((extent, places)) = list else { return Ok(self) };
        let tree = TreeBuilder::with_dictionaries(places);
        let digest = Digest::of(&DictionaryPlace::list_to_bytes(places));
        Ok(IndexWriter {
            tree: tree.map_err(Error::pack_at(&self.directory))?,
            listed: Some(Section::new(Tag::DICTIONARIES, extent, Some(digest))),
            end: extent.end(),
            ..self
        })
    }

    /// The same with sums of all directories that were made elsewhere.
    pub(crate) fn with_sums(self, sums: DirectorySums) -> IndexWriter {
        IndexWriter { sums, ..self }
    }

    /// No index of the entries so far is longer, trailer included, in bytes.
    pub(crate) fn bound(&self) -> u64 {
        self.bound
    }

    /// Where the last byte of the container ends that an entry names.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    fn temporary(&self) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::io(Action::UseTemporary, &self.directory)
    }

    /// Adds the next entry. Its directory must have come before.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<()> {
        self.sums.push(entry).map_err(Error::pack_at(&self.directory))?;
        self.push_without_sums(entry)
    }

    /// The same when the sums of directories are made elsewhere: see [`IndexWriter::with_sums`].
    pub(crate) fn push_without_sums(&mut self, entry: &Entry) -> Result<()> {
        let target = if let Kind::Symlink(target) = &entry.kind { target.len() } else { 0 };
        let names = entry.path.as_bytes().len() + target;
        self.bound = self.bound.saturating_add(ENTRY + 12 * names as u64);
        self.end = self.end.max(entry.end());
        self.tree.push(entry, &mut self.page).map_err(Error::pack_at(&self.directory))?;
        if !self.page.is_empty() {
            self.leaves.write_all(&self.page).map_err(self.temporary())?;
            self.page.clear();
        }
        Ok(())
    }

    /// Adds all entries of a container, whose groups of hard links are counted anew. `go_on` is asked before each
    /// is added.
    pub(crate) fn push_all(
        &mut self,
        sorted: &mut Sorted,
        go_on: impl Fn(&Entry) -> Result<()>,
    ) -> Result<()> {
        let mut groups = Groups::default();
        for entry in sorted {
            let mut entry = entry.map_err(self.temporary())?;
            go_on(&entry)?;
            groups.renumber(0, &mut entry);
            self.push(&entry)?;
        }
        Ok(())
    }

    /// Writes pages, trailer, root page and footer to `out`, which stands at `payload_end`.
    ///
    /// `settle` makes what was written last before the first byte is written by which it counts, first the trailer's length and
    /// then the footer: without them no reader sees an index.
    pub(crate) fn finish<W: Write + Seek + Send>(
        self,
        out: &mut W,
        path: &Path,
        payload_end: u64,
        extras: &Extras,
        options: IndexOptions,
        mut settle: impl FnMut(&mut W) -> Result<()>,
    ) -> Result<Finished> {
        let write = || Error::io(Action::Write, path);
        let IndexWriter { tree, listed, sums, mut page, leaves: mut spool, directory, .. } = self;
        let temporary = || Error::io(Action::UseTemporary, &directory);
        let mut leaves = tree.finish(&mut page).map_err(Error::pack_at(path))?;
        spool.write_all(&page).map_err(temporary())?;
        let sums = sums.finish().map_err(Error::pack_at(path))?;
        let mut directories = sums.directories.into_iter();
        if !leaves.single().is_empty() {
            set_sums(leaves.single(), &mut directories).map_err(Error::pack_at(path))?;
        }
        let paged = options.format != IndexFormat::Ndjson;
        // A single leaf is part of the root page, and searched in no time.
        let has_hash = paged && leaves.single().is_empty();
        let hash_slots = if has_hash { hash::slots_for(leaves.entries()) } else { 0 };
        let slots = Slots::new(hash_slots, &directory);
        let hash = HashSection { offset: payload_end, slots: hash_slots };
        // The section lies before the pages, so that the topmost of these are among the last bytes, which
        // remote readers fetch first. It is written after them, when it is known.
        let pages_offset = hash.extent().end();
        let mut position = if paged { pages_offset } else { payload_end };
        if hash_slots > 0 {
            out.seek(SeekFrom::Start(pages_offset)).map_err(write())?;
        }
        // The tree is finished in any case: it is cheap, and counts everything.
        let slots = std::thread::scope(|scope| {
            let passing = has_hash.then(|| Passing::start(scope, slots));
            for (number, page) in pages(&mut spool, 1).map_err(temporary())?.enumerate() {
                let mut page = page.map_err(temporary())?;
                set_sums(&mut page, &mut directories).map_err(Error::pack_at(path))?;
                leaves.seal(number, &page);
                if paged {
                    out.write_all(&page).map_err(write())?;
                    position += page.len() as u64;
                }
                if let Some(passing) = &passing {
                    passing.take(page);
                }
            }
            passing.map(Passing::end).transpose()
        })?;
        let single = leaves.single().to_vec();
        let dictionaries = leaves.dictionaries().to_vec();
        page.clear();
        let tree =
            leaves.finish(pages_offset, sums.root.1, &mut page).map_err(Error::pack_at(path))?;
        if paged {
            out.write_all(&page).map_err(write())?;
            position += page.len() as u64;
        }
        if let Some(slots) = slots {
            out.seek(SeekFrom::Start(payload_end)).map_err(write())?;
            slots.write(out, path)?;
            out.seek(SeekFrom::Start(position)).map_err(write())?;
        }
        let section = |tag, start, len| Section::new(tag, Extent { start, len }, None);
        let mut sections = vec![
            section(Tag::DATA, 0, payload_end),
            section(Tag::HASH, payload_end, hash.extent().len),
        ];
        if paged {
            // They may hold the trailer's magic, so they lie before it.
            let is_listed = dictionaries.is_empty() || listed.is_some();
            sections.extend(listed);
            let list = (!is_listed)
                .then(|| (Tag::DICTIONARIES, DictionaryPlace::list_to_bytes(&dictionaries)));
            let others = extras.sections().map_err(Error::pack_at(path))?;
            for (tag, bytes) in list.into_iter().chain(others) {
                out.write_all(&bytes).map_err(write())?;
                let extent = Extent { start: position, len: bytes.len() as u64 };
                sections.push(Section::new(tag, extent, Some(Digest::of(&bytes))));
                position = extent.end();
            }
            let previous = extras.previous.iter();
            sections.extend(
                previous
                    .map(|(extent, digest)| Section::new(Tag::PREVIOUS, *extent, Some(*digest))),
            );
            if !extras.table.is_empty() {
                let written = VolumeTable::write(&extras.table, position);
                let (bytes, table) = written.map_err(Error::pack_at(path))?;
                out.write_all(&bytes).map_err(write())?;
                let end = position + bytes.len() as u64;
                let extent = Extent { start: position, len: bytes.len() as u64 };
                sections.push(Section::new(Tag::VOLUME_RECORDS, extent, None));
                let bytes = table.to_bytes();
                out.write_all(&bytes).map_err(write())?;
                let extent = Extent { start: end, len: bytes.len() as u64 };
                sections.push(Section::new(Tag::VOLUME_TABLE, extent, Some(Digest::of(&bytes))));
                position = extent.end();
            }
        }
        let mut paged_len = position - payload_end;
        let mut trailer = None;
        if options.format != IndexFormat::Paged {
            let directories = options.directory_lines();
            let totals = tree.header().totals;
            let lines = totals.files + if directories { totals.directories } else { 0 };
            let mut text = Lines {
                directories,
                lines,
                single,
                spool: &mut spool,
                dictionaries: &dictionaries,
            };
            let (extent, digest) = text.write_trailer(out, position).map_err(write())?;
            sections.push(Section::new(Tag::TRAILER, extent, Some(digest)));
            trailer = Some((position, extent));
            position = extent.end();
        }
        let mut header = tree.header().clone();
        let (mut digest, mut footer) = (None, Vec::new());
        if paged {
            let root = tree.root(position, sections).map_err(Error::pack_at(path))?;
            let (page, end) = root.bytes.split_at(root.bytes.len() - layout::FOOTER_LEN);
            out.write_all(page).map_err(write())?;
            footer = end.to_vec();
            position += root.bytes.len() as u64;
            paged_len += root.bytes.len() as u64;
            (header, digest) = (root.header, Some(root.digest));
        }
        out.flush().map_err(write())?;
        settle(out)?;
        let mut trailer_len = 0;
        if let Some((start, text)) = trailer {
            out.seek(SeekFrom::Start(start)).map_err(write())?;
            out.write_all(&trailer::trailer_header(text.len)).map_err(write())?;
            if !footer.is_empty() {
                // Whoever finds the footer finds a trailer that is whole.
                out.flush().map_err(write())?;
                settle(out)?;
            }
            out.seek(SeekFrom::Start(position - footer.len() as u64)).map_err(write())?;
            trailer_len = text.end() - start;
        }
        out.write_all(&footer).map_err(write())?;
        out.flush().map_err(write())?;
        Ok(Finished { header, digest, file_len: position, paged_len, trailer_len })
    }
}

impl Extras {
    /// Tags and bytes of the sections that there are.
    fn sections(&self) -> rangepack_core::Result<Vec<(Tag, Vec<u8>)>> {
        let mut sections = Vec::new();
        if let Some(metadata) = &self.metadata {
            sections.push((Tag::METADATA, metadata.clone()));
        }
        if !self.volumes.is_empty() {
            sections.push((Tag::VOLUMES, Volume::list_to_bytes(&self.volumes)?));
        }
        Ok(sections)
    }
}

/// Reads the spooled leaves, `count` at a time.
fn pages(
    spool: &mut SpooledTempFile,
    count: usize,
) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>> + Send> {
    spool.seek(SeekFrom::Start(0))?;
    Ok(std::iter::from_fn(move || {
        let mut pages = Vec::with_capacity(count * PAGE);
        match spool.take((count * PAGE) as u64).read_to_end(&mut pages) {
            Ok(0) => None,
            Ok(_) => Some(Ok(pages)),
            Err(error) => Some(Err(error)),
        }
    }))
}

/// The NDJSON index, made from the leaves.
struct Lines<'l> {
    directories: bool,
    lines: u64,
    single: Vec<u8>,
    spool: &'l mut SpooledTempFile,
    /// The leaves name them by number.
    dictionaries: &'l [DictionaryPlace],
}

impl Lines<'_> {
    /// Writes magic and index, and leaves out the length; returns where the index lies, and its digest.
    fn write_trailer<W: Write + Send>(
        &mut self,
        out: &mut W,
        start: u64,
    ) -> io::Result<(Extent, Digest)> {
        // The length is known at the end, and written last: until then it is 0, which no reader accepts.
        let header = trailer::trailer_header(0);
        out.write_all(&header)?;
        let directories = self.directories;
        let single = std::mem::take(&mut self.single);
        let single = (!single.is_empty()).then_some(Ok(single));
        let chunks = single.into_iter().chain(pages(self.spool, LEAVES_AT_A_TIME)?);
        let threads = crate::source::platform::default_threads();
        let dictionaries = self.dictionaries;
        let (len, digest) = ndjson::write(out, self.lines, threads, chunks, |pages, text| {
            for page in pages.chunks(PAGE) {
                let leaf = Leaf::parse(page).map_err(io::Error::other)?;
                let mut run = 0;
                for slot in 0..leaf.len() {
                    let entry = leaf.entry(slot, &mut run).map_err(io::Error::other)?;
                    let mut entry = entry.to_entry().map_err(io::Error::other)?;
                    dictionaries::locate(&mut entry, dictionaries);
                    ndjson::push_line(&entry, directories, text);
                }
            }
            Ok(())
        })?;
        Ok((Extent { start: start + header.len() as u64, len }, digest))
    }
}
