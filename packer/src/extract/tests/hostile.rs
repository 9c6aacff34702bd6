//! Packs and targets that mean harm, and disks that are full.

use super::*;

/// A container as the old programs write it, with a payload for each of these names.
fn old_container(path: &Path, files: &[(&str, &str)]) -> Pack {
    let (mut bytes, mut index) = (Vec::new(), String::new());
    for (name, content) in files {
        let line = serde_json::json!({
            "relpath": name, "offset": bytes.len(), "payload_size": content.len(),
            "orig_size": content.len(), "sha256": Digest::of(content.as_bytes()).to_string(),
            "compressed": false,
        });
        index += &format!("{line}\n");
        bytes.extend_from_slice(content.as_bytes());
    }
    bytes.extend_from_slice(b"CTNRv1__");
    bytes.extend_from_slice(&(index.len() as u64).to_le_bytes());
    bytes.extend_from_slice(index.as_bytes());
    fs::write(path, bytes).unwrap();
    Pack::open(path).unwrap()
}

#[test]
fn names_that_lead_out_are_refused_and_the_rest_is_extracted() {
    let directory = tempfile::tempdir().unwrap();
    let absolute = directory.path().join("absolute");
    let files = [
        ("../evil", "evil"),
        (absolute.to_str().unwrap(), "evil"),
        ("a/../../evil", "evil"),
        ("nul\0", "evil"),
        ("a//b", "evil"),
        ("good/file", "good"),
        ("good", "a file and a directory"),
        ("last", "good, too"),
    ];
    let pack = old_container(&directory.path().join("hostile.container"), &files);
    let target = directory.path().join("target");
    let report = run(&pack, &target, &options());
    assert_eq!((report.files, report.refused, report.failed), (2, 6, 0), "{report:?}");
    assert!(!report.is_complete());
    assert!(report.problems.iter().any(|problem| problem.path == "../evil"));
    assert!(report.problems.iter().any(|problem| problem.path == "nul\0"));
    // Of a file and a directory the later one counts.
    assert_eq!(names(&target), ["good", "last"]);
    assert!(!names(directory.path()).iter().any(|name| name.contains("evil")));
    assert!(!absolute.exists());
}

#[test]
fn what_an_old_index_does_not_tell_is_named_and_the_rest_is_extracted() {
    let home = tempfile::tempdir().unwrap();
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile");
    let all = |name: &str| {
        let target = home.path().join(name);
        let pack = Pack::open(hostile.join(name)).unwrap();
        let report = extract(&pack, &target, &ExtractOptions::default(), &()).unwrap();
        assert!(!report.is_complete());
        let paths: Vec<_> = report.problems.iter().map(|problem| problem.path.clone()).collect();
        (report.files, report.refused, paths)
    };
    let (files, refused, paths) = all("v1-odd-lines.pack");
    assert_eq!((files, refused), (1, 5));
    assert_eq!(paths, ["odd", "odd", "odd", "odd", "line 6 of the index"]);
    assert_eq!(fs::read(home.path().join("v1-odd-lines.pack/even")).unwrap(), b"hello");
    let (files, refused, paths) = all("fpack-name-lost.pack");
    assert_eq!((files, refused, paths), (1, 1, vec!["file 2 of the .fpack".into()]));
    // Only so many are kept; all are counted.
    let container = home.path().join("many");
    fs::write(&container, b"hello").unwrap();
    fs::write(home.path().join("many.idx"), "{\"relpath\": \"x\"}\n".repeat(3000)).unwrap();
    let pack = Pack::open(&container);
    let report = pack
        .and_then(|pack| extract(&pack, home.path().join("out"), &ExtractOptions::default(), &()));
    assert!(report.is_err() || report.is_ok_and(|report| report.refused == 3000));
}

#[test]
fn links_in_the_target_are_not_written_through() {
    let source = tree(&["sub/deep/file", "sub/file", "name", "other"]);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let outside = tree(&["victim", "deep/file"]);
    let before = snapshot(outside.path());
    // Where a directory should be; one of them leads to another place in the target.
    let elsewhere = Path::new("elsewhere");
    for (link, leads_to, good) in
        [("sub", outside.path(), 2), ("sub/deep", outside.path(), 3), ("sub", elsewhere, 2)]
    {
        let target = tree(&["elsewhere/"]);
        let at = |name: &str| target.path().join(name);
        fs::create_dir_all(at(link).parent().unwrap()).unwrap();
        symlink(leads_to, at(link)).unwrap();
        // Where a file should be.
        symlink(outside.path().join("victim"), at("name")).unwrap();
        let report = run(&pack, target.path(), &options());
        assert_eq!(report.files, good, "{report:?}");
        assert!(report.failed > 0);
        assert!(
            report.problems.iter().any(|problem| problem.message.contains("is a symbolic link"))
        );
        assert_eq!(snapshot(outside.path()), before);
        assert!(at("name").symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 0);
    }
    // The target itself may be a link.
    let links = tempfile::tempdir().unwrap();
    let real = tempfile::tempdir().unwrap();
    symlink(real.path(), links.path().join("target")).unwrap();
    assert!(run(&pack, &links.path().join("target"), &options()).is_complete());
    assert_eq!(names(real.path()), names(source.path()));
}

#[test]
fn a_file_does_not_replace_a_directory_nor_the_reverse() {
    let source = tree(&["a", "b/c", "d"]);
    symlink("x", source.path().join("link")).unwrap();
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tree(&["a/kept", "b", "link/"]);
    let report = run(&pack, target.path(), &options());
    assert_eq!((report.files, report.failed), (1, 4), "{report:?}");
    assert_eq!(names(target.path()), ["a", "a/kept", "b", "d", "link"]);
    let message =
        |path| &report.problems.iter().find(|problem| problem.path == path).unwrap().message;
    assert_eq!(message("a"), "cannot create it: a directory is in the way");
    assert_eq!(message("b"), "cannot create it: a file is in the way");
}

#[test]
fn a_damaged_payload_leaves_nothing_and_stops_nobody() {
    let source = tree(&["a", "b/small", "b/z", "c"]);
    fs::write(source.path().join("b/large"), text(50_000)).unwrap();
    for compress in [None, Some(6)] {
        for damaged in ["b/small", "b/large"] {
            let pack_options = PackOptions::new().compress(compress.map(crate::Compression::Gzip));
            let (directory, pack) = packed(source.path(), &pack_options);
            let pack = damage(pack, damaged);
            let target = directory.path().join("target");
            let report = run(&pack, &target, &options());
            assert_eq!((report.files, report.failed), (4, 1));
            assert_eq!(report.problems[0].path, damaged);
            let mut expected = names(source.path());
            expected.retain(|name| name != damaged);
            assert_eq!(names(&target), expected);
            // An older file of that name is better than nothing.
            fs::write(target.join(damaged), "older").unwrap();
            let fail_fast = ExtractOptions { fail_fast: true, threads: 1, ..options() };
            let report = run(&pack, &target, &fail_fast);
            assert_eq!((report.failed, report.stopped), (1, Some(Stopped::FirstFailure)));
            assert_eq!(fs::read(target.join(damaged)).unwrap(), b"older");
        }
    }
}

#[test]
fn lines_that_imply_no_end_of_directories_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (container, sidecar) = (directory.path().join("c"), directory.path().join("c.rpx"));
    let deep = |number| format!("{number}{}", "/a".repeat(4000));
    let line = |name: String| serde_json::json!({"relpath": name, "offset": 0, "payload_size": 0, "orig_size": 0});
    let lines: String = (0..150).map(|number| format!("{}\n", line(deep(number)))).collect();
    fs::write(&container, b"").unwrap();
    fs::write(directory.path().join("c.idx"), lines).unwrap();
    let over = |error: crate::Error| match error {
        crate::Error::Pack { source, .. } => source.kind() == rangepack_core::ErrorKind::OverLimit,
        _ => false,
    };
    assert!(over(Pack::open(&container).unwrap_err()));
    let target = crate::IndexTarget::Beside(sidecar);
    let made = crate::rebuild(&container, &target, &Default::default(), &());
    assert!(over(made.unwrap_err()));
}

#[test]
fn names_that_differ_in_case_only() {
    let source = tree(&["README", "readme", "Sub/x", "sub/x", "sub/y", "Éa", "éA", "z"]);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let run = |rules| {
        let target = tempfile::tempdir().unwrap();
        let report = extract_under(rules, &pack, target.path(), &options(), &()).unwrap();
        (names(target.path()), report)
    };
    let rules = Rules { folds_case: true, ..Rules::default() };
    let (kept, report) = run(Some(rules));
    assert_eq!(kept, ["README", "Sub", "Sub/x", "z", "Éa"]);
    // readme, sub with two files, éA.
    assert_eq!((report.refused, report.failed, report.files), (5, 0, 4));
    let (kept, report) = run(Some(Rules::default()));
    assert_eq!(kept, names(source.path()));
    assert!(report.is_complete());
    // The system is asked when nobody tells.
    assert_eq!(run(None).0, names(source.path()));
}

#[test]
fn directories_without_entries_are_no_way_out_of_windows() {
    let directory = tempfile::tempdir().unwrap();
    let files = [(r"..\..\evil/x.txt", "evil"), (r"a/C:\x/y", "evil"), ("a/b.txt", "b")];
    let pack = old_container(&directory.path().join("c"), &files);
    let target = directory.path().join("a/target");
    let rules = Some(Rules { windows: true, ..Rules::default() });
    let report = extract_under(rules, &pack, &target, &options(), &()).unwrap();
    assert_eq!(names(&target), ["a", "a/b.txt"]);
    // Both files, and the directories that they imply.
    assert_eq!((report.refused, report.files), (4, 1), "{report:?}");
}

#[test]
fn names_that_are_one_name_are_told_of() {
    let same = ["caf\u{e9}", "cafe\u{301}", "\u{17f}et", "set", "\u{3c3}", "\u{3c2}"];
    let source = tree(&same);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tempfile::tempdir().unwrap();
    let rules = Rules { folds_case: true, folds_forms: true, normalizes: true, windows: false };
    let report = extract_under(Some(rules), &pack, target.path(), &options(), &()).unwrap();
    assert_eq!((report.refused, report.files, report.failed), (3, 3, 0));
    // A target that keeps them apart gets all of them.
    let apart = tempfile::tempdir().unwrap();
    let report = extract_under(None, &pack, apart.path(), &options(), &()).unwrap();
    if names(source.path()).len() == same.len() {
        assert_eq!((report.refused, names(apart.path())), (0, names(source.path())));
    }
}

#[test]
fn names_that_windows_cannot_hold() {
    let source = tree(&["a:b", "con/x/y", "fine/nul", "fine/ok"]);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tempfile::tempdir().unwrap();
    let rules = Some(Rules { folds_case: true, windows: true, ..Rules::default() });
    let report = extract_under(rules, &pack, target.path(), &options(), &()).unwrap();
    assert_eq!(names(target.path()), ["fine", "fine/ok"]);
    assert_eq!((report.refused, report.files), (5, 1));
}

/// A small file system of its own, for as long as this lives.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<SmallDisk> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| SmallDisk(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_stops_the_run_and_keeps_no_part_of_a_file() {
    let source = tempfile::tempdir().unwrap();
    for number in 0..100 {
        fs::write(source.path().join(format!("{number:03}")), text(10_000 + number)).unwrap();
    }
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    // No room for the bytes; no room for the names.
    let disks = [("size=256k", 1 << 20), ("size=256k", 1024), ("nr_inodes=20", 1024)];
    for (disk_options, chunk_size) in disks {
        let Some(disk) = SmallDisk::mount(disk_options) else {
            println!("skipped: a small file system cannot be mounted here");
            return;
        };
        let report = run(&pack, disk.0.path(), &ExtractOptions { chunk_size, ..options() });
        assert_eq!(report.stopped, Some(Stopped::DiskFull), "{report:?}");
        assert!(report.failed >= 1 && report.files > 5);
        let left = snapshot(disk.0.path());
        assert_eq!(left.len() as u64, report.files);
        for (name, (_, _, content)) in left {
            let number: usize = std::str::from_utf8(&name).unwrap().parse().unwrap();
            assert!(content == text(10_000 + number), "{number}");
        }
    }
}

#[test]
fn a_damaged_index_page_costs_only_its_entries() {
    let source = tempfile::tempdir().unwrap();
    for number in 0..5000 {
        fs::write(source.path().join(format!("{number:05}")), b"x").unwrap();
    }
    let (directory, pack) = packed(source.path(), &PackOptions::default());
    let pages = pack.header().pages().start;
    let path = pack.location().disk().unwrap().to_owned();
    drop(pack);
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(pages).unwrap() + 1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let pack = Pack::open(&path).unwrap();
    // The walk ends there, rather than giving the same error for ever.
    assert_eq!(pack.entries().filter(Result::is_err).count(), 1);
    let report = run(&pack, &directory.path().join("target"), &options());
    assert!(report.failed > 0 && report.files > 2000, "{report:?}");
    assert_eq!(report.failed + report.files, 5000);
}
