//! How much is read for each question, of a pack of a million entries.

use rangepack_core::hash::{self, Window};
use rangepack_core::layout::{self, Leaf, Section};
use rangepack_core::{
    Answer, Codec, Content, Digest, Entry, Extent, Index, Kind, Limits, PackPath, PackPathBuf,
    Result, Source, Tag, Totals, TreeBuilder,
};
use std::cell::{Cell, RefCell};
use std::time::Instant;

/// A file that is read in ranges, each of which is counted and kept.
struct Remote {
    file: Vec<u8>,
    /// How many payload bytes lie before `file`: they are never read.
    before: u64,
    have: RefCell<Vec<Extent>>,
    reads: Cell<u64>,
    bytes: Cell<u64>,
}

impl Source for Remote {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        let have = self.have.borrow().iter().any(|have| have.contains(&extent));
        let start = extent.start.checked_sub(self.before)?;
        if have { self.file.as_slice().bytes(Extent { start, len: extent.len }) } else { None }
    }
}

impl Remote {
    fn len(&self) -> u64 {
        self.before + self.file.len() as u64
    }

    /// Brings what is asked for until there is an answer.
    fn ask<'a, T>(&'a self, mut question: impl FnMut(&'a Remote) -> Result<Answer<T>>) -> T {
        loop {
            match question(self).unwrap() {
                Answer::Ready(value) => return value,
                Answer::Need(extent) => {
                    assert!(extent.end() <= self.len() && extent.len <= 64 << 10, "{extent:?}");
                    self.reads.set(self.reads.get() + 1);
                    self.bytes.set(self.bytes.get() + extent.len);
                    self.have.borrow_mut().push(extent);
                }
            }
        }
    }

    /// Reads and bytes since the last time.
    fn spent(&self) -> (u64, u64) {
        (self.reads.take(), self.bytes.take())
    }

    /// Forgets everything but the tail.
    fn cool(&self) {
        self.have.borrow_mut().truncate(1);
    }
}

/// Evenly spread numbers that need no hashing.
fn spread(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

fn entry(path: String, kind: Kind, state: &mut u64) -> Entry {
    // Five hours, to the nanosecond.
    let mtime = 1_700_000_000_000_000_000 + (spread(state) % 18_000_000_000_000) as i64;
    let path = PackPathBuf::new(path.into_bytes()).unwrap();
    Entry::new(path, kind).with_mode(Some(0o644)).with_mtime(Some(mtime))
}

fn file(path: String, offset: &mut u64, state: &mut u64) -> Entry {
    let size = 20_000 + spread(state) % 180_000;
    let mut digest = [0; 32];
    digest.chunks_mut(8).for_each(|part| part.copy_from_slice(&spread(state).to_le_bytes()));
    let content =
        Content::new(Codec::Stored, *offset, size, size).with_digest(Some(Digest(digest)));
    *offset += size;
    entry(path, Kind::File(content), state)
}

/// `classes` directories below `train` with so many files in all, as ImageNet has them.
fn imagenet(files: u64, classes: u64) -> Remote {
    let mut state = 1;
    let mut offset = 0;
    let mut builder = TreeBuilder::new();
    let mut pages = Vec::new();
    let directory = Kind::Directory(Totals::default());
    let mut push = |entry: Entry| builder.push(&entry, &mut pages).unwrap();
    push(entry("train".to_owned(), directory.clone(), &mut state));
    let class_name = |class: u64| format!("n{:08}", 1_440_764 + class * 7919);
    for class in 0..classes {
        push(entry(format!("train/{}", class_name(class)), directory.clone(), &mut state));
    }
    for class in 0..classes {
        let class = class_name(class);
        // The numbers stand in the order of their digits, as they do in a pack.
        let mut names: Vec<String> =
            (0..files / classes).map(|number| format!("{class}_{number}.JPEG")).collect();
        names.sort_unstable();
        for name in names {
            push(file(format!("train/{class}/{name}"), &mut offset, &mut state));
        }
    }
    let mut leaves = builder.finish(&mut pages).unwrap();
    let hash_slots = hash::slots_for(leaves.entries());
    let mut window = Window::new(hash_slots, 1 << 22);
    for (number, page) in pages.chunks(layout::PAGE_SIZE as usize).enumerate() {
        leaves.seal(number, page);
        let (leaf, mut run) = (Leaf::parse(page).unwrap(), 0);
        for slot in 0..leaf.len() {
            let path = leaf.entry(slot, &mut run).unwrap().path().unwrap();
            window.insert(hash::hash_of(path.as_bytes()), number as u32, slot as u16);
        }
    }
    let mut file = window.bytes().to_vec();
    let section = |tag, start, len| Section::new(tag, Extent { start, len }, None);
    let hash_len = file.len() as u64;
    let sections = vec![section(Tag::DATA, 0, offset), section(Tag::HASH, offset, hash_len)];
    let tree = leaves.finish(offset + hash_len, None, &mut pages).unwrap();
    file.extend(pages);
    file.extend(tree.root(offset + file.len() as u64, sections).unwrap().bytes);
    let have = RefCell::default();
    Remote { file, before: offset, have, reads: Cell::default(), bytes: Cell::default() }
}

fn open(remote: &Remote) -> Index {
    let limits = Limits::default();
    let index = remote.ask(|remote| Index::open(remote, remote.len(), None, &limits)).unwrap();
    assert_eq!(remote.spent(), (1, 65_536), "opening");
    index
}

#[test]
fn a_million_files_in_a_thousand_directories() {
    let start = Instant::now();
    let remote = imagenet(1_000_000, 1000);
    let index = open(&remote);
    let per_entry = remote.file.len() as f64 / index.len() as f64;
    let hash = index.header().hash().unwrap().extent().len as f64 / index.len() as f64;
    println!("{} entries, {per_entry:.1} bytes each, of these {hash:.1} hash section", index.len());
    assert!(hash <= 8.0, "{hash}");
    println!("{} pages, root page of {} bytes", index.header().page_count(), remote.root_len());
    assert_eq!(index.len(), 1_001_001);
    assert!(per_entry <= 80.0, "{per_entry}");

    let mut most = (0, 0);
    for class in [0, 499, 999] {
        let name = format!("n{:08}", 1_440_764 + class * 7919);
        for number in [0, 7, 500, 999] {
            let path = format!("train/{name}/{name}_{number}.JPEG");
            let path = PackPath::new(path.as_bytes()).unwrap();
            let index = open_again(&remote);
            let found =
                remote.ask(|remote| index.lookup(remote, path).map(|a| a.map(|e| e.is_some())));
            assert!(found, "{path:?}");
            most = most.max(remote.spent());
        }
    }
    println!("look-up, cold: {} reads, {} bytes at most", most.0, most.1);
    assert!(most.0 <= 2 && most.1 <= 2 * 65_536, "{most:?}");
    println!("{:.1} s", start.elapsed().as_secs_f64());
}

#[test]
fn two_hundred_thousand_files_are_one_read_away() {
    let remote = imagenet(200_000, 200);
    for number in [0, 400, 999] {
        let path = format!("train/n01448683/n01448683_{number}.JPEG");
        let path = PackPath::new(path.as_bytes()).unwrap();
        let index = open_again(&remote);
        let found = remote.ask(|remote| index.lookup(remote, path).map(|a| a.map(|e| e.is_some())));
        assert!(found, "{path:?}");
        assert_eq!(remote.spent(), (1, 32_768));
    }
}

#[test]
fn a_directory_of_a_million_files() {
    let remote = imagenet(1_000_000, 1);
    let index = open(&remote);
    let directory = PackPath::new(b"train/n01440764").unwrap();
    let names = |after: Option<&[u8]>| {
        remote.ask(|remote| {
            let list = index.list(remote, directory, after, 100)?;
            Ok(list.map(|list| {
                list.iter().map(|entry| entry.name_parts().concat()).collect::<Vec<_>>()
            }))
        })
    };
    let first = names(None);
    let spent = remote.spent();
    println!("first 100 of a million: {} reads, {} bytes", spent.0, spent.1);
    assert_eq!((first.len(), first[0].as_slice()), (100, &b"n01440764_0.JPEG"[..]));
    assert!(spent.0 <= 2 && spent.1 <= 2 * 65_536, "{spent:?}");

    remote.cool();
    let middle = names(Some(b"n01440764_500000.JPEG"));
    let spent = remote.spent();
    println!("100 from the middle: {} reads, {} bytes", spent.0, spent.1);
    assert_eq!(middle[0], b"n01440764_500001.JPEG");
    // The list may go over from one leaf to the next.
    assert!(spent.0 <= 3, "{spent:?}");
}

/// The index anew, and of the pages nothing at hand.
fn open_again(remote: &Remote) -> Index {
    remote.have.borrow_mut().clear();
    open(remote)
}

impl Remote {
    fn root_len(&self) -> u64 {
        layout::Footer::from_tail(&self.file, self.len()).unwrap().unwrap().root.len
    }
}
