//! Brings the payloads of many small files of a remote pack in few requests.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::{Data, Gathered};
use rangepack_core::blocks::table_len;
use rangepack_core::plan::{Plan, plan};
use rangepack_core::{Content, Extent};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Longer payloads are read one by one, piece by piece.
const SMALL: u64 = 1 << 20;

/// Two payloads come with one request when no more lies between them.
const GAP: u64 = 64 << 10;

/// No request is for more, unless one payload is.
const LONGEST: u64 = 8 << 20;

/// Whether a payload should be brought together with others.
pub(crate) fn is_small(pack: &Pack, content: &Content) -> bool {
    let is_remote = |file: &Data| file.is_remote() && file.check(content.extent()).is_ok();
    content.stored_size <= SMALL && pack.volume_of(content).is_ok_and(is_remote)
}

/// A payload, and its block table if that lies close behind.
fn extent_of(content: &Content, file: &Data) -> Extent {
    let payload = content.extent();
    let Some(blocks) = &content.blocks else { return payload };
    let table = Extent { start: blocks.offset, len: table_len(content.size, blocks.block_log2) };
    let both = Extent { start: payload.start, len: table.end().saturating_sub(payload.start) };
    let gap = table.start.checked_sub(payload.end());
    let is_close = gap.is_some_and(|gap| gap <= GAP) && both.len <= 2 * SMALL;
    if is_close && file.check(both).is_ok() { both } else { payload }
}

/// Hands the payloads of small files to `each`, by their numbers in `contents`, in the order in which
/// they lie in the pack, until it breaks off.
pub(crate) fn each(
    pack: &Pack,
    contents: &[Content],
    each: &mut dyn for<'g> FnMut(usize, Gathered<'g>) -> ControlFlow<()>,
) -> Result<()> {
    let mut volumes: Vec<u16> = contents.iter().map(|content| content.volume).collect();
    volumes.sort_unstable();
    volumes.dedup();
    for volume in volumes {
        let Some(file) = pack.volume(volume) else { continue };
        let here: Vec<usize> =
            (0..contents.len()).filter(|place| contents[*place].volume == volume).collect();
        let extents: Vec<Extent> =
            here.iter().map(|place| extent_of(&contents[*place], file)).collect();
        let Plan { reads, empty, .. } = plan(&extents, GAP, LONGEST);
        // Payloads that overlap come together, however much that is; hostile ones come singly.
        let (reads, long): (Vec<_>, Vec<_>) =
            reads.into_iter().partition(|read| read.extent.len <= 2 * LONGEST);
        let long = long.iter().flat_map(|read| &read.parts).map(|(place, _)| *place);
        for place in empty.into_iter().chain(long) {
            if each(here[place], Gathered::new(file)).is_break() {
                return Ok(());
            }
        }
        let wanted: Vec<Extent> = reads.iter().map(|read| read.extent).collect();
        for (read, bytes) in reads.iter().zip(file.pieces(wanted.into_iter())) {
            let bytes = bytes?;
            for (place, _) in &read.parts {
                let gathered = Gathered::with(file, read.extent.start, Cow::Borrowed(&bytes));
                if each(here[*place], gathered).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
