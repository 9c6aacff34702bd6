//! Every golden pack says exactly what its JSON says, and is what packing its tree gives today.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::tree::Node;
use support::{describe, file, files, golden};

fn expected(pack: &Path) -> Value {
    serde_json::from_slice(&fs::read(pack.with_extension("json")).unwrap()).unwrap()
}

#[test]
fn every_golden_pack_gives_exactly_its_json() {
    let packs = files("golden", ".pack");
    assert_eq!(packs.len(), golden::cases().len());
    for pack in packs {
        let found = describe::describe(&pack).unwrap();
        assert_eq!(found, expected(&pack), "{}", pack.display());
        assert_eq!(
            describe::to_text(&found).as_bytes(),
            fs::read(pack.with_extension("json")).unwrap()
        );
    }
}

fn raw(value: &Value) -> Vec<u8> {
    let Some(hex) = value["hex"].as_str() else { return value.as_str().unwrap().into() };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The trees are the oracle: nothing of them went through the packer.
#[test]
fn the_json_is_true_to_the_trees() {
    for case in golden::cases().iter().filter(|case| !case.tree.0.is_empty()) {
        let json = expected(&file("golden").join(format!("{}.pack", case.name)));
        let entries = json["entries"].as_array().unwrap();
        let found: BTreeMap<Vec<u8>, &Value> =
            entries.iter().map(|entry| (raw(&entry["path"]), entry)).collect();
        assert_eq!((found.len(), entries.len()), (case.tree.0.len(), case.tree.0.len()));
        for item in &case.tree.0 {
            let entry = found[&item.path];
            assert_eq!(entry["mode"], item.mode, "{}: {entry}", case.name);
            assert_eq!(entry["mtime"], item.mtime.to_string(), "{}: {entry}", case.name);
            match &item.node {
                Node::Directory => assert_eq!(entry["kind"], "directory"),
                Node::Link(target) => assert_eq!(raw(&entry["target"]), *target),
                Node::File(content) => {
                    let digest = rangepack_core::Digest::of(content).to_string();
                    assert_eq!(entry["size"], content.len());
                    assert_eq!(entry["content_sha256"], digest, "{}: {entry}", case.name);
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn packing_again_is_byte_identical_with_any_number_of_threads() {
    for threads in [1, 4] {
        let folder = tempfile::tempdir().unwrap();
        for case in golden::cases() {
            for made in case.make(folder.path(), threads).unwrap() {
                let committed = file("golden").join(made.file_name().unwrap());
                let same = fs::read(&made).unwrap() == fs::read(&committed).unwrap();
                assert!(same, "{} with {threads} threads", committed.display());
            }
        }
    }
}
