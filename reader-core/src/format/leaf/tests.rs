use super::*;
use crate::entry::{AttributeBlock, Gist, Owner};
use crate::format::layout::set_sums;
use crate::path::{MAX_LINK_TARGET, PackPathBuf};
use crate::writing::leaf::LeafBuilder;
use crate::{BlockTable, Codec, Content, Digest, Entry, Kind, Totals};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

fn file(path: &str, offset: u64, size: u64) -> Entry {
    let content = Content::new(Codec::Stored, offset, size, size)
        .with_digest(Some(Digest::of(path.as_bytes())));
    Entry::new(PackPathBuf::new(path.into()).unwrap(), Kind::File(content))
        .with_mode(Some(0o644))
        .with_mtime(Some(-1))
}

fn one_of_each() -> Vec<Entry> {
    let mut gzip = file("dir/b.gz", 100, 50);
    if let Kind::File(content) = &mut gzip.kind {
        content.codec = Codec::Gzip;
        content.size = 1 << 40;
        content.original_digest = Some(Digest::of(b"original"));
        content.blocks =
            Some(BlockTable { offset: 9, digest: Digest::of(b"table"), block_log2: 18 });
    }
    let mut bare = file("dir/c", 150, 0);
    if let Kind::File(content) = &mut bare.kind {
        content.digest = None;
        content.volume = u32::MAX;
        content.hard_link = Some(1);
        content.sparse = true;
    }
    bare.mode = None;
    bare.mtime = None;
    bare.owner = Some(Owner { uid: u32::MAX, gid: 0 });
    bare.attributes = Some(AttributeBlock { offset: 7, len: 8, digest: Digest::of(b"block") });
    let totals = Totals { files: 1, directories: 2, bytes: 3, stored_bytes: u64::MAX };
    let kind = |path: &str, kind| Entry { kind, mode: Some(0o7777), ..file(path, 0, 0) };
    let digest = Digest::of(b"attributes");
    vec![
        Entry { tree_digest: Some(digest), ..kind("dir", Kind::Directory(totals)) },
        kind("link", Kind::Symlink(b"../\xff".to_vec())),
        file("dir/a", 0, 100),
        gzip,
        bare,
    ]
}

fn encode(entry: &mut Entry, codec: Codec, number: u64) {
    if let Kind::File(content) = &mut entry.kind {
        content.codec = codec;
        content.original_digest = Some(Digest::of(&number.to_le_bytes()));
    }
}

fn page_of(entries: &[Entry]) -> Vec<u8> {
    let mut builder = LeafBuilder::default();
    for entry in entries {
        assert!(builder.push(entry, None, 32 << 10).unwrap());
    }
    let mut page = Vec::new();
    builder.finish(&mut page).unwrap();
    page
}

#[test]
fn every_kind_of_entry_comes_back() {
    let entries = one_of_each();
    let page = page_of(&entries);
    let leaf = Leaf::parse(&page).unwrap();
    let mut run = 0;
    let mut over = entries[1].clone();
    for (slot, entry) in entries.iter().enumerate() {
        let read = leaf.entry(slot, &mut run).unwrap();
        assert_eq!(&read.to_entry().unwrap(), entry);
        let path = entry.path.as_path();
        // Over whatever was read before.
        read.path_in(path.parent(), &mut over.path).unwrap();
        read.read_into(&mut over).unwrap();
        assert_eq!(&over, entry);
        assert_eq!(read.gist(&entry.path).unwrap(), Gist::of(entry));
        assert!(read.place().0.is_same(&leaf) && read.place().1 == slot);
        let (found, hit) = leaf.lower_bound(path.parent().as_bytes(), path.name()).unwrap();
        assert_eq!(found, slot);
        assert_eq!(&leaf.entry_of(hit.unwrap()).unwrap().to_entry().unwrap(), entry);
    }
    assert_eq!(leaf.entry(3, &mut 0).unwrap().size().unwrap(), 1 << 40);
    assert!(leaf.entry(5, &mut 0).is_err());
}

#[test]
fn a_page_is_as_long_as_foreseen() {
    let mut entries = one_of_each();
    entries.extend((0..40).map(|i| {
        let mut entry = file(&format!("zoo/n{i:04}_x{}.jpg", i * i), 1000 + i, i * 77);
        if i % 3 > 0 {
            encode(&mut entry, Codec::Zstd, i);
        }
        entry
    }));
    for count in 1..entries.len() {
        let page = page_of(&entries[..count]);
        let mut builder = LeafBuilder::default();
        for entry in &entries[..count - 1] {
            assert!(builder.push(entry, None, 32 << 10).unwrap());
        }
        let shorter = page.len() - 1;
        match builder.clone().push(&entries[count - 1], None, shorter) {
            Ok(fits) => assert!(!fits && count > 1, "{count}"),
            // The first entry of a page has to fit.
            Err(Error::TooLarge { value, limit, .. }) => {
                assert_eq!((count, value, limit), (1, page.len() as u64, shorter as u64));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(builder.push(&entries[count - 1], None, page.len()).unwrap(), "{count}");
    }
}

#[test]
fn digests_of_contents_lie_side_by_side() {
    let entries: Vec<Entry> = (0..300u64)
        .map(|i| {
            let mut entry = file(&format!("f{i:03}"), 0, 9);
            if i % 7 != 3 {
                encode(&mut entry, Codec::Gzip, i);
            }
            entry
        })
        .collect();
    let mut unknown = entries.clone();
    let mut digests = 0;
    for entry in &mut unknown {
        if let Kind::File(content) = &mut entry.kind {
            digests += usize::from(content.original_digest.take().is_some());
        }
    }
    let page = page_of(&entries);
    // They take their own length, and a byte in each row.
    assert_eq!(page.len(), page_of(&unknown).len() + 32 * digests + entries.len());
    let leaf = Leaf::parse(&page).unwrap();
    for (slot, entry) in entries.iter().enumerate() {
        assert_eq!(&leaf.entry(slot, &mut 0).unwrap().to_entry().unwrap(), entry);
    }
}

#[test]
fn bounds_between_entries() {
    let entries: Vec<Entry> =
        ["b/ab1", "b/ab3", "b/ab5", "d/x"].iter().map(|p| file(p, 0, 0)).collect();
    let page = page_of(&entries);
    let leaf = Leaf::parse(&page).unwrap();
    let bound = |directory: &str, name: &str| {
        let (slot, hit) = leaf.lower_bound(directory.as_bytes(), name.as_bytes()).unwrap();
        (slot, hit.is_some())
    };
    assert_eq!(bound("a", "zz"), (0, false));
    assert_eq!(bound("b", "a"), (0, false));
    assert_eq!(bound("b", "ab"), (0, false));
    assert_eq!(bound("b", "ab3"), (1, true));
    assert_eq!(bound("b", "ab4"), (2, false));
    assert_eq!(bound("b", "b"), (3, false));
    assert_eq!(bound("c", "b"), (3, false));
    assert_eq!(bound("d", "x"), (3, true));
    assert_eq!(bound("d", "y"), (4, false));
    assert_eq!(bound("e", ""), (4, false));
}

#[test]
fn names_that_no_path_may_hold_are_errors() {
    for bad in ["..", ".", "a/b", "a\0", "ab/c", "abc\0"] {
        let mut page = page_of(&[file("x-placeholder", 0, 0)]);
        // Replace the only name (a run's prefix) in the heap by a bad one.
        let at = page.len() - "x-placeholder".len();
        page.truncate(at);
        page.extend_from_slice(bad.as_bytes());
        page[8..12].copy_from_slice(&u32::try_from(bad.len()).unwrap().to_le_bytes());
        page[6..8].copy_from_slice(&u16::try_from(bad.len()).unwrap().to_le_bytes());
        let run = 120;
        page[run + 6..run + 8].copy_from_slice(&u16::try_from(bad.len()).unwrap().to_le_bytes());
        let leaf = Leaf::parse(&page).unwrap();
        assert!(leaf.check().is_err() && leaf.entry(0, &mut 0).is_err(), "{bad:?}");
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let entries = one_of_each();
    let page = page_of(&entries);
    let touch = |page: &[u8]| {
        let Ok(leaf) = Leaf::parse(page) else { return };
        let mut run = 0;
        for slot in 0..leaf.len().min(100) {
            if let Ok(entry) = leaf.entry(slot, &mut run) {
                let _ = entry.to_entry();
            }
        }
        let _ = leaf.lower_bound(b"dir", b"b.gz");
        let _ = leaf.check();
    };
    for cut in 0..page.len() {
        assert!(Leaf::parse(&page[..cut]).is_err());
    }
    for at in 0..page.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = page.clone();
            damaged[at] = value;
            touch(&damaged);
        }
    }
}

#[test]
fn sums_are_filled_in_afterwards() {
    let mut entries = one_of_each();
    let expected = entries[0].clone();
    entries[0].kind = Kind::Directory(Totals::default());
    entries[0].tree_digest = None;
    let mut page = page_of(&entries);
    page.resize(32 << 10, 0);
    let Kind::Directory(totals) = expected.kind else { panic!() };
    set_sums(&mut page, &mut [(totals, expected.tree_digest)].into_iter()).unwrap();
    let leaf = Leaf::parse(&page).unwrap();
    assert_eq!(leaf.entry(0, &mut 0).unwrap().to_entry().unwrap(), expected);
    assert_eq!(leaf.entry(2, &mut 0).unwrap().to_entry().unwrap(), entries[2]);
}

#[test]
fn what_does_not_fit_is_not_cut_off() {
    let push = |entry: &Entry| {
        let mut builder = LeafBuilder::default();
        let result = builder.push(entry, None, 32 << 10);
        (result, builder.is_empty())
    };
    let mut entry = file("a", 0, 0);
    entry.mode = Some(0o100_644);
    let (what, value, limit) = ("mode", 0o100_644, 0o7777);
    assert_eq!(push(&entry), (Err(Error::TooLarge { what, value, limit }), true));
    entry.mode = Some(0o7777);
    for len in [MAX_LINK_TARGET, MAX_LINK_TARGET + 1, 1 << 20] {
        entry.kind = Kind::Symlink(vec![b'x'; len]);
        let (what, value, limit) = ("length of a link's target", len as u64, 8192);
        let expected =
            if value > limit { Err(Error::TooLarge { what, value, limit }) } else { Ok(true) };
        assert_eq!(push(&entry), (expected.clone(), expected.is_err()));
    }
}

#[test]
fn a_checked_page_has_paths_in_order_and_nothing_between_the_runs() {
    let paths = ["a/b1", "a/b2", "a/b3", "b/c", "b/d"];
    let entries: Vec<Entry> = paths.iter().map(|path| file(path, 0, 0)).collect();
    let page = page_of(&entries);
    let (low, high) = Leaf::parse(&page).unwrap().check().unwrap().unwrap();
    assert_eq!((low.as_bytes(), high.as_bytes()), (&b"a\0\0b1"[..], &b"b\0\0d"[..]));
    assert!(Leaf::parse(&page_of(&[])).unwrap().check().unwrap().is_none());

    let check = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut page = page.clone();
        change(&mut page);
        Leaf::parse(&page).and_then(|leaf| leaf.check()).map(|_| ())
    };
    // Where the second run and the places of the names lie, and what is in the heap.
    let (second, places) = (128, 136);
    let heap = page.len() - page.iter().rev().position(|byte| *byte == b'1').unwrap() - 1;
    assert_eq!(&page[heap..heap + 5], b"123cd");
    assert_eq!(check(&|_| ()), Ok(()));
    type Change<'c> = (&'c str, &'c dyn Fn(&mut Vec<u8>));
    let changes: [Change<'_>; 9] = [
        ("names out of order", &|page| page.swap(heap, heap + 1)),
        ("the same name twice", &|page| page[heap + 1] = b'1'),
        ("a slash", &|page| page[heap + 2] = b'/'),
        ("an empty run", &|page| page[second] = 5),
        ("a run behind the entries", &|page| page[second] = 9),
        ("a first run that begins later", &|page| page[120] = 1),
        ("more runs than entries", &|page| page[4] = 6),
        ("directories out of order", &|page| {
            let (first, second) = (page[122..128].to_vec(), page[130..136].to_vec());
            page[122..128].copy_from_slice(&second);
            page[130..136].copy_from_slice(&first);
        }),
        ("a name that ends before it begins", &|page| page[places + 2] = 9),
    ];
    for (what, change) in changes {
        assert!(check(change).is_err(), "{what}");
    }
}

#[test]
fn a_later_versions_entries_are_listed_and_not_read() {
    let mut entry = file("a", 7, 8);
    entry.kind = Kind::File(Content::new(Codec::Other(9), 7, 8, 20));
    let page = page_of(&[entry.clone()]);
    let leaf = Leaf::parse(&page).unwrap();
    assert_eq!(leaf.entry(0, &mut 0).unwrap().to_entry().unwrap(), entry);
    // A flag that is not known here.
    let mut page = page_of(&[file("a", 7, 8)]);
    page[19] = 0x04;
    let leaf = Leaf::parse(&page).unwrap();
    assert!(leaf.check().is_ok());
    let entry = leaf.entry(0, &mut 0).unwrap();
    assert_eq!((entry.size(), entry.mode()), (Ok(8), Ok(Some(0o644))));
    assert_eq!(entry.content(), Err(Error::UnsupportedEntry { flags: 1 << 26 }));
    // Owner: one id without the other.
    let mut page = page_of(&[file("a", 7, 8)]);
    page[16 + 7 * 8] = 1;
    assert!(Leaf::parse(&page).unwrap().entry(0, &mut 0).unwrap().owner().is_err());
}
