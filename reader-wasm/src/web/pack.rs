//! The questions of a file system to a pack.

use super::error::{Error, Expected, Result, VolumeProblem};
use super::file::File;
use super::http::Http;
use super::open::{Format, Parts, ROUNDS, Shared, endless};
use super::options::OpenOptions;
use super::source::{Bytes, Traffic};
use crate::pieces::{Pages, Pieces};
use rangepack_core::layout::{Header, Volume};
use rangepack_core::zstd::Dictionary;
use rangepack_core::{
    Answer, Codec, Content, DictionaryRef, Digest, Entry, EntryRef, ErrorKind, Escaped, Extent,
    Follow, Index, Kind, Limits, Met, PackPath, PackPathBuf, Part, Source, Step, trim_path,
    volumes,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use web_sys::{AbortSignal, Url};

/// Pages are read ahead, more and more of them up to this many bytes.
const AHEAD: u64 = 1 << 20;

/// Dictionaries are kept up to so many bytes; then all are given up.
const DICTIONARIES: u64 = 32 << 20;

/// So many entries at most are taken from the pages at hand at a time.
const BATCH: usize = 1000;

/// An open pack: the files in it, as if they were a tree on disk.
///
/// Opening takes one or two requests; index pages are fetched when they are needed and kept, payloads when they are
/// read. Everything is verified before it is given out. A `Pack` is a handle: clones share what is open.
#[derive(Clone)]
pub struct Pack {
    pub(super) shared: Shared,
    pub(super) signal: Option<AbortSignal>,
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// What all handles of a pack share.
pub(super) struct Opened {
    pub(super) bytes: Bytes,
    pub(super) end: u64,
    pub(super) pieces: RefCell<Pieces>,
    pub(super) cache_bytes: u64,
    pub(super) parts: Parts,
    /// Dictionaries that were needed, and how many bytes of them.
    pub(super) dictionaries: RefCell<(BTreeMap<u32, Dictionary>, u64)>,
    /// Other files with payloads, once they were opened.
    pub(super) others: RefCell<BTreeMap<u32, Rc<Bytes>>>,
    pub(super) options: OpenOptions,
    pub(super) limits: Limits,
}

impl Pack {
    pub(super) fn new(opened: Opened, signal: Option<AbortSignal>) -> Pack {
        Pack { shared: Rc::new(opened), signal }
    }

    /// A handle whose work ends when this signal is aborted, instead of the one that the pack was opened with. (Dropping
    /// a future ends its requests as well.)
    #[must_use]
    pub fn with_signal(&self, signal: AbortSignal) -> Pack {
        Pack { shared: Rc::clone(&self.shared), signal: Some(signal) }
    }

    /// The address without its query, or the name of the file that was chosen.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.bytes.name()
    }

    /// What kind of file it is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.shared.parts.format
    }

    /// Everything the root page says of the pack as a whole.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.index().header()
    }

    /// The paged index: how many entries there are, and their totals.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.shared.parts.index
    }

    /// The pack's name: SHA-256 of its root page. `None` for old containers.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        (self.format() == Format::Paged).then(|| self.index().digest())
    }

    /// Length of the file in bytes; of one that is growing, before it began to.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.shared.end
    }

    /// How many other files hold payloads.
    #[must_use]
    pub fn volume_count(&self) -> u32 {
        let listed = u32::try_from(self.volumes().len()).unwrap_or(u32::MAX);
        self.shared.parts.table.map_or(listed, |table| table.count)
    }

    /// The other files that hold payloads: the first has number 1. Those of merged packs, which may be very many, are not listed.
    #[must_use]
    pub fn volumes(&self) -> &[Volume] {
        &self.shared.parts.volumes
    }

    /// How many entries of an old container have names that no pack may hold, and how many lines of its index are
    /// damaged. These are left out.
    #[must_use]
    pub fn left_out(&self) -> (u64, u64) {
        (self.shared.parts.refused, self.shared.parts.bad_lines)
    }

    /// What it cost so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let mut sum = self.shared.bytes.traffic();
        for other in self.shared.others.borrow().values() {
            let Traffic { requests, bytes } = other.traffic();
            sum = Traffic { requests: sum.requests + requests, bytes: sum.bytes + bytes };
        }
        sum
    }

    /// What the packer's user said of the pack, by keys; empty when there is nothing.
    pub async fn user_metadata(&self) -> Result<BTreeMap<String, String>> {
        if self.pages_in_memory().is_some() {
            return Ok(BTreeMap::new());
        }
        let limits = &self.shared.limits;
        self.ask(|index, pages| {
            let section = index.metadata(pages, limits)?;
            Ok(match section {
                Answer::Need(extent) => Answer::Need(extent),
                Answer::Ready(None) => Answer::Ready(BTreeMap::new()),
                Answer::Ready(Some(bytes)) => {
                    let len = bytes.len() as u64;
                    let bad = |_| rangepack_core::Error::BadMetadata { len };
                    Answer::Ready(serde_json::from_slice(bytes).map_err(bad)?)
                }
            })
        })
        .await
    }

    /// The entry at `path`, without following links.
    pub async fn find(&self, path: impl AsRef<[u8]>) -> Result<Option<Entry>> {
        let path = PackPath::new(trim_path(path.as_ref())).map_err(|error| self.bad(error))?;
        let found = self.ask(|index, pages| {
            Ok(index.lookup(pages, path)?.map(|entry| entry.map(|entry| owned(&entry))))
        });
        found.await?.map(|entry| self.listed(entry)).transpose()
    }

    /// What is at `path`, links followed.
    pub async fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        let path = path.as_ref();
        match self.resolve(path).await? {
            Some(Some(entry)) => Ok(entry),
            Some(None) => Err(self.wrong_kind(path, Expected::Entry)),
            None => Err(self.no_entry(path)),
        }
    }

    /// The children of a directory in the order of their names, links followed. The empty path is the root.
    pub async fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Entries> {
        let directory = self.directory(path.as_ref()).await?;
        let range = self.ask(|index, pages| index.children(pages, directory.as_path()));
        Ok(self.entries_at(range.await?))
    }

    /// Everything below a directory: its children, then what is below each of them, and so on.
    pub async fn walk(&self, path: impl AsRef<[u8]>) -> Result<Entries> {
        let directory = self.directory(path.as_ref()).await?;
        let range = self.ask(|index, pages| index.subtree(pages, directory.as_path()));
        Ok(self.entries_at(range.await?))
    }

    /// The entries with these numbers, counted in key order.
    #[must_use]
    pub fn entries_at(&self, range: Range<u64>) -> Entries {
        let range = range.start..range.end.min(self.index().len());
        Entries { pack: self.clone(), range, batch: VecDeque::new(), ahead: 0 }
    }

    /// Opens a file. Links are followed, and nothing is read of it yet.
    pub async fn open_file(&self, path: impl AsRef<[u8]>) -> Result<File> {
        self.open_entry(&self.metadata(path).await?)
    }

    /// Opens the file of an entry that is at hand.
    pub fn open_entry(&self, entry: &Entry) -> Result<File> {
        match &entry.kind {
            Kind::File(content) => Ok(File::new(self.clone(), entry.path.clone(), *content)),
            _ => Err(self.wrong_kind(entry.path.as_bytes(), Expected::File)),
        }
    }

    /// A file's whole content. Links are followed.
    pub async fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        self.open_file(path).await?.read().await
    }

    /// Asks the index, and brings what is missing until there is an answer.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnMut(&Index, &dyn Source) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        self.ask_ahead(self.pages_in_memory(), &mut 0, question).await
    }

    /// The same of the file that holds the index, where block tables lie. (Lines speak of the container itself.)
    pub(super) async fn ask_file<T>(
        &self,
        question: impl FnMut(&Index, &dyn Source) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        self.ask_ahead(None, &mut 0, question).await
    }

    /// The index of an old container, which was built in memory.
    fn pages_in_memory(&self) -> Option<&[u8]> {
        self.shared.parts.memory.as_deref()
    }

    /// Asks these bytes, or those of the file; `ahead` tells how many are brought at least, and grows.
    async fn ask_ahead<T>(
        &self,
        memory: Option<&[u8]>,
        ahead: &mut u64,
        mut question: impl FnMut(&Index, &dyn Source) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        let Opened { parts, pieces, .. } = &*self.shared;
        let mut is_again = false;
        for _ in 0..ROUNDS {
            let answer = match memory {
                Some(memory) => question(&parts.index, &Pages::Memory(memory)),
                None => question(&parts.index, &Pages::Pack(&pieces.borrow())),
            };
            match answer {
                Ok(Answer::Ready(value)) => return Ok(value),
                Ok(Answer::Need(extent)) => {
                    let pages = parts.index.header().pages();
                    let room = pages.end().saturating_sub(extent.start);
                    let len = extent.len.max((*ahead).min(room));
                    *ahead = (*ahead).saturating_mul(2).min(AHEAD);
                    self.bring(Extent { len, ..extent }).await?;
                }
                // What came damaged over a network may come whole the next time.
                Err(rangepack_core::Error::DigestMismatch { part: Part::Page, extent, .. })
                    if !is_again && memory.is_none() =>
                {
                    is_again = true;
                    self.bring(extent).await?;
                }
                Err(error) => return Err(self.bad(error)),
            }
        }
        Err(self.bad(endless(self.file_len())))
    }

    /// Fetches a part of the file that holds the index.
    async fn bring(&self, extent: Extent) -> Result<()> {
        let Opened { bytes, pieces, parts, cache_bytes, .. } = &*self.shared;
        let brought = bytes.read(extent, self.signal.as_ref()).await?;
        let mut pieces = pieces.borrow_mut();
        pieces.insert(extent.start, brought.into());
        let dropped = pieces.shrink(*cache_bytes);
        if parts.memory.is_some() {
            return Ok(());
        }
        // Bytes that come anew are believed only after they were checked anew.
        for extent in dropped.iter().chain([&extent]) {
            parts.index.forget(*extent);
        }
        Ok(())
    }

    /// Bytes of the volume in which a payload lies.
    pub(super) async fn stored(&self, content: &Content, extent: Extent) -> Result<Vec<u8>> {
        if content.volume == 0 {
            // Of a small pack all came when it was opened.
            if let Some(bytes) = self.shared.pieces.borrow().bytes(extent) {
                return Ok(bytes.to_vec());
            }
            return self.shared.bytes.read(extent, self.signal.as_ref()).await;
        }
        self.volume(content.volume).await?.read(extent, self.signal.as_ref()).await
    }

    /// The dictionary that a payload was compressed with, if it was with one.
    pub(super) async fn dictionary(
        &self,
        path: &PackPathBuf,
        content: &Content,
    ) -> Result<Option<Dictionary>> {
        let Some(which) = content.dictionary else { return Ok(None) };
        let number = match which {
            DictionaryRef::Number(number) => Some(number),
            DictionaryRef::Place(_) => None,
        };
        let known =
            number.and_then(|number| self.shared.dictionaries.borrow().0.get(&number).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let limits = &self.shared.limits;
        let place = self.ask(|index, pages| index.dictionary(pages, which, limits)).await?;
        let lies = Content::new(Codec::Stored, place.offset, place.len.into(), place.len.into())
            .with_volume(place.volume);
        let bytes = self.stored(&lies, place.extent()).await?;
        let dictionary =
            Dictionary::new(&place, &bytes).map_err(|error| self.bad_entry(path, error))?;
        let (kept, sum) = &mut *self.shared.dictionaries.borrow_mut();
        if let Some(number) = number {
            if *sum > DICTIONARIES {
                (*kept, *sum) = (BTreeMap::new(), 0);
            }
            *sum += u64::from(place.len);
            kept.insert(number, dictionary.clone());
        }
        Ok(Some(dictionary))
    }

    /// Another file with payloads; it is opened when it is first asked for.
    async fn volume(&self, number: u32) -> Result<Rc<Bytes>> {
        if let Some(opened) = self.shared.others.borrow().get(&number) {
            return Ok(Rc::clone(opened));
        }
        let at = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
        let named = match self.shared.parts.table {
            Some(table) => self.ask_file(|_, file| volumes::volume(&table, number, file)).await?,
            None => self.volumes().get(at).cloned(),
        };
        let Some(volume) = named else {
            let (structure, field) = (rangepack_core::Structure::Leaf, "volume");
            let value = u64::from(number);
            return Err(self.bad(rangepack_core::Error::BadField { structure, field, value }));
        };
        let wrong = |problem| Error::Volume {
            index: self.name().to_owned(),
            volume: volume.name.clone(),
            problem,
        };
        let url = self.beside(&volume.name).ok_or_else(|| wrong(VolumeProblem::Elsewhere))?;
        let other = Bytes::Http(Box::new(Http::new(&url, &self.shared.options)?));
        other.open(0, self.signal.as_ref()).await?;
        if other.size() != volume.len {
            let (expected, found) = (volume.len, other.size());
            return Err(wrong(VolumeProblem::Length { expected, found }));
        }
        let mut others = self.shared.others.borrow_mut();
        Ok(Rc::clone(others.entry(number).or_insert_with(|| Rc::new(other))))
    }

    /// The address of the file `name` beside this one, or below its folder; without a name that of the container beside which this index lies.
    fn beside(&self, name: &[u8]) -> Option<String> {
        let Bytes::Http(http) = &self.shared.bytes else { return None };
        let url = Url::new(http.url()).ok()?;
        let path = url.pathname();
        let other = match name {
            b"" => path.strip_suffix(".rpx").filter(|path| !path.ends_with('/'))?.to_owned(),
            name => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
                let escape = |byte: &u8| match *byte {
                    byte if plain(byte) => char::from(byte).into(),
                    byte => format!("%{byte:02X}"),
                };
                let directory = path.rsplit_once('/')?.0;
                format!("{directory}/{}", name.iter().map(escape).collect::<String>())
            }
        };
        url.set_pathname(&other);
        Some(url.href())
    }

    async fn directory(&self, path: &[u8]) -> Result<PackPathBuf> {
        match self.resolve(path).await? {
            Some(None) => Ok(PackPath::ROOT.to_owned()),
            Some(Some(Entry { path, kind: Kind::Directory(_), .. })) => Ok(path),
            Some(Some(_)) => Err(self.wrong_kind(path, Expected::Directory)),
            None => Err(self.no_entry(path)),
        }
    }

    /// Follows links inside the pack, as the file system would; the root has no entry.
    async fn resolve(&self, path: &[u8]) -> Result<Option<Option<Entry>>> {
        let (mut follow, mut last) = (Follow::new(path), None);
        loop {
            let at = match follow.step() {
                Step::Look(at) => at.to_owned(),
                Step::Last => return Ok(Some(last)),
                Step::Root => return Ok(Some(None)),
                Step::Nowhere => return Ok(None),
            };
            last = self.find(&at).await?;
            follow.met(match last.as_ref().map(|entry| &entry.kind) {
                None => Met::Nothing,
                Some(Kind::File(_)) => Met::File,
                Some(Kind::Directory(_)) => Met::Directory,
                Some(Kind::Symlink(target)) => Met::Link(target),
            });
        }
    }

    /// An entry, or why it cannot be read, told of its path.
    fn listed(&self, entry: std::result::Result<Entry, Unread>) -> Result<Entry> {
        entry.map_err(|(path, source)| match path {
            Some(path) => self.bad_entry(&path, source),
            None => self.bad(source),
        })
    }

    pub(super) fn bad(&self, source: rangepack_core::Error) -> Error {
        Error::Pack { pack: self.name().to_owned(), source: Box::new(source) }
    }

    pub(super) fn bad_entry(&self, path: &PackPathBuf, source: rangepack_core::Error) -> Error {
        let (pack, entry) = (self.name().to_owned(), path.display().to_string());
        Error::Entry { pack, entry, source: Box::new(source) }
    }

    fn no_entry(&self, path: &[u8]) -> Error {
        Error::NoEntry { pack: self.name().to_owned(), entry: Escaped(path).to_string() }
    }

    fn wrong_kind(&self, path: &[u8], expected: Expected) -> Error {
        let (pack, entry) = (self.name().to_owned(), Escaped(path).to_string());
        Error::WrongKind { pack, entry, expected }
    }
}

/// Why an entry cannot be read, and which, if that is about it alone.
type Unread = (Option<PackPathBuf>, rangepack_core::Error);

/// An entry that borrows nothing. What a later version wrote cannot be read, and does no harm to the others.
fn owned(entry: &EntryRef<'_>) -> std::result::Result<Entry, Unread> {
    entry.to_entry().map_err(|error| match error.kind() {
        ErrorKind::Unsupported => (entry.path().ok(), error),
        _ => (None, error),
    })
}

/// A walk over entries, some pages at a time.
///
/// What is wrong with one entry alone is [`Error::Entry`], and the walk goes on; every other error ends it.
#[derive(Debug)]
pub struct Entries {
    pack: Pack,
    range: Range<u64>,
    batch: VecDeque<std::result::Result<Entry, Unread>>,
    ahead: u64,
}

impl Entries {
    /// How many are left.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start) + self.batch.len() as u64
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next entry; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Entry>> {
        if self.batch.is_empty()
            && !self.range.is_empty()
            && let Err(error) = self.load().await
        {
            self.range = 0..0;
            return Some(Err(error));
        }
        let entry = self.batch.pop_front()?;
        Some(self.pack.listed(entry))
    }

    /// All that are left; the first error instead, if there is one.
    pub async fn collect(mut self) -> Result<Vec<Entry>> {
        let mut all = Vec::new();
        while let Some(entry) = self.next().await {
            all.push(entry?);
        }
        Ok(all)
    }

    /// As many entries as the pages at hand hold.
    async fn load(&mut self) -> Result<()> {
        let (range, batch) = (self.range.clone(), &mut self.batch);
        let question = |index: &Index, pages: &dyn Source| {
            batch.clear();
            let mut scan = index.scan(range.clone());
            while batch.len() < BATCH {
                match scan.next(pages)? {
                    Answer::Ready(Some(entry)) => batch.push_back(owned(&entry)),
                    Answer::Need(extent) if batch.is_empty() => return Ok(Answer::Need(extent)),
                    Answer::Ready(None) | Answer::Need(_) => break,
                }
            }
            Ok(Answer::Ready(scan.position()))
        };
        self.range.start =
            self.pack.ask_ahead(self.pack.pages_in_memory(), &mut self.ahead, question).await?;
        // The first pages come alone; then more at once.
        self.ahead = self.ahead.max(64 << 10);
        Ok(())
    }
}
