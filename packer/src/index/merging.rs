//! Several streams of entries in key order as one.

use rangepack_core::{Entry, PackPathBuf};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Entries of several sources, each with the number of its own: the lowest path first, and of equals that of the earliest source.
#[derive(Debug)]
pub(crate) struct Merging<S> {
    sources: Vec<S>,
    heads: BinaryHeap<Head>,
}

/// The next entry of a source.
#[derive(Debug)]
struct Head {
    entry: Entry,
    source: usize,
}

impl<S, E> Merging<S>
where
    S: Iterator<Item = Result<Entry, E>>,
{
    /// Of sources that are in key order.
    pub(crate) fn new(mut sources: Vec<S>) -> Result<Merging<S>, E> {
        let mut heads = BinaryHeap::with_capacity(sources.len());
        for (number, source) in sources.iter_mut().enumerate() {
            if let Some(entry) = source.next().transpose()? {
                heads.push(Head { entry, source: number });
            }
        }
        Ok(Merging { sources, heads })
    }
}

impl<S> Merging<S> {
    /// The path of the next entry.
    pub(crate) fn peek(&self) -> Option<&PackPathBuf> {
        self.heads.peek().map(|head| &head.entry.path)
    }
}

impl<S, E> Iterator for Merging<S>
where
    S: Iterator<Item = Result<Entry, E>>,
{
    type Item = Result<(usize, Entry), E>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = self.heads.peek_mut()?;
        let source = head.source;
        Some(match self.sources[source].next() {
            Some(Ok(next)) => Ok((source, std::mem::replace(&mut head.entry, next))),
            Some(Err(error)) => {
                PeekMut::pop(head);
                Err(error)
            }
            None => Ok((source, PeekMut::pop(head).entry)),
        })
    }
}

/// The heap has its greatest on top, which is to be the first.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let first = other.entry.path.cmp(&self.entry.path);
        first.then_with(|| other.source.cmp(&self.source))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
