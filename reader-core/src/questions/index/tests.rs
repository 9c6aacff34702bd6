use super::*;
use crate::entry::Content;
use crate::format::hash;
use crate::format::layout::HashSlot;
use crate::format::layout::Section;
use crate::path::PackPathBuf;
use crate::writing::tree::TreeBuilder;
use crate::writing::window::Window;
use crate::{Codec, Entry, Hint, Kind};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use std::cell::RefCell;

fn entry(path: PackPathBuf, number: u64) -> Entry {
    let digest = Digest::of(path.as_bytes());
    let content = Content::new(Codec::Stored, number, 1, 1).with_digest(Some(digest));
    Entry::new(path, Kind::File(content)).with_mode(Some(0o644)).with_mtime(Some(0))
}

/// A pack without payloads over these paths, sorted here.
fn pack(paths: impl IntoIterator<Item = Vec<u8>>) -> (Vec<u8>, Vec<PackPathBuf>) {
    build(Vec::new(), paths, false, Vec::new())
}

/// The same with a hash section, which lies before the root page.
fn hashed_pack(paths: impl IntoIterator<Item = Vec<u8>>) -> (Vec<u8>, Vec<PackPathBuf>) {
    build(Vec::new(), paths, true, Vec::new())
}

/// Appends a pack to `file`, with more sections than its own; the root page is that of the whole file.
fn build(
    mut file: Vec<u8>,
    paths: impl IntoIterator<Item = Vec<u8>>,
    with_hash: bool,
    mut sections: Vec<Section>,
) -> (Vec<u8>, Vec<PackPathBuf>) {
    let mut paths: Vec<PackPathBuf> =
        paths.into_iter().map(|path| PackPathBuf::new(path).unwrap()).collect();
    paths.sort();
    paths.dedup();
    let mut builder = TreeBuilder::new();
    let mut pages = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        builder.push(&entry(path.clone(), number as u64), &mut pages).unwrap();
    }
    let mut leaves = builder.finish(&mut pages).unwrap();
    let hash_slots = if with_hash { hash::slots_for(paths.len() as u64) } else { 0 };
    let mut window = Window::new(hash_slots, 1 << 20);
    for (number, page) in pages.chunks(layout::PAGE_SIZE as usize).enumerate() {
        leaves.seal(number, page);
        let leaf = Leaf::parse(page).unwrap();
        for slot in 0..leaf.len() {
            let path = leaf.entry(slot, &mut 0).unwrap().path().unwrap();
            window.insert(hash::hash_of(path.as_bytes()), number as u32, slot as u16);
        }
    }
    let (start, len) = (file.len() as u64, window.bytes().len() as u64);
    file.extend(window.bytes());
    sections.push(Section::new(Tag::HASH, Extent { start, len }, None));
    let tree = leaves.finish(file.len() as u64, None, &mut pages).unwrap();
    file.extend(pages);
    let root = tree.root(file.len() as u64, sections).unwrap();
    file.extend(root.bytes);
    (file, paths)
}

fn open(file: &[u8]) -> Index {
    let index = Index::open(file, file.len() as u64, None, &Limits::default()).unwrap();
    index.ready().unwrap().unwrap()
}

/// Knows only what was asked for, and counts it.
#[derive(Default)]
struct Counting {
    have: RefCell<Vec<(Extent, &'static [u8])>>,
    reads: RefCell<Vec<u64>>,
}

impl Source for Counting {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        self.have.borrow().iter().find(|(have, _)| have.contains(&extent)).and_then(
            |(have, bytes)| {
                let at = usize::try_from(extent.start - have.start).unwrap();
                bytes.get(at..at + usize::try_from(extent.len).unwrap())
            },
        )
    }
}

impl Counting {
    fn bring(&self, file: &'static [u8], need: Extent) {
        self.reads.borrow_mut().push(need.len);
        self.have.borrow_mut().push((need, file.bytes(need).unwrap()));
    }
}

macro_rules! until_ready {
    ($source:expr, $file:expr, $question:expr) => {
        loop {
            match $question.unwrap() {
                Answer::Ready(value) => break value,
                Answer::Need(need) => $source.bring($file, need),
            }
        }
    };
}

fn names(count: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|i| format!("train/n{:08}/n{:08}_{i}.JPEG", i / 1300, i / 1300).into_bytes())
}

#[test]
fn a_pack_of_a_hundred_thousand_answers_in_few_reads() {
    let (file, paths) = pack(names(100_000));
    let file: &'static [u8] = file.leak();
    let source = Counting::default();
    let len = file.len() as u64;
    let index =
        until_ready!(source, file, Index::open(&source, len, None, &Limits::default())).unwrap();
    assert_eq!(*source.reads.borrow(), [65536]);
    let path = paths[77_777].as_path();
    let number = until_ready!(source, file, index.lookup(&source, path))
        .map(|entry| entry.content().unwrap().unwrap().offset);
    assert_eq!(number, Some(77_777));
    assert_eq!(source.reads.borrow().len(), 2);
    assert!(source.reads.borrow().iter().all(|len| *len <= 65536));
    // No more than 80 bytes an entry all told, digests included.
    assert!(len < 80 * 100_000, "{len}");
}

#[test]
fn many_numbers_at_once_lead_where_each_does() {
    for count in [0u64, 1, 500, 40_000] {
        let (file, _) = pack(names(count as usize));
        let index = open(&file);
        let numbers: Vec<u64> = (0..count + 40).rev().step_by(1 + count as usize / 70).collect();
        let mut found = Vec::new();
        index.entries_of(&file[..], &numbers, &mut found);
        assert_eq!(found.len(), numbers.len());
        for (number, entry) in numbers.into_iter().zip(found) {
            let expected = index.entry_at(&file[..], number).unwrap().ready().unwrap();
            let extent = |entry: EntryRef<'_>| entry.content().unwrap().unwrap().extent();
            assert_eq!(entry.map(extent), expected.map(extent));
            assert_eq!(
                entry.map(|entry| entry.plain().unwrap()),
                expected.map(|it| Some((0, extent(it))))
            );
        }
    }
}

#[test]
fn every_path_is_found_and_no_other() {
    for count in [0, 1, 2, 500, 40_000] {
        let (file, paths) = pack(names(count));
        let index = open(&file);
        assert_eq!(index.len(), count as u64);
        for (number, path) in paths.iter().enumerate().step_by(1 + count / 1000) {
            let found = index.lookup(&file[..], path.as_path()).unwrap().ready().unwrap().unwrap();
            assert_eq!(found.path().unwrap(), *path);
            assert_eq!(found.content().unwrap().unwrap().offset, number as u64);
            let mut other = path.as_bytes().to_vec();
            other.push(b'x');
            let other = PackPathBuf::new(other).unwrap();
            assert!(index.lookup(&file[..], other.as_path()).unwrap().ready().unwrap().is_none());
        }
    }
}

#[test]
fn every_flipped_bit_of_root_and_pages_is_noticed() {
    let (file, paths) = pack(names(1500));
    let whole = |file: &[u8]| -> Result<usize> {
        let limits = Limits::default();
        let Some(index) = Index::open(file, file.len() as u64, None, &limits)?.ready().unwrap()
        else {
            return Err(Error::NotAPack { file_len: 0 });
        };
        let mut scan = index.scan(0..index.len());
        let mut count = 0;
        while scan.next(file)?.ready().unwrap().is_some() {
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(whole(&file), Ok(paths.len()));
    for at in (0..file.len()).step_by(41).chain(file.len() - 200..file.len()) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        assert!(whole(&damaged).is_err(), "byte {at}");
    }
    for cut in (0..file.len()).step_by(997) {
        assert!(whole(&file[..cut]).is_err());
    }
}

#[test]
fn a_given_root_digest_admits_one_pack_only() {
    let (file, _) = pack(names(10));
    let (other, _) = pack(names(11));
    let digest = open(&file).digest();
    let open = |file: &[u8]| {
        Index::open(file, file.len() as u64, Some(digest), &Limits::default()).map(|_| ())
    };
    assert_eq!(open(&file), Ok(()));
    assert!(matches!(open(&other), Err(Error::WrongRoot { .. })));
}

#[test]
fn earlier_generations_are_found_by_their_digests() {
    let mut generations = Vec::new();
    let (mut file, _) = pack(names(10));
    for count in [3000, 20, 0] {
        let footer = Footer::from_tail(&file, file.len() as u64).unwrap().unwrap();
        generations.push((open(&file).len(), footer.digest));
        let previous = Section::new(Tag::PREVIOUS, footer.root, Some(footer.digest));
        file = build(file, names(count), false, vec![previous]).0;
    }
    generations.push((0, open(&file).digest()));
    let (len, limits) = (file.len() as u64, Limits::default());
    let asked =
        |source: &[u8], digest, limits: &Limits| Index::open(source, len, Some(digest), limits);
    for (entries, digest) in &generations {
        let index = asked(&file, *digest, &limits).unwrap().ready().flatten().unwrap();
        assert_eq!((index.len(), index.digest()), (*entries, *digest));
        let mut scan = index.scan(0..index.len());
        for _ in 0..index.len() {
            assert!(scan.next(&file[..]).unwrap().ready().unwrap().is_some());
        }
    }
    let oldest = generations[0].1;
    assert!(matches!(asked(&file, Digest([5; 32]), &limits), Err(Error::WrongRoot { .. })));
    let few = Limits { generations: 2, ..limits };
    assert!(matches!(asked(&file, oldest, &few), Err(Error::OverLimit { .. })));
    let enough = Limits { generations: 3, ..limits };
    assert!(asked(&file, oldest, &enough).is_ok());
    // A generation that is damaged spoils those before it, not those after it.
    let first = asked(&file, generations[1].1, &limits).unwrap().ready().flatten().unwrap();
    let place = first.header().extent(Tag::PREVIOUS);
    file[place.start as usize + 20] ^= 1;
    let damaged = Index::open(&file[..], len, Some(oldest), &limits);
    assert!(matches!(damaged, Err(Error::DigestMismatch { part: Part::Root, .. })));
    assert!(Index::open(&file[..], len, Some(generations[1].1), &limits).is_ok());
    assert!(Index::open(&file[..], len, None, &limits).is_ok());
}

#[test]
fn sections_are_read_with_their_digests() {
    let text = b"{\"made\": \"by hand\"}".to_vec();
    let extent = Extent { start: 0, len: text.len() as u64 };
    let metadata = Section::new(Tag::METADATA, extent, Some(Digest::of(&text)));
    let unknown = Section::new(Tag(*b"gues"), extent, None);
    let (mut file, _) = build(text.clone(), names(5), false, vec![metadata, unknown]);
    let index = open(&file);
    let limits = Limits::default();
    let read = |file: &[u8], tag, limits| {
        index.section(file, tag, limits).map(|found| found.ready().unwrap().map(<[u8]>::to_vec))
    };
    assert_eq!(read(&file, Tag::METADATA, &limits), Ok(Some(text.clone())));
    assert_eq!(read(&file, Tag::VOLUMES, &limits), Ok(None));
    assert_eq!(read(&file, Tag(*b"gues"), &limits), Ok(None), "nothing vouches for it");
    let few = Limits { section_bytes: 3, ..limits };
    assert!(matches!(read(&file, Tag::METADATA, &few), Err(Error::OverLimit { .. })));
    file[1] ^= 1;
    let mismatch = read(&file, Tag::METADATA, &limits);
    assert!(matches!(mismatch, Err(Error::DigestMismatch { part: Part::Section, .. })));
    let required = Section::new(Tag(*b"must"), extent, None).required();
    let (file, _) = build(text, names(5), false, vec![required]);
    let opened = Index::open(&file[..], file.len() as u64, None, &limits).map(|_| ());
    assert_eq!(opened, Err(Error::UnsupportedSection { tag: Tag(*b"must") }));
}

#[test]
fn the_trailers_magic_never_occurs_in_root_and_footer() {
    let names = [b"CTNRv1__".to_vec(), b"x/CTNRv1__/CTNRv1__y".to_vec()];
    let trailer = Section::new(Tag::TRAILER, Extent { start: 0, len: 8 }, Some(Digest([1; 32])));
    let (file, paths) = build(vec![b'.'; 8], names, false, vec![trailer]);
    assert!(memchr::memmem::find(&file, b"CTNRv1__").is_none());
    let index = open(&file);
    for path in &paths {
        assert!(index.lookup(&file[..], path.as_path()).unwrap().ready().unwrap().is_some());
    }
}

/// What tree and hash section say of a path: the numbers of the entries.
fn both(index: &Index, file: &[u8], path: PackPath<'_>) -> [Option<u64>; 2] {
    let number = |entry: EntryRef<'_>| entry.content().unwrap().unwrap().offset;
    [index.lookup_hinted(file, path), index.lookup(file, path)]
        .map(|found| found.unwrap().ready().unwrap().map(number))
}

#[test]
fn the_hash_section_leads_to_verified_leaves_only() {
    let (file, paths) = hashed_pack(names(5000));
    let index = open(&file);
    for path in &paths {
        assert!(!matches!(index.hint(&file[..], path.as_path()), Hint::Entry(_)));
    }
    for (number, path) in (0..).zip(&paths) {
        assert_eq!(both(&index, &file, path.as_path()), [Some(number); 2]);
    }
    let mut hinted = 0;
    for path in &paths {
        match index.hint(&file[..], path.as_path()) {
            Hint::Entry(entry) => {
                assert_eq!(entry.path().unwrap(), *path);
                hinted += 1;
            }
            Hint::Nothing => panic!("{path:?} has a slot, or there was no room"),
            Hint::Crowded => {}
        }
        for other in [b"x".to_vec(), [path.as_bytes(), b"x"].concat(), path.as_bytes()[..5].into()]
        {
            let other = PackPathBuf::new(other).unwrap();
            assert_eq!(both(&index, &file, other.as_path()), [None; 2]);
        }
    }
    assert!(hinted > 4900, "{hinted}");
    assert_eq!(hinted, hash::taken(file.bytes(index.header().hash().unwrap().extent()).unwrap()));
}

#[test]
fn a_hash_section_that_lies_does_no_harm() {
    let (mut file, paths) = hashed_pack(names(2000));
    let index = open(&file);
    let section = index.header().hash().unwrap().extent();
    let section = section.start as usize..section.end() as usize;
    let right = |file: &[u8], step: usize| {
        for (number, path) in (0..).zip(&paths).step_by(step) {
            assert_eq!(both(&index, file, path.as_path()), [Some(number); 2]);
        }
        let none = PackPathBuf::new(b"train/none".to_vec()).unwrap();
        assert_eq!(both(&index, file, none.as_path()), [None; 2]);
    };
    // Verifies all leaves.
    right(&file, 1);
    // Any flipped byte: the path of the slot, and others.
    let good = file[section.clone()].to_vec();
    for at in section.clone().step_by(5) {
        file[at] ^= 0x41;
        right(&file, 97);
        file[at] ^= 0x41;
    }
    for fill in [0, 0x01, 0xfe, 0xff] {
        file[section.clone()].fill(fill);
        right(&file, 1);
    }
    // Every slot has the right fingerprint, and names another page and another entry: an inner page, one
    // that does not exist, a slot that does not.
    for (leaf, entry) in
        [(0, 0), (1, 1), (2, 0), (3, 0), (4, 0), (99, 1), (0, 4000), (0xff_ffff, 1)]
    {
        for (place, slot) in good.chunks(6).enumerate() {
            let Some(slot) = HashSlot::from_bytes(slot.first_chunk().unwrap()) else { continue };
            let at = section.start + 6 * place;
            let lie = HashSlot { leaf, entry, ..slot }.to_bytes().unwrap();
            file[at..at + 6].copy_from_slice(&lie);
        }
        right(&file, 1);
    }
}

#[test]
fn who_reads_ranges_never_reads_the_hash_section() {
    struct Strict<'f>(&'f [u8], Extent);
    impl Source for Strict<'_> {
        fn bytes(&self, extent: Extent) -> Option<&[u8]> {
            assert!(extent.end() <= self.1.start || extent.start >= self.1.end());
            self.0.bytes(extent)
        }
    }
    let (file, paths) = hashed_pack(names(2000));
    let index = open(&file);
    let strict = Strict(&file, index.header().hash().unwrap().extent());
    for path in &paths {
        assert!(index.lookup(&strict, path.as_path()).unwrap().ready().unwrap().is_some());
    }
    let directory = PackPath::new(b"train/n00000000").unwrap();
    assert_eq!(index.list(&strict, directory, None, 9).unwrap().ready().unwrap().len(), 9);
    let mut scan = index.scan(0..index.len());
    while scan.next(&strict).unwrap().ready().unwrap().is_some() {}
    // Nor does a source that lacks it have to bring it.
    let source = Counting::default();
    let file: &'static [u8] = file.leak();
    let path = paths[1999].as_path();
    until_ready!(source, file, index.lookup_hinted(&source, path)).unwrap();
    assert_eq!(*source.reads.borrow(), [32_768]);
}

#[test]
fn keys_out_of_order_are_refused() {
    let mut builder = TreeBuilder::new();
    let path = |text: &str| PackPathBuf::new(text.into()).unwrap();
    let mut out = Vec::new();
    builder.push(&entry(path("b"), 0), &mut out).unwrap();
    assert_eq!(
        builder.push(&entry(path("b"), 0), &mut out),
        Err(Error::DuplicatePath { number: 1 })
    );
    assert!(matches!(builder.push(&entry(path("a"), 0), &mut out), Err(Error::KeyOrder { .. })));
}

fn arbitrary_paths() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let name = prop_oneof![
        "[ab]{1,2}".prop_map(String::into_bytes),
        "[a-c.-]{1,3}".prop_map(String::into_bytes),
        prop::collection::vec(1u8..=255, 1..6),
    ]
    .prop_filter("a name", |name| crate::path::is_name(name));
    let path = prop::collection::vec(name, 1..5).prop_map(|parts| parts.join(&b'/'));
    prop::collection::vec(path, 0..60)
}
use std::string::String;

proptest! {
    /// Look-up, listing and walking equal those of a sorted map.
    #[test]
    fn answers_equal_a_sorted_maps(paths in arbitrary_paths(), limit in 1usize..9) {
        let (file, paths) = pack(paths);
        let index = open(&file);
        let map: BTreeMap<&PackPathBuf, u64> = paths.iter().zip(0..).collect();
        let mut directories = vec![Vec::new()];
        for path in &paths {
            let found = index.lookup(&file[..], path.as_path()).unwrap().ready().unwrap().unwrap();
            prop_assert_eq!(found.content().unwrap().unwrap().offset, map[path]);
            directories.push(path.as_path().parent().as_bytes().to_vec());
            directories.push(path.as_bytes().to_vec());
        }
        for directory in &directories {
            let directory = PackPath::directory(directory).unwrap();
            let within: Vec<u64> = map.iter()
                .filter(|(path, _)| path.as_path() != directory && path.as_path().is_within(directory))
                .map(|(_, number)| *number).collect();
            let range = index.subtree(&file[..], directory).unwrap().ready().unwrap();
            prop_assert_eq!(range.collect::<Vec<_>>(), within);
            let children: Vec<&PackPathBuf> = map.keys().copied()
                .filter(|path| path.as_path().parent() == directory).collect();
            let range = index.children(&file[..], directory).unwrap().ready().unwrap();
            prop_assert_eq!((range.end - range.start) as usize, children.len());
            let end = index.upper_bound(&file[..], directory).unwrap().ready().unwrap();
            prop_assert_eq!(end, range.end);
            // Page by page, each from the last name of the one before.
            let mut listed = Vec::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = index.list(&file[..], directory, after.as_deref(), limit).unwrap().ready().unwrap();
                for entry in &page {
                    listed.push(entry.path().unwrap());
                }
                if page.len() < limit { break }
                let mut name = Vec::new();
                page[page.len() - 1].push_name(&mut name);
                after = Some(name);
            }
            prop_assert_eq!(listed.iter().collect::<Vec<_>>(), children);
        }
    }
}

#[test]
fn a_forgotten_page_is_checked_anew() {
    let (mut file, paths) = pack(names(1500));
    let index = open(&file);
    let path = paths[700].as_path();
    assert!(index.lookup(&file[..], path).unwrap().ready().unwrap().is_some());
    // Bytes that nobody looks at, so that only the digest tells.
    let pages = Extent { start: 0, len: file.len() as u64 };
    for byte in &mut file[..layout::PAGE_SIZE as usize * 3] {
        *byte ^= 1;
    }
    index.forget(pages);
    let error = index.lookup(&file[..], path).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
}
