//! The contents of files, verified: small ones at once, others by file objects that stay open between two requests.
//!
//! The kernel is not asked to say when a file is opened and closed, which saves two of three requests for a small file; so
//! the file objects belong to nobody, and those that were used last are kept.

use rangepack::{Error, File, Pack, Result};
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many file objects stay open. One holds a block of its file: some 256 KiB.
const MOST: usize = 64;

/// Of what a stream gave last, so many bytes are kept: the kernel's requests overtake each other.
const RECENT: usize = 2 << 20;

/// Files that are read in several requests.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Those that nobody reads at the moment; what was used last is at the end.
    idle: Mutex<Vec<Reader>>,
    /// Files that are decoded from their beginning, one reader for all who want them.
    streams: Mutex<Vec<(u64, Arc<Mutex<Stream>>)>>,
}

/// A file object, and where it stands.
#[derive(Debug)]
struct Reader {
    number: u64,
    position: u64,
    file: File,
}

/// What comes out of a decoder.
#[derive(Debug)]
struct Stream {
    file: File,
    /// The content before the position, as much as is kept of it.
    recent: Vec<u8>,
    position: u64,
}

impl Contents {
    /// Bytes of a file from `offset` on, fewer than `size` only where it ends; `number` is that of its entry.
    pub(super) fn read(
        &self,
        pack: &Pack,
        number: u64,
        offset: u64,
        size: usize,
    ) -> Result<Vec<u8>> {
        let entry = pack.entry_at(number)?;
        let len = entry.size().map_err(|error| pack.error(error))?;
        if offset == 0 && len <= size as u64 {
            return pack.read_entry(&entry);
        }
        if let Some(stream) = self.stream(number) {
            return locked(&stream).read(pack, offset, size);
        }
        let mut reader = match self.take(number, offset) {
            Some(mut reader) => {
                // Who goes on where it stopped wants all of it, most likely.
                let end = if reader.position == offset { len } else { end(offset, size) };
                reader.file.read_until(end);
                reader
            }
            None => {
                let mut file = pack.open_entry(&entry)?;
                if file.is_stream() {
                    let stream = self.add_stream(number, file);
                    return locked(&stream).read(pack, offset, size);
                }
                if offset > 0 {
                    file.read_until(end(offset, size));
                }
                Reader { number, position: offset, file }
            }
        };
        let bytes = read(&mut reader.file, pack, offset, size)?;
        reader.position = offset.saturating_add(bytes.len() as u64);
        if reader.position < len {
            self.put_back(reader);
        }
        Ok(bytes)
    }

    /// The reader that stands at `offset`, or else any of that file.
    fn take(&self, number: u64, offset: u64) -> Option<Reader> {
        let mut idle = locked(&self.idle);
        let of_file = |reader: &Reader| reader.number == number;
        let place = idle
            .iter()
            .rposition(|reader| of_file(reader) && reader.position == offset)
            .or_else(|| idle.iter().rposition(of_file))?;
        Some(idle.remove(place))
    }

    fn put_back(&self, reader: Reader) {
        let mut idle = locked(&self.idle);
        if idle.len() >= MOST {
            idle.remove(0);
        }
        idle.push(reader);
    }

    fn stream(&self, number: u64) -> Option<Arc<Mutex<Stream>>> {
        let mut streams = locked(&self.streams);
        let place = streams.iter().position(|(of, _)| *of == number)?;
        let found = streams.remove(place);
        let stream = Arc::clone(&found.1);
        streams.push(found);
        Some(stream)
    }

    /// Keeps a stream for all who want it, unless somebody was quicker.
    fn add_stream(&self, number: u64, file: File) -> Arc<Mutex<Stream>> {
        let mut streams = locked(&self.streams);
        if let Some((_, stream)) = streams.iter().find(|(of, _)| *of == number) {
            return Arc::clone(stream);
        }
        if streams.len() >= MOST / 4 {
            streams.remove(0);
        }
        let stream = Arc::new(Mutex::new(Stream { file, recent: Vec::new(), position: 0 }));
        streams.push((number, Arc::clone(&stream)));
        stream
    }
}

impl Stream {
    fn read(&mut self, pack: &Pack, offset: u64, size: usize) -> Result<Vec<u8>> {
        let kept = self.position.saturating_sub(self.recent.len() as u64);
        if offset < kept {
            self.recent.clear();
            self.position = offset;
        }
        let wanted = end(offset, size).min(self.file.len());
        while self.position < wanted {
            // What lies between is kept as well, for who comes a little later.
            let len = usize::try_from(wanted - self.position).unwrap_or(RECENT).min(RECENT / 2);
            let bytes = read(&mut self.file, pack, self.position, len)?;
            if bytes.is_empty() {
                break;
            }
            self.position = self.position.saturating_add(bytes.len() as u64);
            let surplus = (self.recent.len() + bytes.len()).saturating_sub(RECENT);
            self.recent.drain(..surplus.min(self.recent.len()));
            self.recent.extend_from_slice(&bytes);
        }
        let first = self.position.saturating_sub(self.recent.len() as u64);
        let skip = usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX);
        let rest = self.recent.get(skip..).unwrap_or(&[]);
        Ok(rest[..size.min(rest.len())].to_vec())
    }
}

fn end(offset: u64, size: usize) -> u64 {
    offset.saturating_add(size as u64)
}

/// Reads as much as there is, `size` at most.
fn read(file: &mut File, pack: &Pack, offset: u64, size: usize) -> Result<Vec<u8>> {
    let left = file.len().saturating_sub(offset);
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(size);
    let mut bytes = vec![0; len];
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| told(pack, error))?;
    Ok(bytes)
}

/// What a file object says is an error of the library.
fn told(pack: &Pack, error: std::io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|source| Error::Io {
        action: rangepack::Action::Read,
        path: pack.location().to_string().into(),
        source,
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
