//! Hashes many messages side by side, one in each lane of the processor's vector registers, or by turns in its unit for SHA-256.

use crate::Digest;
use alloc::{vec, vec::Vec};
use tape_sha256::{hash_many, lane_width};

/// Messages side by side take as long as the longest of them does in its lane, where it is slower than alone: they must
/// have so many times its bytes together.
fn worthwhile() -> usize {
    // Where they are hashed in vector registers, and not by turns in a unit for SHA-256, although there is one: alone it reaches
    // 1.3 GB/s, and 16 lanes 2.4.
    #[cfg(target_arch = "x86_64")]
    if lane_width() > BY_TURNS && super::has_instructions() {
        return lane_width().saturating_mul(9) / 16;
    }
    3
}

/// So many messages at most take turns.
#[cfg(target_arch = "x86_64")]
const BY_TURNS: usize = 4;

/// Those of several messages, in their order.
pub(in crate::digest) fn of_each(messages: &[&[u8]]) -> Vec<Digest> {
    let mut digests = vec![Digest([0; 32]); messages.len()];
    // Neighbours are of like length.
    let mut order: Vec<(usize, &[u8])> = messages.iter().copied().enumerate().collect();
    order.sort_unstable_by_key(|(_, message)| core::cmp::Reverse(message.len()));
    let (mut side_by_side, mut found) = (Vec::new(), Vec::new());
    let worthwhile = worthwhile();
    let mut rest = order.as_slice();
    while let Some(((place, longest), shorter)) = rest.split_first() {
        let (group, others) = rest.split_at(rest.len().min(lane_width()));
        let bytes =
            group.iter().fold(0usize, |sum, (_, message)| sum.saturating_add(message.len()));
        if bytes < longest.len().saturating_mul(worthwhile) {
            if let Some(digest) = digests.get_mut(*place) {
                *digest = Digest::of(longest);
            }
            rest = shorter;
            continue;
        }
        side_by_side.clear();
        side_by_side.extend(group.iter().map(|(_, message)| *message));
        found.clear();
        found.resize(group.len(), [0; 32]);
        hash_many(&side_by_side, &mut found);
        for ((place, _), found) in group.iter().zip(&found) {
            if let Some(digest) = digests.get_mut(*place) {
                *digest = Digest(*found);
            }
        }
        rest = others;
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_the_digests_are_those_of_each_alone() {
        let bytes: Vec<u8> = (0..70_000u32).map(|n| (n.wrapping_mul(n) >> 3) as u8).collect();
        let mut lens: Vec<usize> = (0..200).collect();
        lens.extend([70_000, 4096, 4096, 4095, 4097, 55, 56, 63, 64, 65, 1000, 69_999, 30_000]);
        for count in [0, 1, 2, 3, 7, 16, 17, 33, lens.len()] {
            for skip in [0, 100, 190] {
                let lens = lens.iter().cycle().skip(skip).take(count);
                let messages: Vec<&[u8]> =
                    lens.map(|len| &bytes[len / 7..][..len * 6 / 7]).collect();
                let alone: Vec<Digest> = messages.iter().map(|it| Digest::of(it)).collect();
                assert_eq!(of_each(&messages), alone, "{count} from {skip}");
            }
        }
    }
}
