//! Trees out of packs, compared with what went in.
#![cfg(unix)]

mod hostile;
mod selected;

use super::*;
use crate::filter::{Filter, FilterOptions};
use crate::pack::{PackOptions, pack};
use filetime::FileTime;
use rangepack_core::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;

/// Mode, time in nanoseconds, and content or target; of a directory nothing more.
type Node = (u32, i128, Vec<u8>);

/// Everything below a directory.
fn snapshot(root: &Path) -> BTreeMap<Vec<u8>, Node> {
    let mut nodes = BTreeMap::new();
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        for item in fs::read_dir(&directory).unwrap() {
            let path = item.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_vec()
            } else if metadata.is_dir() {
                rest.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let mtime = i128::from(metadata.mtime()) * 1_000_000_000;
            let mtime = mtime + i128::from(metadata.mtime_nsec());
            let key = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            nodes.insert(key, (metadata.mode(), mtime, content));
        }
    }
    nodes
}

/// The names of everything below a directory.
fn names(root: &Path) -> Vec<String> {
    snapshot(root).into_keys().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

fn packed(source: &Path, options: &PackOptions) -> (TempDir, Pack) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.pack");
    let summary = pack(source, &path, options, &()).unwrap().summary;
    assert_eq!(summary.failed, 0);
    let pack = Pack::open(path).unwrap();
    (directory, pack)
}

/// A tree of these files; each holds its own path.
fn tree(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in paths {
        let disk = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(disk).unwrap();
        } else {
            fs::create_dir_all(disk.parent().unwrap()).unwrap();
            fs::write(disk, path).unwrap();
        }
    }
    root
}

fn run(pack: &Pack, target: &Path, options: &ExtractOptions) -> ExtractReport {
    extract(pack, target, options, &()).unwrap()
}

/// Two threads, small pieces: as much as possible goes the long ways.
fn options() -> ExtractOptions {
    let options = ExtractOptions { threads: 2, chunk_size: 1024, ..Default::default() };
    options.present(Present::None).replace(Replace::Always)
}

/// Changes a byte in the payload of `entry`, and opens the pack again.
fn damage(pack: Pack, entry: &str) -> Pack {
    let path = PackPath::new(entry.as_bytes()).unwrap();
    let content = pack.find(path).unwrap().unwrap().content().unwrap().unwrap();
    let file = pack.location().disk().unwrap().to_owned();
    drop(pack);
    let mut bytes = fs::read(&file).unwrap();
    let middle = usize::try_from(content.offset + content.stored_size / 2).unwrap();
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    Pack::open(file).unwrap()
}

fn text(size: usize) -> Vec<u8> {
    (0..size).flat_map(|number| format!("{number}, ").into_bytes()).take(size).collect()
}

fn odd_tree() -> TempDir {
    let root =
        tree(&["a/b/c/file", "a/b/other", "empty/inner/", "read-only/sub/file", "private/x"]);
    let at = |path: &str| root.path().join(path);
    fs::write(at("large"), text(300_000)).unwrap();
    fs::write(at("a/large"), text(9 << 20)).unwrap();
    fs::write(at("nothing"), b"").unwrap();
    fs::write(at("a").join(std::ffi::OsStr::from_bytes(b"\xff\xfe name")), b"bytes").unwrap();
    fs::create_dir(at("a").join(std::ffi::OsStr::from_bytes(b"\xc3"))).unwrap();
    let links = [
        ("b/c", "a/relative"),
        ("/etc/passwd", "a/absolute"),
        ("../../..", "up"),
        ("none", "dangling"),
    ];
    for (target, link) in links {
        symlink(target, at(link)).unwrap();
        let time = FileTime::from_unix_time(1_000_000_007, 123_456_789);
        filetime::set_symlink_file_times(at(link), time, time).unwrap();
    }
    let times = [
        ("large", 0, 1),
        ("nothing", -5, 999_999_999),
        ("a/b/other", 4_000_000_000, 123_456_789),
        ("empty/inner", 1_500_000_000, 5),
        ("empty", 1_600_000_000, 500),
        ("read-only/sub", 1_000_000_000, 7),
        ("a", 1, 0),
    ];
    for (path, seconds, nanoseconds) in times {
        filetime::set_file_mtime(at(path), FileTime::from_unix_time(seconds, nanoseconds)).unwrap();
    }
    let modes = [
        ("a/b/other", 0o600),
        ("large", 0o777),
        ("nothing", 0o444),
        ("a/b/c/file", 0o1751),
        ("read-only/sub/file", 0o400),
        ("read-only/sub", 0o555),
        ("read-only", 0o500),
        ("private", 0o1700),
    ];
    for (path, mode) in modes {
        fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    root
}

#[test]
fn a_tree_comes_back_exactly() {
    let source = odd_tree();
    let expected = snapshot(source.path());
    for compress in [None, Some(6)] {
        let pack_options = PackOptions::new().compress(compress.map(crate::Compression::Gzip));
        let (_directory, pack) = packed(source.path(), &pack_options);
        for options in [options(), ExtractOptions { fsync: true, ..Default::default() }] {
            let target = tempfile::tempdir().unwrap();
            let target = target.path().join("new/target");
            let report = run(&pack, &target, &options);
            assert_eq!(report.problems, []);
            assert!(report.is_complete());
            assert_eq!((report.files, report.directories, report.symlinks), (8, 9, 4));
            assert_eq!(report.bytes, pack.index().totals().bytes);
            assert_eq!(snapshot(&target), expected);
            // Over itself, read-only directories and all.
            assert!(run(&pack, &target, &options).is_complete());
            assert_eq!(snapshot(&target), expected);
        }
    }
}

#[test]
fn a_dry_run_verifies_and_writes_nothing() {
    let source = odd_tree();
    let options = ExtractOptions { dry_run: true, ..options() };
    let (directory, pack) = packed(source.path(), &PackOptions::default());
    let target = directory.path().join("target");
    let report = run(&pack, &target, &options);
    assert_eq!((report.files, report.bytes), (8, pack.index().totals().bytes));
    let pack = damage(pack, "a/large");
    let report = run(&pack, &target, &options);
    assert_eq!((report.files, report.failed), (7, 1));
    assert_eq!(report.problems[0].path, "a/large");
    assert!(!target.exists());
}

#[test]
fn special_bits_need_the_owner() {
    let source = tree(&["tool", "plain"]);
    fs::set_permissions(source.path().join("tool"), fs::Permissions::from_mode(0o6755)).unwrap();
    let pack_options = PackOptions { owner: true, ..Default::default() };
    let (directory, pack) = packed(source.path(), &pack_options);
    for (owner, mode) in [(false, 0o755), (true, 0o6755)] {
        let target = directory.path().join(format!("owner-{owner}"));
        let report = run(&pack, &target, &ExtractOptions { owner, ..options() });
        assert_eq!(report.problems, []);
        let metadata = target.join("tool").metadata().unwrap();
        assert_eq!(metadata.mode() & 0o7777, mode);
        assert_eq!(metadata.uid(), source.path().metadata().unwrap().uid());
    }
}

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/seed-formats")
}

#[test]
fn all_old_formats() {
    let expected = fs::read(fixtures().join("expected.json")).unwrap();
    let expected: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&expected).unwrap();
    let mut seen = 0;
    for item in fs::read_dir(fixtures()).unwrap() {
        let path = item.unwrap().path();
        let extension = path.extension().unwrap().to_str().unwrap().to_owned();
        if !matches!(extension.as_str(), "container" | "fpack") {
            continue;
        }
        seen += 1;
        let target = tempfile::tempdir().unwrap();
        let report = run(&Pack::open(&path).unwrap(), target.path(), &options());
        assert!(report.is_complete(), "{path:?}: {report:?}");
        let nodes = snapshot(target.path());
        let mut files = 0;
        for (name, properties) in &expected {
            // The old packer of containers turned backslashes into slashes.
            let name = if extension == "fpack" { name.clone() } else { name.replace('\\', "/") };
            let Some((_, _, content)) = nodes.get(name.as_bytes()) else { continue };
            files += 1;
            assert_eq!(Some(content.len() as u64), properties["size"].as_u64());
            let digest = Digest::of(content).to_string();
            assert_eq!(Some(digest.as_str()), properties["sha256"].as_str());
        }
        assert_eq!(files, report.files);
        let is_one = path.ends_with("one-file.container");
        assert_eq!(report.files, if is_one { 1 } else { expected.len() as u64 }, "{path:?}");
    }
    assert_eq!(seen, 8);
}

#[test]
fn existing_files_are_skipped_verified_or_kept() {
    let source = tree(&["same", "changed", "longer", "sub/missing"]);
    symlink("same", source.path().join("link")).unwrap();
    fs::write(source.path().join("same"), text(5000)).unwrap();
    for compress in [None, Some(9)] {
        let pack_options = PackOptions::new().compress(compress.map(crate::Compression::Gzip));
        let (_directory, pack) = packed(source.path(), &pack_options);
        let before = || {
            let target = tree(&[]);
            fs::write(target.path().join("same"), text(5000)).unwrap();
            fs::write(target.path().join("changed"), "CHANGED").unwrap();
            fs::write(target.path().join("longer"), "longer than it was").unwrap();
            symlink("same", target.path().join("link")).unwrap();
            target
        };
        let read = |target: &TempDir, name| fs::read_to_string(target.path().join(name)).unwrap();

        // By default nothing is replaced.
        let target = before();
        let report = run(&pack, target.path(), &ExtractOptions::new());
        assert_eq!((report.failed, report.in_the_way, report.skipped), (2, 2, 2), "{report:?}");
        assert_eq!(read(&target, "changed"), "CHANGED");
        assert!(!report.is_complete());

        let target = before();
        let skip = ExtractOptions { present: Present::SameSize, ..options() };
        let report = run(&pack, target.path(), &skip);
        assert_eq!((report.skipped, report.files, report.symlinks), (3, 2, 0), "{report:?}");
        assert_eq!(read(&target, "changed"), "CHANGED");
        assert_eq!(read(&target, "longer"), "longer");

        let target = before();
        let verify = ExtractOptions { present: Present::SameContent, ..options() };
        let report = run(&pack, target.path(), &verify);
        assert_eq!((report.skipped, report.files, report.replaced), (2, 3, 2));
        assert_eq!(read(&target, "changed"), "changed");

        // Of the same size, but of another time: only one of them is the same.
        let target = before();
        let skip = ExtractOptions { present: Present::SameTime, ..options() };
        let report = run(&pack, target.path(), &skip);
        assert_eq!((report.skipped, report.files, report.replaced), (2, 3, 2));
        let changed = target.path().join("changed");
        let time = FileTime::from_last_modification_time(&changed.metadata().unwrap());
        fs::write(&changed, "CHANGED").unwrap();
        filetime::set_file_mtime(&changed, time).unwrap();
        assert_eq!(run(&pack, target.path(), &skip).skipped, 5);

        let target = before();
        let keep = ExtractOptions { replace: Replace::Never, ..options() };
        let report = run(&pack, target.path(), &keep);
        assert_eq!((report.failed, report.in_the_way, report.files), (4, 4, 1));
        assert_eq!(read(&target, "longer"), "longer than it was");
        assert_eq!(report.problems[0].message, "it exists already");

        let target = before();
        let compare = ExtractOptions { present: Present::SameContent, ..keep };
        let report = run(&pack, target.path(), &compare);
        assert_eq!((report.failed, report.skipped, report.files), (2, 2, 1));
        assert_eq!(read(&target, "changed"), "CHANGED");
        assert_eq!(report.problems[0].message, "what is there already differs");

        let target = before();
        let long_ago = FileTime::from_unix_time(1_000_000_000, 0);
        filetime::set_file_mtime(target.path().join("longer"), long_ago).unwrap();
        let newer = FileTime::from_unix_time(4_000_000_000, 0);
        filetime::set_file_mtime(target.path().join("changed"), newer).unwrap();
        let older = ExtractOptions { replace: Replace::Older, ..compare };
        let report = run(&pack, target.path(), &older);
        assert_eq!((report.failed, report.newer, report.replaced), (0, 1, 1), "{report:?}");
        assert_eq!(read(&target, "changed"), "CHANGED");
        assert_eq!(read(&target, "longer"), "longer");

        // What is no file and no link stays, whatever is allowed.
        let target = before();
        fs::remove_file(target.path().join("same")).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(target.path().join("same")).unwrap();
        let report = run(&pack, target.path(), &options());
        assert_eq!((report.failed, report.replaced), (1, 3), "{report:?}");
        assert!(report.problems[0].message.contains("a socket"), "{report:?}");
        drop(socket);
    }
    // Nobody knows the digests of what the old packer compressed.
    for (name, skipped) in [("plain.container", 48), ("gzip.container", 0)] {
        let pack = Pack::open(fixtures().join(name)).unwrap();
        let target = tempfile::tempdir().unwrap();
        let _ = run(&pack, target.path(), &options());
        let verify = ExtractOptions { present: Present::SameContent, ..options() };
        let report = run(&pack, target.path(), &verify);
        assert_eq!((report.skipped, report.files), (skipped, 48 - skipped), "{name}");
        // But they can be found out.
        let never = ExtractOptions { replace: Replace::Never, ..verify };
        assert_eq!(run(&pack, target.path(), &never).skipped, 48, "{name}");
    }
}

/// Says stop when it was asked so often.
struct StopAt(AtomicU64);

impl Observer for StopAt {
    fn cancelled(&self) -> bool {
        // It wraps, and stays above.
        self.0.fetch_sub(1, Ordering::Relaxed).wrapping_sub(1) > u64::MAX / 2
    }
}

#[test]
fn cancelled_in_the_middle() {
    let source = tree(&["a", "z/b"]);
    fs::write(source.path().join("large"), text(100_000)).unwrap();
    let (directory, pack) = packed(source.path(), &PackOptions::default());
    let target = directory.path().join("target");
    let options = ExtractOptions { threads: 1, ..options() };
    // Of the first files it is asked a few times, of the large one for each of its hundred pieces.
    let observer = StopAt(AtomicU64::new(50));
    assert!(extract(&pack, &target, &options, &observer).unwrap_err().is_cancelled());
    assert_eq!(names(&target), ["a"]);
}

#[test]
fn events_tell_of_every_entry() {
    let source = odd_tree();
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tempfile::tempdir().unwrap();
    let (selected, done, sum) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let observer = |event: Event<'_>| match event {
        Event::Selected { entries } => {
            selected.fetch_add(entries, Ordering::Relaxed);
        }
        Event::Done { bytes, .. } => {
            done.fetch_add(1, Ordering::Relaxed);
            sum.fetch_add(bytes, Ordering::Relaxed);
        }
        Event::Bytes { bytes } => {
            sum.fetch_add(bytes, Ordering::Relaxed);
        }
        other => panic!("{other:?}"),
    };
    let _ = extract(&pack, target.path(), &options(), &observer).unwrap();
    let entries = pack.index().len();
    assert_eq!((selected.into_inner(), done.into_inner()), (entries, entries));
    assert_eq!(sum.into_inner(), pack.index().totals().bytes);
}
