//! Bodies that are read while they are sent: a client that is slow holds one chunk, and no thread.

use super::shelf::{RawFile, Served};
use crate::error::{Error, Result};
use crate::file::File;
use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use reader_core::Extent;
use reader_core::path::PackPathBuf;
use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

/// How much is read at once, in bytes.
const CHUNK: u64 = 64 << 10;

/// How much of a remote pack, where every chunk is a request.
const REMOTE_CHUNK: u64 = 1 << 20;

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
        Reader::Raw(Raw { served: Arc::clone(served), file, left: range })
    }

    /// Reads a file inside a pack; every byte is verified.
    pub(super) fn file(
        served: &Arc<Served>,
        path: &PackPathBuf,
        range: Range<u64>,
    ) -> Result<Reader> {
        let failed =
            |source| Error::Io { action: "read", path: served.pack.path().to_owned(), source };
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

    /// The next bytes; none at the end. It may wait for a disk or a network.
    pub(super) fn chunk(&mut self) -> io::Result<Bytes> {
        match self {
            Reader::Raw(raw) => raw.chunk(),
            Reader::File(part) => part.chunk(),
            Reader::Memory(bytes) => Ok(std::mem::take(bytes)),
        }
    }
}

impl Raw {
    fn chunk(&mut self) -> io::Result<Bytes> {
        let Some(data) = self.served.data(self.file) else { return Ok(Bytes::new()) };
        let most = if data.is_remote() { REMOTE_CHUNK } else { CHUNK };
        let len = most.min(self.left.end.saturating_sub(self.left.start));
        let bytes = data.read(Extent { start: self.left.start, len }).map_err(io::Error::other)?;
        self.left.start = self.left.start.saturating_add(len);
        Ok(match bytes {
            Cow::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Cow::Owned(bytes) => bytes.into(),
        })
    }
}

impl Part {
    fn chunk(&mut self) -> io::Result<Bytes> {
        let len = self.left.min(CHUNK);
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        self.file.with_dependent_mut(|_, file| file.take(len).read_to_end(&mut bytes))?;
        if bytes.len() as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(len);
        Ok(bytes.into())
    }
}

/// A body of a chunk that was read already, and what comes after it.
pub(super) fn body(first: Bytes, reader: Reader, len: u64) -> Body {
    if first.len() as u64 == len {
        return first.into();
    }
    let rest = stream::try_unfold(reader, |mut reader| async {
        let read = tokio::task::spawn_blocking(move || reader.chunk().map(|chunk| (chunk, reader)));
        let (chunk, reader) = read.await.map_err(io::Error::other)??;
        io::Result::Ok((!chunk.is_empty()).then_some((chunk, reader)))
    });
    Body::from_stream(stream::once(async { Ok(first) }).chain(rest))
}
