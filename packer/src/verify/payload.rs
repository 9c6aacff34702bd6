//! Checks payloads and their block tables.

use crate::file;
use crate::open::Pack;
use crate::progress::Progress;
use reader_core::blocks::table_len;
use reader_core::decode::{Decoder, PayloadHasher};
use reader_core::error::{Error, Result, Structure};
use reader_core::{Codec, Content, Extent, Source};
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

/// Checks a payload against everything that its entry says, and its block table.
///
/// Counts the whole content as done, whatever it finds. Returns early when cancelled.
pub(super) fn check(pack: &Pack, content: &Content, progress: &Progress) -> Result<()> {
    let mut left = content.size;
    let result = check_all(pack, content, &mut |bytes| {
        let bytes = bytes.min(left);
        left -= bytes;
        progress.add_bytes(bytes);
        !progress.is_cancelled()
    });
    progress.add_bytes(left);
    result
}

/// `done` hears of bytes of content, and says whether to go on.
fn check_all(pack: &Pack, content: &Content, done: &mut dyn FnMut(u64) -> bool) -> Result<()> {
    let Some(volume) = pack.volume(content.volume) else {
        let (structure, field) = (Structure::Leaf, "volume");
        return Err(Error::BadField { structure, field, value: u64::from(content.volume) });
    };
    let end = payload_end(pack, volume);
    let extent = Extent::new(content.offset, content.stored_size, end)?;
    if let Some(blocks) = content.blocks {
        let end = payload_end(pack, pack.tables());
        Extent::new(blocks.offset, table_len(content.size, blocks.block_log2), end)?;
    }
    let mut whole = Whole::new(content)?;
    if content.blocks.is_some() && content.size > 0 {
        let mut start = 0;
        // The blocks that are located lie side by side, from the payload's first byte to its last.
        while start < content.size {
            let (blocks, located) = file::locate(pack, content, start)?;
            start = located;
            for block in &blocks {
                file::decode_block(pack, content, block)?;
                if !done(whole.update(volume.bytes(block.stored).unwrap_or(&[]))?) {
                    return Ok(());
                }
            }
        }
    } else {
        for piece in volume.bytes(extent).unwrap_or(&[]).chunks(PIECE) {
            if !done(whole.update(piece)?) {
                return Ok(());
            }
        }
    }
    whole.finish(content)
}

/// Where payloads and tables must end: in the file that holds the index before that, elsewhere at the
/// end of the file.
fn payload_end(pack: &Pack, bytes: &[u8]) -> u64 {
    if std::ptr::eq(pack.pages(), bytes) {
        return pack.header().payload_end;
    }
    bytes.len() as u64
}

/// Checks the payload as a whole: its digest, and its content's length, digest and check sum.
enum Whole {
    Stored(PayloadHasher),
    Gzip(Box<Decoder>, Vec<u8>),
}

impl Whole {
    fn new(content: &Content) -> Result<Whole> {
        Ok(match content.codec {
            Codec::Stored => Whole::Stored(PayloadHasher::new()),
            _ => Whole::Gzip(Box::new(Decoder::new(content)?), vec![0; BUFFER]),
        })
    }

    /// Takes the payload's next bytes; returns how many bytes of content they gave.
    fn update(&mut self, piece: &[u8]) -> Result<u64> {
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

    fn finish(self, content: &Content) -> Result<()> {
        match self {
            Whole::Stored(hasher) => hasher.finish(content),
            Whole::Gzip(decoder, _) => decoder.finish(),
        }
    }
}
