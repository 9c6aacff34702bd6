//! Bodies that are read while they are sent: a client that is slow holds one chunk, and no thread.

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
    file: OpenFile,
    left: u64,
}

self_cell::self_cell!(
    /// A file object, and the pack that it reads from.
    struct OpenFile {
        owner: Arc<Served>,
        #[not_covariant]
        dependent: File,
    }
);

impl Reader {
    /// Reads a file that makes up a pack.
    pub(super) fn raw(served: &Arc<Served>, file: RawFile, range: Range<u64>) -> Reader {
        Reader::Raw(Raw { served: Arc::clone(served), file, left: range, chunk: CHUNK })
    }

    /// What to wait for before the next chunk.
    fn turns(&self) -> Option<Turns> {
        match self {
            Reader::Raw(raw) => raw.served.turns.clone(),
            Reader::File(part) => part.file.borrow_owner().turns.clone(),
            Reader::Memory(_) => None,
        }
    }

    /// Reads a file inside a pack; every byte is verified.
    pub(super) fn file(
        served: &Arc<Served>,
        path: &PackPathBuf,
        range: Range<u64>,
    ) -> Result<Reader> {
        let failed = |source| Error::Io {
            action: rangepack::Action::Read,
            path: served.pack.location().name().into(),
            source,
        };
        let file = OpenFile::try_new(Arc::clone(served), |served| {
            let mut file = served.pack.open_file(path.as_bytes())?;
            file.read_until(range.end);
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
            Ok::<_, Error>(file)
        })?;
        Ok(Reader::File(Part { file, left: range.end.saturating_sub(range.start) }))
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

    /// The next bytes; `None` at the end, and empty ones when it takes more than one step to get to some.
    /// It may wait for a disk or a network.
    pub(super) fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Reader::Raw(raw) => raw.chunk(),
            Reader::File(part) => part.chunk(),
            Reader::Memory(bytes) => {
                Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()))
            }
        }
    }
}

impl Raw {
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
    fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        // Between two steps on a long way it is seen when the client has gone.
        if !self.file.with_dependent_mut(|_, file| file.approach())? {
            return Ok(Some(Bytes::new()));
        }
        let len = self.left.min(CHUNK);
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        self.file.with_dependent_mut(|_, file| file.take(len).read_to_end(&mut bytes))?;
        if bytes.len() as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(len);
        Ok(Some(bytes.into()))
    }
}

/// A body of a chunk that was read already, and what comes after it.
pub(super) fn body(first: Bytes, reader: Reader, len: u64) -> Body {
    if first.len() as u64 == len {
        return first.into();
    }
    let rest = stream::try_unfold(reader, |mut reader| async {
        loop {
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
