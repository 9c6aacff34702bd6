//! Several streams of entries in key order as one.

use rangepack_core::{Entry, Kind, PackPath, PackPathBuf, Totals};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What has a place among others.
pub(crate) trait Keyed {
    fn path(&self) -> &PackPathBuf;
}

impl Keyed for Entry {
    fn path(&self) -> &PackPathBuf {
        &self.path
    }
}

/// Items in key order, one after the other.
pub(crate) trait Stream {
    type Item: Keyed;
    type Error;

    /// What is to be read over: it means nothing.
    fn blank() -> Self::Item;

    /// Puts the next one in the place of `item`, whose memory may be used again; `false` at the end.
    fn read(&mut self, item: &mut Self::Item) -> Result<bool, Self::Error>;
}

impl<I, E> Stream for I
where
    I: Iterator<Item = Result<Entry, E>>,
{
    type Item = Entry;
    type Error = E;

    fn blank() -> Entry {
        blank()
    }

    fn read(&mut self, entry: &mut Entry) -> Result<bool, E> {
        let Some(next) = self.next().transpose()? else { return Ok(false) };
        *entry = next;
        Ok(true)
    }
}

/// An entry that is to be read over.
pub(crate) fn blank() -> Entry {
    Entry::new(PackPath::ROOT.to_owned(), Kind::Directory(Totals::default()))
}

/// Entries of several sources, each with the number of its own: the lowest path first, and of equals that of the earliest source.
#[derive(Debug)]
pub(crate) struct Merging<S: Stream> {
    sources: Vec<S>,
    /// The lowest. Most often the next one of its source is the next of all: then this is compared with the lowest of the others, and
    /// that is all.
    first: Option<Box<Head<S::Item>>>,
    /// They lie apart, so that little is moved to bring them in order.
    others: BinaryHeap<Box<Head<S::Item>>>,
}

/// The next of a source.
#[derive(Debug)]
struct Head<T> {
    item: T,
    source: usize,
}

impl<S: Stream> Merging<S> {
    /// Of sources that are in key order.
    pub(crate) fn new(mut sources: Vec<S>) -> Result<Merging<S>, S::Error> {
        let mut others = BinaryHeap::with_capacity(sources.len());
        for (number, source) in sources.iter_mut().enumerate() {
            let mut item = S::blank();
            if source.read(&mut item)? {
                others.push(Box::new(Head { item, source: number }));
            }
        }
        let first = others.pop();
        Ok(Merging { sources, first, others })
    }

    /// The next item, and the number of its source.
    pub(crate) fn head(&self) -> Option<(&S::Item, usize)> {
        self.first.as_ref().map(|head| (&head.item, head.source))
    }

    /// Whether another source has the path of the next item, too.
    pub(crate) fn is_tied(&self) -> bool {
        let both = self.first.as_ref().zip(self.others.peek());
        both.is_some_and(|(first, other)| first.item.path() == other.item.path())
    }

    /// The path of the next item.
    pub(crate) fn peek(&self) -> Option<&PackPathBuf> {
        self.first.as_ref().map(|head| head.item.path())
    }

    /// Puts the next in the place of `item`; the number of its source, or nothing at the end.
    pub(crate) fn read(&mut self, item: &mut S::Item) -> Result<Option<usize>, S::Error> {
        let Some(first) = &mut self.first else { return Ok(None) };
        let source = first.source;
        std::mem::swap(item, &mut first.item);
        self.advance().map(|()| Some(source))
    }

    /// Leaves the next item out.
    pub(crate) fn advance(&mut self) -> Result<(), S::Error> {
        let Some(first) = &mut self.first else { return Ok(()) };
        let next = match self.sources.get_mut(first.source) {
            Some(source) => source.read(&mut first.item),
            None => Ok(false),
        };
        if !matches!(next, Ok(true)) {
            self.first = self.others.pop();
        } else if self.others.peek().is_some_and(|other| other > first)
            && let Some(mut other) = self.others.peek_mut()
        {
            std::mem::swap(&mut *other, first);
        }
        next.map(|_| ())
    }
}

impl<S: Stream> Iterator for Merging<S> {
    type Item = Result<(usize, S::Item), S::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut item = S::blank();
        let source = self.read(&mut item).transpose()?;
        Some(source.map(|source| (source, item)))
    }
}

/// The heap has its greatest on top, which is to be the first.
impl<T: Keyed> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let first = other.item.path().cmp(self.item.path());
        first.then_with(|| other.source.cmp(&self.source))
    }
}

impl<T: Keyed> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Keyed> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Keyed> Eq for Head<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of these paths.
    fn source(paths: &[&str]) -> impl Iterator<Item = Result<Entry, &'static str>> + use<> {
        let entry = |path: &&str| match *path {
            "ends" => Err("ends"),
            path => Ok(Entry::new(PackPathBuf::new(path.into()).unwrap(), blank().kind)),
        };
        paths.iter().map(entry).collect::<Vec<_>>().into_iter()
    }

    fn merged(sources: &[&[&str]]) -> Vec<Result<(usize, String), &'static str>> {
        let text = |(number, entry): (usize, Entry)| (number, entry.path.display().to_string());
        let merging = Merging::new(sources.iter().map(|paths| source(paths)).collect());
        merging.unwrap().map(|entry| entry.map(text)).collect()
    }

    #[test]
    fn runs_of_one_source_and_entries_in_turn_come_in_order() {
        let found = merged(&[&["d", "e", "z"], &[], &["a", "b", "c", "d", "f"], &["d", "x/y"]]);
        let found: Vec<(usize, String)> = found.into_iter().map(Result::unwrap).collect();
        let order = [
            (2, "a"),
            (2, "b"),
            (2, "c"),
            (0, "d"),
            (2, "d"),
            (3, "d"),
            (0, "e"),
            (2, "f"),
            (0, "z"),
            (3, "x/y"),
        ];
        assert_eq!(found, order.map(|(number, path)| (number, path.to_owned())));
        assert!(merged(&[]).is_empty());
    }

    #[test]
    fn an_error_of_a_source_comes_as_soon_as_it_is_read() {
        let found = merged(&[&["a", "c", "ends"], &["b", "d"]]);
        let entry = |number, path: &str| Ok((number, path.to_owned()));
        assert_eq!(found, [entry(0, "a"), entry(1, "b"), Err("ends"), entry(1, "d")]);
        assert!(Merging::new(vec![source(&["ends"])]).is_err());
    }
}
