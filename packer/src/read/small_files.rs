//! Brings the payloads of many small files in few requests, or few calls of the system.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::{Data, Gathered};
use rangepack_core::blocks::table_len;
use rangepack_core::plan::{Plan, plan};
use rangepack_core::{AttributeBlock, Content, Digest, Extent, Source};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Longer payloads of remote files are read one by one, piece by piece.
pub(crate) const SMALL: u64 = 8 << 20;

/// What comes together.
struct Reads {
    /// Longer payloads are read one by one, piece by piece.
    small: u64,
    /// Two payloads come at once when no more lies between them.
    gap: u64,
    /// No more comes at once, unless one payload is longer.
    longest: u64,
}

/// Of remote files, where each request takes as long as many bytes.
const REMOTE: Reads = Reads { small: SMALL, gap: 64 << 10, longest: 8 << 20 };

/// Of files on disk: many are hashed side by side, which those of like length gain most by.
const DISK: Reads = Reads { small: 256 << 10, gap: 1 << 10, longest: 4 << 20 };

impl Reads {
    fn of(file: &Data) -> &'static Reads {
        if file.is_remote() { &REMOTE } else { &DISK }
    }
}

/// What one thread takes at once: so many files, or as many as have so many stored bytes.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    most_files: u64,
    most_bytes: u64,
    files: u64,
    bytes: u64,
    /// Volume and first byte of the last payload.
    last: Option<(u32, u64)>,
}

impl Share {
    /// The share of a remote pack, whose files come in few requests: so many that their entries alone have almost as many bytes.
    pub(crate) const REMOTE: Share = Share::new(16 << 10, 8 << 20);

    /// The share of a pack on disk.
    pub(crate) const DISK: Share = Share::new(256, 4 << 20);

    /// A share that nothing is in yet.
    pub(crate) const fn new(most_files: u64, most_bytes: u64) -> Share {
        Share { most_files, most_bytes, files: 0, bytes: 0, last: None }
    }

    /// Takes a file with so many stored bytes, unless it is too much. A long one that comes first is not.
    pub(crate) fn take(&mut self, stored: u64) -> bool {
        let bytes = self.bytes.saturating_add(stored);
        let is_room = self.bytes == 0 || stored == 0 || bytes <= self.most_bytes;
        let fits = self.files < self.most_files && is_room;
        if fits {
            (self.files, self.bytes) = (self.files + 1, bytes);
        }
        fits
    }

    /// Takes a file with this content, which has no bytes of its own when it lies where that of the last one does.
    pub(crate) fn take_content(&mut self, content: Option<&Content>) -> bool {
        let place = content.map(|content| (content.volume, content.offset));
        let is_there = place.is_some() && place == self.last;
        let stored = content.filter(|_| !is_there).map_or(0, |content| content.stored_size);
        let fits = self.take(stored);
        if fits {
            self.last = place.or(self.last);
        }
        fits
    }
}

/// Small files, set aside until their payloads are brought together.
#[derive(Debug)]
pub(crate) struct Aside<'p, T> {
    pack: &'p Pack,
    hashes: bool,
    wanted: Vec<Wanted>,
    files: Vec<T>,
}

/// Bytes of a volume.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    volume: u32,
    /// The payload, and what comes with it.
    extent: Extent,
    /// The payload, if it is to be hashed.
    payload: Option<Extent>,
}

impl<'p, T> Aside<'p, T> {
    /// With no files yet.
    pub(crate) fn new(pack: &'p Pack) -> Aside<'p, T> {
        Aside { pack, hashes: false, wanted: Vec::new(), files: Vec::new() }
    }

    /// The same; payloads are hashed together when they are brought ([`Gathered::left_of`]).
    pub(crate) fn hashing(pack: &'p Pack) -> Aside<'p, T> {
        Aside { hashes: true, ..Aside::new(pack) }
    }

    /// Whether a file's payload should be brought together with others.
    pub(crate) fn wants(&self, content: &Content) -> bool {
        self.pack.volume_of(content).is_ok_and(|file| {
            content.stored_size <= Reads::of(file).small && file.check(content.extent()).is_ok()
        })
    }

    /// Sets a file aside; with its attributes, if these are wanted as well.
    pub(crate) fn push(&mut self, content: &Content, attributes: Option<&AttributeBlock>, file: T) {
        if let Ok(data) = self.pack.volume_of(content) {
            // Those with a block table are verified block by block.
            let is_hashed = self.hashes && content.digest.is_some() && content.blocks.is_none();
            self.wanted.push(Wanted {
                volume: content.volume,
                extent: extent_of(content, attributes, data),
                payload: is_hashed.then(|| content.extent()),
            });
            self.files.push(file);
        }
    }

    /// Hands the files to `each` with their payloads, in the order in which these lie in the pack,
    /// until it breaks off.
    pub(crate) fn bring(
        &self,
        each: &mut dyn for<'g> FnMut(&T, Gathered<'g>) -> ControlFlow<()>,
    ) -> Result<()> {
        bring(self.pack, &self.wanted, &mut |place, gathered| each(&self.files[place], gathered))
    }
}

/// A payload, with its block table and its attributes as far as these lie close behind.
fn extent_of(content: &Content, attributes: Option<&AttributeBlock>, file: &Data) -> Extent {
    let table = content.blocks.filter(|_| content.volume == 0).map(|blocks| Extent {
        start: blocks.offset,
        len: table_len(content.size, blocks.block_log2),
    });
    let block = attributes.filter(|_| content.volume == 0);
    let block = block.map(|block| Extent { start: block.offset, len: block.len.into() });
    let Reads { small, gap: most, .. } = *Reads::of(file);
    let mut all = content.extent();
    for behind in [table, block].into_iter().flatten() {
        let longer = Extent { start: all.start, len: behind.end().saturating_sub(all.start) };
        let gap = behind.start.checked_sub(all.end());
        let is_close = gap.is_some_and(|gap| gap <= most) && longer.len <= 2 * small;
        if is_close && file.check(longer).is_ok() {
            all = longer;
        }
    }
    all
}

/// The same by their places in `all`, each in its volume.
fn bring(
    pack: &Pack,
    all: &[Wanted],
    each: &mut dyn for<'g> FnMut(usize, Gathered<'g>) -> ControlFlow<()>,
) -> Result<()> {
    let mut volumes: Vec<u32> = all.iter().map(|wanted| wanted.volume).collect();
    volumes.sort_unstable();
    volumes.dedup();
    for volume in volumes {
        let Ok(file) = pack.volume(volume) else { continue };
        let here: Vec<usize> = (0..all.len()).filter(|at| all[*at].volume == volume).collect();
        let extents: Vec<Extent> = here.iter().map(|place| all[*place].extent).collect();
        let Reads { gap, longest, .. } = *Reads::of(file);
        let Plan { reads, empty, .. } = plan(&extents, gap, longest);
        // Payloads that overlap come together, however much that is; hostile ones come singly.
        let (reads, long): (Vec<_>, Vec<_>) =
            reads.into_iter().partition(|read| read.extent.len <= 2 * longest);
        let long = long.iter().flat_map(|read| &read.parts).map(|(place, _)| *place);
        for place in empty.into_iter().chain(long) {
            if each(here[place], Gathered::new(file)).is_break() {
                return Ok(());
            }
        }
        let wanted: Vec<Extent> = reads.iter().map(|read| read.extent).collect();
        for (read, bytes) in reads.iter().zip(file.pieces(wanted.into_iter()).at_once()) {
            let bytes = match bytes {
                Ok(bytes) => Some(Arc::new(bytes.into_owned())),
                // A bad place on a disk concerns one file, or few: each is read by itself.
                Err(_) if !file.is_remote() => None,
                Err(error) => return Err(error),
            };
            let wanted: u64 = read.parts.iter().map(|(_, part)| part.len).sum();
            let payloads = read.parts.iter().filter_map(|(place, _)| all[here[*place]].payload);
            let start = read.extent.start;
            let digests = bytes.as_ref().map(|bytes| hash(start, bytes, payloads.collect()));
            for (place, _) in &read.parts {
                let mut gathered = Gathered::new(file);
                if let Some(bytes) = &bytes {
                    gathered = Gathered::with(file, start, bytes, wanted);
                }
                let payload = all[here[*place]].payload;
                let digest = payload.and_then(|payload| digests.as_ref()?.get(&payload));
                if let (Some(payload), Some(digest)) = (payload, digest) {
                    gathered = gathered.hashed(payload, *digest);
                }
                if each(here[*place], gathered).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The digests of these payloads, all of which lie in the bytes that begin at `start`; each is hashed once. None of payloads
/// that have many times the bytes, one over the other: whoever wants one may stop before the next.
fn hash(start: u64, bytes: &[u8], mut payloads: Vec<Extent>) -> HashMap<Extent, Digest> {
    // They come as they lie.
    payloads.dedup();
    let all: u64 = payloads.iter().map(|payload| payload.len).sum();
    if all > 2 * bytes.len() as u64 {
        return HashMap::new();
    }
    let cut = |payload: Extent| {
        let here = Extent { start: payload.start.checked_sub(start)?, len: payload.len };
        Some((payload, bytes.bytes(here)?))
    };
    let (payloads, cuts): (Vec<Extent>, Vec<&[u8]>) = payloads.into_iter().filter_map(cut).unzip();
    payloads.into_iter().zip(Digest::of_each(&cuts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_hashed_by_their_places_unless_they_lie_one_over_the_other() {
        let extent = |start, len| Extent { start, len };
        let found = hash(10, b"abcdef", vec![extent(10, 3), extent(10, 3), extent(12, 4)]);
        let expected = [(extent(10, 3), Digest::of(b"abc")), (extent(12, 4), Digest::of(b"cdef"))];
        assert_eq!(found, HashMap::from(expected));
        assert_eq!(
            hash(10, b"abcdef", vec![extent(10, 4), extent(10, 5), extent(10, 6)]),
            HashMap::new()
        );
        // What is stored once and named often is no reason.
        assert_eq!(hash(10, b"abcdef", vec![extent(10, 6); 9]).len(), 1);
    }
}
