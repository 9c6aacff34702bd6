//! Bodies that are read while they are sent: a client that is slow holds one chunk, and no thread.

use super::listing::Rows;
use super::shelf::{RawFile, Served, Turns};
use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use rangepack::File;
use rangepack::{Error, Result};
use rangepack_core::{Extent, PackPathBuf};
use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How much is read at once, in bytes.
const CHUNK: u64 = 64 << 10;

/// How much of a remote pack at most, where every chunk is a request. Clients that do not take what
/// they asked for get no further than the first small ones.
const REMOTE_CHUNK: u64 = 512 << 10;

/// Bytes that are read from the beginning to the end.
pub(super) enum Reader {
    /// Those of a file as it lies there.
    Raw(Raw),
    /// Those of a file inside a pack.
    File(Part),
    /// Those of a list.
    List(Box<Rows>),
    /// Those that are in memory.
    Memory(Bytes),
}

/// Bytes of one of the files that make up a pack.
pub(super) struct Raw {
    served: Arc<Served>,
    file: RawFile,
    left: Range<u64>,
    chunk: u64,
}

/// Bytes of a file inside a pack.
pub(super) struct Part {
    served: Arc<Served>,
    path: PackPathBuf,
    /// What is still to be sent.
    left: Range<u64>,
    /// Where the file object stands that was kept, and the room that it was given for that.
    kept: Option<(File, Option<SemaphorePermit<'static>>)>,
}

/// What all clients together may have decoded or fetched and not been sent, in KiB: of packs on disk, and of remote ones, which
/// are fetched ahead. Who finds no room decodes, or fetches, anew for each chunk.
static KEPT: [Semaphore; 2] = [Semaphore::const_new(48 << 10), Semaphore::const_new(128 << 10)];

/// What they may be decoding of packs on disk at the same time, in KiB; who comes later waits. (Who waits for a network has taken a
/// turn, so that a server that hangs holds up nobody else.)
static WORKED_ON: Semaphore = Semaphore::const_new(256 << 10);

/// What reading a remote file may take, in KiB: some pieces on their way, and one that came.
const REMOTE_FILE: u32 = 16 << 10;

impl Reader {
    /// Reads a file that makes up a pack.
    pub(super) fn raw(served: &Arc<Served>, file: RawFile, range: Range<u64>) -> Reader {
        Reader::Raw(Raw { served: Arc::clone(served), file, left: range, chunk: CHUNK })
    }

    /// What to wait for before the next chunk.
    fn turns(&self) -> Option<Turns> {
        match self {
            Reader::Raw(raw) => raw.served.turns.clone(),
            Reader::File(part) => part.served.turns.clone(),
            Reader::List(rows) => rows.turns(),
            Reader::Memory(_) => None,
        }
    }

    /// Reads a file inside a pack; every byte is verified.
    pub(super) fn file(
        served: &Arc<Served>,
        path: &PackPathBuf,
        range: Range<u64>,
    ) -> Result<Reader> {
        let mut part =
            Part { served: Arc::clone(served), path: path.clone(), left: range, kept: None };
        let file = part.open()?;
        part.kept = Some((file, None));
        Ok(Reader::File(part))
    }

    /// A list, made while it is sent.
    pub(super) fn list(rows: Rows) -> Reader {
        Reader::List(Box::new(rows))
    }

    /// Reads what is in memory.
    pub(super) fn memory(bytes: Cow<'static, [u8]>, range: Range<u64>) -> Reader {
        let bytes = match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Reader::Memory(bytes.slice(at(range.start)..at(range.end)))
    }

    /// Whether nothing more comes.
    fn is_over(&self) -> bool {
        match self {
            Reader::Raw(Raw { left, .. }) | Reader::File(Part { left, .. }) => left.is_empty(),
            Reader::List(rows) => rows.is_over(),
            Reader::Memory(bytes) => bytes.is_empty(),
        }
    }

    /// The next bytes if nothing has to be waited for.
    pub(super) fn chunk_now(&mut self) -> Option<Bytes> {
        match self {
            Reader::Raw(raw) => raw.chunk_now(),
            Reader::Memory(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Reader::File(_) | Reader::List(_) => None,
        }
    }

    /// The next bytes; `None` at the end, and empty ones when it takes more than one step to get to some.
    /// It may wait for a disk or a network.
    pub(super) fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Reader::Raw(raw) => raw.chunk(),
            Reader::File(part) => part.chunk(),
            Reader::List(rows) => rows.chunk(),
            Reader::Memory(bytes) => {
                Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()))
            }
        }
    }
}

impl Raw {
    fn chunk_now(&mut self) -> Option<Bytes> {
        let data = self.served.data(self.file).filter(|data| !data.is_remote())?;
        let len = self.chunk.min(self.left.end.saturating_sub(self.left.start));
        let bytes = data.read_now(Extent { start: self.left.start, len })?;
        self.left.start = self.left.start.saturating_add(len);
        (len > 0).then_some(bytes.into())
    }

    fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let Some(data) = self.served.data(self.file) else { return Ok(None) };
        let len = self.chunk.min(self.left.end.saturating_sub(self.left.start));
        if len == 0 {
            return Ok(None);
        }
        if data.is_remote() {
            self.chunk = self.chunk.saturating_mul(2).min(REMOTE_CHUNK);
        }
        let bytes = data.read(Extent { start: self.left.start, len }).map_err(io::Error::other)?;
        self.left.start = self.left.start.saturating_add(len);
        Ok(Some(match bytes {
            Cow::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Cow::Owned(bytes) => bytes.into(),
        }))
    }
}

impl Part {
    /// A file object that stands at the next byte.
    fn open(&self) -> Result<File> {
        let failed = |source| Error::Io {
            action: rangepack::Action::Read,
            path: self.served.pack.location().name().into(),
            source,
        };
        let mut file = self.served.pack.open_file(self.path.as_bytes())?;
        file.read_until(self.left.end);
        file.seek(SeekFrom::Start(self.left.start)).map_err(failed)?;
        Ok(file)
    }

    /// What the file object may hold, in KiB.
    fn weight(&self, file: &File) -> u32 {
        if self.served.pack.is_remote() {
            return REMOTE_FILE;
        }
        let content = file.content();
        let block = content.blocks.map_or(1 << 20, |blocks| 1 << blocks.block_log2.min(30));
        // And a page of its block table.
        u32::try_from(content.size.min(block) >> 10).unwrap_or(REMOTE_FILE).saturating_add(128)
    }

    fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let left = self.left.end.saturating_sub(self.left.start);
        if left == 0 {
            return Ok(None);
        }
        let (mut file, room) = match self.kept.take() {
            Some(kept) => kept,
            None => (self.open().map_err(io::Error::other)?, None),
        };
        let weight = self.weight(&file);
        // Stored bytes are there as well while they are decoded.
        let work = WORKED_ON.acquire_many(weight.saturating_mul(2));
        let is_remote = self.served.pack.is_remote();
        let _work = (!is_remote).then(|| tokio::runtime::Handle::current().block_on(work));
        let mut bytes = Vec::new();
        // Between two steps on a long way it is seen when the client has gone.
        if file.approach()? {
            let len = left.min(CHUNK);
            bytes.reserve_exact(usize::try_from(len).unwrap_or(0));
            (&mut file).take(len).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.left.start = self.left.start.saturating_add(len);
        }
        let budget = &KEPT[usize::from(is_remote)];
        let room = room.or_else(|| budget.try_acquire_many(weight).ok());
        // One that has to be decoded from its beginning is small, and would be read without end.
        let is_stream = file.is_stream();
        if self.left.start < self.left.end && (room.is_some() || is_stream) {
            self.kept = Some((file, room));
        }
        Ok(Some(bytes.into()))
    }
}

/// A body of a chunk that was read already, and what comes after it.
pub(super) fn body(first: Bytes, reader: Reader) -> Body {
    if reader.is_over() {
        return first.into();
    }
    let rest = stream::try_unfold(reader, |mut reader| async {
        loop {
            if let Some(chunk) = reader.chunk_now() {
                return Ok(Some((chunk, reader)));
            }
            let turn = match reader.turns() {
                Some(turns) => turns.acquire_owned().await.ok(),
                None => None,
            };
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                reader.chunk().map(|chunk| (chunk, reader))
            });
            let (chunk, goes_on) = read.await.map_err(io::Error::other)??;
            match chunk {
                None => return io::Result::Ok(None),
                Some(chunk) if chunk.is_empty() => reader = goes_on,
                Some(chunk) => return Ok(Some((chunk, goes_on))),
            }
        }
    });
    Body::from_stream(stream::once(async { Ok(first) }).chain(rest))
}
