//! Numbers of hard links, counted anew.
//!
//! A container that was made in several runs may have lost the first entry of a group, or all of it, to later
//! lines of the same paths; and its groups are in the order of packing. FORMAT.md counts them from 1 in key order.

use rangepack_core::{Content, Entry, Kind};
use std::collections::HashMap;

/// The groups seen so far, by the pack that they come from, and their old numbers there.
#[derive(Debug, Default)]
pub(crate) struct Groups(HashMap<(usize, u64), Group>);

/// What the members of a group share, and its new number.
#[derive(Debug)]
struct Group {
    number: u64,
    content: Content,
}

impl Groups {
    /// Gives the next entry, in key order, which comes from pack `source`, the new number of its group. One whose content is not that of its group is
    /// no member.
    pub(crate) fn renumber(&mut self, source: usize, entry: &mut Entry) {
        let Kind::File(content) = &mut entry.kind else { return };
        let Some(old) = content.hard_link else { return };
        let number = self.0.len() as u64 + 1;
        let group = self.0.entry((source, old)).or_insert(Group { number, content: *content });
        content.hard_link = (group.content == *content).then_some(group.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::{Codec, PackPathBuf};

    #[test]
    fn numbers_count_from_one_and_strangers_have_none() {
        let mut groups = Groups::default();
        let mut number = |offset, group| {
            let content = Content::new(Codec::Stored, offset, 1, 1).with_hard_link(group);
            let path = PackPathBuf::new(b"a".to_vec()).unwrap();
            let mut entry = Entry::new(path, Kind::File(content));
            groups.renumber(0, &mut entry);
            let Kind::File(content) = entry.kind else { return None };
            content.hard_link
        };
        assert_eq!(number(0, Some(9)), Some(1));
        assert_eq!(number(1, None), None);
        assert_eq!(number(2, Some(4)), Some(2));
        assert_eq!(number(0, Some(9)), Some(1));
        assert_eq!(number(3, Some(9)), None);
        assert_eq!(number(4, Some(u64::MAX)), Some(3));
    }
}
