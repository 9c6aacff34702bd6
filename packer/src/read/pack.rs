//! Opens packs and old containers, and answers the familiar questions of a file system.

use crate::error::{Error, Expected, Result};
use crate::read::any_entry::AnyEntry;
use crate::read::dictionaries::Dictionaries;
use crate::read::file::File;
use crate::read::format::Format;
use crate::read::legacy;
use crate::read::volumes::Volumes;
use crate::source::data::{Data, Gathered};
use crate::source::location::Location;
use crate::source::options::{OpenOptions, Verify};
use crate::source::traffic::Traffic;
use rangepack_core::layout::{Header, Volume};
use rangepack_core::{
    Answer, AttributeBlock, Attributes, Content, Digest, EntryRef, Extent, Index, PackPath,
    PackPathBuf, Part, Scan, Source,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An open pack: the files in it, as if they were a tree on disk.
///
/// Opening maps the file and checks one page, whatever the number of entries. (Containers without a
/// paged index need one built in memory first.) A `Pack` is a handle, `Send` and `Sync`: clones of it share the mapping, a
/// [`File`] has one of its own, and any number of threads and processes read the same file.
///
/// It may lie at a URL ([`Location`]). Then the end of the file
/// is fetched when it is opened, index pages when they are needed (they are kept, some 50 bytes for each
/// entry that was looked at), payloads when they are read (they are not kept, and always verified).
/// Questions wait for the network. A remote pack that is replaced while it is read gives
/// [`RemoteProblem::Changed`](crate::RemoteProblem::Changed).
///
/// Packs are replaced by renaming another over them, which is safe. A file that is cut short, or overwritten in place, while it
/// is open gives [`Error::Lost`]: payloads are read, and what is borrowed of the mapping, which are pages of the index
/// and [`Pack::bytes`], is watched: a handler of SIGBUS puts zeros in the place of what is gone, and passes on what is
/// not about packs. Whoever handles that signal later on has it until the next pack is opened.
///
/// Paths in it are text, bytes or a [`PackPath`]. A path of the standard library is none, for these have other separators
/// elsewhere: `path.as_os_str().as_encoded_bytes()` says that it is meant so.
///
/// ```no_run
/// use std::io::Read;
/// let pack = rangepack::Pack::open("photos.pack")?;
/// for entry in pack.read_dir("cats")? {
///     println!("{}", entry?.path()?.display());
/// }
/// let mut text = String::new();
/// pack.open_file("notes/readme.txt")?.read_to_string(&mut text)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pack(pub(super) Arc<Opened>);

/// What all handles of a pack share.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) location: Location,
    /// The file with the payloads of volume 0.
    pub(super) data: Data,
    /// Other files with payloads.
    pub(super) volumes: Volumes,
    pub(super) index: Index,
    pub(super) pages: Pages,
    pub(super) format: Format,
    pub(super) options: OpenOptions,
    pub(super) notes: legacy::Notes,
    pub(super) dictionaries: Dictionaries,
    /// Known when it was opened, so that it is the same whatever was read since.
    pub(super) is_remote: bool,
}

/// Where the index pages lie.
#[derive(Debug)]
pub(super) enum Pages {
    /// In the file itself.
    Data,
    /// In a paged index beside an old container.
    Beside(Data),
    /// Built in memory, for an old container.
    Memory(Vec<u8>),
}

impl Pages {
    /// The file that they lie in, where `data` is the one that was opened; `None` when they are in memory.
    pub(super) fn file<'p>(&'p self, data: &'p Data) -> Option<&'p Data> {
        match self {
            Pages::Data => Some(data),
            Pages::Beside(beside) => Some(beside),
            Pages::Memory(_) => None,
        }
    }

    /// The file beside the one that was opened, if they lie there.
    fn beside(&self) -> Option<&Data> {
        if let Pages::Beside(beside) = self { Some(beside) } else { None }
    }

    /// Length of what they lie in, in bytes.
    fn len(&self, data: &Data) -> u64 {
        match self {
            Pages::Memory(pages) => pages.len() as u64,
            Pages::Data | Pages::Beside(_) => self.file(data).map_or(0, Data::len),
        }
    }

    /// Bytes that are at hand.
    #[inline]
    fn bytes<'p>(&'p self, data: &'p Data, extent: Extent) -> Option<&'p [u8]> {
        match self {
            Pages::Data => data.at_hand(extent),
            Pages::Beside(beside) => beside.at_hand(extent),
            Pages::Memory(pages) => pages[..].bytes(extent),
        }
    }
}

impl Pack {
    /// Where the pack lies.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// Whether its payloads come over a network, or some of them may.
    pub fn is_remote(&self) -> bool {
        self.0.is_remote
    }

    /// What was fetched over a network so far.
    pub fn traffic(&self) -> Traffic {
        let index = self.0.pages.beside().map_or(Traffic::default(), Data::traffic);
        self.files().map(Data::traffic).fold(index, std::ops::Add::add)
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Data> {
        std::iter::once(&self.0.data).chain(self.0.volumes.opened())
    }

    /// The bytes of the file that was opened, as they lie there.
    pub fn data(&self) -> &Data {
        &self.0.data
    }

    /// An error of the format, told of this pack.
    pub fn error(&self, source: rangepack_core::Error) -> Error {
        Error::pack(&self.0.location)(source)
    }

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// Everything the root page says of the pack as a whole.
    pub fn header(&self) -> &Header {
        self.0.index.header()
    }

    /// The pack's name: SHA-256 of its root page. `None` for old containers.
    pub fn digest(&self) -> Option<Digest> {
        (self.0.format == Format::Paged).then(|| self.0.index.digest())
    }

    /// What was strange in an old container's index: names refused, lines skipped.
    pub fn notes(&self) -> &legacy::Notes {
        &self.0.notes
    }

    /// The paged index, for questions that are not asked here.
    pub fn index(&self) -> &Index {
        &self.0.index
    }

    /// The file in which the index's pages lie; `None` when they were built in memory.
    pub(crate) fn index_file(&self) -> Option<&Data> {
        self.0.pages.file(&self.0.data)
    }

    /// The paged index that lies beside an old container, if it was opened through one.
    pub fn index_beside(&self) -> Option<&Data> {
        self.0.pages.beside()
    }

    /// The file in which block tables lie: the one that holds the index. Lines speak of the container
    /// itself.
    pub(crate) fn tables(&self) -> &Data {
        self.index_file().unwrap_or(&self.0.data)
    }

    /// Where block tables must end: before a paged index, else with the file.
    pub(crate) fn tables_end(&self) -> u64 {
        self.index_file().map_or(self.0.data.len(), |_| self.header().payload_end())
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.0.data.len()
    }

    /// Length in bytes of the file in which the index lies, or of the index that was built in memory.
    pub fn index_len(&self) -> u64 {
        self.0.pages.len(&self.0.data)
    }

    /// How it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.0.options
    }

    /// A file with payloads, by its number: 0 is the pack itself. Others are opened when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Volume`] when it cannot be taken for what the index names, and [`Error::Pack`] when the index names none such.
    pub fn volume(&self, volume: u32) -> Result<&Data> {
        if volume == 0 {
            return Ok(&self.0.data);
        }
        let found = self.0.volumes.get(volume, self.index_file(), &self.0.options)?;
        found.ok_or_else(|| {
            let (structure, field) = (rangepack_core::Structure::Leaf, "volume");
            let value = u64::from(volume);
            self.error(rangepack_core::Error::BadField { structure, field, value })
        })
    }

    /// How many other files hold payloads. The first has number 1; the pack itself is 0.
    pub fn volume_count(&self) -> u32 {
        self.0.volumes.count()
    }

    /// What the index says of the other files that hold payloads, in the order of their numbers.
    pub fn volumes(&self) -> impl Iterator<Item = Result<Cow<'_, Volume>>> {
        let name = |number| self.0.volumes.name(number, self.index_file()).transpose();
        (1..=self.volume_count()).filter_map(name)
    }

    /// What the index calls another file that holds payloads, by its number; empty where it has no name.
    #[cfg(feature = "parquet")]
    pub(crate) fn volume_name(&self, number: u32) -> Result<Vec<u8>> {
        let found = self.0.volumes.name(number, self.index_file())?;
        Ok(found.map_or_else(Vec::new, |volume| volume.name.clone()))
    }

    /// The extended attributes of an entry, verified (FORMAT.md, "Entries").
    ///
    /// # Errors
    /// When they do not lie in the pack, or have not their digest.
    pub fn attributes(&self, block: &AttributeBlock) -> Result<Attributes> {
        self.attributes_among(block, None)
    }

    /// The same; the block may be among bytes that were gathered before.
    pub(crate) fn attributes_among(
        &self,
        block: &AttributeBlock,
        gathered: Option<&Gathered<'_>>,
    ) -> Result<Attributes> {
        let wrong = || Error::pack(&self.0.location);
        let extent =
            Extent::new(block.offset, block.len.into(), self.tables_end()).map_err(wrong())?;
        let file = self.tables();
        let bytes = match gathered.filter(|gathered| std::ptr::eq(gathered.data(), file)) {
            Some(gathered) => gathered.read(extent)?,
            None => file.read(extent)?,
        };
        let (part, expected, found) =
            (rangepack_core::Part::Attributes, block.digest, Digest::of(&bytes));
        if found != expected {
            let mismatch = rangepack_core::Error::DigestMismatch { part, extent, expected, found };
            return Err(self.error(mismatch));
        }
        Attributes::from_bytes(&bytes).map_err(wrong())
    }

    /// All of the index will be asked for, from the first entry to the last.
    pub(crate) fn expect_walk(&self) {
        if let Some(file) = self.index_file() {
            file.expect_walk();
        }
    }

    /// What the packer's user said of the pack, by keys (FORMAT.md, "Metadata"); empty when there is nothing.
    pub fn user_metadata(&self) -> Result<BTreeMap<String, String>> {
        let Some(file) = self.index_file() else { return Ok(BTreeMap::new()) };
        let limits = &self.0.options.limits;
        Gathered::new(file).ask(|source| {
            let section = self.0.index.metadata(source, limits)?;
            let read = |bytes: Option<&[u8]>| bytes.map_or(Ok(BTreeMap::new()), from_json);
            Ok(match section {
                Answer::Ready(bytes) => Answer::Ready(read(bytes)?),
                Answer::Need(extent) => Answer::Need(extent),
            })
        })
    }

    /// The file in which a payload lies.
    pub(crate) fn volume_of(&self, content: &Content) -> Result<&Data> {
        self.volume(content.volume)
    }

    /// Where payloads of a volume must end: in a pack before the index, elsewhere with the file.
    pub(crate) fn payload_end(&self, volume: u32) -> Result<u64> {
        if volume == 0 && matches!(self.0.pages, Pages::Data) {
            return Ok(self.header().payload_end());
        }
        Ok(self.volume(volume)?.len())
    }

    /// A file's payload as it is stored; not checked. It is a copy, or fetched.
    pub fn payload(&self, content: &Content) -> Result<Cow<'_, [u8]>> {
        self.volume_of(content)?.read(content.extent())
    }

    /// The same, borrowed where it is mapped; see [`Data::intact`].
    pub(crate) fn lent(&self, content: &Content) -> Result<Cow<'_, [u8]>> {
        self.volume_of(content)?.lent(content.extent())
    }

    /// Any bytes of the pack's own file. They are a copy, or fetched.
    pub fn read_extent(&self, extent: Extent) -> Result<Cow<'_, [u8]>> {
        self.0.data.read(extent)
    }

    /// The entry at `path`, without following links. The fastest way to look something up.
    #[inline]
    pub fn find(&self, path: PackPath<'_>) -> Result<Option<EntryRef<'_>>> {
        self.ask(|pages| self.0.index.lookup_hinted(pages, path))
    }

    /// Answers a question to the [`Pack::index`], and fetches the pages that it needs.
    #[inline]
    pub fn ask<'p, T>(
        &'p self,
        mut question: impl FnMut(&'p Pack) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        let mut is_again = false;
        loop {
            let answer = question(self);
            if let Some(file) = self.index_file() {
                file.intact()?;
            }
            match answer {
                Ok(Answer::Ready(value)) => return Ok(value),
                Ok(Answer::Need(extent)) => self.bring(extent)?,
                Err(error) if !is_again && self.bring_again(&error)? => is_again = true,
                Err(error) => return Err(Error::pack(&self.0.location)(error)),
            }
        }
    }

    /// What came damaged over a network may come whole the next time; whether it came otherwise.
    #[cold]
    fn bring_again(&self, error: &rangepack_core::Error) -> Result<bool> {
        let rangepack_core::Error::DigestMismatch { part: Part::Page, extent, .. } = error else {
            return Ok(false);
        };
        self.index_file().map_or(Ok(false), |file| file.bring_again(*extent))
    }

    /// Fails with [`Error::Lost`] when bytes were gone that are borrowed of a mapping: entries, and what
    /// [`Pack::bytes`] gives. What was made of them means nothing; every later question fails, too.
    ///
    /// Asked after such bytes were used, it says whether they were those that were verified.
    pub fn intact(&self) -> Result<()> {
        self.files().chain(self.index_file()).try_for_each(Data::intact)
    }

    /// Fetches an index page. In memory and on a mapping only pages that do not exist are missing.
    #[cold]
    fn bring(&self, extent: Extent) -> Result<()> {
        if let Some(file) = self.index_file() {
            return file.bring(extent);
        }
        let (Extent { start, len }, file_len) = (extent, self.index_len());
        Err(Error::pack(&self.0.location)(rangepack_core::Error::OutOfBounds {
            start,
            len,
            file_len,
        }))
    }

    /// The children of a directory in the order of their names. The empty path is the root.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        let directory = self.resolve_directory(path.as_ref())?;
        let children = self.ask(|pages| self.0.index.children(pages, directory.as_path()))?;
        Ok(Entries { pack: self, scan: Some(self.0.index.scan(children)) })
    }

    /// Everything below a directory: its children, then what is below each of them, and so on.
    pub fn walk(&self, path: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        let directory = self.resolve_directory(path.as_ref())?;
        let subtree = self.ask(|pages| self.0.index.subtree(pages, directory.as_path()))?;
        Ok(Entries { pack: self, scan: Some(self.0.index.scan(subtree)) })
    }

    /// All entries in key order.
    pub fn entries(&self) -> Entries<'_> {
        Entries { pack: self, scan: Some(self.0.index.scan(0..self.0.index.len())) }
    }

    /// The entries with these numbers, counted in key order.
    pub fn entries_at(&self, range: std::ops::Range<u64>) -> Entries<'_> {
        Entries { pack: self, scan: Some(self.0.index.scan(range)) }
    }

    /// The entry with this number, counted in key order; `None` when there are not so many.
    #[inline]
    pub(crate) fn entry_numbered(&self, number: u64) -> Result<Option<EntryRef<'_>>> {
        self.ask(|pages| self.0.index.entry_at(pages, number))
    }

    /// Opens a file: `Read`, `Seek` and `BufRead`. Links are followed.
    pub fn open_file(&self, path: impl AsRef<[u8]>) -> Result<File> {
        let (entry, content) = self.content_at(path.as_ref())?;
        File::new(self, entry, content)
    }

    /// Opens the file of an entry that is at hand, an [`EntryRef`] or an [`Entry`](rangepack_core::Entry).
    pub fn open_entry(&self, entry: &impl AnyEntry) -> Result<File> {
        let (path, content) = self.content_of(entry)?;
        File::new(self, path, content)
    }

    /// The whole content of the file of an entry that is at hand.
    pub fn read_entry(&self, entry: &impl AnyEntry) -> Result<Vec<u8>> {
        let (path, content) = self.content_of(entry)?;
        self.decoded(&content, || path)
    }

    fn content_of(&self, entry: &impl AnyEntry) -> Result<(PackPathBuf, Content)> {
        let (path, content) = entry.parts().map_err(Error::pack(&self.0.location))?;
        match content {
            Some(content) => Ok((path, content)),
            None => Err(self.wrong_kind(path.as_bytes(), Expected::File)),
        }
    }

    /// A file's whole content. Links are followed.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        self.decoded(&content, || entry)
    }

    /// See [`Pack::read`]; `entry` is the file's path, for errors.
    pub(super) fn decoded(
        &self,
        content: &Content,
        entry: impl FnOnce() -> PackPathBuf,
    ) -> Result<Vec<u8>> {
        let limits = &self.0.options.limits;
        let payload = self.payload(content)?;
        if content.codec == rangepack_core::Codec::Stored && self.0.options.verify == Verify::Index
        {
            return Ok(payload.into_owned());
        }
        let (path, dictionary) = match self.dictionary(content) {
            Ok(dictionary) => (entry, dictionary),
            Err(error) => return Err(error.of_entry(self.entry_error(&entry()))),
        };
        rangepack_core::decode_all(content, &payload, dictionary.as_ref(), limits)
            .map(Cow::into_owned)
            .map_err(|error| self.entry_error(&path())(error))
    }

    /// A file's whole content, borrowed from the mapping; `None` when the file is stored compressed,
    /// or its pack is remote. Of a file that is cut short later zeros are seen; [`Pack::intact`] tells.
    pub fn bytes(&self, path: impl AsRef<[u8]>) -> Result<Option<&[u8]>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        self.lent_whole(&content, || entry)
    }

    /// See [`Pack::bytes`]; `entry` is the file's path, for errors.
    pub(super) fn lent_whole(
        &self,
        content: &Content,
        entry: impl FnOnce() -> PackPathBuf,
    ) -> Result<Option<&[u8]>> {
        let file = self.volume_of(content)?;
        if content.codec != rangepack_core::Codec::Stored || file.is_remote() {
            return Ok(None);
        }
        let Cow::Borrowed(payload) = file.lent(content.extent())? else { return Ok(None) };
        if self.0.options.verify == Verify::Payloads {
            let verified = rangepack_core::verify_stored(content, payload);
            file.intact()?;
            verified.map_err(|error| self.entry_error(&entry())(error))?;
        }
        Ok(Some(payload))
    }

    pub(crate) fn entry_error(
        &self,
        entry: &PackPathBuf,
    ) -> impl FnOnce(rangepack_core::Error) -> Error + use<> {
        let (pack, entry) = (self.0.location.clone(), entry.as_bytes().into());
        move |source| Error::Entry { pack, entry, source: Box::new(source) }
    }
}

/// The bytes of the file that holds the index pages, as far as they are at hand: what
/// [`Pack::ask`] asks.
impl Source for Pack {
    #[inline]
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        self.0.pages.bytes(&self.0.data, extent)
    }
}

fn from_json(bytes: &[u8]) -> rangepack_core::Result<BTreeMap<String, String>> {
    let len = bytes.len() as u64;
    serde_json::from_slice(bytes).map_err(|_| rangepack_core::Error::BadMetadata { len })
}

/// A walk over entries. An index that cannot be read ends it: the error is the last item.
#[derive(Debug, Clone)]
pub struct Entries<'p> {
    pack: &'p Pack,
    /// `None` after an error.
    scan: Option<Scan<'p>>,
}

impl<'p> Iterator for Entries<'p> {
    type Item = Result<EntryRef<'p>>;

    fn next(&mut self) -> Option<Self::Item> {
        let scan = self.scan.as_mut()?;
        let next = self.pack.ask(|pages| scan.next(pages));
        if next.is_err() {
            self.scan = None;
        }
        next.transpose()
    }
}

impl std::iter::FusedIterator for Entries<'_> {}
