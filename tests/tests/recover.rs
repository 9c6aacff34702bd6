//! What `recover` saves of packs that lost their ends, their indexes, or bytes anywhere.

use rangepack::{
    ContainerProblem, Error, IndexFormat, Pack, PackOptions, RecoverOptions, Recovered,
};
use rangepack::{VerifyOptions, pack, recover, verify};
use std::fs;
use std::path::Path;
use support::{file, packs};

const FILES: usize = 900;

fn content(n: usize) -> Vec<u8> {
    if n == 7 { vec![7; 600_000] } else { format!("content of {n} ").repeat(n % 30).into_bytes() }
}

fn make(home: &Path, format: IndexFormat, compress: bool) -> Vec<u8> {
    let source = home.join("source");
    fs::create_dir_all(source.join("d")).unwrap();
    for n in 0..FILES {
        let name = if n % 2 == 0 { format!("{n:04}") } else { format!("d/{n:04}") };
        fs::write(source.join(name), content(n)).unwrap();
    }
    let mut options = PackOptions::default();
    options.index.format = format;
    options.compress = compress.then_some(rangepack::Compression::Gzip(6));
    options.overwrite = true;
    pack(&source, home.join("a.pack"), &options, &()).unwrap();
    fs::read(home.join("a.pack")).unwrap()
}

fn save(home: &Path, bytes: &[u8]) -> rangepack::Result<Recovered> {
    fs::write(home.join("bad.pack"), bytes).unwrap();
    let mut options = RecoverOptions::default();
    options.overwrite = true;
    recover(home.join("bad.pack"), home.join("saved.pack"), &options, &())
}

/// The new pack is sound, and holds at least so many of the files, each as it was.
fn check(home: &Path, at_least: usize) {
    let saved = Pack::open(home.join("saved.pack")).unwrap();
    let report = verify(&saved, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    let mut files = 0;
    for entry in saved.entries() {
        let entry = entry.unwrap();
        if entry.is_directory() {
            continue;
        }
        let path = entry.path().unwrap();
        let text = String::from_utf8_lossy(path.as_bytes()).into_owned();
        let n: usize = text.rsplit('/').next().unwrap().parse().unwrap();
        assert!(saved.read(path.as_bytes()).unwrap() == content(n), "{text}");
        files += 1;
    }
    assert!(files >= at_least, "{files} of {at_least}");
}

#[test]
fn lost_ends_and_holes_with_both_indexes() {
    lost_ends_and_holes_anywhere(IndexFormat::Both, 0);
}

#[test]
fn lost_ends_and_holes_with_pages() {
    lost_ends_and_holes_anywhere(IndexFormat::Paged, 2);
}

#[test]
fn lost_ends_and_holes_with_lines() {
    lost_ends_and_holes_anywhere(IndexFormat::Ndjson, 4);
}

/// Of so many places each case takes one in six, and all of them together every one: this format those after `first`.
const PLACES: usize = 60;

fn lost_ends_and_holes_anywhere(format: IndexFormat, first: usize) {
    for compress in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let whole = make(home, format, compress);
        let (opened, len) = (Pack::open(home.join("a.pack")).unwrap(), whole.len());
        let index = if format == IndexFormat::Ndjson { 0 } else { opened.header().payload_end() };
        let recovered = save(home, &whole).unwrap();
        assert_eq!((recovered.lost, recovered.unreadable), (0, 0));
        check(home, FILES);
        // The footer; the root page; and the trailer with it.
        for cut in [1, 72, 100, 2000, 40_000] {
            if format == IndexFormat::Paged && cut > 2000 {
                // There go the pages, and nothing else tells of anything.
                continue;
            }
            let recovered = save(home, &whole[..len - cut]).unwrap();
            assert_eq!(recovered.lost, 0, "{format:?}, {cut}");
            // A trailer alone is gone from where it breaks off.
            let at_least =
                if format == IndexFormat::Ndjson { FILES - cut / 200 - 1 } else { FILES };
            check(home, at_least);
        }
        // A page of the disk, anywhere.
        for place in (first + usize::from(compress)..PLACES).step_by(6) {
            let start = len / PLACES * place;
            let mut holey = whole.clone();
            let end = (start + 4096).min(len);
            holey[start..end].fill(0);
            match save(home, &holey) {
                Ok(recovered) => {
                    // At most every file of a page, or the lines of one.
                    let kept = if start as u64 >= index && format == IndexFormat::Paged {
                        100
                    } else {
                        600
                    };
                    check(home, kept);
                    assert!(recovered.finished.header.entries > 0);
                }
                Err(error) => panic!("{format:?}, {start}: {error}"),
            }
        }
    }
}

#[test]
fn what_was_lost_is_named() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut bytes = make(home, IndexFormat::Both, false);
    let content = *Pack::open(home.join("a.pack")).unwrap().open_file("0100").unwrap().content();
    bytes[content.offset as usize] ^= 1;
    let recovered = save(home, &bytes).unwrap();
    assert_eq!(recovered.lost, 1);
    let (path, problem) = &recovered.problems[0];
    assert_eq!(*path, "0100");
    assert!(problem.contains("SHA-256"), "{problem}");
    check(home, FILES - 1);
    let error = save(home, b"nothing that is known").unwrap_err();
    assert!(matches!(error, Error::Container { problem: ContainerProblem::NothingLeft, .. }));
}

/// Of every golden pack everything is saved, and of every truncation of it what is said to be.
#[test]
fn golden_packs_cut_anywhere() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut saved = 0;
    for path in packs("golden") {
        let whole = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "fpack") || whole.len() > 1 << 20 {
            continue;
        }
        for part in 1..8 {
            match save(home, &whole[..whole.len() * part / 8]) {
                Ok(_) => {
                    let pack = Pack::open(home.join("saved.pack")).unwrap();
                    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
                    assert!(report.is_sound(), "{}, {part}: {:?}", path.display(), report.problems);
                    saved += 1;
                }
                Err(error) => {
                    let is_told = matches!(&error, Error::Container { problem, .. }
                        if *problem == ContainerProblem::NothingLeft);
                    assert!(is_told, "{}, {part}: {error}", path.display());
                }
            }
        }
    }
    assert!(saved > 10, "{saved}");
    assert!(file("golden").is_dir());
}
