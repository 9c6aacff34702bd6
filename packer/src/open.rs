//! Opens packs and old containers, and answers the familiar questions of a file system.

use crate::error::{Error, Result};
use crate::file::File;
use crate::legacy;
use crate::mapped::Mapped;
use reader_core::index::{Index, Scan};
use reader_core::layout::Header;
use reader_core::leaf::EntryRef;
use reader_core::path::{Escaped, PackPathBuf, trim};
use reader_core::{Content, Digest, Entry, Extent, Kind, Limits, PackPath};
use std::path::{Path, PathBuf};

/// Whether the bytes of files are checked against their digests when they are read from a local pack.
///
/// The index is always checked. [`Pack::extract`](crate::extract::extract), `cat` and `verify` check
/// payloads in any case, and so does every remote read.
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
    /// Bounds for everything that a hostile pack could inflate.
    pub limits: Limits,
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

/// An open pack: the files in it, as if they were a tree on disk.
///
/// Opening maps the file and checks one page, whatever the number of entries. (Containers without a
/// paged index need one built in memory first.) A `Pack` is `Send` and `Sync`; any number of threads
/// and processes read the same file.
///
/// The file must not be cut short while it is open: the system kills a process that touches a mapped
/// page behind the end. Packs are replaced by renaming another over them, which is safe.
///
/// ```no_run
/// use std::io::Read;
/// let pack = packer::Pack::open("photos.pack")?;
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
    data: Mapped,
    /// Other files with payloads: volume 1 first.
    volumes: Vec<Mapped>,
    index: Index,
    pages: Pages,
    format: Format,
    options: OpenOptions,
    notes: legacy::Notes,
}

/// Where the index pages lie.
#[derive(Debug)]
enum Pages {
    /// In the mapped file itself.
    Data,
    /// In a paged index beside an old container.
    Beside(Mapped),
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
        let data = Mapped::open(path).map_err(Error::io("open", path))?;
        if options.index.is_none()
            && let Some(index) = open_own_index(&data, path, options)?
        {
            let volumes = open_volumes(path, index.header())?;
            return Ok(Pack::new(path, data, volumes, index, Pages::Data, Format::Paged, options));
        }
        let beside = match &options.index {
            Some(index) => Some(index.clone()),
            None => Some(crate::reindex::sidecar_path(path)).filter(|sidecar| sidecar.exists()),
        };
        if let Some(beside) = beside
            && let Some(pack) = Pack::open_beside(path, &beside, options)?
        {
            return Ok(pack);
        }
        if let Some(expected) = options.expected {
            // An old container has no digest of its own that could be compared.
            let found = Digest([0; 32]);
            return Err(Error::pack(path)(reader_core::Error::WrongRoot { expected, found }));
        }
        let legacy = legacy::load(path, &data, options)?;
        let pages = Pages::Memory(legacy.pages);
        let index = legacy.index;
        let mut pack = Pack::new(path, data, Vec::new(), index, pages, legacy.format, options);
        pack.notes = legacy.notes;
        Ok(pack)
    }

    /// Opens an old container through a paged index beside it; `None` when `beside` is not one.
    fn open_beside(path: &Path, beside: &Path, options: &OpenOptions) -> Result<Option<Pack>> {
        let pages = Mapped::open(beside).map_err(Error::io("open", beside))?;
        let Some(index) = open_index(&pages, beside, options)? else { return Ok(None) };
        let volumes = open_volumes(beside, index.header())?;
        let data = Mapped::open(path).map_err(Error::io("open", path))?;
        let pages = Pages::Beside(pages);
        Ok(Some(Pack::new(path, data, volumes, index, pages, Format::Paged, options)))
    }

    fn new(
        path: &Path,
        data: Mapped,
        volumes: Vec<Mapped>,
        index: Index,
        pages: Pages,
        format: Format,
        options: &OpenOptions,
    ) -> Pack {
        let (path, options) = (path.to_owned(), options.clone());
        Pack { path, data, volumes, index, pages, format, options, notes: legacy::Notes::default() }
    }

    /// Where the pack lies on disk.
    pub fn path(&self) -> &Path {
        &self.path
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

    /// The bytes in which the index's pages lie.
    pub fn pages(&self) -> &[u8] {
        match &self.pages {
            Pages::Data => &self.data,
            Pages::Beside(pages) => pages,
            Pages::Memory(pages) => pages,
        }
    }

    /// Whether the index is a paged one that lies beside the container.
    pub(crate) fn is_beside(&self) -> bool {
        matches!(self.pages, Pages::Beside(_))
    }

    /// The bytes in which block tables lie: those of the file that holds the index.
    pub fn tables(&self) -> &[u8] {
        match &self.pages {
            Pages::Beside(pages) => pages,
            // Lines speak of the container itself.
            Pages::Data | Pages::Memory(_) => &self.data,
        }
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.data.len() as u64
    }

    /// How it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// All bytes of a volume: 0 is the pack itself.
    pub fn volume(&self, volume: u16) -> Option<&[u8]> {
        match volume.checked_sub(1) {
            None => Some(&self.data),
            Some(other) => self.volumes.get(usize::from(other)).map(|volume| &volume[..]),
        }
    }

    /// A file's payload as it is stored; not checked.
    pub fn payload(&self, content: &Content) -> Result<&[u8]> {
        let extent = content.extent();
        let volume = self.volume(content.volume).unwrap_or(&[]);
        reader_core::Source::bytes(volume, extent).ok_or_else(|| self.out_of_bounds(extent, volume))
    }

    fn out_of_bounds(&self, extent: Extent, volume: &[u8]) -> Error {
        let (start, len, file_len) = (extent.start, extent.len, volume.len() as u64);
        Error::pack(&self.path)(reader_core::Error::OutOfBounds { start, len, file_len })
    }

    /// The entry at `path`, without following links. The fastest way to look something up.
    #[inline]
    pub fn find(&self, path: PackPath<'_>) -> Result<Option<EntryRef<'_>>> {
        self.ready(self.index.lookup_hinted(self.pages(), path))
    }

    /// Takes the answer of the core: on a mapping it is always there.
    #[inline]
    fn ready<T>(&self, answer: reader_core::Result<reader_core::Answer<T>>) -> Result<T> {
        match answer {
            Ok(reader_core::Answer::Ready(value)) => Ok(value),
            Ok(reader_core::Answer::Need(extent)) => Err(self.out_of_bounds(extent, self.pages())),
            Err(error) => Err(Error::pack(&self.path)(error)),
        }
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
        let children = self.ready(self.index.children(self.pages(), directory.as_path()))?;
        Ok(Entries { pack: self, scan: self.index.scan(children) })
    }

    /// Everything below a directory: its children, then what is below each of them, and so on.
    pub fn walk(&self, path: impl AsRef<[u8]>) -> Result<Entries<'_>> {
        let directory = self.resolve_directory(path.as_ref())?;
        let subtree = self.ready(self.index.subtree(self.pages(), directory.as_path()))?;
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
        if content.codec == reader_core::Codec::Stored && self.options.verify == Verify::Index {
            return Ok(payload.to_vec());
        }
        reader_core::decode::decode_all(&content, payload, limits)
            .map(std::borrow::Cow::into_owned)
            .map_err(self.entry_error(&entry))
    }

    /// A file's whole content, borrowed from the mapping; `None` when the file is stored compressed.
    pub fn bytes(&self, path: impl AsRef<[u8]>) -> Result<Option<&[u8]>> {
        let (entry, content) = self.content_at(path.as_ref())?;
        if content.codec != reader_core::Codec::Stored {
            return Ok(None);
        }
        let payload = self.payload(&content)?;
        if self.options.verify == Verify::Payloads {
            reader_core::decode::verify_stored(&content, payload)
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
    ) -> impl FnOnce(reader_core::Error) -> Error {
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

/// Opens the paged index at the end of `data`; `None` when there is none.
fn open_index(data: &[u8], path: &Path, options: &OpenOptions) -> Result<Option<Index>> {
    let len = data.len() as u64;
    let answer =
        Index::open(data, len, options.expected, &options.limits).map_err(Error::pack(path))?;
    Ok(answer.ready().flatten())
}

/// The same for a container, which may be unfinished: when its last payload is a pack that was packed as
/// a file, the footer at its end speaks of another length, and the index beside it counts.
fn open_own_index(data: &[u8], path: &Path, options: &OpenOptions) -> Result<Option<Index>> {
    match open_index(data, path, options) {
        Err(Error::Pack { source, .. })
            if matches!(*source, reader_core::Error::BadField { field: "file_len", .. })
                && legacy::idx_path(path).exists() =>
        {
            Ok(None)
        }
        opened => opened,
    }
}

/// Maps the other files that the root page names; they lie beside the pack.
fn open_volumes(path: &Path, header: &Header) -> Result<Vec<Mapped>> {
    let directory = crate::pack::directory_of(path);
    let mut volumes = Vec::new();
    for volume in &header.volumes {
        let name = crate::platform::path_of(&volume.name).map_err(Error::io("open", path))?;
        let path = directory.join(name);
        let data = Mapped::open(&path).map_err(Error::io("open", &path))?;
        if data.len() as u64 != volume.len {
            let problem = format!(
                "its index was made when it was {} bytes long, but it has {}; make the index anew with \
                 `rangepack index`",
                volume.len,
                data.len()
            );
            return Err(Error::State { path, problem });
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
        self.pack.ready(self.scan.next(self.pack.pages())).transpose()
    }
}
