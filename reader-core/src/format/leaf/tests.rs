use super::*;
use crate::entry::Owner;
use crate::format::layout::set_totals;
use crate::path::{MAX_LINK_TARGET, PackPathBuf};
use crate::writing::leaf::LeafBuilder;
use crate::{BlockTable, Codec, Content, Digest, Entry, Kind, Totals};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

fn file(path: &str, offset: u64, size: u64) -> Entry {
    Entry {
        path: PackPathBuf::new(path.into()).unwrap(),
        kind: Kind::File(Content {
            volume: 0,
            offset,
            stored_size: size,
            size,
            codec: Codec::Stored,
            digest: Some(Digest::of(path.as_bytes())),
            original_digest: None,
            blocks: None,
        }),
        mode: Some(0o644),
        mtime: Some(-1),
        owner: None,
    }
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
        content.volume = 3;
    }
    bare.mode = None;
    bare.mtime = None;
    bare.owner = Some(Owner { uid: u32::MAX, gid: 0 });
    let totals = Totals { files: 1, directories: 2, bytes: 3, stored_bytes: u64::MAX };
    let kind = |path: &str, kind| Entry { kind, mode: Some(0o7777), ..file(path, 0, 0) };
    vec![
        kind("dir", Kind::Directory(totals)),
        kind("link", Kind::Symlink(b"../\xff".to_vec())),
        file("dir/a", 0, 100),
        gzip,
        bare,
    ]
}

fn page_of(entries: &[Entry]) -> Vec<u8> {
    let mut builder = LeafBuilder::default();
    for entry in entries {
        assert!(builder.push(entry, 32 << 10).unwrap());
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
    for (slot, entry) in entries.iter().enumerate() {
        assert_eq!(&leaf.entry(slot, &mut run).unwrap().to_entry().unwrap(), entry);
        let path = entry.path.as_path();
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
    entries.extend((0..40).map(|i| file(&format!("zoo/n{i:04}_x{}.jpg", i * i), 1000 + i, i * 77)));
    for count in 1..entries.len() {
        let page = page_of(&entries[..count]);
        let mut builder = LeafBuilder::default();
        for entry in &entries[..count - 1] {
            assert!(builder.push(entry, 32 << 10).unwrap());
        }
        let shorter = page.len() - 1;
        match builder.clone().push(&entries[count - 1], shorter) {
            Ok(fits) => assert!(!fits && count > 1, "{count}"),
            // The first entry of a page has to fit.
            Err(Error::TooLarge { value, limit, .. }) => {
                assert_eq!((count, value, limit), (1, page.len() as u64, shorter as u64));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(builder.push(&entries[count - 1], page.len()).unwrap(), "{count}");
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
        let run = 104;
        page[run + 6..run + 8].copy_from_slice(&u16::try_from(bad.len()).unwrap().to_le_bytes());
        let leaf = Leaf::parse(&page).unwrap();
        assert!(leaf.entry(0, &mut 0).is_err(), "{bad:?}");
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
fn totals_are_filled_in_afterwards() {
    let mut entries = one_of_each();
    let expected = entries[0].clone();
    entries[0].kind = Kind::Directory(Totals::default());
    let mut page = page_of(&entries);
    page.resize(32 << 10, 0);
    let Kind::Directory(totals) = expected.kind else { panic!() };
    set_totals(&mut page, &mut [totals].into_iter()).unwrap();
    let leaf = Leaf::parse(&page).unwrap();
    assert_eq!(leaf.entry(0, &mut 0).unwrap().to_entry().unwrap(), expected);
    assert_eq!(leaf.entry(2, &mut 0).unwrap().to_entry().unwrap(), entries[2]);
}

#[test]
fn what_does_not_fit_is_not_cut_off() {
    let push = |entry: &Entry| {
        let mut builder = LeafBuilder::default();
        let result = builder.push(entry, 32 << 10);
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
