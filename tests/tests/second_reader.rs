//! A second reader, `compat/reader.py`, written from FORMAT.md alone, finds in the golden packs what their JSON
//! says, and in the hostile packs what is wrong with them: so the specification says enough, and what this
//! reader does is what it says.

use rangepack::Pack;
use rangepack_core::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{file, packs};

/// What it writes to its standard output; `None` without Python.
fn second_reader<S: AsRef<OsStr>>(arguments: &[S]) -> Option<Vec<u8>> {
    match Command::new("python3").arg(file("compat/reader.py")).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(output.stdout)
        }
        Err(error) => {
            eprintln!("python3 is not here ({error}): THE SECOND READER WAS NOT ASKED");
            None
        }
    }
}

/// For each pack in a folder, by its file's name, `description`, `error` and `problems`.
fn check(folder: &str) -> Option<BTreeMap<String, Value>> {
    let found = second_reader(&[OsStr::new("check"), file(folder).as_os_str()])?;
    let found: BTreeMap<String, Value> = serde_json::from_slice(&found).unwrap();
    let names = packs(folder).iter().map(|path| name(path)).collect::<Vec<_>>();
    assert!(names.iter().eq(found.keys()), "{:?}", found.keys());
    Some(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn it_finds_in_the_golden_packs_what_their_json_says() {
    let Some(found) = check("golden") else { return };
    for path in packs("golden") {
        let (name, expected) = (name(&path), fs::read(path.with_extension("json")).unwrap());
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let Value::Object(keys) = &expected else { panic!("{name}") };
        let found = &found[&name];
        assert!(found["error"].is_null(), "{name}: {}", found["error"]);
        for (key, expected) in keys {
            assert_eq!(found["description"][key], *expected, "{name}: {key}");
        }
        assert_eq!(found["description"], expected, "{name}");
        // What has a codec that nobody knows cannot be verified.
        let unknown = if name == "unknown-codec.pack" { 2 } else { 0 };
        let problems = found["problems"].as_array().unwrap();
        assert_eq!(problems.len(), unknown, "{name}: {problems:?}");
    }
}

#[test]
fn it_reads_ranges_through_block_tables() {
    let mut ranges = 0;
    for path in packs("golden") {
        let pack = Pack::open(&path).unwrap();
        for entry in pack.entries() {
            let entry = entry.unwrap().to_entry().unwrap();
            let Kind::File(file) = entry.kind else { continue };
            let Some(blocks) = file.blocks.filter(|_| file.size > 0) else { continue };
            // Both readers' answers are slices of a content whose digest the JSON has.
            let content = pack.read(entry.path.as_bytes()).unwrap();
            let (block, size) = (1u64 << blocks.block_log2, file.size);
            for range in [block - 3..block + 3, size - 5..size, size / 2..size / 2 + 1] {
                let text = format!("{}:{}", range.start, range.end);
                let name = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
                let path = path.to_str().unwrap();
                let arguments = ["cat", path, &name, "--range", &text];
                let Some(found) = second_reader(&arguments) else { return };
                let expected = &content[range.start as usize..range.end.min(size) as usize];
                assert!(found == expected, "{path}: {name}: {text}");
                ranges += 1;
            }
        }
    }
    assert!(ranges >= 20);
}

/// Both refuse to open it, or verify it with the same outcome. Of old formats the same is compared: a pack is not sound when
/// its index has lines or names that are refused, which are notes of the second reader.
#[test]
fn it_judges_the_hostile_packs_as_is_expected_of_every_reader() {
    let Some(found) = check("hostile") else { return };
    let expected = fs::read(file("hostile.json")).unwrap();
    let expected: BTreeMap<String, String> = serde_json::from_slice(&expected).unwrap();
    for (name, found) in found {
        let expected = &expected[name.strip_suffix(".pack").unwrap()];
        let verified = expected.split(", ").nth(1).unwrap_or("bad");
        let problems = found["problems"].as_array().unwrap();
        let notes = found["description"]["notes"].as_object();
        let is_whole = notes.is_none_or(|notes| notes.values().all(|count| count == 0));
        let is_sound = found["error"].is_null() && problems.is_empty() && is_whole;
        assert_eq!(is_sound, verified == "sound", "{name}: {expected}: {found}");
        // What says why: of a pack as a whole it is the kind of the error.
        let error = found["error"].as_str().unwrap_or_default();
        for (kind, code) in
            [("NotAPack", "not-a-pack"), ("Unsupported", "unsupported"), ("Corrupt", "corrupt")]
        {
            if *expected == format!("open {kind}") {
                assert!(error.starts_with(code), "{name}: {expected}: {found}");
            }
        }
    }
}
