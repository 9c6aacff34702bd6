//! Entries of several packs as one stream in key order.

use super::input::Input;
use crate::error::Result;
use rangepack_core::{Entry, PackPathBuf};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// See [the module](self). Of entries with one path that of the pack that was named first comes first.
pub(super) struct Streams<'p> {
    inputs: Vec<Input<'p>>,
    heads: BinaryHeap<Head>,
}

/// The next entry of an input.
struct Head {
    entry: Entry,
    input: usize,
}

impl<'p> Streams<'p> {
    pub(super) fn new(mut inputs: Vec<Input<'p>>) -> Result<Streams<'p>> {
        let mut heads = BinaryHeap::with_capacity(inputs.len());
        for (number, input) in inputs.iter_mut().enumerate() {
            if let Some(entry) = input.next()? {
                heads.push(Head { entry, input: number });
            }
        }
        Ok(Streams { inputs, heads })
    }

    /// The next entry, and the number of its pack.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Entry)>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let input = head.input;
        match self.inputs[input].next()? {
            Some(next) => Ok(Some((input, std::mem::replace(&mut head.entry, next)))),
            None => Ok(Some((input, PeekMut::pop(head).entry))),
        }
    }

    /// The same, if it has this path.
    pub(super) fn next_if(&mut self, path: &PackPathBuf) -> Result<Option<(usize, Entry)>> {
        match self.heads.peek() {
            Some(head) if head.entry.path == *path => self.next(),
            _ => Ok(None),
        }
    }
}

/// The heap has its greatest on top, which is to be the first.
impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        let ours = (self.entry.path.as_path(), self.input);
        (other.entry.path.as_path(), other.input).cmp(&ours)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
