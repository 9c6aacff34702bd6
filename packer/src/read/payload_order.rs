//! Files in the order in which their payloads lie, so that what is next to each other is fetched together, and what
//! several files share once.

use rangepack_core::Content;
use std::collections::BTreeMap;

/// Numbers of entries by the places of their payloads: for each volume the first byte and the number. That is 16 bytes a
/// file, less than what is kept of its index page.
#[derive(Debug, Default)]
pub(crate) struct PayloadOrder(BTreeMap<u32, Vec<(u64, u64)>>);

impl PayloadOrder {
    /// Adds a file.
    pub(crate) fn push(&mut self, content: &Content, number: u64) {
        self.0.entry(content.volume).or_default().push((content.offset, number));
    }

    /// The numbers of all, those of one volume after those of another.
    pub(crate) fn numbers(mut self) -> impl Iterator<Item = u64> {
        // Packs have them in this order already, but for content that was there before.
        self.0.values_mut().for_each(|places| places.sort_unstable());
        self.0.into_values().flatten().map(|(_, number)| number)
    }
}

/// What two files have in common that share a payload, whatever else is known of them.
pub(crate) fn payload_of(content: Content) -> Content {
    let mut payload = content;
    (payload.hard_link, payload.sparse) = (None, false);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::Codec;

    #[test]
    fn payloads_come_as_they_lie() {
        let mut order = PayloadOrder::default();
        for (number, (volume, offset)) in
            [(1, 5), (0, 9), (0, 2), (1, 0), (0, 9)].iter().enumerate()
        {
            let content = Content::new(Codec::Stored, *offset, 1, 1).with_volume(*volume);
            order.push(&content, number as u64);
        }
        assert_eq!(order.numbers().collect::<Vec<_>>(), [2, 1, 4, 3, 0]);
    }
}
