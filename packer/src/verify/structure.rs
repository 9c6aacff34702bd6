//! Checks the index as a whole: pages, order, directories, totals.

use super::hashes::Hashes;
use super::{Counted, Flaw, Queue};
use crate::error::Error;
use crate::read::format::Format;
use crate::read::pack::Pack;
use crate::read::scan::{Scanned, scan as scan_past_damage};
use rangepack_core::{
    Content, Digest, DirectorySums, Entry, EntryRef, Hasher, Kind, Named, Tag, Totals,
};
use std::collections::{HashMap, hash_map};
use std::ops::Range;

/// Hands the entries with these numbers, and each its number, to `each`; those that cannot be read become problems.
pub(super) fn scan<'q, 'o>(
    pack: &Pack,
    range: Range<u64>,
    queue: &mut Queue<'q, 'o>,
    mut each: impl FnMut(&mut Queue<'q, 'o>, u64, &EntryRef<'_>),
) {
    if queue.findings.is_over() {
        return;
    }
    let scanned = scan_past_damage(pack, range, |scanned| {
        match scanned {
            Scanned::Entry(number, entry) => each(queue, number, &entry),
            Scanned::Damaged { entries: Range { start, end }, problem } => {
                let problem = Box::new(problem);
                queue.findings.structural(None, Flaw::Unreadable { start, end, problem });
            }
        }
        !queue.findings.is_over()
    });
    if let Err(error) = scanned {
        queue.findings.fail(error);
    }
}

/// Checks the index and queues all payloads. With `ndjson` the trailer is checked elsewhere.
pub(super) fn check(pack: &Pack, ndjson: bool, queue: &mut Queue<'_, '_>) {
    sections(pack, ndjson, queue);
    let (mut sums, mut hashes) = (Sums::default(), Hashes::default());
    let count = pack.index().len();
    scan(pack, 0..count, queue, |queue, number, entry| {
        match queue.entry_ref(Some(number), entry) {
            Some(entry) => {
                hashes.push(pack, entry.path.as_path());
                sums.push(pack, &entry, queue);
            }
            None => sums.directories = None,
        }
    });
    if queue.findings.is_over() {
        return;
    }
    // Entries that cannot be read are missing everywhere.
    if sums.entries == count {
        hashes.finish(pack, queue.findings);
    }
    sums.finish(pack, queue);
    named(pack, queue);
}

/// Checks the digests of all sections, save those that are checked when they are read, as some are elsewhere.
fn sections(pack: &Pack, ndjson: bool, queue: &mut Queue<'_, '_>) {
    let Some(file) = pack.index_file() else { return };
    for section in pack.header().sections() {
        let is_read_elsewhere = match section.tag {
            Tag::VOLUMES | Tag::METADATA => true,
            Tag::TRAILER => ndjson,
            _ => false,
        };
        let Some(expected) = section.digest.filter(|_| !is_read_elsewhere) else { continue };
        let mut hasher = Hasher::new();
        for piece in file.pieces_of(section.extent) {
            match piece.map_err(Error::about_pack) {
                Ok(piece) => {
                    hasher.update(&piece);
                    if section.tag == Tag::DICTIONARIES && piece.len() as u64 == section.extent.len
                    {
                        pack.keep_dictionary_list(&piece);
                    }
                }
                Err(Ok(problem)) => queue.findings.structural(None, problem),
                Err(Err(error)) => return queue.findings.fail(error),
            }
            if queue.findings.is_over() {
                return;
            }
        }
        if hasher.finish() != expected {
            queue.findings.structural(None, Flaw::Section { tag: section.tag });
        }
    }
    let read = pack.user_metadata().map(|_| ());
    if let Err(Ok(problem)) = read.map_err(Error::about_pack) {
        queue.findings.structural(None, problem);
    }
}

/// Tells of pages that are not named exactly once.
fn named(pack: &Pack, queue: &Queue<'_, '_>) {
    // Damaged pages were told of before.
    let Ok(Named { never, again, .. }) = pack.ask(|pages| pack.index().named(pages)) else {
        return;
    };
    if never > 0 || again > 0 {
        queue.findings.structural(None, Flaw::Pages { never, again });
    }
}

/// Adds up what the index says of directories and of the pack as a whole.
struct Sums {
    entries: u64,
    symlinks: u64,
    /// Given up at the first entry that is missing.
    directories: Option<DirectorySums>,
    /// Totals and tree digests of the directories as they are written, in order.
    written: Vec<(Totals, Option<Digest>)>,
    links: HardLinks,
}

impl Default for Sums {
    fn default() -> Self {
        Sums {
            entries: 0,
            symlinks: 0,
            directories: Some(DirectorySums::default()),
            written: Vec::new(),
            links: HardLinks::default(),
        }
    }
}

impl Sums {
    fn push(&mut self, pack: &Pack, entry: &Entry, queue: &Queue<'_, '_>) {
        self.entries += 1;
        self.symlinks += u64::from(matches!(entry.kind, Kind::Symlink(_)));
        if let Some(directories) = &mut self.directories
            && directories.push(entry).is_err()
        {
            queue.findings.structural(Some(&entry.path), Flaw::NoDirectory);
            self.directories = None;
        }
        match &entry.kind {
            Kind::Directory(totals) if self.directories.is_some() => {
                self.written.push((*totals, entry.tree_digest));
            }
            Kind::File(content) if !self.links.agree(content, pack.format()) => {
                queue.findings.structural(Some(&entry.path), Flaw::HardLink);
            }
            _ => {}
        }
    }

    fn finish(self, pack: &Pack, queue: &mut Queue<'_, '_>) {
        let header = pack.header();
        // With entries missing no directory's totals can be told.
        let (true, Some(directories)) = (self.entries == header.entries, self.directories) else {
            return;
        };
        let found = match directories.finish() {
            Ok(found) => found,
            Err(error) => return queue.findings.structural(None, error),
        };
        let (totals, tree) = found.root;
        let counted = [
            (Counted::Symlinks, header.symlinks, self.symlinks),
            (Counted::Files, header.totals.files, totals.files),
            (Counted::Directories, header.totals.directories, totals.directories),
            (Counted::Bytes, header.totals.bytes, totals.bytes),
            (Counted::StoredBytes, header.totals.stored_bytes, totals.stored_bytes),
        ];
        for (what, said, found) in counted {
            if said != found {
                queue.findings.structural(None, Flaw::Count { what, said, found });
            }
        }
        if header.tree_digest.is_some() && header.tree_digest != tree {
            queue.findings.structural(None, Flaw::PackTreeDigest);
        }
        compare(pack, &self.written, &found.directories, queue);
    }
}

/// The groups of hard links: each has one payload, and their numbers count from 1, in packs. (Those of a container
/// that is left open have gaps when its files were packed again.)
#[derive(Default)]
struct HardLinks(HashMap<u64, Content>);

impl HardLinks {
    /// Whether a file can be what the entries before it let it be.
    fn agree(&mut self, content: &Content, format: Format) -> bool {
        let Some(group) = content.hard_link else { return true };
        let next = self.0.len() as u64 + 1;
        match self.0.entry(group) {
            hash_map::Entry::Occupied(known) => known.get() == content,
            hash_map::Entry::Vacant(new) if format != Format::Paged || group == next => {
                new.insert(*content);
                true
            }
            hash_map::Entry::Vacant(_) => false,
        }
    }
}

/// Reports the directories whose totals or tree digests are wrong; finds their paths only if there are
/// any. A tree digest may be left out.
fn compare(
    pack: &Pack,
    written: &[(Totals, Option<Digest>)],
    found: &[(Totals, Option<Digest>)],
    queue: &mut Queue<'_, '_>,
) {
    let differ = |written: &(Totals, Option<Digest>), found: &(Totals, Option<Digest>)| {
        [written.0 != found.0, written.1.is_some() && written.1 != found.1]
    };
    let mut pairs = written.iter().zip(found);
    if pairs.clone().all(|(written, found)| differ(written, found) == [false; 2]) {
        return;
    }
    scan(pack, 0..pack.index().len(), queue, |queue, _, entry| {
        let pair = if entry.is_directory() { pairs.next() } else { None };
        let Some((written, found)) = pair else { return };
        let [totals, digest] = differ(written, found);
        if totals {
            let flaw = Flaw::Totals { said: written.0, found: found.0 };
            queue.findings.structural(entry.path().ok().as_ref(), flaw);
        }
        if digest {
            queue.findings.structural(entry.path().ok().as_ref(), Flaw::TreeDigest);
        }
    });
}
