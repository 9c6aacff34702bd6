//! The bytes of a file that is read: those of its index lie in a mapping, payloads are read or fetched when they are
//! asked for.

use crate::error::{Action, Error, Result};
use crate::source::location::Location;
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use crate::source::remote::{Fetch, Remote};
use crate::source::shared::SharedBytes;
use crate::source::traffic::Traffic;
use crate::source::unmapped::Unmapped;
use rangepack_core::layout::Header;
use rangepack_core::{Answer, Content, Digest, Extent, Hasher, Source, verify_hashed};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::ErrorKind::NotFound;
use std::sync::Arc;

/// Longer ranges of a remote file are fetched in pieces of this length.
pub(crate) const PIECE: u64 = 4 << 20;

/// Those of a file on disk are read in shorter ones, which stay in the processor's cache.
const DISK_PIECE: u64 = 256 << 10;

/// How many pieces are on their way at once, however long they are.
const IN_FLIGHT: usize = 3;

/// How many are when they are short: a server's answer takes its time, however short it is.
const SHORT_IN_FLIGHT: usize = 16;

/// What counts as short: all that are on their way have fewer bytes together.
const BYTES_IN_FLIGHT: u64 = IN_FLIGHT as u64 * PIECE;

/// The same two for who wants all of many ranges.
const ALL_IN_FLIGHT: usize = 32;
const ALL_BYTES_IN_FLIGHT: u64 = 32 << 20;

/// The bytes of a file, wherever it lies: on disk, or fetched by ranges.
///
/// Nothing is verified: it is for those who hand a pack on as it is, like a server.
#[derive(Debug)]
pub struct Data {
    location: Location,
    backing: Backing,
    /// Where it ends, when what lies behind is being written and means nothing yet.
    end: Option<u64>,
}

#[derive(Debug)]
enum Backing {
    Mapped(Mapped),
    Unmapped(Unmapped),
    Remote(Box<Remote>),
}

impl Data {
    /// Maps a path on disk, or asks for the end of the file at a URL.
    pub fn open(location: &Location, options: &OpenOptions) -> Result<Data> {
        let backing = match location {
            Location::Disk(path) => match Mapped::open(path) {
                Ok(mapped) => Backing::Mapped(mapped),
                Err(error) if error.kind() == NotFound && location.is_unknown_url() => {
                    return Err(Error::Scheme { path: path.clone() });
                }
                Err(error) => return Err(Error::io(Action::Open, path)(error)),
            },
            Location::Url(url) => Backing::Remote(Box::new(Remote::open(url, options)?)),
        };
        Ok(Data { location: location.clone(), backing, end: None })
    }

    /// The same for a file that need not be there. Stores that keep their names to themselves
    /// answer that access is denied.
    pub fn open_if_there(location: &Location, options: &OpenOptions) -> Result<Option<Data>> {
        match Data::open(location, options) {
            Err(Error::Io { source, .. }) if source.kind() == NotFound => Ok(None),
            Err(Error::Remote { problem, .. }) if problem.is_missing() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// A volume, if it is there: one on disk is not mapped, and stays open only when it is to be kept.
    pub(crate) fn open_volume(
        location: &Location,
        options: &OpenOptions,
        keep: bool,
    ) -> Result<Option<Data>> {
        let Some(path) = location.disk() else { return Data::open_if_there(location, options) };
        match Unmapped::open(path, keep) {
            Ok(file) => {
                let backing = Backing::Unmapped(file);
                Ok(Some(Data { location: location.clone(), backing, end: None }))
            }
            Err(error) if error.kind() == NotFound => Ok(None),
            Err(error) => Err(Error::io(Action::Open, path)(error)),
        }
    }

    /// A file that is mapped already.
    pub(crate) fn mapped(path: &std::path::Path, mapped: Mapped) -> Data {
        let (location, backing) = (Location::Disk(path.to_owned()), Backing::Mapped(mapped));
        Data { location, backing, end: None }
    }

    /// Where it lies.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        if let Some(end) = self.end {
            return end;
        }
        match &self.backing {
            Backing::Mapped(mapped) => mapped.len() as u64,
            Backing::Unmapped(file) => file.len(),
            Backing::Remote(remote) => remote.len(),
        }
    }

    /// Takes it for a file that ends at byte `end`, which it must have; `None`: at its own end.
    pub(crate) fn end_at(&mut self, end: Option<u64>) {
        self.end = end;
    }

    /// Whether a file on disk has another length now.
    pub(crate) fn has_other_length(&self) -> bool {
        match &self.backing {
            Backing::Mapped(mapped) => mapped.len_now().is_ok_and(|len| len != mapped.len() as u64),
            Backing::Unmapped(_) | Backing::Remote(_) => false,
        }
    }

    /// Whether its bytes come over a network.
    pub fn is_remote(&self) -> bool {
        matches!(self.backing, Backing::Remote(_))
    }

    /// How many requests and bytes it took so far.
    pub(crate) fn traffic(&self) -> Traffic {
        match &self.backing {
            Backing::Mapped(_) | Backing::Unmapped(_) => Traffic::default(),
            Backing::Remote(remote) => remote.traffic(),
        }
    }

    /// All bytes, when they are in memory; short remote files are, too. See [`Data::intact`].
    #[inline]
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        let whole = match &self.backing {
            Backing::Mapped(mapped) => Some(&**mapped),
            Backing::Unmapped(_) => None,
            Backing::Remote(remote) => remote.whole(),
        };
        whole.and_then(|whole| whole.get(..usize::try_from(self.len()).ok()?))
    }

    /// Bytes that can be borrowed without asking anybody: of a remote file, index pages that came. See [`Data::intact`].
    #[inline]
    pub(crate) fn at_hand(&self, extent: Extent) -> Option<&[u8]> {
        match &self.backing {
            Backing::Mapped(mapped) => (**mapped).bytes(extent),
            Backing::Unmapped(_) => None,
            Backing::Remote(remote) => remote.at_hand(extent),
        }
    }

    /// Makes room for the index pages of a remote file, which are kept once they were fetched.
    pub(crate) fn keep_pages(&self, header: &Header) {
        match &self.backing {
            Backing::Mapped(_) | Backing::Unmapped(_) => {}
            Backing::Remote(remote) => remote.keep_pages(header),
        }
    }

    /// Index pages will be asked for from the first to the last.
    pub(crate) fn expect_walk(&self) {
        match &self.backing {
            Backing::Mapped(_) | Backing::Unmapped(_) => {}
            Backing::Remote(remote) => remote.expect_walk(),
        }
    }

    /// Gives back the memory of what was looked at in a mapping.
    pub(crate) fn forget(&self) {
        if let Backing::Mapped(mapped) = &self.backing {
            mapped.forget();
        }
    }

    /// Fetches an index page, so that it is at hand afterwards.
    pub(crate) fn bring(&self, page: Extent) -> Result<()> {
        match &self.backing {
            Backing::Mapped(_) | Backing::Unmapped(_) => {}
            Backing::Remote(remote) => remote.bring(page)?,
        }
        if self.at_hand(page).is_some() { Ok(()) } else { Err(self.out_of_bounds(page)) }
    }

    /// Fails when bytes of a mapping were gone that somebody borrowed before: he saw zeros, and what he made of them
    /// means nothing.
    #[inline]
    pub(crate) fn intact(&self) -> Result<()> {
        match &self.backing {
            Backing::Mapped(mapped) if !mapped.is_intact() => Err(self.lost()),
            _ => Ok(()),
        }
    }

    #[cold]
    fn lost(&self) -> Error {
        let path = self.location.disk().unwrap_or("".as_ref()).to_owned();
        let found = match &self.backing {
            Backing::Mapped(mapped) => mapped.len_now().unwrap_or(0),
            Backing::Unmapped(file) => file.len_now().unwrap_or(0),
            Backing::Remote(remote) => remote.len(),
        };
        Error::Lost { path, expected: self.len(), found }
    }

    /// Fetches a damaged index page once more; whether it came otherwise.
    pub(crate) fn bring_again(&self, page: Extent) -> Result<bool> {
        match &self.backing {
            Backing::Mapped(_) | Backing::Unmapped(_) => Ok(false),
            Backing::Remote(remote) => remote.bring_again(page),
        }
    }

    /// Bytes of the file, borrowed where it is mapped; see [`Data::intact`].
    pub(crate) fn lent(&self, extent: Extent) -> Result<Cow<'_, [u8]>> {
        self.check(extent)?;
        self.borrowed(extent).map_or_else(|| self.read(extent), |bytes| Ok(Cow::Borrowed(bytes)))
    }

    /// Bytes of the file, which stay as they are: a copy of those on disk; those of a remote one are fetched, and not kept.
    ///
    /// # Errors
    /// When the file has no such bytes, or no longer has them; when they cannot be read or fetched.
    pub fn read(&self, extent: Extent) -> Result<Cow<'_, [u8]>> {
        self.check(extent)?;
        match &self.backing {
            Backing::Mapped(mapped) => return self.copied(mapped.read(extent)),
            Backing::Unmapped(file) => return self.copied(file.read(extent)),
            Backing::Remote(remote) => {
                if let Some(bytes) = remote.tail(extent) {
                    return Ok(Cow::Borrowed(bytes));
                }
            }
        }
        // Memory is taken as bytes come, whatever a hostile server says the length is.
        let mut all = Vec::new();
        for piece in self.pieces_of(extent) {
            match piece? {
                piece if all.is_empty() => all = piece.into_owned(),
                piece => all.extend_from_slice(&piece),
            }
        }
        Ok(Cow::Owned(all))
    }

    /// The same when nobody has to wait for it: of a file on disk what the system has in memory, of a remote one what came when
    /// it was opened.
    pub fn read_now(&self, extent: Extent) -> Option<Vec<u8>> {
        self.check(extent).ok()?;
        match &self.backing {
            Backing::Mapped(mapped) => mapped.read_now(extent),
            Backing::Unmapped(_) => None,
            Backing::Remote(remote) => remote.tail(extent).map(<[u8]>::to_vec),
        }
    }

    /// The bytes of these ranges, one after the other, those that come next already on their way.
    pub(crate) fn pieces<I: Iterator<Item = Extent>>(&self, extents: I) -> Pieces<'_, I> {
        let most = (SHORT_IN_FLIGHT, BYTES_IN_FLIGHT);
        Pieces { data: self, extents, given: 0, most, coming: VecDeque::new(), bytes_coming: 0 }
    }

    /// The bytes of a long range, piece by piece.
    pub(crate) fn pieces_of(&self, extent: Extent) -> Pieces<'_, Cut> {
        let len = if self.is_remote() { PIECE } else { DISK_PIECE };
        self.pieces(cut(extent, len))
    }

    /// The digest of an extent, of any length.
    pub(crate) fn digest(&self, extent: Extent) -> Result<Digest> {
        let mut hasher = Hasher::new();
        for piece in self.pieces_of(extent) {
            hasher.update(&piece?);
        }
        Ok(hasher.finish())
    }

    /// Fails with an error about the pack when the file is too short.
    pub(crate) fn check(&self, extent: Extent) -> Result<()> {
        let inside = extent.start.checked_add(extent.len).is_some_and(|end| end <= self.len());
        if inside { Ok(()) } else { Err(self.out_of_bounds(extent)) }
    }

    /// What was read of a file on disk.
    fn copied(&self, read: std::io::Result<Vec<u8>>) -> Result<Cow<'_, [u8]>> {
        read.map(Cow::Owned).map_err(|error| match (error.kind(), self.location.disk()) {
            (std::io::ErrorKind::UnexpectedEof, _) | (_, None) => self.lost(),
            (_, Some(path)) => Error::io(Action::Read, path)(error),
        })
    }

    fn borrowed(&self, extent: Extent) -> Option<&[u8]> {
        match &self.backing {
            Backing::Mapped(mapped) => (**mapped).bytes(extent),
            Backing::Unmapped(_) => None,
            Backing::Remote(remote) => remote.tail(extent),
        }
    }

    fn out_of_bounds(&self, Extent { start, len }: Extent) -> Error {
        let file_len = self.len();
        Error::pack(&self.location)(rangepack_core::Error::OutOfBounds { start, len, file_len })
    }
}

/// `extent` in ranges of at most `len` bytes, from its first byte to its last.
fn cut(extent: Extent, len: u64) -> Cut {
    Cut { start: extent.start, end: extent.end(), len }
}

/// See [`cut`].
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    start: u64,
    end: u64,
    len: u64,
}

impl Iterator for Cut {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        let len = self.len.min(self.end.saturating_sub(self.start));
        let extent = Extent { start: self.start, len };
        self.start = extent.end();
        (len > 0).then_some(extent)
    }
}

/// Ranges of a file, one after the other; see [`Data::pieces`]. It begins with one request at a
/// time, so that who stops early has not asked for much.
#[derive(Debug)]
pub(crate) struct Pieces<'d, I> {
    data: &'d Data,
    extents: I,
    given: usize,
    /// How many short ones are on their way at once, and how many bytes are short.
    most: (usize, u64),
    coming: VecDeque<(u64, Fetch)>,
    bytes_coming: u64,
}

impl<I> Pieces<'_, I> {
    /// For who wants all of them: it does not begin with one.
    pub(crate) fn at_once(mut self) -> Self {
        self.given = ALL_IN_FLIGHT;
        self.most = (ALL_IN_FLIGHT, ALL_BYTES_IN_FLIGHT);
        self
    }

    fn may_ask(&self) -> bool {
        let coming = self.coming.len();
        let (short, bytes) = self.most;
        let most = if self.bytes_coming < bytes { short } else { IN_FLIGHT };
        coming <= self.given && coming < most
    }
}

impl<'d, I: Iterator<Item = Extent>> Iterator for Pieces<'d, I> {
    type Item = Result<Cow<'d, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let remote = match &self.data.backing {
            Backing::Remote(remote) if remote.whole().is_none() => remote,
            _ => return Some(self.data.read(self.extents.next()?)),
        };
        while self.may_ask() {
            let Some(extent) = self.extents.next() else { break };
            if let Err(error) = self.data.check(extent) {
                return Some(Err(error));
            }
            self.bytes_coming += extent.len;
            self.coming.push_back((extent.len, remote.fetch(extent)));
        }
        self.given += 1;
        let (len, fetch) = self.coming.pop_front()?;
        self.bytes_coming -= len;
        let fetched = fetch.bytes();
        Some(fetched.map(Cow::Owned).map_err(Error::remote(remote.url())))
    }
}

/// Some bytes of a file, gathered to answer one question or to check one payload.
#[derive(Debug)]
pub(crate) struct Gathered<'d> {
    data: &'d Data,
    pieces: Vec<(u64, Cow<'d, [u8]>)>,
    /// Bytes that others want, too, and where they begin.
    shared: Option<(u64, &'d Arc<Vec<u8>>)>,
    /// That of a payload, if it was hashed when it was gathered.
    digest: Option<(Extent, Digest)>,
}

impl<'d> Gathered<'d> {
    /// Nothing but what is at hand anyway.
    pub(crate) fn new(data: &'d Data) -> Gathered<'d> {
        Gathered { data, pieces: Vec::new(), shared: None, digest: None }
    }

    /// With bytes that were read at `start` for several payloads, which have so many bytes together.
    pub(crate) fn with(
        data: &'d Data,
        start: u64,
        bytes: &'d Arc<Vec<u8>>,
        wanted: u64,
    ) -> Gathered<'d> {
        // Who keeps one payload keeps the others, but not much that nobody wanted.
        let is_dense = bytes.len() as u64 / 8 * 7 <= wanted;
        let pieces = vec![(start, Cow::Borrowed(&bytes[..]))];
        let shared = is_dense.then_some((start, bytes));
        Gathered { data, pieces, shared, digest: None }
    }

    /// The digest of the payload there.
    pub(crate) fn hashed(self, payload: Extent, digest: Digest) -> Gathered<'d> {
        Gathered { digest: Some((payload, digest)), ..self }
    }

    /// What is left to be verified of the payload that was gathered: when it was hashed, what it decodes to.
    pub(crate) fn left_of(&self, content: &Content) -> rangepack_core::Result<Content> {
        match self.digest {
            Some((payload, found)) if payload == content.extent() => verify_hashed(content, found),
            _ => Ok(*content),
        }
    }

    /// With bytes that somebody has.
    pub(crate) fn lend(&mut self, bytes: Option<(u64, &'d [u8])>) {
        self.pieces.extend(bytes.map(|(start, bytes)| (start, Cow::Borrowed(bytes))));
    }

    /// The same for another question.
    pub(crate) fn again<'g>(&'g self) -> Gathered<'g> {
        let lend = |(start, bytes): &'g (u64, Cow<'d, [u8]>)| (*start, Cow::Borrowed(&bytes[..]));
        let pieces = self.pieces.iter().map(lend).collect();
        Gathered { data: self.data, pieces, shared: None, digest: self.digest }
    }

    /// Bytes that were gathered, together with their neighbours; `None` when they are better copied.
    pub(crate) fn shared(&self, extent: Extent) -> Option<SharedBytes> {
        let (start, all) = self.shared?;
        SharedBytes::new(all, start, extent)
    }

    /// The file.
    pub(crate) fn data(&self) -> &'d Data {
        self.data
    }

    /// Answers a question, and brings what it needs.
    pub(crate) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&Gathered<'d>) -> rangepack_core::Result<Answer<T>>,
    ) -> Result<T> {
        loop {
            let answer = question(self);
            self.data.intact()?;
            match answer.map_err(Error::pack(&self.data.location))? {
                Answer::Ready(value) => return Ok(value),
                // Asked for again although it is there: it cannot be had in one piece.
                Answer::Need(extent) if self.bytes(extent).is_some() => {
                    return Err(self.data.out_of_bounds(extent));
                }
                Answer::Need(extent) => {
                    let bytes = self.data.read(extent)?;
                    self.pieces.push((extent.start, bytes));
                }
            }
        }
    }

    /// Bytes that were gathered, and stay as they are.
    pub(crate) fn here(&self, extent: Extent) -> Option<&[u8]> {
        let inside = |(start, bytes): &(u64, Cow<'_, [u8]>)| {
            Extent { start: *start, len: bytes.len() as u64 }.contains(&extent)
        };
        let (start, bytes) = self.pieces.iter().find(|piece| inside(piece))?;
        bytes.bytes(Extent { start: extent.start - start, len: extent.len })
    }

    /// Bytes of the file, read when they are not here.
    pub(crate) fn read(&self, extent: Extent) -> Result<Cow<'_, [u8]>> {
        match self.here(extent) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => self.data.read(extent),
        }
    }

    /// Forgets what was gathered when it is much, but not what others hold as well.
    pub(crate) fn trim(&mut self) {
        let is_own = |bytes: &Cow<'_, [u8]>| matches!(bytes, Cow::Owned(_));
        let own = self.pieces.iter().filter(|(_, bytes)| is_own(bytes));
        if own.map(|(_, bytes)| bytes.len()).sum::<usize>() > PIECE as usize {
            self.pieces.retain(|(_, bytes)| !is_own(bytes));
        }
    }
}

impl Source for Gathered<'_> {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        self.data.borrowed(extent).or_else(|| self.here(extent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_cover_everything_once() {
        let cuts: Vec<Extent> = cut(Extent { start: 5, len: 10 }, 4).collect();
        let expected = [(5, 4), (9, 4), (13, 2)].map(|(start, len)| Extent { start, len });
        assert_eq!(cuts, expected);
        assert_eq!(cut(Extent { start: 5, len: 0 }, 4).next(), None);
    }

    #[test]
    fn what_is_not_in_the_file_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"0123456789").unwrap();
        let data = Data::open(&file.path().into(), &OpenOptions::default()).unwrap();
        assert_eq!(*data.read(Extent { start: 2, len: 3 }).unwrap(), *b"234");
        for (start, len) in [(8, 3), (11, 0), (u64::MAX, 2)] {
            assert!(data.read(Extent { start, len }).unwrap_err().is_bad_pack());
        }
        let mut asked = 0;
        let found = Gathered::new(&data).ask(|source| {
            asked += 1;
            let wanted = Extent { start: 4, len: 2 };
            Ok(source.bytes(wanted).map_or(Answer::Need(wanted), |b| Answer::Ready(b.to_vec())))
        });
        assert_eq!((found.unwrap(), asked), (b"45".to_vec(), 1));
    }
}
