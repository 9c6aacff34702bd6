//! No room for the container, its journal or its index: nothing is lost, and with room it goes on.
//!
//! The system lets the files of the child grow to a certain length only, as if the disk were full there.

use rangepack::Pack;
use rangepack::{CreateOptions, create};
use rangepack::{VerifyOptions, verify};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::journal;

const CHILD: &str = "RANGEPACK_TEST_NO_ROOM";

/// Not a test by itself: the process whose files may not grow.
#[test]
fn child() {
    let Some(home) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut options = CreateOptions::default();
    options.reopen = true;
    options.finalize = true;
    options.fsync_every = 2;
    options.pack.threads = 2;
    if let Err(error) = create(home.join("source"), home.join("c"), &options, &()) {
        eprintln!("{error}");
        std::process::exit(9);
    }
}

/// Runs the child with files of at most so many half kilobytes. `None` when all went well, else its
/// message.
fn run(home: &Path, room: &str) -> Option<String> {
    // A process that ignores the signal gets an error from the write instead.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"", room])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "no_room::child", "--nocapture"])
        .env(CHILD, home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => None,
        Some(9) => Some(text.trim_end().to_owned()),
        code => panic!("{code:?}: {text}"),
    }
}

fn is_refused_well(home: &Path, message: &str) {
    assert!(message.contains("cannot "), "{message}");
    assert!(!message.contains(".rangepack-"), "{message}");
    for file in fs::read_dir(home).unwrap() {
        let name = file.unwrap().file_name();
        assert!(!name.to_string_lossy().starts_with(".rangepack-"), "{name:?} is left");
    }
}

fn is_complete(home: &Path) {
    let pack = Pack::open(home.join("c")).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    let mut files = 0;
    for file in fs::read_dir(home.join("source")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().as_encoded_bytes();
        assert!(pack.read(name).unwrap() == fs::read(&path).unwrap(), "{path:?}");
        files += 1;
    }
    assert_eq!(report.files, files);
}

/// Files of this many bytes, each; with the names the journal grows, with the bytes the container.
fn home(size: usize, name_len: usize) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("source");
    fs::create_dir(&source).unwrap();
    for n in 0..60u32 {
        let bytes: Vec<u8> = (0..size as u32).map(|i| (i * 7 + n) as u8).collect();
        fs::write(source.join(format!("{n:0name_len$}")), bytes).unwrap();
    }
    home
}

/// Fails at every step on the way, each time from the beginning, and each time from where it was; each of
/// `files` is one that has no room at some time.
fn with_ever_more_room(size: usize, name_len: usize, files: &[&str]) {
    let went_on = home(size, name_len);
    let (mut lines, mut failures) = (0, Vec::new());
    for half_kilobytes in [0, 1, 2, 5, 10, 20, 40, 64, 70, 90, 130, 160, 200, 300, 400, 500, 800] {
        let room = half_kilobytes.to_string();
        let fresh = home(size, name_len);
        for home in [fresh.path(), went_on.path()] {
            match run(home, &room) {
                Some(message) => {
                    is_refused_well(home, &message);
                    failures.push(message);
                }
                None => is_complete(home),
            }
            let found = journal::check(home);
            if home == went_on.path() {
                assert!(found >= lines, "lines were lost: {lines}, then {found}");
                lines = found;
            }
        }
        assert_eq!(run(fresh.path(), "unlimited"), None);
        is_complete(fresh.path());
    }
    is_complete(went_on.path());
    assert_eq!(lines, 60);
    assert!(failures.len() > 10);
    for file in files {
        let of_file = |message: &String| message.ends_with(&format!("/{file}"));
        assert!(failures.iter().any(of_file), "{file} was never refused: {failures:?}");
    }
}

#[test]
fn for_the_journal() {
    with_ever_more_room(0, 200, &["c.idx"]);
}

#[test]
fn for_the_payloads() {
    with_ever_more_room(3000, 4, &["c", "c.idx"]);
}

/// All payloads and lines are there, and there is no room for any part of the index.
#[test]
fn for_the_index_inside() {
    with_ever_more_room(400, 100, &["c", "c.idx"]);
}
