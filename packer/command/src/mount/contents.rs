//! The contents of files, verified: small ones at once, others by file objects that stay open between two requests.
//!
//! The kernel is not asked to say when a file is opened and closed, which saves two of three requests for a small file; so
//! the file objects belong to nobody, and those that were used last are kept.

use rangepack::{Error, File, Pack, Result};
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many file objects stay open. One holds a block of its file, 256 KiB as a rule, or all of one that has no more than 1 MiB.
const MOST: usize = 64;

/// So many of them are of one file.
const OF_ONE: usize = 8;

/// Requests that are no further apart are those of one reader, most likely: the kernel reads ahead, and its requests overtake
/// each other. The second one waits for what the first one verifies.
const NEAR: u64 = 1 << 20;

/// Of what a stream gave last, so many bytes are kept, for the same reason.
const RECENT: usize = 2 << 20;

/// Files that are read in several requests; what was used last is at the end.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<Vec<Arc<Slot>>>);

/// A file object, for one request at a time.
#[derive(Debug)]
struct Slot {
    number: u64,
    /// The offset of the last request.
    near: AtomicU64,
    /// All of the file goes this way: to begin anew somewhere else would verify, or decode, everything once more.
    is_only: AtomicBool,
    reader: Mutex<Option<Reader>>,
}

/// A file object, and where it stands.
#[derive(Debug)]
struct Reader {
    file: File,
    position: u64,
    /// Of a stream, the content before the position, as much as is kept of it.
    recent: Vec<u8>,
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
        let slot = self.slot(number, offset);
        let mut reader = locked(&slot.reader);
        let reader = match &mut *reader {
            Some(reader) => reader,
            none => {
                let file = pack.open_entry(&entry)?;
                slot.is_only.store(file.content().blocks.is_none(), Ordering::Relaxed);
                none.insert(Reader { file, position: 0, recent: Vec::new() })
            }
        };
        let bytes = reader.read(pack, offset, size)?;
        if reader.position >= len && (len <= NEAR || !slot.is_only.load(Ordering::Relaxed)) {
            locked(&self.0).retain(|other| !Arc::ptr_eq(other, &slot));
        }
        Ok(bytes)
    }

    /// Where a request is answered.
    fn slot(&self, number: u64, offset: u64) -> Arc<Slot> {
        let mut slots = locked(&self.0);
        let is_near = |slot: &Slot| {
            slot.is_only.load(Ordering::Relaxed)
                || slot.near.load(Ordering::Relaxed).abs_diff(offset) <= NEAR
        };
        let mut of_file = slots.iter().enumerate().filter(|(_, slot)| slot.number == number);
        let oldest = of_file.clone().next().map(|(place, _)| place);
        let is_full = of_file.clone().count() >= OF_ONE;
        let near = of_file.rfind(|(_, slot)| is_near(slot)).map(|(place, _)| place);
        let slot = match near.or(oldest.filter(|_| is_full)) {
            Some(place) => slots.remove(place),
            None => {
                if slots.len() >= MOST {
                    slots.remove(0);
                }
                Arc::new(Slot {
                    number,
                    near: AtomicU64::new(offset),
                    is_only: AtomicBool::new(false),
                    reader: Mutex::default(),
                })
            }
        };
        slot.near.store(offset, Ordering::Relaxed);
        slots.push(Arc::clone(&slot));
        slot
    }
}

impl Reader {
    fn read(&mut self, pack: &Pack, offset: u64, size: usize) -> Result<Vec<u8>> {
        if self.file.is_stream() {
            return self.read_stream(pack, offset, size);
        }
        // Who goes on where it stopped wants all of it, most likely; others get what they ask for.
        let is_next = offset.abs_diff(self.position) <= NEAR;
        self.file.read_until(if is_next { self.file.len() } else { end(offset, size) });
        let bytes = read(&mut self.file, pack, offset, size)?;
        self.position = end(offset, bytes.len());
        Ok(bytes)
    }

    fn read_stream(&mut self, pack: &Pack, offset: u64, size: usize) -> Result<Vec<u8>> {
        if offset < self.position.saturating_sub(self.recent.len() as u64) {
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
            self.position = end(self.position, bytes.len());
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
