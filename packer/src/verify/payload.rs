//! Checks payloads and their block tables.

use crate::error::Result;
use crate::progress::{Event, Observer};
use crate::read::file::Blocks;
use crate::read::pack::Pack;
use crate::source::data::{self, Gathered, cut};
use rangepack_core::blocks::table_len;
use rangepack_core::{Codec, Content, Decoder, Extent, PayloadHasher, Source};
use std::sync::{Mutex, PoisonError};

/// Payloads without a block table are hashed in pieces of this length, so that progress is seen.
const PIECE: usize = 256 << 10;

/// Decoded content passes through a buffer of this length.
const BUFFER: usize = 64 << 10;

/// How many payloads that were found good are remembered.
const REMEMBERED_LOG2: u32 = 14;

/// Some payloads that were found good, for identical content is stored once and named often.
#[derive(Default)]
pub(super) struct Checked(Mutex<Vec<Option<Content>>>);

impl Checked {
    fn slot(content: &Content) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the offset.
        let hash = content.offset.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (64 - REMEMBERED_LOG2)) as usize
    }

    /// Whether this payload was checked against the same digests before.
    pub(super) fn contains(&self, content: &Content) -> bool {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(Checked::slot(content)).is_some_and(|slot| slot.as_ref() == Some(content))
    }

    /// Remembers a good payload, and forgets the one in its slot.
    pub(super) fn insert(&self, content: &Content) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.is_empty() {
            slots.resize(1 << REMEMBERED_LOG2, None);
        }
        slots[Checked::slot(content)] = Some(*content);
    }
}

/// Checks a payload against everything that its entry says, and its block table. It may have been
/// gathered before.
///
/// `left` is the length of the content, then what of it was not told to the observer. Returns early when
/// cancelled.
pub(super) fn check(
    pack: &Pack,
    content: &Content,
    gathered: Option<Gathered<'_>>,
    left: &mut u64,
    observer: &dyn Observer,
) -> Result<()> {
    // The last piece is told with the file, which for most is the only one.
    let mut last = 0;
    check_all(pack, content, gathered, &mut |bytes| {
        if last > 0 {
            *left -= last;
            observer.event(Event::Bytes { bytes: last });
        }
        last = bytes.min(*left);
        !observer.cancelled()
    })
}

/// `done` hears of bytes of content, and says whether to go on.
fn check_all(
    pack: &Pack,
    content: &Content,
    gathered: Option<Gathered<'_>>,
    done: &mut dyn FnMut(u64) -> bool,
) -> Result<()> {
    let wrong = || crate::Error::pack(pack.location());
    let file = pack.volume_of(content)?;
    let gathered = gathered.unwrap_or(Gathered::new(file));
    let end = pack.payload_end(content)?;
    let extent = Extent::new(content.offset, content.stored_size, end).map_err(wrong())?;
    if let Some(blocks) = content.blocks {
        let len = table_len(content.size, blocks.block_log2);
        Extent::new(blocks.offset, len, pack.tables_end()).map_err(wrong())?;
    }
    let mut whole = Whole::new(content).map_err(wrong())?;
    if content.blocks.is_some() && content.size > 0 {
        // They lie side by side, from the payload's first byte to its last.
        let mut reader = Blocks::with(pack, content, gathered);
        while let Some((block, stored)) = reader.stored()? {
            reader.decode(&block, &stored)?;
            if !done(whole.update(&stored).map_err(wrong())?) {
                return Ok(());
            }
        }
    } else if let Some(payload) = gathered.bytes(extent) {
        for piece in payload.chunks(PIECE) {
            if !done(whole.update(piece).map_err(wrong())?) {
                return Ok(());
            }
        }
    } else {
        for piece in file.pieces(cut(extent, data::PIECE)) {
            if !done(whole.update(&piece?).map_err(wrong())?) {
                return Ok(());
            }
        }
    }
    whole.finish(content).map_err(wrong())
}

/// Checks the payload as a whole: its digest, and its content's length, digest and check sum.
enum Whole {
    Stored(PayloadHasher),
    Gzip(Box<Decoder>, Vec<u8>),
}

impl Whole {
    fn new(content: &Content) -> rangepack_core::Result<Whole> {
        Ok(match content.codec {
            Codec::Stored => Whole::Stored(PayloadHasher::new()),
            _ => Whole::Gzip(Box::new(Decoder::new(content)?), vec![0; BUFFER]),
        })
    }

    /// Takes the payload's next bytes; returns how many bytes of content they gave.
    fn update(&mut self, piece: &[u8]) -> rangepack_core::Result<u64> {
        match self {
            Whole::Stored(hasher) => {
                hasher.update(piece);
                Ok(piece.len() as u64)
            }
            Whole::Gzip(decoder, buffer) => {
                let mut rest = piece;
                let mut content = 0;
                loop {
                    let progress = decoder.decode(rest, buffer)?;
                    rest = rest.get(progress.consumed..).unwrap_or(&[]);
                    content += progress.produced as u64;
                    if progress.produced < buffer.len() {
                        return Ok(content);
                    }
                }
            }
        }
    }

    fn finish(self, content: &Content) -> rangepack_core::Result<()> {
        match self {
            Whole::Stored(hasher) => hasher.finish(content),
            Whole::Gzip(decoder, _) => decoder.finish(),
        }
    }
}
