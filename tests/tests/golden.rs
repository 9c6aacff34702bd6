//! Every golden pack says exactly what its JSON says, and is what packing its tree gives today.

use rangepack::{Pack, VerifyOptions, verify};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use support::tree::{Node, Tree};
use support::{describe, file, files, golden, packs};

fn expected(pack: &Path) -> Value {
    serde_json::from_slice(&fs::read(pack.with_extension("json")).unwrap()).unwrap()
}

fn expected_of(pack: &str) -> Value {
    expected(&file("golden").join(pack))
}

#[test]
fn every_golden_pack_gives_exactly_its_json() {
    let packs = packs("golden");
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

/// That the entries are those of the tree, and what they say of it.
fn is_true_to(json: &Value, tree: &Tree, pack: &str) {
    let entries = json["entries"].as_array().unwrap();
    let found: BTreeMap<Vec<u8>, &Value> =
        entries.iter().map(|entry| (raw(&entry["path"]), entry)).collect();
    assert_eq!((found.len(), entries.len()), (tree.0.len(), tree.0.len()), "{pack}");
    for item in &tree.0 {
        let entry = found[&item.path];
        let mtime = item.mtime.map(|mtime| mtime.to_string());
        assert_eq!(entry["mode"], json!(item.mode), "{pack}: {entry}");
        assert_eq!(entry["mtime"], json!(mtime), "{pack}: {entry}");
        match &item.node {
            Node::Directory => assert_eq!(entry["kind"], "directory"),
            Node::Link(target) => assert_eq!(raw(&entry["target"]), *target),
            // Of a codec that nobody knows.
            Node::File(_) if entry["codec_number"].is_u64() => {
                assert!(entry["content_sha256"].is_null(), "{pack}: {entry}");
            }
            Node::File(content) => {
                let digest = rangepack_core::Digest::of(content).to_string();
                assert_eq!(entry["size"], content.len(), "{pack}: {entry}");
                assert_eq!(entry["content_sha256"], digest, "{pack}: {entry}");
            }
        }
    }
}

/// The trees are the oracle: nothing of them went through a reader.
#[test]
fn the_json_is_true_to_the_trees() {
    for case in golden::cases().iter().filter(|case| !case.tree.0.is_empty()) {
        is_true_to(&expected_of(case.file), &case.tree, case.file);
    }
    let json = &expected_of("two-generations.pack")["previous"];
    is_true_to(json, &golden::first_generation(), "the generation before");
}

/// What is in no tree, by pack, path of the entry (none: of the pack) and key.
#[test]
fn what_no_tree_says_is_in_the_json() {
    let digest = |bytes: &[u8]| json!(rangepack_core::Digest::of(bytes).to_string());
    for (pack, path, key, expected) in [
        ("all-keys.container", "", "/notes/bad_lines", json!(2)),
        ("all-keys.container", "directory/link", "/uid", json!(1000)),
        ("all-keys.container", "directory/link", "/gid", json!(100)),
        ("all-keys.container", "directory/link", "/attributes/0/name", json!("user.comment")),
        ("all-keys.container", "directory/two", "/hard_link", json!(1)),
        ("all-keys.container", "gzip", "/codec", json!("gzip")),
        ("all-keys.container", "gzip", "/uid", json!(null)),
        ("all-keys.container", "sparse", "/sparse", json!(true)),
        ("all-keys.container", "sparse", "/block_table/block_log2", json!(12)),
        ("attributes.pack", "a", "/hard_link", json!(1)),
        ("attributes.pack", "directory/b", "/hard_link", json!(1)),
        ("attributes.pack", "directory/c", "/hard_link", json!(2)),
        ("attributes.pack", "sparse", "/sparse", json!(true)),
        ("attributes.pack", "attributes", "/attributes/0/name", json!("user.comment")),
        ("attributes.pack", "attributes", "/attributes/1/hex", json!("")),
        (
            "attributes.pack",
            "attributes",
            "/attributes/2/name",
            json!({"hex": "757365722e72617720ff"}),
        ),
        ("attributes.pack", "attributes", "/attributes/2/hex", json!("00ff")),
        ("attributes.pack", "directory", "/attributes/0/hex", json!("0200000001000600")),
        ("attributes.pack", "directory/link", "/attributes/0/name", json!("user.comment")),
        ("attributes.pack", "directory/link", "/gid", json!(u32::MAX)),
        ("extremes.pack", "empty", "/offset", json!(1u64 << 50)),
        ("extremes.pack", "empty", "/uid", json!(u32::MAX)),
        ("fpack.fpack", "cut", "/sha256", json!(null)),
        ("fpack.fpack", "", "/notes/lost_names", json!(0)),
        ("fpack-lost-name.fpack", "", "/notes/lost_names", json!(1)),
        ("gzip-header.pack", "file", "/codec", json!("gzip")),
        ("large-pages.pack", "", "/pages", json!(2)),
        ("large-table.pack", "large", "/block_table/block_log2", json!(12)),
        ("longer-records.pack", "", "/metadata", json!({"of": "a later version"})),
        ("metadata.pack", "", "/metadata/made for", json!("tests")),
        ("metadata.pack", "", "/metadata/", json!("an empty key")),
        ("metadata.pack", "", "/metadata/\u{e9}\n\"", json!("\u{1f600}\0")),
        ("owners.pack", "home/nobody", "/uid", json!(u32::MAX)),
        ("owners.pack", "home/nobody", "/gid", json!(65_534)),
        ("owners.pack", "unknown", "/uid", json!(null)),
        ("three-levels.pack", "", "/pages", json!(5)),
        ("two-generations.pack", "", "/previous/totals/files", json!(3)),
        ("unfinished.container", "", "/notes/bad_lines", json!(1)),
        ("unknown-codec.pack", "reserved for later", "/codec_number", json!(4)),
        ("unknown-codec.pack", "reserved for later", "/size", json!(18)),
        ("unknown-codec.pack", "reserved for later", "/orig_sha256", digest(b"what it decodes to")),
        ("unknown-codec.pack", "somewhere/reserved", "/codec_number", json!(200)),
        ("unknown-codec.pack", "somewhere/reserved", "/sha256", digest(b"??")),
        ("unknown-codec.pack", "somewhere/reserved", "/content_sha256", json!(null)),
        ("unknown-codec.pack", "somewhere", "/tree_sha256", json!(null)),
        ("unknown-digests.pack", "unknown/stored", "/sha256", json!(null)),
        ("unknown-digests.pack", "content unknown/gzip", "/orig_sha256", json!(null)),
        ("unknown-digests.pack", "unknown", "/tree_sha256", json!(null)),
        ("unknown-digests.pack", "", "/tree_sha256", json!(null)),
        ("volumes.pack", "", "/volumes/1", json!({"name": "volumes.two.bin", "bytes": 5011})),
        ("volumes.pack", "large", "/volume", json!(2)),
        ("volumes.pack", "in one", "/sha256", digest(b"a whole volume")),
    ] {
        let json = expected_of(pack);
        let found = match path {
            "" => &json,
            _ => json["entries"].as_array().unwrap().iter().find(|e| e["path"] == path).unwrap(),
        };
        let found = found.pointer(key).unwrap_or(&Value::Null);
        assert_eq!(*found, expected, "{pack}: {path}: {key}");
    }
}

#[test]
fn every_golden_pack_is_sound() {
    for path in packs("golden") {
        let pack = Pack::open(&path).unwrap();
        let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        // What has a codec that nobody knows cannot be verified.
        let unknown = if path.ends_with("unknown-codec.pack") { 2 } else { 0 };
        assert_eq!(report.problems.len(), unknown, "{}: {:?}", path.display(), report.problems);
    }
}

/// The first cells of the rows of all tables in a README, without their back quotes.
fn rows(folder: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(file(folder).join("README.md")).unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn the_readmes_tell_of_every_file() {
    let (golden, hostile) = (rows("golden"), rows("hostile"));
    for pack in packs("golden") {
        let name = pack.file_name().unwrap().to_string_lossy();
        assert!(golden.contains(&*name), "{name}");
    }
    let there: BTreeSet<String> = packs("hostile")
        .iter()
        .map(|pack| pack.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let no_file = |row: &&String| !matches!(row.as_str(), "read all");
    assert_eq!(hostile.iter().filter(no_file).cloned().collect::<BTreeSet<_>>(), there);
    // What lies beside the golden packs, and every key of an entry.
    let text = fs::read_to_string(file("golden/README.md")).unwrap();
    for path in files("golden", "") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let has_row = name.ends_with(".json") || name == "README.md" || golden.contains(&name);
        assert!(has_row || text.contains(&format!("`{name}`")), "{name}");
    }
    for pack in packs("golden") {
        let json = expected(&pack);
        let objects = json["entries"].as_array().unwrap().iter().chain([&json]);
        for key in objects.flat_map(|object| object.as_object().unwrap().keys()) {
            assert!(text.contains(&format!("`{key}`")), "{key}");
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
