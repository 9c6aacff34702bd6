//! Writes inner pages: digests and separators of the pages below.

use crate::Digest;
use crate::bytes::{common_prefix, packed_width};
use crate::error::{Error, Result, Structure};
use crate::format::layout::{INNER_HEADER_LEN, InnerHeader};
use alloc::vec::Vec;

/// What an inner page holds of one child, while it is being built.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Separator; empty for the first child of a level.
    pub separator: Vec<u8>,
    /// SHA-256 of the child's page.
    pub digest: Digest,
    /// Entries below the child.
    pub entries: u64,
}

/// How many of `slots`, from the first, fit into an inner page of `capacity` bytes.
pub(crate) fn fitting(slots: &[Slot], capacity: usize) -> usize {
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
        let heap = suffixes.saturating_sub(prefix.saturating_mul(index)).saturating_add(prefix);
        let len = INNER_HEADER_LEN
            .saturating_add(children.saturating_add(1).saturating_mul(2))
            .saturating_add(
                children.saturating_mul(usize::from(packed_width(total)).saturating_add(32)),
            )
            .saturating_add(heap);
        if len > capacity || children > usize::from(u16::MAX) {
            break;
        }
        best = children;
        total = total.saturating_add(slot.entries);
    }
    best
}

/// Writes an inner page over `slots`, whose pages are numbered from `first_child`.
pub(crate) fn write(slots: &[Slot], level: u8, first_child: u32, out: &mut Vec<u8>) -> Result<()> {
    let too_long = || Error::BadField { structure: Structure::Inner, field: "len", value: 0 };
    let to_u16 = |value: usize| u16::try_from(value).map_err(|_| too_long());
    let separators = || slots.iter().skip(1).map(|slot| slot.separator.as_slice());
    let first = separators().next().unwrap_or(&[]);
    let prefix_len =
        separators().map(|separator| common_prefix(first, separator)).min().unwrap_or(0);
    let mut heap = first.get(..prefix_len).unwrap_or(&[]).to_vec();
    let mut offsets = Vec::new();
    let mut counts = Vec::new();
    let mut before = 0u64;
    for (index, slot) in slots.iter().enumerate() {
        offsets.push(to_u16(heap.len())?);
        if index > 0 {
            heap.extend_from_slice(slot.separator.get(prefix_len..).unwrap_or(&[]));
        }
        counts.push(before);
        before = before.saturating_add(slot.entries);
    }
    offsets.push(to_u16(heap.len())?);
    let width = packed_width(counts.last().copied().unwrap_or(0));
    let header = InnerHeader {
        level,
        children: to_u16(slots.len())?,
        prefix_len: to_u16(prefix_len)?,
        count_width: width,
        first_child,
        heap_len: u32::try_from(heap.len()).map_err(|_| too_long())?,
    };
    out.extend_from_slice(&header.to_bytes());
    for offset in offsets {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    for count in counts {
        out.extend_from_slice(count.to_le_bytes().get(..usize::from(width)).unwrap_or(&[]));
    }
    for slot in slots {
        out.extend_from_slice(&slot.digest.0);
    }
    out.extend_from_slice(&heap);
    Ok(())
}
