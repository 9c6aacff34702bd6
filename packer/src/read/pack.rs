//! Opens packs and old containers, and answers the familiar questions of a file system.

use crate::error::{Error, Result};
use crate::read::file::File;
use crate::read::legacy;
use crate::source::data::{Data, Gathered, Traffic};
use crate::source::location;
use rangepack_core::index::{Index, Scan};
use rangepack_core::layout::Header;
use rangepack_core::leaf::EntryRef;
use rangepack_core::path::{Escaped, PackPathBuf, trim};
use rangepack_core::{Answer, Content, Digest, Entry, Extent, Kind, Limits, PackPath, Source};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Whether the bytes of files are checked against their digests when they are read from a local pack.
///
/// The index is always checked. [`Pack::extract`](crate::extract::extract), `cat` and `verify` check
/// payloads in any case, and so does every read of a remote pack, whatever is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Believe the local disk: reading costs no hashing.
    #[default]
    Index,
    /// Hash every payload, or every block of a large one, before its bytes are given out.
    Payloads,
}

/// How a pack is opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Checking of payloads.
    pub verify: Verify,
    /// Accept only the pack whose root page has this digest.
    pub expected: Option<Digest>,
    /// An external index: the NDJSON `.idx` of a container, or a paged index beside it.
    pub index: Option<PathBuf>,
    /// Refuse packs whose payloads lie in other files: a stranger's pack could name any that lies
    /// beside it. An index beside a container may name that container.
    pub alone: bool,
    /// Bounds for everything that a hostile pack could inflate.
    pub limits: Limits,
    /// How a pack at a URL is asked for.
    pub remote: RemoteOptions,
    /// Hears how far the index of a remote old container has come.
    pub loading: Option<Loading>,
}

/// How a remote file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// How long to wait for a connection, and for the next byte.
    pub timeout: Duration,
    /// How often a request is tried again when that may help, with growing pauses.
    pub retries: u32,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        RemoteOptions { timeout: Duration::from_secs(30), retries: 4 }
    }
}

/// Is told how many bytes of an index came, and how many there are.
#[derive(Clone)]
pub struct Loading(pub Arc<dyn Fn(u64, u64) + Send + Sync>);

impl fmt::Debug for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loading")
    }
}

/// What kind of file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A pack with a paged index.
    Paged,
    /// A CTNRv1 container, read through its trailer or its `.idx`.
    Ctnr,
    /// FilePacker's `.fpack`.
    Fpack,
}

impl Format {
    /// Its name in records: `rangepack`, `ctnrv1`, `fpack`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Paged => "rangepack",
            Format::Ctnr => "ctnrv1",
            Format::Fpack => "fpack",
        }
    }
}

/// An open pack: the files in it, as if they were a tree on disk.
///
/// Opening maps the file and checks one page, whatever the number of entries. (Containers without a
/// paged index need one built in memory first.) A `Pack` is `Send` and `Sync`; any number of threads
/// and processes read the same file.
///
/// The path may be a URL ([`location::is_url`]). Then the end of the file
/// is fetched when it is opened, index pages when they are needed (they are kept, some 50 bytes for each
/// entry that was looked at), payloads when they are read (they are not kept, and always verified).
/// Questions wait for the network. A remote pack that is replaced while it is read gives
/// [`RemoteProblem::Changed`](crate::RemoteProblem::Changed).
///
/// The file must not be cut short while it is open: the system kills a process that touches a mapped
/// page behind the end. Packs are replaced by renaming another over them, which is safe.
///
/// ```no_run
/// use std::io::Read;
/// let pack = rangepack::Pack::open("photos.pack")?;
/// for entry in pack.read_dir("cats")? {
///     println!("{}", entry?.path()?);
/// }
/// let mut text = String::new();
/// pack.open_file("notes/readme.txt")?.read_to_string(&mut text)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    /// The file with the payloads of volume 0.
    data: Data,
    /// Other files with payloads: volume 1 first.
    volumes: Vec<Data>,
    index: Index,
    pages: Pages,
    format: Format,
    options: OpenOptions,
    notes: legacy::Notes,
}

/// Where the index pages lie.
#[derive(Debug)]
enum Pages {
    /// In the file itself.
    Data,
    /// In a paged index beside an old container.
    Beside(Data),
    /// Built in memory, for an old container.
    Memory(Vec<u8>),
}

impl Pack {
    /// Opens a pack or an old container.
    pub fn open(path: impl AsRef<Path>) -> Result<Pack> {
        Pack::open_with(path.as_ref(), &OpenOptions::default())
    }

    /// Opens a pack or an old container in a certain way.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Pack> {
        let data = Data::open(path, options)?;
        if options.index.is_none()
            && let Some(index) = open_own_index(&data, path, options)?
        {
            let volumes = open_volumes(path, path, index.header(), options)?;
            return Ok(Pack::new(data, volumes, index, Pages::Data, Format::Paged, options));
        }
        let beside = match &options.index {
            Some(index) => Some(Data::open(index, options)?),
            None => Data::open_if_there(&location::sidecar_path(path), options)?,
        };
        let mut external = None;
        if let Some(beside) = beside {
            if let Some(index) = open_index(&beside, options)? {
                let at = options.index.clone().unwrap_or(location::sidecar_path(path));
                let volumes = open_volumes(path, &at, index.header(), options)?;
                let pages = Pages::Beside(beside);
                return Ok(Pack::new(data, volumes, index, pages, Format::Paged, options));
            }
            external = options.index.is_some().then_some(beside);
        }
        if let Some(expected) = options.expected {
            // An old container has no digest of its own that could be compared.
            let found = Digest([0; 32]);
            return Err(Error::pack(data.path())(rangepack_core::Error::WrongRoot {
                expected,
                found,
            }));
        }
        let legacy = legacy::load(path, &data, external, options)?;
        let pages = Pages::Memory(legacy.pages);
        let index = legacy.index;
        let mut pack = Pack::new(data, Vec::new(), index, pages, legacy.format, options);
        pack.notes = legacy.notes;
        Ok(pack)
    }

    fn new(
        data: Data,
        volumes: Vec<Data>,
        index: Index,
        pages: Pages,
        format: Format,
        options: &OpenOptions,
    ) -> Pack {
        let (path, mut options) = (data.path().to_owned(), options.clone());
        match &pages {
            Pages::Data => data.keep_pages(index.header()),
            Pages::Beside(beside) => beside.keep_pages(index.header()),
            Pages::Memory(_) => {}
        }
        if data.is_remote() {
            options.verify = Verify::Payloads;
        }
        Pack { path, data, volumes, index, pages, format, options, notes: legacy::Notes::default() }
    }

    /// Where the pack lies; a URL is without password and query.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its payloads come over a network.
    pub fn is_remote(&self) -> bool {
        self.files().any(Data::is_remote)
    }

    /// What was fetched over a network so far.
    pub fn traffic(&self) -> Traffic {
        let index = match &self.pages {
            Pages::Beside(beside) => beside.traffic(),
            Pages::Data | Pages::Memory(_) => Traffic::default(),
        };
        self.files().map(Data::traffic).fold(index, std::ops::Add::add)
    }

    fn files(&self) -> impl Iterator<Item = &Data> {
        std::iter::once(&self.data).chain(&self.volumes)
    }

    /// The bytes of the file that was opened, as they lie there.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// An error of the format, told of this pack.
    pub fn error(&self, source: rangepack_core::Error) -> Error {
        Error::pack(&self.path)(source)
    }

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Everything the root page says of the pack as a whole.
    pub fn header(&self) -> &Header {
        self.index.header()
    }

    /// The pack's name: SHA-256 of its root page. `None` for old containers.
    pub fn digest(&self) -> Option<Digest> {
        (self.format == Format::Paged).then(|| self.index.digest())
    }

    /// What was strange in an old container's index: names refused, lines skipped.
    pub fn notes(&self) -> &legacy::Notes {
        &self.notes
    }

    /// The paged index, for questions that are not asked here.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The file in which the index's pages lie; `None` when they were built in memory.
    pub(crate) fn index_file(&self) -> Option<&Data> {
        match &self.pages {
            Pages::Data => Some(&self.data),
            Pages::Beside(beside) => Some(beside),
            Pages::Memory(_) => None,
        }
    }

    /// The paged index that lies beside an old container, if it was opened through one.
    pub fn index_beside(&self) -> Option<&Data> {
        match &self.pages {
            Pages::Beside(beside) => Some(beside),
            Pages::Data | Pages::Memory(_) => None,
        }
    }

    /// The file in which block tables lie: the one that holds the index. Lines speak of the container
    /// itself.
    pub(crate) fn tables(&self) -> &Data {
        self.index_file().unwrap_or(&self.data)
    }

    /// Where block tables must end: before a paged index, else with the file.
    pub(crate) fn tables_end(&self) -> u64 {
        match &self.pages {
            Pages::Data | Pages::Beside(_) => self.header().payload_end,
            Pages::Memory(_) => self.data.len(),
        }
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.data.len()
    }

    /// Length in bytes of the file in which the index lies, or of the index that was built in memory.
    pub fn index_len(&self) -> u64 {
        match &self.pages {
            Pages::Memory(pages) => pages.len() as u64,
            Pages::Data => self.data.len(),
            Pages::Beside(beside) => beside.len(),
        }
    }

    /// How it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// A file with payloads: 0 is the pack itself.
    pub(crate) fn volume(&self, volume: u16) -> Option<&Data> {
        match volume.checked_sub(1) {
            None => Some(&self.data),
            Some(other) => self.volumes.get(usize::from(other)),
        }
    }

    /// The file in which a payload lies.
    pub(crate) fn volume_of(&self, content: &Content) -> Result<&Data> {
        let (structure, field) = (rangepack_core::error::Structure::Leaf, "volume");
        let value = u64::from(content.volume);
        let missing = rangepack_core::Error::BadField { structure, field, value };
        self.volume(content.volume).ok_or_else(|| Error::pack(&self.path)(missing))
    }

    /// Where payloads of a volume must end: in a pack before the index, elsewhere with the file.
    pub(crate) fn payload_end(&self, content: &Content) -> Result<u64> {
        if content.volume == 0 && matches!(self.pages, Pages::Data) {
            return Ok(self.header().payload_end);
        }
        Ok(self.volume_of(content)?.len())
    }

    /// A file's payload as it is stored; not checked. Borrowed from the mapping, or fetched.
    pub fn payload(&self, content: &Content) -> Result<Cow<'_, [u8]>> {
        self.volume_of(content)?.read(content.extent())
    }

    /// Any bytes of the pack's own file. Borrowed from the mapping, or fetched.
    pub fn read_extent(&self, extent: Extent) -> Result<Cow<'_, [u8]>> {
        self.data.read(extent)
    }

    /// The entry at `path`, without following links. The fastest way to look something up.
    #[inline]
    pub fn find(&self, path: PackPath<'_>) -> Result<Option<EntryRef<'_>>> {
        self.ask(|pages| self.index.lookup_hinted(pages, path))
    }

    /// Answers a question to the [`Pack::index`], and fetches the pages that it needs.
    #[inline]
    pub fn ask<'p, T>(
        &'p self,
        mut question: impl FnMut(&'p Pack) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        loop {
            match question(self) {
                Ok(Answer::Ready(value)) => return Ok(value),
                Ok(Answer::Need(extent)) => self.bring(extent)?,
                Err(error) => return Err(Error::pack(&self.path)(error)),
            }
        }
    }

    /// Fetches an index page. In memory and on a mapping only pages that do not exist are missing.
    #[cold]
    fn bring(&self, extent: Extent) -> Result<()> {
        if let Some(file) = self.index_file() {
            return file.bring(extent);
        }
        let (Extent { start, len }, file_len) = (extent, self.index_len());
        Err(Error::pack(&self.path)(rangepack_core::Error::OutOfBounds { start, len, file_len }))
    }

    /// Whether there is anything at `path`. Links are followed; one that leads nowhere is not there.
    pub fn exists(&self, path: impl AsRef<[u8]>) -> bool {
        matches!(self.resolve(path.as_ref()), Ok(Some(_)))
    }

    /// What is at `path`, links followed.
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        match self.resolve(path.as_ref())? {
            Some(Place::Entry(entry)) => entry.to_entry().map_err(Error::pack(&self.path)),
            Some(Place::Root) => {
                Err(self.wrong_kind(path.as_ref(), "file or directory inside the pack"))
            }
            None => Err(self.nothing_at(path.as_ref())),
        }
    }

    /// What is at `path`, a link itself when it is one.
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        let bytes = trim(path.as_ref());
        let path = PackPath::new(bytes).map_err(Error::pack(&self.path))?;
        match self.find(path)? {
            Some(entry) => entry.to_entry().map_err(Error::pack(&self.path)),
            None => Err(self.no_entry(bytes)),
        }
    }

    /// The children of a directory in the order of their names. The empty path is the root.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        let directory = self.resolve_directory(path.as_ref())?;
        let children = self.ask(|pages| self.index.children(pages, directory.as_path()))?;
        Ok(Entries { pack: self, scan: self.index.scan(children) })
    }

    /// Everything below a directory: its children, then what is below each of them, and so on.
    pub fn walk(&self, path: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        let directory = self.resolve_directory(path.as_ref())?;
        let subtree = self.ask(|pages| self.index.subtree(pages, directory.as_path()))?;
        Ok(Entries { pack: self, scan: self.index.scan(subtree) })
    }

    /// All entries in key order.
    pub fn entries(&self) -> Entries<'_> {
        Entries { pack: self, scan: self.index.scan(0..self.index.len()) }
    }

    /// The entries with these numbers, counted in key order.
    pub fn entries_at(&self, range: std::ops::Range<u64>) -> Entries<'_> {
        Entries { pack: self, scan: self.index.scan(range) }
    }

    /// Opens a file: `Read`, `Seek` and `BufRead`. Links are followed.
    pub fn open_file(&self, path: impl AsRef<[u8]>) -> Result<File<'_>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        File::new(self, entry, content)
    }

    /// Opens the file of an entry that is at hand.
    pub fn open_entry(&self, entry: &EntryRef<'_>) -> Result<File<'_>> {
        let path = entry.path().map_err(Error::pack(&self.path))?;
        match entry.content().map_err(Error::pack(&self.path))? {
            Some(content) => File::new(self, path, content),
            None => Err(self.wrong_kind(path.as_bytes(), "file")),
        }
    }

    /// A file's whole content. Links are followed.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        let limits = &self.options.limits;
        let payload = self.payload(&content)?;
        if content.codec == rangepack_core::Codec::Stored && self.options.verify == Verify::Index {
            return Ok(payload.into_owned());
        }
        rangepack_core::decode::decode_all(&content, &payload, limits)
            .map(std::borrow::Cow::into_owned)
            .map_err(self.entry_error(&entry))
    }

    /// A file's whole content, borrowed from the mapping; `None` when the file is stored compressed,
    /// or its pack is remote.
    pub fn bytes(&self, path: impl AsRef<[u8]>) -> Result<Option<&[u8]>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        if content.codec != rangepack_core::Codec::Stored || self.volume_of(&content)?.is_remote() {
            return Ok(None);
        }
        let Cow::Borrowed(payload) = self.payload(&content)? else { return Ok(None) };
        if self.options.verify == Verify::Payloads {
            rangepack_core::decode::verify_stored(&content, payload)
                .map_err(self.entry_error(&entry))?;
        }
        Ok(Some(payload))
    }

    fn content_at(&self, path: &[u8]) -> Result<(PackPathBuf, Content)> {
        match self.resolve(path)? {
            Some(Place::Entry(entry)) => match entry.content().map_err(Error::pack(&self.path))? {
                Some(content) => Ok((entry.path().map_err(Error::pack(&self.path))?, content)),
                None => Err(self.wrong_kind(path, "file")),
            },
            Some(Place::Root) => Err(self.wrong_kind(path, "file")),
            None => Err(self.nothing_at(path)),
        }
    }

    pub(crate) fn entry_error(
        &self,
        entry: &PackPathBuf,
    ) -> impl FnOnce(rangepack_core::Error) -> Error + use<> {
        let (path, entry) = (self.path.clone(), entry.to_string());
        move |source| Error::Entry { path, entry, source: Box::new(source) }
    }

    fn no_entry(&self, path: &[u8]) -> Error {
        Error::NoEntry { path: self.path.clone(), entry: Escaped(path).to_string() }
    }

    /// Why nothing is found at `path` when links are followed.
    fn nothing_at(&self, path: &[u8]) -> Error {
        match self.symlink_metadata(path).map(|entry| entry.kind) {
            Ok(Kind::Symlink(target)) => Error::BrokenLink {
                path: self.path.clone(),
                entry: Escaped(path).to_string(),
                target: Escaped(&target).to_string(),
            },
            _ => self.no_entry(path),
        }
    }

    fn wrong_kind(&self, path: &[u8], expected: &'static str) -> Error {
        Error::WrongKind { path: self.path.clone(), entry: Escaped(path).to_string(), expected }
    }

    /// The directory at `path`, links followed.
    pub fn resolve_directory(&self, path: &[u8]) -> Result<PackPathBuf> {
        match self.resolve(path)? {
            Some(Place::Root) => Ok(PackPath::ROOT.to_owned()),
            Some(Place::Entry(entry)) if entry.is_directory() => {
                entry.path().map_err(Error::pack(&self.path))
            }
            Some(Place::Entry(_)) => Err(self.wrong_kind(path, "directory")),
            None => Err(self.nothing_at(path)),
        }
    }

    /// Follows links inside the pack, as the file system would.
    fn resolve(&self, path: &[u8]) -> Result<Option<Place<'_>>> {
        let path = trim(path);
        if path.is_empty() {
            return Ok(Some(Place::Root));
        }
        if let Ok(path) = PackPath::new(path)
            && let Some(entry) = self.find(path)?
            && !entry.is_symlink()
        {
            return Ok(Some(Place::Entry(entry)));
        }
        // The slow way, for links and for `.` and `..`.
        let mut done: Vec<u8> = Vec::new();
        let mut rest: Vec<Vec<u8>> = components(path);
        let mut links = 0;
        while let Some(component) = rest.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    done.truncate(memchr::memrchr(b'/', &done).unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let parent = done.len();
            if !done.is_empty() {
                done.push(b'/');
            }
            done.extend(component);
            let Ok(at) = PackPath::new(&done) else { return Ok(None) };
            let Some(entry) = self.find(at)? else { return Ok(None) };
            if let Some(target) = entry.link_target().map_err(Error::pack(&self.path))? {
                links += 1;
                // Absolute targets lead out of the pack; forty links are a circle.
                if links > 40 || target.first() == Some(&b'/') {
                    return Ok(None);
                }
                rest.extend(components(target));
                done.truncate(parent);
            } else if !rest.is_empty() && !entry.is_directory() {
                return Ok(None);
            }
        }
        if done.is_empty() {
            return Ok(Some(Place::Root));
        }
        let Ok(at) = PackPath::new(&done) else { return Ok(None) };
        Ok(self.find(at)?.map(Place::Entry))
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
}

/// Where a path leads.
#[derive(Debug)]
enum Place<'p> {
    Root,
    Entry(EntryRef<'p>),
}

/// The bytes of the file that holds the index pages, as far as they are at hand: what
/// [`Pack::ask`] asks.
impl Source for Pack {
    #[inline]
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        match &self.pages {
            Pages::Data => self.data.at_hand(extent),
            Pages::Beside(beside) => beside.at_hand(extent),
            Pages::Memory(pages) => pages[..].bytes(extent),
        }
    }
}

/// Opens the paged index at the end of a file; `None` when there is none.
fn open_index(data: &Data, options: &OpenOptions) -> Result<Option<Index>> {
    let (len, expected) = (data.len(), options.expected);
    Gathered::new(data).ask(|source| Index::open(source, len, expected, &options.limits))
}

/// The same for a container, which may be unfinished: when its last payload is a pack that was packed as
/// a file, the footer at its end speaks of another length, and the index beside it counts.
fn open_own_index(data: &Data, path: &Path, options: &OpenOptions) -> Result<Option<Index>> {
    match open_index(data, options) {
        Err(Error::Pack { source, .. })
            if matches!(*source, rangepack_core::Error::BadField { field: "file_len", .. })
                && Data::open_if_there(&location::idx_path(path), options)?.is_some() =>
        {
            Ok(None)
        }
        opened => opened,
    }
}

/// Opens the other files that the root page names; they lie beside the pack.
fn open_volumes(
    pack: &Path,
    index: &Path,
    header: &Header,
    options: &OpenOptions,
) -> Result<Vec<Data>> {
    let mut volumes = Vec::new();
    for volume in &header.volumes {
        let beside = location::sibling(index, &volume.name);
        let path = beside.map_err(Error::io("open", &location::shown(index)))?;
        if options.alone && path.file_name() != pack.file_name() {
            let name = Escaped(&volume.name);
            let problem =
                format!("its payloads lie in another file, {name}; name that file instead");
            return Err(Error::State { path: location::shown(index), problem });
        }
        let data = Data::open(&path, options)?;
        if data.len() != volume.len {
            let problem = format!(
                "its index was made when it was {} bytes long, but it has {}; make the index anew with \
                 `rangepack index`",
                volume.len,
                data.len()
            );
            return Err(Error::State { path: data.path().to_owned(), problem });
        }
        volumes.push(data);
    }
    Ok(volumes)
}

/// A walk over entries.
#[derive(Debug, Clone)]
pub struct Entries<'p> {
    pack: &'p Pack,
    scan: Scan<'p>,
}

impl<'p> Iterator for Entries<'p> {
    type Item = Result<EntryRef<'p>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pack.ask(|pages| self.scan.next(pages)).transpose()
    }
}
