//! Index pages that were fetched: kept as long as the pack is open, and fetched ahead of a walk.

use rangepack_core::layout::Header;
use rangepack_core::{Extent, Source};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Pages stand in groups, so that a pack with millions of them takes little memory before they come.
const GROUP: usize = 1024;

/// A walk reads ahead so many bytes at most.
const AHEAD: u64 = 4 << 20;

/// So many walks at once are told apart.
const WALKS: usize = 8;

/// Of a page that came damaged so many versions are kept at most: what was lent stays as it is.
const VERSIONS: usize = 4;

/// A page as it came first, and as it came when it was asked for again.
#[derive(Debug, Default)]
struct Page {
    versions: [OnceLock<Box<[u8]>>; VERSIONS],
    /// Which of them counts.
    current: AtomicUsize,
}

impl Page {
    fn get(&self) -> Option<&[u8]> {
        self.versions.get(self.current.load(Ordering::Acquire))?.get().map(|page| &page[..])
    }
}

/// The pages of one index; nothing is ever taken out, so they can be lent.
#[derive(Debug)]
pub(super) struct Pages {
    start: u64,
    size: u64,
    count: u64,
    groups: Box<[OnceLock<Box<[Page]>>]>,
    walks: Mutex<VecDeque<Walk>>,
    /// Of threads that miss the same page one fetches it.
    locks: [Mutex<()>; 16],
}

/// Pages that were asked for one after the other.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// The page that comes next.
    next: u64,
    /// How many were fetched last.
    pages: u64,
}

impl Pages {
    /// Room for the pages of an index.
    pub(super) fn new(header: &Header) -> Pages {
        let count = header.page_count() as usize;
        Pages {
            start: header.pages().start,
            size: u64::from(header.page_size).max(1),
            count: count as u64,
            groups: (0..count.div_ceil(GROUP)).map(|_| OnceLock::new()).collect(),
            walks: Mutex::default(),
            locks: Default::default(),
        }
    }

    fn number(&self, extent: Extent) -> Option<u64> {
        let place = extent.start.checked_sub(self.start)?;
        let number = place / self.size;
        (place % self.size == 0 && extent.len == self.size && number < self.count).then_some(number)
    }

    fn slot(&self, number: u64) -> Option<&Page> {
        let number = usize::try_from(number).ok()?;
        self.groups.get(number / GROUP)?.get()?.get(number % GROUP)
    }

    /// A page that is here.
    pub(super) fn get(&self, extent: Extent) -> Option<&[u8]> {
        self.slot(self.number(extent)?)?.get()
    }

    /// Keeps another version of a page that is damaged; `false` when it is the same again, or there were too many already. Whoever
    /// calls it holds the page's [lock](Pages::lock).
    pub(super) fn replace(&self, extent: Extent, bytes: &[u8]) -> bool {
        let Some(page) = self.number(extent).and_then(|number| self.slot(number)) else {
            return false;
        };
        let next = page.current.load(Ordering::Acquire) + 1;
        if page.get() == Some(bytes) || bytes.len() as u64 != self.size {
            return false;
        }
        let Some(version) = page.versions.get(next) else { return false };
        version.get_or_init(|| bytes.into());
        page.current.store(next, Ordering::Release);
        true
    }

    /// Keeps all pages that lie in `bytes`, which were read at `start`.
    pub(super) fn put(&self, start: u64, bytes: &[u8]) {
        let first = start.saturating_sub(self.start).div_ceil(self.size);
        for number in first..self.count {
            let Some(place) = (self.start + number * self.size).checked_sub(start) else { return };
            let Some(page) = bytes.bytes(Extent { start: place, len: self.size }) else { return };
            let Some(group) = self.groups.get(number as usize / GROUP) else { return };
            group.get_or_init(|| (0..GROUP).map(|_| Page::default()).collect());
            if let Some(slot) = self.slot(number) {
                slot.versions[0].get_or_init(|| page.into());
            }
        }
    }

    /// Waits until no other thread fetches this page; `None` when it is not a page.
    pub(super) fn lock(&self, page: Extent) -> Option<MutexGuard<'_, ()>> {
        let lock = &self.locks[self.number(page)? as usize % self.locks.len()];
        Some(lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pages will be asked for from the first to the last, so much is fetched at once from the beginning.
    pub(super) fn expect_walk(&self) {
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        walks.push_front(Walk { next: 0, pages: AHEAD / self.size });
        walks.truncate(WALKS);
    }

    /// What to fetch when `page` is missing: it, and in a walk up to twice as many as before.
    pub(super) fn run(&self, page: Extent) -> Extent {
        let Some(number) = self.number(page) else { return page };
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = walks.iter().position(|walk| walk.next == number);
        let before = known.and_then(|place| walks.remove(place)).map_or(0, |walk| walk.pages);
        let most = (before * 2).clamp(1, AHEAD / self.size).min(self.count - number);
        let here = |number: &u64| self.slot(*number).is_some_and(|slot| slot.get().is_some());
        let pages = (1..most).take_while(|ahead| !here(&(number + ahead))).count() as u64 + 1;
        walks.push_front(Walk { next: number + pages, pages: pages.max(before) });
        walks.truncate(WALKS);
        Extent { start: page.start, len: pages * self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 32 << 10;

    fn pages(count: u64) -> Pages {
        Pages {
            start: 100,
            size: SIZE,
            count,
            groups: (0..count.div_ceil(GROUP as u64)).map(|_| OnceLock::new()).collect(),
            walks: Mutex::default(),
            locks: Default::default(),
        }
    }

    fn page(number: u64) -> Extent {
        Extent { start: 100 + number * SIZE, len: SIZE }
    }

    #[test]
    fn pages_are_found_again() {
        let pages = pages(3);
        let bytes: Vec<u8> = (0..3 * SIZE).map(|at| (at / SIZE) as u8 + 1).collect();
        // Half a page before, and the last one is cut off.
        pages.put(100 + SIZE / 2, &bytes[SIZE as usize / 2..bytes.len() - 1]);
        assert!(pages.get(page(0)).is_none() && pages.get(page(2)).is_none());
        assert_eq!(pages.get(page(1)), Some(&[2; SIZE as usize][..]));
        pages.put(0, &[&[0; 100], &bytes[..]].concat());
        assert_eq!(pages.get(page(2)), Some(&[3; SIZE as usize][..]));
        assert!(pages.get(page(3)).is_none());
        assert!(pages.get(Extent { start: 101, len: SIZE }).is_none());
        assert!(pages.lock(page(3)).is_none());
    }

    #[test]
    fn damaged_pages_are_replaced() {
        let pages = pages(2);
        pages.put(100, &[1; 2 * SIZE as usize]);
        let lent = pages.get(page(1)).unwrap();
        assert!(!pages.replace(page(1), &[1; SIZE as usize]));
        assert!(!pages.replace(page(1), &[2; 5]) && !pages.replace(page(2), &[2; SIZE as usize]));
        for byte in 2..=4 {
            assert!(pages.replace(page(1), &[byte; SIZE as usize]));
            assert_eq!(pages.get(page(1)).unwrap()[0], byte);
        }
        assert!(!pages.replace(page(1), &[5; SIZE as usize]));
        assert_eq!((lent[0], pages.get(page(0)).unwrap()[0]), (1, 1));
    }

    #[test]
    fn a_walk_takes_few_requests_and_a_look_up_one_page() {
        let pages = pages(2000);
        let bytes = vec![0; AHEAD as usize];
        let mut requests = 0;
        for number in 0..2000 {
            if pages.get(page(number)).is_none() {
                let run = pages.run(page(number));
                pages.put(run.start, &bytes[..run.len as usize]);
                requests += 1;
            }
        }
        assert_eq!(requests, 22);
        let expected = self::pages(2000);
        expected.expect_walk();
        assert_eq!(expected.run(page(0)).len, AHEAD);
        let fresh = self::pages(2000);
        for number in [500, 3, 1000, 7, 1500, 2] {
            assert_eq!(fresh.run(page(number)).len, SIZE);
        }
    }
}
