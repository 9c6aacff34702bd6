//! Hard links of an archive: names of members that came before, found again when all entries are sorted.
//!
//! Until then the content of each file has its number in the archive in the place of its group's.

use super::members::path_of;
use crate::error::LeftOut;
use crate::index::sort::{Merged, Sorted, Sorter};
use rangepack_core::{Entry, Escaped, PackPathBuf};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::Path;

/// The hard links that came so far.
#[derive(Debug, Default)]
pub(in crate::archive) struct HardLinks {
    links: Vec<HardLink>,
    /// Which of them has a path; nothing came later under it.
    by_path: HashMap<PackPathBuf, usize>,
}

#[derive(Debug)]
struct HardLink {
    path: PackPathBuf,
    target: PackPathBuf,
    /// The number of the next file: the target has a lower one.
    number: u64,
    is_replaced: bool,
    found: Option<Entry>,
}

/// What came of hard links.
#[derive(Debug, Default)]
pub(in crate::archive) struct Linked {
    /// Files that have other names.
    pub(in crate::archive) numbers: HashSet<u64>,
    /// Links to nothing, with what they should lead to.
    pub(in crate::archive) lost: Vec<(PackPathBuf, PackPathBuf)>,
}

impl HardLinks {
    /// Another member has this path now.
    pub(in crate::archive) fn replace(&mut self, path: &PackPathBuf) {
        if self.by_path.is_empty() {
            return;
        }
        if let Some(number) = self.by_path.remove(path) {
            self.links[number].is_replaced = true;
        }
    }

    /// Adds a link to what a member of this name is, when files up to `number` had come; one to itself says nothing.
    ///
    /// # Errors
    /// When nothing can have that name.
    pub(in crate::archive) fn add(
        &mut self,
        path: PackPathBuf,
        target: &[u8],
        number: u64,
    ) -> std::result::Result<(), LeftOut> {
        match path_of(target) {
            Ok((Some(target), _)) if target != path => self.push(path, target, number),
            Ok((Some(_), _)) => {}
            _ => return Err(LeftOut::HardLink { target: Escaped(target).to_string() }),
        }
        Ok(())
    }

    /// Adds a link to what came last under the path `target`, when files up to `number` had come.
    fn push(&mut self, path: PackPathBuf, target: PackPathBuf, number: u64) {
        // A link to a link is one to what that leads to.
        let (target, number) = match self.by_path.get(&target) {
            Some(known) => (self.links[*known].target.clone(), self.links[*known].number),
            None => (target, number),
        };
        self.replace(&path);
        self.by_path.insert(path.clone(), self.links.len());
        self.links.push(HardLink { path, target, number, is_replaced: false, found: None });
    }

    /// All entries of `sorter` in key order, and among them links as other names of the files that they lead to. Temporary files
    /// lie in `directory`.
    pub(in crate::archive) fn sorted(
        self,
        sorter: Sorter,
        directory: &Path,
    ) -> io::Result<(Sorted, Linked)> {
        if self.links.is_empty() {
            return Ok((sorter.finish()?, Linked::default()));
        }
        let mut second = Sorter::new(directory);
        let linked = self.resolve(sorter.merge()?, &mut second)?;
        Ok((second.finish()?, linked))
    }

    /// Puts all entries into `sorter`, and links as other names of the files that they lead to.
    fn resolve(mut self, merged: Merged, sorter: &mut Sorter) -> io::Result<Linked> {
        let mut by_target: HashMap<PackPathBuf, Vec<usize>> = HashMap::new();
        for (number, link) in self.links.iter().enumerate().filter(|(_, link)| !link.is_replaced) {
            by_target.entry(link.target.clone()).or_default().push(number);
        }
        // A path, what came last under it, and the links to it that came later still.
        let (mut path, mut last) = (None::<PackPathBuf>, None::<Entry>);
        let mut waiting: VecDeque<usize> = VecDeque::new();
        for entry in merged {
            let entry = entry?;
            if path.as_ref().is_some_and(|path| *path != entry.path) {
                let found = last.take();
                waiting.drain(..).for_each(|link| self.links[link].found.clone_from(&found));
                path = None;
            }
            if let Some(mut links) = by_target.remove(&entry.path) {
                links.sort_by_key(|link| self.links[*link].number);
                (path, waiting) = (Some(entry.path.clone()), links.into());
            }
            if !waiting.is_empty() {
                if let Some(own) = entry.content().and_then(|content| content.hard_link) {
                    let before = waiting.partition_point(|it| self.links[*it].number <= own);
                    let came = waiting.drain(..before);
                    came.for_each(|link| self.links[link].found.clone_from(&last));
                }
                last = (!entry.is_directory()).then(|| entry.clone()).or(last);
            }
            sorter.push_one(entry)?;
        }
        waiting.drain(..).for_each(|link| self.links[link].found.clone_from(&last));
        let mut linked = Linked::default();
        for HardLink { path, target, is_replaced, found, .. } in self.links {
            match found {
                _ if is_replaced => {}
                Some(mut entry) => {
                    linked.numbers.extend(entry.content().and_then(|content| content.hard_link));
                    entry.path = path;
                    sorter.push(entry)?;
                }
                None => linked.lost.push((path, target)),
            }
        }
        Ok(linked)
    }
}
