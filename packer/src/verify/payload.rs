//! Checks payloads and their block tables.

use crate::error::Result;
use crate::progress::{Event, Observer};
use crate::read::blocks::Blocks;
use crate::read::content::{self, Verified};
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::blocks::table_len;
use rangepack_core::{AttributeBlock, Codec, Content, Extent};
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// Stored payloads are hashed in pieces of this length, so that progress is seen.
const PIECE: usize = 256 << 10;

/// Decoded content passes through a buffer of this length.
const BUFFER: usize = 64 << 10;

/// How many payloads, or attribute blocks, that were found good are remembered.
const REMEMBERED_LOG2: u32 = 14;

/// Something that entries name by its offset.
pub(super) trait Named: Copy + PartialEq {
    /// Where it begins.
    fn offset(&self) -> u64;
}

impl Named for Content {
    fn offset(&self) -> u64 {
        self.offset
    }
}

impl Named for AttributeBlock {
    fn offset(&self) -> u64 {
        self.offset
    }
}

/// Some of those that were found good, for what is identical is stored once and named often.
pub(super) struct Checked<T>(Mutex<Vec<Option<T>>>);

impl<T> Default for Checked<T> {
    fn default() -> Checked<T> {
        Checked(Mutex::default())
    }
}

impl<T: Named> Checked<T> {
    fn slot(named: &T) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the offset.
        let hash = named.offset().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (64 - REMEMBERED_LOG2)) as usize
    }

    /// Whether it was checked against the same digests before.
    pub(super) fn contains(&self, named: &T) -> bool {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(Checked::slot(named)).is_some_and(|slot| slot.as_ref() == Some(named))
    }

    /// Remembers a good one, and forgets the one in its slot.
    pub(super) fn insert(&self, named: &T) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.is_empty() {
            slots.resize(1 << REMEMBERED_LOG2, None);
        }
        slots[Checked::slot(named)] = Some(*named);
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
    gathered: Option<&Gathered<'_>>,
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
    gathered: Option<&Gathered<'_>>,
    done: &mut dyn FnMut(u64) -> bool,
) -> Result<()> {
    let wrong = || crate::Error::pack(pack.location());
    let file = pack.volume_of(content)?;
    let gathered = gathered.map_or(Gathered::new(file), Gathered::again);
    let end = pack.payload_end(content.volume)?;
    let extent = content.extent();
    let extent = Extent::new(extent.start, extent.len, end).map_err(wrong())?;
    // A table of nothing is ignored.
    if let Some(blocks) = content.blocks.filter(|_| content.size > 0) {
        let len = table_len(content.size, blocks.block_log2);
        Extent::new(blocks.offset, len, pack.tables_end()).map_err(wrong())?;
    }
    let longest = if content.codec == Codec::Stored { PIECE } else { BUFFER };
    let mut pieces = if content.blocks.is_some() && content.size > 0 {
        let blocks = Blocks::all(pack, content, gathered);
        Verified::blocks(pack, content, longest, blocks)?
    } else if let Some(payload) = gathered.here(extent) {
        let left = gathered.left_of(content).map_err(wrong())?;
        if left.codec == Codec::Stored && left.digest.is_none() {
            let limits = &pack.options().limits;
            content::whole(&left, Cow::Borrowed(payload), None, limits).map_err(wrong())?;
            done(content.size);
            return Ok(());
        }
        Verified::at_hand(pack, &left, longest, payload)?
    } else {
        Verified::read(pack, content, longest)?
    };
    let mut buffer = Vec::new();
    while let Some(piece) = pieces.next(&mut buffer)? {
        if !done(piece.len() as u64) {
            return Ok(());
        }
    }
    Ok(())
}
