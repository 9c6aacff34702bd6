//! Writes inner pages: digests and separators of the pages below.

use crate::Digest;
use crate::bytes::common_prefix;
use crate::error::Result;
use crate::format::layout::put::sum;
use crate::format::layout::{Heap, InnerParts, inner_len};
use alloc::vec::Vec;

/// What an inner page holds of one child, while it is being built.
#[derive(Debug, Clone)]
pub(crate) struct ChildSlot {
    /// Separator; empty for the first child of a level.
    pub(crate) separator: Vec<u8>,
    /// SHA-256 of the child's page.
    pub(crate) digest: Digest,
    /// Entries below the child.
    pub(crate) entries: u64,
}

/// How many of `slots`, from the first, fit into an inner page of `capacity` bytes.
pub(crate) fn fitting(slots: &[ChildSlot], capacity: usize) -> usize {
    let mut best = 0usize;
    let mut suffixes = 0usize;
    let mut total = 0u64;
    let mut prefix: Option<usize> = None;
    for (index, slot) in slots.iter().enumerate() {
        // The first separator of a page is never compared.
        if index > 0 {
            let with =
                slots.get(1).map_or(0, |first| common_prefix(&first.separator, &slot.separator));
            prefix = Some(prefix.map_or(with, |prefix: usize| prefix.min(with)));
            suffixes = suffixes.saturating_add(slot.separator.len());
        }
        let prefix = prefix.unwrap_or(0);
        let children = index.saturating_add(1);
        // Lengths that saturate do not fit.
        let heap = suffixes.saturating_sub(prefix.saturating_mul(index)).saturating_add(prefix);
        let len = inner_len(children as u64, total, heap as u64);
        if len > capacity as u64 || children > usize::from(u16::MAX) {
            break;
        }
        best = children;
        total = total.saturating_add(slot.entries);
    }
    best
}

/// Writes an inner page over `slots`, whose pages are numbered from `first_child`.
pub(crate) fn write(
    slots: &[ChildSlot],
    level: u8,
    first_child: u32,
    out: &mut Vec<u8>,
) -> Result<()> {
    let separators = || slots.iter().skip(1).map(|slot| slot.separator.as_slice());
    let first = separators().next().unwrap_or(&[]);
    let prefix_len =
        separators().map(|separator| common_prefix(first, separator)).min().unwrap_or(0);
    let mut heap = Heap::with_capacity(slots.len());
    heap.put(first.get(..prefix_len).unwrap_or(&[]));
    let mut counts = Vec::with_capacity(slots.len());
    let mut before = 0u64;
    for (index, slot) in slots.iter().enumerate() {
        let rest = slot.separator.get(prefix_len..).unwrap_or(&[]);
        heap.push(if index > 0 { rest } else { &[] })?;
        counts.push(before);
        before = sum("entries", [before, slot.entries])?;
    }
    heap.end_strings()?;
    let digests: Vec<Digest> = slots.iter().map(|slot| slot.digest).collect();
    let (heap, counts, digests) = (&heap, &counts[..], &digests[..]);
    InnerParts { level, first_child, prefix_len, heap, counts, digests }.write(out)
}
