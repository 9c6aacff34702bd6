//! Containers of the old programs: read, verified, extracted and reindexed to what they hold.

use rangepack::IndexOptions;
use rangepack::{ExtractOptions, extract};
use rangepack::{Format, OpenOptions, Pack};
use rangepack::{IndexTarget, rebuild, sidecar_path, write_ndjson};
use rangepack::{VerifyOptions, verify};
use rangepack_core::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::file;

type Files = BTreeMap<String, (u64, String)>;

const NAMES: [&str; 8] = [
    "plain.container",
    "gzip.container",
    "json-array.container",
    "json-object.container",
    "trailing-bytes.container",
    "unfinalized.container",
    "one-file.container",
    "plain.fpack",
];

fn fixture(name: &str) -> PathBuf {
    file("fixtures/seed-formats").join(name)
}

/// What a fixture holds: the old packer of containers made slashes of backslashes.
fn expected(name: &str) -> Files {
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap();
    let mut files = Files::new();
    for (path, what) in json.as_object().unwrap() {
        let path = if name.ends_with("fpack") { path.clone() } else { path.replace('\\', "/") };
        let size = what["size"].as_u64().unwrap();
        files.insert(path, (size, what["sha256"].as_str().unwrap().to_owned()));
    }
    files
}

fn check(name: &str, pack: &Pack) {
    let mut found = Files::new();
    for entry in pack.entries() {
        let entry = entry.unwrap();
        if entry.is_file() {
            let path = String::from_utf8(entry.path().unwrap().as_bytes().to_vec()).unwrap();
            let content = pack.read(&path).unwrap();
            found.insert(path, (content.len() as u64, Digest::of(&content).to_string()));
        }
    }
    let expected: Files = if name.starts_with("one-file") {
        assert_eq!(found.len(), 1);
        expected(name).into_iter().filter(|(path, _)| found.contains_key(path)).collect()
    } else {
        expected(name)
    };
    assert_eq!(found, expected, "{name}");

    let report = verify(pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound() && report.files == found.len() as u64, "{name}: {report:?}");

    let target = tempfile::tempdir().unwrap();
    let report = extract(pack, target.path(), &ExtractOptions::default(), &()).unwrap();
    assert!(report.is_complete(), "{name}: {report:?}");
    assert_eq!(report.files, found.len() as u64);
    for (path, (_, digest)) in found {
        let content = fs::read(target.path().join(path)).unwrap();
        assert_eq!(Digest::of(&content).to_string(), digest);
    }
}

/// A copy that can be changed.
fn copy(folder: &Path, name: &str) -> PathBuf {
    let target = folder.join(name);
    fs::copy(fixture(name), &target).unwrap();
    if name.starts_with("unfinalized") {
        fs::copy(fixture("unfinalized.container.idx"), folder.join(format!("{name}.idx"))).unwrap();
    }
    target
}

#[test]
fn through_their_own_index() {
    for name in NAMES {
        check(name, &Pack::open(fixture(name)).unwrap());
    }
}

#[test]
fn through_an_index_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let index = folder.path().join(format!("{name}.idx"));
        write_ndjson(
            &Pack::open(fixture(name)).unwrap(),
            &index,
            rangepack::NdjsonOptions::default(),
            &(),
        )
        .unwrap();
        let mut options = OpenOptions::default();
        options.index = Some(index.into());
        check(name, &Pack::open_with(fixture(name), &options).unwrap());
    }
}

#[test]
fn with_a_paged_index_beside_them_or_in_them() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let options = rangepack::RebuildOptions::default();
        let beside = copy(folder.path(), name);
        rebuild(&beside, &IndexTarget::Beside(sidecar_path(&beside)), &options, &()).unwrap();
        assert_eq!(fs::read(&beside).unwrap(), fs::read(fixture(name)).unwrap());
        let pack = Pack::open(&beside).unwrap();
        assert_eq!(pack.format(), Format::Paged);
        check(name, &pack);

        let folder = tempfile::tempdir().unwrap();
        let inside = copy(folder.path(), name);
        rebuild(&inside, &IndexTarget::InPlace(IndexOptions::default()), &options, &()).unwrap();
        assert!(fs::read(&inside).unwrap().starts_with(&fs::read(fixture(name)).unwrap()));
        let pack = Pack::open(&inside).unwrap();
        assert_eq!(pack.format(), Format::Paged);
        check(name, &pack);
    }
}
