//! The generations of a pack, newest first (FORMAT.md, "Generations").

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::layout::Header;
use rangepack_core::{Digest, Index, Opening, Tag};

/// A generation of a pack.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generation {
    /// Its name: [`OpenOptions::expected`](crate::OpenOptions::expected) opens it.
    pub digest: Digest,
    /// What its root page says of it.
    pub header: Header,
    /// Where it ends: the length of the file when it was the last one, in bytes.
    pub end: u64,
    /// How many bytes of the file came with it.
    pub own_len: u64,
}

/// The generations of a pack from the newest to the oldest. What is wrong with one ends it: the error is the last item.
#[derive(Debug)]
pub struct Generations<'p> {
    pack: &'p Pack,
    /// The newest that was not given yet.
    next: Option<Result<Index>>,
    given: u64,
}

impl Pack {
    /// The generations that lie in the file, from the newest to the oldest, whichever was opened; none of what has no paged index
    /// of its own.
    ///
    /// For each a root page of at most 48 KiB is read, or fetched.
    pub fn generations(&self) -> Generations<'_> {
        let limits = &self.options().limits;
        let (data, mut opening) = (self.data(), Opening::new(None));
        let newest = match self.digest().is_some() && self.index_beside().is_none() {
            true => Gathered::new(data)
                .ask(|source| opening.go_on(source, data.len(), limits))
                .transpose(),
            false => None,
        };
        Generations { pack: self, next: newest, given: 0 }
    }
}

impl Generations<'_> {
    fn before(&self, index: &Index) -> Option<Result<Index>> {
        index.header().section(Tag::PREVIOUS)?;
        let limits = &self.pack.options().limits;
        let (what, value, limit) = ("generations", self.given, limits.generations);
        if value > limit {
            let error = rangepack_core::Error::OverLimit { what, value, limit };
            return Some(Err(self.pack.error(error)));
        }
        let mut gathered = Gathered::new(self.pack.data());
        gathered.ask(|source| index.open_previous(source, limits)).transpose()
    }
}

impl Iterator for Generations<'_> {
    type Item = Result<Generation>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = match self.next.take()? {
            Ok(index) => index,
            Err(error) => return Some(Err(error)),
        };
        self.given += 1;
        self.next = self.before(&index);
        let end = index.file_len();
        let before = match &self.next {
            Some(Ok(before)) => before.file_len(),
            _ => 0,
        };
        let (digest, header) = (index.digest(), index.header().clone());
        Some(Ok(Generation { digest, header, end, own_len: end.saturating_sub(before) }))
    }
}
