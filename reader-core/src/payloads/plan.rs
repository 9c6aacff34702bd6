//! Merges the ranges of many payloads into few reads.
//!
//! Neighbours in a directory are neighbours in the pack, so a read for one of them often brings the
//! next for little more. What to read is decided here, apart from reading it.

use crate::Extent;
use alloc::vec::Vec;

/// One range to read, and which of the wanted ranges lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// What to read; never empty.
    pub extent: Extent,
    /// The wanted ranges inside, by offset: each with its index in the input.
    pub parts: Vec<(usize, Extent)>,
}

/// The reads that bring a set of ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// By offset; no two overlap. Each wanted range that is not empty is a part of exactly one.
    pub reads: Vec<Read>,
    /// Indices of wanted ranges that are empty, so that nothing is read for them.
    pub empty: Vec<usize>,
}

/// Plans reads for `extents`, which may come in any order, overlap, or be there twice.
///
/// Two neighbours share a read when at most `gap` bytes between them are of no use and the read is
/// at most `max_len` bytes long. Ranges are never cut: one that is longer than `max_len` is a read
/// of its own, and overlapping ranges always share a read, however long it gets. Ranges in
/// different volumes belong into different plans.
///
/// ```
/// use rangepack_core::{Extent, plan::plan};
/// let wanted = [(0, 10), (500, 10), (12, 10)].map(|(start, len)| Extent { start, len });
/// let plan = plan(&wanted, 4, 1 << 20);
/// assert_eq!(plan.reads[0].extent, Extent { start: 0, len: 22 });
/// assert_eq!(plan.reads[0].parts, [(0, wanted[0]), (2, wanted[2])]);
/// assert_eq!(plan.reads[1].extent, wanted[1]);
/// ```
pub fn plan(extents: &[Extent], gap: u64, max_len: u64) -> Plan {
    let mut plan = Plan::default();
    let mut wanted: Vec<(usize, Extent)> = Vec::with_capacity(extents.len());
    for (index, extent) in extents.iter().enumerate() {
        match extent.len {
            0 => plan.empty.push(index),
            _ => wanted.push((index, *extent)),
        }
    }
    wanted.sort_unstable_by_key(|(index, extent)| (*extent, *index));
    for (index, extent) in wanted {
        if let Some(last) = plan.reads.last_mut()
            && let Some(joined) = join(last.extent, extent, gap, max_len)
        {
            last.extent = joined;
            last.parts.push((index, extent));
        } else {
            plan.reads.push(Read { extent, parts: Vec::from([(index, extent)]) });
        }
    }
    plan
}

/// The ranges of the reads that [`plan`] would come to, when nobody asks which holds what.
pub fn merge(extents: impl IntoIterator<Item = Extent>, gap: u64, max_len: u64) -> Vec<Extent> {
    let mut wanted: Vec<Extent> = extents.into_iter().filter(|extent| extent.len > 0).collect();
    wanted.sort_unstable();
    let mut merged: Vec<Extent> = Vec::new();
    for extent in wanted {
        match merged.last_mut() {
            Some(last) => match join(*last, extent, gap, max_len) {
                Some(joined) => *last = joined,
                None => merged.push(extent),
            },
            None => merged.push(extent),
        }
    }
    merged
}

/// One range for both, if they should share a read. `next` does not start before `last`.
fn join(last: Extent, next: Extent, gap: u64, max_len: u64) -> Option<Extent> {
    let len = last.end().max(next.end()).saturating_sub(last.start);
    let overlap = next.start < last.end();
    let near = next.start.saturating_sub(last.end()) <= gap;
    (overlap || (near && len <= max_len)).then_some(Extent { start: last.start, len })
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic here is a failed test"
)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn extents(pairs: &[(u64, u64)]) -> Vec<Extent> {
        pairs.iter().map(|&(start, len)| Extent { start, len }).collect()
    }

    #[test]
    fn gaps_up_to_the_given_one_are_read_over() {
        let wanted = extents(&[(10, 5), (18, 2)]);
        assert_eq!(merge(wanted.clone(), 2, 100), wanted);
        assert_eq!(merge(wanted, 3, 100), extents(&[(10, 10)]));
    }

    #[test]
    fn reads_stay_short_but_ranges_whole() {
        let wanted = extents(&[(0, 10), (10, 10), (20, 50), (70, 5), (75, 5)]);
        assert_eq!(merge(wanted, 0, 20), extents(&[(0, 20), (20, 50), (70, 10)]));
    }

    #[test]
    fn overlaps_and_twins_share_a_read() {
        let wanted = extents(&[(5, 10), (0, 10), (5, 10), (6, 1)]);
        let plan = plan(&wanted, 0, 1);
        assert_eq!(plan.reads.len(), 1);
        assert_eq!(plan.reads[0].extent, Extent { start: 0, len: 15 });
        let order: Vec<usize> = plan.reads[0].parts.iter().map(|part| part.0).collect();
        assert_eq!(order, [1, 0, 2, 3]);
    }

    #[test]
    fn empty_ranges_need_no_read() {
        let plan = plan(&extents(&[(5, 0), (7, 1), (9, 0)]), 0, 10);
        assert_eq!(plan.empty, [0, 2]);
        assert_eq!(plan.reads.len(), 1);
        assert_eq!(merge(vec![], 0, 0), []);
    }

    #[test]
    fn ranges_at_the_end_of_all_offsets_do_no_harm() {
        let wanted = extents(&[(u64::MAX - 1, 1), (0, 1), (u64::MAX - 5, 5)]);
        let merged = merge(wanted, u64::MAX, u64::MAX);
        assert_eq!(merged, extents(&[(0, u64::MAX)]));
    }

    proptest! {
        #[test]
        fn every_range_is_read_once(
            pairs in proptest::collection::vec((0u64..2000, 0u64..60), 0..60),
            gap in 0u64..40,
            max_len in 0u64..300,
        ) {
            let wanted = extents(&pairs);
            let plan = plan(&wanted, gap, max_len);
            let reads: Vec<Extent> = plan.reads.iter().map(|read| read.extent).collect();
            prop_assert_eq!(&reads, &merge(wanted.iter().copied(), gap, max_len));
            for pair in plan.reads.windows(2) {
                prop_assert!(pair[0].extent.end() <= pair[1].extent.start);
            }
            let mut seen = plan.empty.clone();
            for read in &plan.reads {
                let mut useful = vec![false; 3000];
                for (index, part) in &read.parts {
                    prop_assert_eq!(*part, wanted[*index]);
                    prop_assert!(read.extent.contains(part));
                    seen.push(*index);
                    useful[part.start as usize..part.end() as usize].fill(true);
                }
                // No useless run is longer than the gap, and none is at either end.
                let bytes = &useful[read.extent.start as usize..read.extent.end() as usize];
                prop_assert!(bytes[0] && bytes[bytes.len() - 1]);
                let longest = bytes.split(|useful| *useful).map(<[bool]>::len).max();
                prop_assert!(longest.unwrap_or(0) as u64 <= gap);
                let overlapping = read.parts.windows(2).any(|w| w[1].1.start < w[0].1.end());
                prop_assert!(read.extent.len <= max_len || read.parts.len() == 1 || overlapping);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..wanted.len()).collect::<Vec<_>>());
        }
    }
}
