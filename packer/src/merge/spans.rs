//! Neighbours that stay neighbours: how entries are handed from the thread that chooses them to the one that writes.
//!
//! Packs that do not overlap give whole leaves, and what is read by one processor and written by another is little.

use super::chosen::Chosen;
use crate::error::Result;
use rangepack_core::{EntryRef, PackPathBuf, layout::Leaf};
use std::ops::Range;

/// What comes next.
#[derive(Debug)]
pub(super) enum Span<'p> {
    /// Entries of the pack with this number, side by side in a leaf that was checked.
    Slots(usize, Leaf<'p>, Range<usize>),
    /// A directory above those of a pack, which no pack has.
    Above(PackPathBuf),
}

impl<'p> Span<'p> {
    /// One entry.
    pub(super) fn of(pack: usize, entry: &EntryRef<'p>) -> Span<'p> {
        let (leaf, slot) = entry.place();
        Span::Slots(pack, leaf, slot..slot + 1)
    }

    /// Takes in the span behind it, if that begins where it ends.
    fn extend(&mut self, next: &Span<'p>) -> bool {
        let (Span::Slots(pack, leaf, slots), Span::Slots(number, other, more)) = (self, next)
        else {
            return false;
        };
        if pack != number || !leaf.is_same(other) || slots.end != more.start {
            return false;
        }
        slots.end = more.end;
        true
    }

    /// How much work it is, about in entries.
    pub(super) fn weight(&self) -> usize {
        const EACH: usize = 4;
        match self {
            Span::Slots(_, _, slots) => EACH + slots.len(),
            Span::Above(_) => EACH,
        }
    }
}

/// See [the module](self): as few spans as possible.
pub(super) struct Spans<'c, 'p> {
    chosen: &'c mut Chosen<'p>,
    /// What came behind the last span.
    next: Option<Result<Span<'p>>>,
}

impl<'c, 'p> Spans<'c, 'p> {
    pub(super) fn new(chosen: &'c mut Chosen<'p>) -> Spans<'c, 'p> {
        Spans { chosen, next: None }
    }
}

impl<'p> Iterator for Spans<'_, 'p> {
    type Item = Result<Span<'p>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut span = match self.next.take().or_else(|| self.chosen.next())? {
            Ok(span) => span,
            Err(error) => return Some(Err(error)),
        };
        loop {
            match self.chosen.next() {
                Some(Ok(next)) if span.extend(&next) => {}
                next => {
                    self.next = next;
                    return Some(Ok(span));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::merging::blank;
    use rangepack_core::{Entry, TreeBuilder};

    #[test]
    fn only_neighbours_of_one_leaf_and_pack_are_one_span() {
        let page = || {
            let mut tree = TreeBuilder::new();
            let mut pages = Vec::new();
            for name in ["a", "b", "c", "d"] {
                let path = PackPathBuf::new(name.into()).unwrap();
                tree.push(&Entry::new(path, blank().kind), &mut pages).unwrap();
            }
            tree.finish(&mut pages).unwrap().single().to_vec()
        };
        let (one, other) = (page(), page());
        let [leaf, twin] = [&one, &other].map(|page| Leaf::parse(page).unwrap());
        let mut span = Span::Slots(7, leaf, 0..1);
        assert!(span.extend(&Span::Slots(7, leaf, 1..2)));
        assert!(span.extend(&Span::Slots(7, leaf, 2..3)));
        assert_eq!(span.weight(), 7);
        let others = [
            Span::Slots(7, leaf, 2..3),
            Span::Slots(7, leaf, 4..5),
            Span::Slots(8, leaf, 3..4),
            Span::Slots(7, twin, 3..4),
            Span::Above(PackPathBuf::new("d".into()).unwrap()),
        ];
        for other in others {
            assert!(!span.extend(&other), "{other:?}");
            assert!(matches!(&span, Span::Slots(7, _, slots) if *slots == (0..3)));
        }
    }
}
