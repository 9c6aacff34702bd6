//! Hostile packs: what becomes of each, and that nothing panics, hangs or is written outside.

use rangepack::{Error, OpenOptions, Pack, Verify};
use rangepack::{ExtractOptions, extract};
use rangepack::{VerifyOptions, verify};
use rangepack_core::{ErrorKind, PackPath};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use support::{describe, file, files};

fn kind(error: &Error) -> String {
    match error {
        Error::Pack { source, .. } | Error::Entry { source, .. } => format!("{:?}", source.kind()),
        Error::Io { source, .. } => format!("{:?}", source.kind()),
        _ => "State".to_owned(),
    }
}

fn core(error: &rangepack_core::Error) -> String {
    format!("{:?}", error.kind())
}

/// How far one comes with a pack, every question tried: the first thing that fails, and what
/// verifying and extracting say.
fn outcome(path: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a/b/target");
    let pack = match Pack::open(path) {
        Ok(pack) => pack,
        Err(error) => return format!("open {}", kind(&error)),
    };
    let options = OpenOptions::new().verify(Verify::Payloads);
    let verified = Pack::open_with(path, &options).unwrap();
    let mut first = None;
    let mut fail = |what: &str, error: String| {
        first.get_or_insert(format!("{what} {error}"));
    };
    for entry in pack.entries().take(1000) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                fail("walk", kind(&error));
                break;
            }
        };
        match entry.to_entry() {
            Err(error) => fail("entry", core(&error)),
            Ok(owned) => {
                // Found by its own path, and read in whole and in part.
                let found = pack.find(owned.path.as_path());
                assert!(matches!(found, Ok(Some(_)) | Err(_)), "{}", path.display());
            }
        }
        if !entry.is_file() {
            continue;
        }
        match entry.content() {
            Err(_) => {}
            Ok(None) => unreachable!("it is a file"),
            Ok(Some(content)) => {
                let whole = verified.read_entry(&entry);
                if let Err(error) = whole {
                    fail("read", kind(&error));
                }
                if let Ok(file) = pack.open_entry(&entry) {
                    let mut buffer = [0; 100];
                    for offset in [0, 1, content.size / 2, content.size.saturating_sub(1), u64::MAX]
                    {
                        let _ = file.read_at(&mut buffer, offset);
                    }
                }
            }
        }
    }
    for directory in ["", "dir", "a", "no such"] {
        if let Ok(list) = pack.read_dir(directory) {
            list.take(1000).for_each(drop);
        }
        if let Ok(walk) = pack.walk(directory) {
            walk.take(1000).for_each(drop);
        }
        let directory = PackPath::directory(directory.as_bytes()).unwrap();
        let _ = pack.index().list(&pack, directory, None, 100);
        let _ = pack.index().entry_at(&pack, u64::MAX);
    }
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    let verified = if report.is_sound() { "sound" } else { "bad" };

    let extracted = match extract(&pack, &target, &ExtractOptions::default(), &()) {
        Ok(report) if report.refused > 0 => "refused",
        Ok(report) if report.is_complete() => "extracted",
        Ok(_) => "failed",
        Err(_) => "stopped",
    };
    // Nothing but the target, at most.
    for (level, only) in [
        (folder.path().to_owned(), "a"),
        (folder.path().join("a"), "b"),
        (folder.path().join("a/b"), "target"),
    ] {
        for entry in fs::read_dir(level).into_iter().flatten() {
            assert_eq!(entry.unwrap().file_name(), only, "{}", path.display());
        }
    }
    assert!(!Path::new("/tmp/rangepack-outside").exists());
    format!("{}, {verified}, {extracted}", first.unwrap_or_else(|| "read all".to_owned()))
}

/// What comes of each: the first question that fails and the kind of its error, then what verifying and
/// extracting say. A bad block table is bad although the payload as a whole is sound. (The tests of the npm
/// package read the same file.)
fn expected() -> BTreeMap<String, String> {
    let text = fs::read_to_string(file("hostile.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_hostile_pack_is_refused_or_does_no_harm() {
    let found: BTreeMap<String, String> = files("hostile", ".pack")
        .iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), outcome(path)))
        .collect();
    let expected = expected();
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    for name in names.iter().filter(|name| found.get(**name) != expected.get(**name)) {
        eprintln!("{name}: {:?}, not {:?}", found.get(*name), expected.get(*name));
    }
    assert!(found == expected);
}

#[test]
fn a_note_of_a_growing_pack_shows_an_earlier_state_at_most() {
    for (name, is_older) in [
        ("sound", false),
        ("reserved", false),
        ("of-a-whole-pack", false),
        ("of-an-older-one", true),
        ("footer-not-written", true),
    ] {
        let pack = Pack::open(file("hostile").join(format!("growth-{name}.pack"))).unwrap();
        assert_eq!(pack.exists("removed"), is_older, "{name}");
    }
}

/// What a reader answers, save for what names the file itself.
fn answers(path: &Path) -> Result<Value, Error> {
    let mut description = describe::describe(path)?;
    for key in ["file_sha256", "file_len"] {
        description[key] = Value::Null;
    }
    Ok(description)
}

/// What an old reader would see: files and their content.
fn contents(answers: &Value) -> Vec<(&Value, &Value)> {
    let entries = answers["entries"].as_array().unwrap().iter();
    let files = entries.filter(|entry| entry["kind"] == "file");
    files.map(|entry| (&entry["path"], &entry["content_sha256"])).collect()
}

#[test]
fn every_truncation_and_every_flipped_byte_errors_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    // So long packs at most, all of them; without a limit two small ones.
    let most = std::env::var("RANGEPACK_DAMAGE").map_or(0, |most| most.parse().unwrap());
    let (mut packs, mut changes) = (0, 0);
    for golden in files("golden", ".pack") {
        let name = golden.file_stem().unwrap().to_str().unwrap().to_owned();
        let good = fs::read(&golden).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(&path, &good).unwrap();
        // Some need other files, and the names of old ones nothing vouches for.
        let Ok(expected) = answers(&path) else { continue };
        let is_wanted = ["smallest", "deduplicated"].contains(&name.as_str()) || good.len() <= most;
        // One with an earlier generation is that when it is cut there, by its own name.
        let is_single = expected["previous"].is_null();
        if !is_wanted || !is_single || expected["root_sha256"].is_null() {
            continue;
        }
        packs += 1;
        changes += 3 * good.len();
        let trailer = rangepack_core::trailer::MAGIC;
        let has_trailer = good.windows(8).any(|bytes| bytes == trailer);
        let check = |bytes: &[u8], what: String| {
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).unwrap();
            let Ok(found) = answers(&path) else { return };
            if found["root_sha256"].is_null() && has_trailer {
                // Without a footer it is an old container, which says the same of its files.
                assert_eq!(contents(&found), contents(&expected), "{name}: {what}");
            } else {
                // Else only bytes may have changed that nobody reads: the trailer's, for one.
                assert_eq!(found, expected, "{name}: {what}");
            }
        };
        for len in 0..good.len() {
            check(&good[..len], format!("cut to {len} bytes"));
        }
        for at in 0..good.len() {
            for mask in [0x01, 0x80] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                check(&bytes, format!("byte {at} combined with {mask}"));
            }
        }
    }
    println!("damage: {changes} changes of {packs} packs");
    assert!(packs >= 2);
}

#[test]
fn a_damaged_hash_section_changes_no_answer_and_is_told_of() {
    let good = file("golden").join("two-levels.pack");
    let pack = Pack::open(&good).unwrap();
    let section = pack.header().hash().unwrap().extent();
    let entries: Vec<_> = pack.entries().map(|entry| entry.unwrap().to_entry().unwrap()).collect();
    assert!(section.len > 0 && entries.len() > 1000);
    let report = |pack: &Pack| verify(pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report(&pack).is_sound());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for at in (section.start..section.end()).step_by(331) {
        let mut bytes = fs::read(&good).unwrap();
        bytes[at as usize] ^= 0x10;
        // Another file each time: the one before is still mapped.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        let damaged = Pack::open(&path).unwrap();
        assert_eq!(damaged.digest(), pack.digest());
        for _ in 0..2 {
            for entry in &entries {
                let found = damaged.find(entry.path.as_path()).unwrap().unwrap();
                assert_eq!(found.to_entry().unwrap(), *entry, "byte {at}");
            }
            assert!(!damaged.exists("train/none"));
        }
        let report = report(&damaged);
        assert_eq!((report.bad, report.structural), (0, 1), "byte {at}: {:?}", report.problems);
        assert!(
            matches!(report.problems[0].flaw, rangepack::Flaw::Hashes { .. }),
            "{:?}",
            report.problems
        );
    }
}

#[test]
fn another_pack_is_not_accepted_for_the_one_asked_for() {
    let mut options = rangepack::OpenOptions::default();
    options.expected = Some(rangepack_core::Digest::of(b"another"));
    for name in ["smallest.pack", "ndjson-only.pack", "sidecar.pack"] {
        let error = Pack::open_with(file("golden").join(name), &options).unwrap_err();
        let Error::Pack { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), ErrorKind::WrongPack);
    }
}
