//! Checks the index as a whole: pages, order, directories, totals.

use super::Queue;
use super::hashes::Hashes;
use crate::error::Error;
use crate::read::pack::Pack;
use rangepack_core::{DirectorySums, Entry, EntryRef, Kind, PackPath, PackPathBuf, Totals};
use std::ops::Range;

/// Hands the entries with these numbers to `each`; those that cannot be read become problems.
pub(super) fn scan<'q, 'o>(
    pack: &Pack,
    range: Range<u64>,
    queue: &mut Queue<'q, 'o>,
    mut each: impl FnMut(&mut Queue<'q, 'o>, &EntryRef<'_>),
) {
    let index = pack.index();
    let end = range.end.min(index.len());
    let mut scan = index.scan(range);
    while !queue.findings.is_over() {
        match pack.ask(|pages| scan.next(pages)).map_err(Error::about_pack) {
            Ok(Some(entry)) => each(queue, &entry),
            Ok(None) => return,
            Err(Err(error)) => return queue.findings.fail(error),
            Err(Ok(error)) => {
                let first = scan.position();
                let next = next_readable(pack, first, end);
                let text = format!("entries {first}..{next} cannot be read: {error}");
                queue.findings.structural(None, text);
                scan = index.scan(next..end);
            }
        }
    }
}

/// The number of the next entry that can be read after `bad`, which cannot.
///
/// A damaged page makes a whole range unreadable, and is hashed at each attempt to read it. So the end
/// of the range is searched for with growing steps, then by halving. A sound page between damaged ones
/// may be passed over; its entries count as unreadable.
fn next_readable(pack: &Pack, bad: u64, end: u64) -> u64 {
    let is_readable =
        |number| pack.ask(|pages| pack.index().entry_at(pages, number)).is_ok_and(|e| e.is_some());
    let (mut low, mut step) = (bad, 1u64);
    let mut high = loop {
        let number = low.saturating_add(step);
        if number >= end {
            break end;
        }
        if is_readable(number) {
            break number;
        }
        low = number;
        step = step.saturating_mul(2);
    };
    while low + 1 < high {
        let middle = low.midpoint(high);
        if is_readable(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Sorts behind the directories of every pack.
const ABOVE_ALL: [u8; 4000] = [0xff; 4000];

/// Checks the index and queues all payloads.
pub(super) fn check(pack: &Pack, queue: &mut Queue<'_, '_>) {
    let (mut sums, mut hashes) = (Sums::default(), Hashes::default());
    let numbers = 0..pack.index().len();
    scan(pack, numbers.clone(), queue, |queue, entry| match queue.entry_ref(entry) {
        Some(entry) => {
            hashes.push(pack, entry.path.as_path());
            sums.push(entry, queue);
        }
        None => sums.directories = None,
    });
    if queue.findings.is_over() {
        return;
    }
    // Entries that cannot be read are missing everywhere.
    if sums.entries == numbers.end {
        hashes.finish(pack, queue.findings);
    }
    sums.finish(pack, queue);
    // The number of entries that the pages hold, whatever the header says.
    let above = PackPath::directory(&ABOVE_ALL).unwrap_or(PackPath::ROOT);
    match pack.ask(|pages| pack.index().lower_bound(pages, above, b"")) {
        Ok(found) if found != numbers.end => {
            let text = format!("the header says {} entries, the pages hold {found}", numbers.end);
            queue.findings.structural(None, text);
        }
        // Damaged pages were told of before.
        _ => {}
    }
}

/// Adds up what the index says of directories and of the pack as a whole.
struct Sums {
    last: Option<PackPathBuf>,
    entries: u64,
    symlinks: u64,
    totals: Totals,
    /// Given up at the first entry that is missing or out of order.
    directories: Option<DirectorySums>,
    /// Totals of the directories as they are written, in order.
    written: Vec<Totals>,
}

impl Default for Sums {
    fn default() -> Self {
        Sums {
            last: None,
            entries: 0,
            symlinks: 0,
            totals: Totals::default(),
            directories: Some(DirectorySums::default()),
            written: Vec::new(),
        }
    }
}

impl Sums {
    fn push(&mut self, entry: Entry, queue: &Queue<'_, '_>) {
        let path = &entry.path;
        if self.last.as_ref().is_some_and(|last| last >= path) {
            let text = "it is not in key order, so it may not be found";
            queue.findings.structural(Some(path), text);
            self.directories = None;
        }
        self.entries += 1;
        self.symlinks += u64::from(matches!(entry.kind, Kind::Symlink(_)));
        self.totals.add(&Totals::of(&entry.kind));
        if let Some(directories) = &mut self.directories
            && directories.push(&entry).is_err()
        {
            let text = "its directory has no entry before it";
            queue.findings.structural(Some(path), text);
            self.directories = None;
        }
        if let Kind::Directory(totals) = &entry.kind
            && self.directories.is_some()
        {
            self.written.push(*totals);
        }
        self.last = Some(entry.path);
    }

    fn finish(self, pack: &Pack, queue: &mut Queue<'_, '_>) {
        let header = pack.header();
        if self.entries == header.entries {
            let counted = [
                ("symbolic links", header.symlinks, self.symlinks),
                ("files", header.totals.files, self.totals.files),
                ("directories", header.totals.directories, self.totals.directories),
                ("bytes", header.totals.bytes, self.totals.bytes),
                ("stored bytes", header.totals.stored_bytes, self.totals.stored_bytes),
            ];
            for (what, said, found) in counted {
                if said != found {
                    let text = format!("the header says {said} {what}, the entries make {found}");
                    queue.findings.structural(None, text);
                }
            }
            // With entries missing no directory's totals can be told.
            if let Some(directories) = self.directories {
                compare(pack, &self.written, &directories.finish(), queue);
            }
        }
    }
}

/// Reports the directories whose totals are wrong; finds their paths only if there are any.
fn compare(pack: &Pack, written: &[Totals], found: &[Totals], queue: &mut Queue<'_, '_>) {
    if written == found {
        return;
    }
    let mut pairs = written.iter().zip(found);
    scan(pack, 0..pack.index().len(), queue, |queue, entry| {
        if entry.is_directory()
            && let Some((written, found)) = pairs.next()
            && written != found
        {
            let text = format!("its totals are {written:?}, what is in it makes {found:?}");
            queue.findings.structural(entry.path().ok().as_ref(), text);
        }
    });
}
