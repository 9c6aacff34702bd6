use super::*;
use crate::pack::{PackOptions, pack};
use rangepack_core::layout::Section;
use rangepack_core::{Codec, Digest, Extent, Tag, Totals, TreeBuilder};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

fn make(compress: Option<u32>) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("source");
    let words: Vec<u8> = (0..200_000u32)
        .flat_map(|n| format!("{} ", n.wrapping_mul(n) % 977).into_bytes())
        .collect();
    fs::create_dir_all(source.join("a/b")).unwrap();
    fs::write(source.join("a/empty"), "").unwrap();
    fs::write(source.join("a/small"), "hello, hello, hello, hello").unwrap();
    fs::write(source.join("a/b/again"), "hello, hello, hello, hello").unwrap();
    fs::write(source.join("a/b/large"), &words[..600 << 10]).unwrap();
    fs::write(
        source.join("noise"),
        (0..90_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect::<Vec<u8>>(),
    )
    .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("a/small", source.join("link")).unwrap();
    let target = root.path().join("target.pack");
    pack(
        &source,
        &target,
        &PackOptions::new().compress(compress.map(crate::Compression::Gzip)),
        &(),
    )
    .unwrap();
    (root, target)
}

fn run_on(pack: &Pack, paths: Option<&[PackPathBuf]>) -> VerifyReport {
    let paths = paths.map(<[_]>::to_vec);
    let options = VerifyOptions { paths, threads: 2, ..VerifyOptions::default() };
    let (heard, files, sum) = (Mutex::new(Vec::new()), AtomicU64::new(0), AtomicU64::new(0));
    let observer = |event: Event<'_>| match event {
        Event::Problem { path: at, problem, .. } => {
            let path = at.map(|at| PackPathBuf::new(at.0.to_vec()).unwrap());
            heard.lock().unwrap().push(Problem { path, flaw: problem.clone() });
        }
        Event::Done { bytes, .. } => {
            files.fetch_add(1, Ordering::Relaxed);
            sum.fetch_add(bytes, Ordering::Relaxed);
        }
        Event::Bytes { bytes } => {
            sum.fetch_add(bytes, Ordering::Relaxed);
        }
        other => panic!("{other:?}"),
    };
    let report = verify(pack, &options, &observer).unwrap();
    let heard = heard.into_inner().unwrap();
    assert_eq!(heard, report.problems);
    assert_eq!(report.unlisted(), 0);
    assert_eq!(heard.is_empty(), report.is_sound());
    assert_eq!((files.into_inner(), sum.into_inner()), (report.files, report.bytes));
    report
}

fn run(path: &Path) -> VerifyReport {
    run_on(&Pack::open(path).unwrap(), None)
}

/// Verifies a copy of a pack with changed bytes.
fn changed(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> VerifyReport {
    let copy = path.with_extension("changed");
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(&copy, bytes).unwrap();
    run(&copy)
}

fn path(path: &str) -> PackPathBuf {
    PackPathBuf::new(path.into()).unwrap()
}

#[test]
fn good_packs_pass() {
    for compress in [None, Some(6)] {
        let (_root, target) = make(compress);
        let report = run(&target);
        assert!(report.is_sound(), "{report:?}");
        let pack = Pack::open(&target).unwrap();
        let totals = pack.header().totals;
        assert_eq!(report.files + report.symlinks, totals.files);
        assert_eq!((report.files, report.directories, report.unverifiable), (5, 2, 0));
        assert_eq!((report.bytes, report.stored_bytes), (totals.bytes, totals.stored_bytes));
    }
}

#[test]
fn parts_are_verified_alone() {
    let (_root, target) = make(Some(6));
    let pack = Pack::open(&target).unwrap();
    let report = run_on(&pack, Some(&[path("a/b"), path("noise")]));
    assert_eq!((report.files, report.directories, report.bad), (3, 1, 0));
    let report = run_on(&pack, Some(&[path("a/b/nothing")]));
    assert_eq!((report.files, report.bad), (0, 1));
    assert_eq!(report.problems[0].path, Some(path("a/b/nothing")));
    assert_eq!(run_on(&pack, Some(&[PackPath::ROOT.to_owned()])).files, 5);
}

#[test]
fn every_damaged_payload_is_found_and_the_others_are_checked() {
    for compress in [None, Some(6)] {
        let (_root, target) = make(compress);
        let end = Pack::open(&target).unwrap().header().payload_end() as usize;
        // Payloads and block tables fill all of it.
        for at in (0..end).step_by(end / 40).chain([0, end - 1]) {
            let report = changed(&target, |bytes| bytes[at] ^= 4);
            assert!((1..=2).contains(&report.bad), "{at}: {report:?}");
            assert_eq!((report.files, report.structural), (5, 0));
        }
    }
}

#[test]
fn every_line_is_compared() {
    let (_root, target) = make(Some(6));
    let trailer = Pack::open(&target).unwrap().header().extent(Tag::TRAILER);
    let start = trailer.start as usize;
    let lines = |bytes: &[u8]| -> Vec<std::ops::Range<usize>> {
        let index = &bytes[start..trailer.end() as usize];
        let mut at = start;
        let ends = index.split_inclusive(|byte| *byte == b'\n');
        ends.map(|line| {
            at += line.len();
            at - line.len()..at
        })
        .collect()
    };
    let count = lines(&fs::read(&target).unwrap()).len();
    assert!(count >= 5);
    for line in 0..count {
        let replaced = changed(&target, |bytes| {
            let range = lines(bytes)[line].clone();
            bytes[range.start..range.end - 1].fill(b' ');
        });
        // The first one is that the trailer has not its digest.
        let text = replaced.problems[1].flaw.to_string();
        assert_eq!((replaced.structural, replaced.bad), (2, 0), "{replaced:?}");
        assert!(text.contains("no line"), "{text}");
        let torn = changed(&target, |bytes| {
            let start = lines(bytes)[line].start;
            bytes[start] = b'?';
        });
        assert_eq!(torn.structural, 3, "one bad line, one entry without a line: {torn:?}");
    }
    for (key, problem) in [
        (&b"\"offset\": "[..], "else"),
        (b"\"sha256\": \"", "else"),
        (b"\"relpath\": \"", "no such"),
    ] {
        let report = changed(&target, |bytes| {
            let line = &bytes[lines(bytes)[1].clone()];
            let at = line.windows(key.len()).position(|window| window == key).unwrap() + key.len();
            let at = lines(bytes)[1].start + at;
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
        });
        assert!(report.problems.iter().any(|p| p.flaw.to_string().contains(problem)), "{report:?}");
    }
    let twice = changed(&target, |bytes| {
        let (one, two) = (
            lines(bytes)[0].clone(),
            lines(bytes).into_iter().find(|r| r.len() > lines(bytes)[0].len()).unwrap(),
        );
        let line = bytes[one.start..one.end - 1].to_vec();
        bytes[two.start..two.end - 1].fill(b' ');
        bytes[two.start..two.start + line.len()].copy_from_slice(&line);
    });
    assert_eq!(twice.structural, 3, "{twice:?}");
    let moved = changed(&target, |bytes| bytes[start - 16] ^= 1);
    assert_eq!(moved.structural, 1);
    let pack = Pack::open(target.with_extension("changed")).unwrap();
    let options = VerifyOptions { ndjson: false, ..VerifyOptions::default() };
    let report = verify(&pack, &options, &()).unwrap();
    assert!(report.is_sound());
}

fn file(at: &str, offset: u64, bytes: &[u8]) -> Entry {
    let size = bytes.len() as u64;
    let content =
        Content::new(Codec::Stored, offset, size, size).with_digest(Some(Digest::of(bytes)));
    Entry::new(path(at), Kind::File(content))
}

fn directory(at: &str, files: u64, bytes: u64) -> Entry {
    let totals = Totals { files, directories: 0, bytes, stored_bytes: bytes };
    Entry::new(path(at), Kind::Directory(totals))
}

/// A pack with any entries, be they true or not.
fn forge(payload: &[u8], payload_end: u64, entries: &[Entry]) -> (TempDir, PathBuf) {
    let mut bytes = payload.to_vec();
    let mut builder = TreeBuilder::new();
    let mut pages = Vec::new();
    entries.iter().for_each(|entry| builder.push(entry, &mut pages).unwrap());
    let pages_offset = bytes.len() as u64;
    let data = Section::new(Tag::DATA, Extent { start: 0, len: payload_end }, None);
    let mut leaves = builder.finish(&mut pages).unwrap();
    for (number, page) in pages.chunks(rangepack_core::layout::PAGE_SIZE as usize).enumerate() {
        leaves.seal(number, page);
    }
    let tree = leaves.finish(pages_offset, None, &mut pages).unwrap();
    bytes.extend(pages);
    bytes.extend(tree.root(bytes.len() as u64, vec![data]).unwrap().bytes);
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("forged");
    fs::write(&target, bytes).unwrap();
    (root, target)
}

fn forged(payload: &[u8], payload_end: u64, entries: &[Entry]) -> VerifyReport {
    let (_root, target) = forge(payload, payload_end, entries);
    run(&target)
}

#[test]
fn a_forged_index_is_found_out() {
    let sound = [directory("a", 1, 3), file("a/x", 0, b"abc")];
    assert!(forged(b"abc", 3, &sound).is_sound());

    let totals = forged(b"abc", 3, &[directory("a", 1, 4), file("a/x", 0, b"abc")]);
    assert_eq!((totals.structural, totals.bad), (1, 0), "{totals:?}");
    assert_eq!(totals.problems[0].path, Some(path("a")));

    let orphan = forged(b"abc", 3, &[file("a/x", 0, b"abc")]);
    assert_eq!((orphan.structural, orphan.bad), (1, 0), "{orphan:?}");

    // The same bytes under another digest: the first answer is not the second's.
    let lie = file("y", 0, b"abd");
    let twins = forged(b"abc", 3, &[file("x", 0, b"abc"), lie, file("z", 0, b"abc")]);
    assert_eq!((twins.structural, twins.bad), (0, 1), "{twins:?}");
    assert_eq!(twins.problems[0].path, Some(path("y")));

    // A payload that lies in the index.
    let outside = forged(b"abc", 2, &sound);
    assert_eq!((outside.structural, outside.bad), (0, 1), "{outside:?}");
    let behind = forged(b"abc", 3, &[file("x", 1 << 40, b"abc")]);
    assert_eq!((behind.structural, behind.bad), (0, 1), "{behind:?}");
    let volume = |volume| {
        let mut entry = file("x", 0, b"abc");
        if let Kind::File(content) = &mut entry.kind {
            content.volume = volume;
        }
        entry
    };
    assert_eq!(forged(b"abc", 3, &[volume(0)]).bad, 0);
    assert_eq!(forged(b"abc", 3, &[volume(1)]).bad, 1);
}

#[test]
fn damaged_pages_hide_only_their_own_entries() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("many.pack");
    let source = root.path().join("source");
    fs::create_dir(&source).unwrap();
    for number in 0..3000 {
        fs::write(source.join(format!("{number:04}")), "").unwrap();
    }
    pack(&source, &target, &PackOptions::default(), &()).unwrap();
    let header = Pack::open(&target).unwrap().header().clone();
    assert!(header.page_count() >= 4);
    for page in 0..u64::from(header.page_count()) {
        let at = header.pages().start + page * u64::from(header.page_size) + 500;
        let copy = target.with_extension("changed");
        let mut bytes = fs::read(&target).unwrap();
        bytes[at as usize] ^= 1;
        fs::write(&copy, bytes).unwrap();
        let pack = Pack::open(&copy).unwrap();
        let options =
            VerifyOptions { paths: None, threads: 1, ndjson: false, ..VerifyOptions::default() };
        let report = verify(&pack, &options, &()).unwrap();
        assert_eq!((report.bad, report.structural), (0, 1), "{report:?}");
        assert!((1..3000).contains(&report.files), "{report:?}");
        assert!(report.problems[0].flaw.to_string().contains("cannot be read"), "{report:?}");
        // Their lines are told of together.
        let all = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        assert_eq!((all.bad, all.structural), (0, 2), "{all:?}");
        let count = |problem: &Problem| match &problem.flaw {
            Flaw::UnreadableLines { count, .. } => Some(*count),
            _ => None,
        };
        let hidden = 3000 - report.files;
        assert_eq!(all.problems.iter().find_map(count), Some(hidden), "{all:?}");
    }
}

#[test]
fn only_so_many_problems_are_listed() {
    let entries: Vec<Entry> = (0..1500).map(|n| file(&format!("{n:04}"), 0, b"ab")).collect();
    let (_root, target) = forge(b"no", 2, &entries);
    let pack = Pack::open(&target).unwrap();
    let heard = AtomicU64::new(0);
    let observer = |event: Event<'_>| {
        if matches!(event, Event::Problem { .. }) {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    };
    let report = verify(&pack, &VerifyOptions::default(), &observer).unwrap();
    assert_eq!((report.bad, report.problems.len(), report.unlisted()), (1500, 1000, 500));
    assert_eq!(heard.into_inner(), 1500);
}

#[test]
fn a_cancelled_run_says_so() {
    let (_root, target) = make(None);
    let pack = Pack::open(&target).unwrap();
    let error = verify(&pack, &VerifyOptions::default(), &AtomicBool::new(true)).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

/// The damage lies behind the place where it stops.
#[test]
fn a_cancelled_run_stops_inside_a_large_file() {
    let root = tempfile::tempdir().unwrap();
    let (source, target) = (root.path().join("source"), root.path().join("large.pack"));
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("large"), vec![7; 1_000_000]).unwrap();
    pack(&source, &target, &PackOptions::default(), &()).unwrap();
    let mut bytes = std::fs::read(&target).unwrap();
    bytes[999_999] ^= 1;
    std::fs::write(&target, bytes).unwrap();
    let pack = Pack::open(&target).unwrap();
    let content = *pack.open_file("large").unwrap().content();
    let check =
        |stop| payload::check(&pack, &content, None, &mut 1_000_000, &AtomicBool::new(stop));
    assert!(check(false).is_err());
    assert!(check(true).is_ok());
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/seed-formats").join(name)
}

#[test]
fn old_containers_pass_and_damaged_ones_do_not() {
    let names = [
        "plain.container",
        "gzip.container",
        "json-array.container",
        "json-object.container",
        "trailing-bytes.container",
        "one-file.container",
        "unfinalized.container",
        "plain.fpack",
    ];
    for name in names {
        let is_fpack = name.ends_with("fpack");
        let report = run(&fixture(name));
        assert!(report.is_sound(), "{name}: {report:?}");
        assert!(report.files > 0, "{name}");
        assert_eq!(report.unverifiable, if is_fpack { report.files } else { 0 }, "{name}");
        if is_fpack {
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        let copy = root.path().join("copy");
        fs::copy(fixture(name), &copy).unwrap();
        if name.starts_with("unfinalized") {
            fs::copy(fixture("unfinalized.container.idx"), root.path().join("copy.idx")).unwrap();
        }
        let pack = Pack::open(&copy).unwrap();
        let files: Vec<Content> =
            pack.entries().filter_map(|entry| entry.unwrap().content().unwrap()).collect();
        let good = fs::read(&copy).unwrap();
        for content in files.iter().filter(|content| content.stored_size > 0) {
            for at in [content.offset, content.offset + content.stored_size - 1] {
                let mut bad = good.clone();
                bad[at as usize] ^= 1;
                let pack = {
                    let changed = root.path().join(format!("changed-{at}"));
                    fs::write(&changed, bad).unwrap();
                    let idx = root.path().join("copy.idx");
                    if idx.exists() {
                        fs::copy(idx, root.path().join(format!("changed-{at}.idx"))).unwrap();
                    }
                    Pack::open(changed).unwrap()
                };
                let report = run_on(&pack, None);
                assert!(report.bad >= 1, "{name} at {at}: {report:?}");
            }
        }
    }
}

#[test]
fn a_pack_that_was_cut_or_lengthened_is_not_sound() {
    let home = tempfile::tempdir().unwrap();
    let (tree, packed) = (home.path().join("tree"), home.path().join("a.pack"));
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("a"), "abc").unwrap();
    crate::pack(&tree, &packed, &crate::PackOptions::new(), &()).unwrap();
    let whole = std::fs::read(&packed).unwrap();
    let sound = |bytes: &[u8]| {
        std::fs::write(&packed, bytes).unwrap();
        let pack = Pack::open(&packed).unwrap();
        let report = verify(&pack, &VerifyOptions::new(), &()).unwrap();
        (pack.format(), report.is_sound())
    };
    assert_eq!(sound(&whole), (crate::Format::Paged, true));
    // What is left is the container of old programs, which is whole in itself.
    assert_eq!(sound(&whole[..whole.len() - 10]), (crate::Format::Ctnr, false));
    assert_eq!(sound(&[&whole[..], b"0123456789"].concat()), (crate::Format::Ctnr, false));
}
