//! Which pages are named by which: what only a whole check asks (FORMAT.md, "Pages").

use super::index::{Index, Node};
use crate::bytes::{Answer, Source, ready};
use crate::error::Result;
use alloc::vec;
use alloc::vec::Vec;

/// How often pages are named that must be named exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Named {
    /// Pages that no inner page names: nothing leads to them.
    pub never: u64,
    /// Times that a page is named which another inner page names already.
    pub again: u64,
}

impl Index {
    /// Goes through all inner pages and counts which pages they name.
    ///
    /// Memory: one byte a page.
    ///
    /// # Errors
    /// Those of a look-up: an inner page that is damaged.
    pub fn named<S: Source + ?Sized>(&self, source: &S) -> Result<Answer<Named>> {
        let mut seen: Vec<bool> =
            vec![false; usize::try_from(self.header.page_count()).unwrap_or(0)];
        let mut named = Named::default();
        let mut stack = match self.root_node()? {
            Node::Inner(inner) => vec![(inner, self.root_place(), 0)],
            Node::Leaf(_) => Vec::new(),
        };
        while let Some((inner, place, next)) = stack.last_mut() {
            if *next >= inner.len() {
                stack.pop();
                continue;
            }
            let child = inner.child(*next)?;
            *next = next.saturating_add(1);
            // A page that is not there is an error of whoever touches it.
            if let Some(seen) = usize::try_from(child.page).ok().and_then(|n| seen.get_mut(n)) {
                if *seen {
                    named.again = named.again.saturating_add(1);
                    continue;
                }
                *seen = true;
            }
            if child.level == 0 {
                continue;
            }
            let place = place.below(inner, &child)?;
            let node = ready!(self.touch(source, &child, &place)?);
            if let (Node::Inner(inner), true) = (&node, node.level() == child.level) {
                stack.push((*inner, place, 0));
            }
        }
        named.never = seen.iter().filter(|seen| !**seen).count() as u64;
        Ok(Answer::Ready(named))
    }
}
