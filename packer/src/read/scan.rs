//! Entries by number, past pages that are damaged.

use crate::error::{Error, Result};
use crate::read::pack::Pack;
use rangepack_core::EntryRef;
use std::ops::Range;

/// What stands under a number, which is told with an entry.
pub(crate) enum Scanned<'p> {
    Entry(u64, EntryRef<'p>),
    /// Entries that cannot be read.
    Damaged {
        entries: Range<u64>,
        problem: rangepack_core::Error,
    },
}

/// Hands the entries with these numbers to `each`, until it wants no more.
///
/// # Errors
/// What is no damage: a server that does not answer.
pub(crate) fn scan<'p>(
    pack: &'p Pack,
    range: Range<u64>,
    mut each: impl FnMut(Scanned<'p>) -> bool,
) -> Result<()> {
    let index = pack.index();
    let end = range.end.min(index.len());
    let mut scan = index.scan(range);
    loop {
        let scanned = match pack.ask(|pages| scan.next(pages)).map_err(Error::about_pack) {
            Ok(Some(entry)) => Scanned::Entry(scan.position().saturating_sub(1), entry),
            Ok(None) => return Ok(()),
            Err(Err(error)) => return Err(error),
            Err(Ok(problem)) => {
                let first = scan.position();
                let next = next_readable(pack, first, end);
                scan = index.scan(next..end);
                Scanned::Damaged { entries: first..next, problem }
            }
        };
        if !each(scanned) {
            return Ok(());
        }
    }
}

/// The number of the next entry that can be read after `bad`, which cannot.
///
/// A damaged page makes a whole range unreadable, and is hashed at each attempt to read it. So the end
/// of the range is searched for with growing steps, then by halving. A sound page between damaged ones
/// may be passed over; its entries count as unreadable.
fn next_readable(pack: &Pack, bad: u64, end: u64) -> u64 {
    let is_readable = |number| pack.entry_numbered(number).is_ok_and(|e| e.is_some());
    let (mut low, mut step) = (bad, 1u64);
    let mut high = loop {
        let number = low.saturating_add(step);
        if number >= end {
            break end;
        }
        if is_readable(number) {
            break number;
        }
        low = number;
        step = step.saturating_mul(2);
    };
    while low + 1 < high {
        let middle = low.midpoint(high);
        if is_readable(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
