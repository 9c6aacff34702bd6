use super::*;
use crate::filter::FilterOptions;
use proptest::prelude::*;
use rangepack_core::PackPathBuf;
use std::fs;
use tempfile::TempDir;

/// A temporary tree: paths that end in `/` are directories, all others hold one byte.
fn tree(paths: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in paths {
        let disk = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(disk).unwrap();
        } else {
            fs::create_dir_all(disk.parent().unwrap()).unwrap();
            fs::write(disk, b"x").unwrap();
        }
    }
    root
}

/// All paths in the order of the walk, and the problems; checks what holds of any batch.
fn walk(root: &Path, options: WalkOptions) -> (Vec<(Vec<u8>, ItemKind)>, Vec<Problem>) {
    let (mut paths, mut problems) = (Vec::new(), Vec::new());
    for batch in Walk::new(root, options).unwrap() {
        assert!(batch.len() <= BATCH_ITEMS);
        assert_eq!(batch.items().len(), batch.len());
        assert!(batch.len() > 0 || !batch.problems.is_empty());
        paths
            .extend(batch.items().map(|item| (batch.directory.pack_path_of(item.name), item.kind)));
        problems.extend(batch.problems);
    }
    (paths, problems)
}

/// The paths as text; there must be no problem.
fn paths(root: &Path, options: WalkOptions) -> Vec<String> {
    let (paths, problems) = walk(root, options);
    assert!(problems.is_empty(), "{problems:?}");
    paths.into_iter().map(|(path, _)| String::from_utf8(path).unwrap()).collect()
}

fn filtered(options: FilterOptions) -> WalkOptions {
    WalkOptions { filter: Filter::new(options).unwrap(), ..Default::default() }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn children_first_then_subdirectories_in_order() {
    let root = tree(&["b", "a/z", "a/b/c", "a-/x", "a.b", "empty/"]);
    assert_eq!(
        paths(root.path(), WalkOptions::default()),
        ["a", "a-", "a.b", "b", "empty", "a/b", "a/z", "a/b/c", "a-/x"]
    );
    assert!(paths(&root.path().join("empty"), WalkOptions::default()).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_order_is_that_of_keys(
        files in proptest::collection::vec("(a|a-|a\\.b|b|é|~){1,2}(/(a|a-|a\\.b|b| ){1,2}){0,3}", 1..24)
    ) {
        let root = tempfile::tempdir().unwrap();
        let mut expected = std::collections::BTreeSet::new();
        for file in &files {
            let disk = root.path().join(file);
            // A file may stand where a directory is wanted, or the reverse: then it is left away.
            let is_possible = fs::create_dir_all(disk.parent().unwrap()).is_ok();
            if is_possible && fs::write(&disk, b"").is_ok() {
                expected.insert(PackPathBuf::new(file.as_bytes().to_vec()).unwrap());
            }
            let mut directory = Path::new(file).parent();
            while let Some(path) = directory.filter(|path| !path.as_os_str().is_empty()) {
                if root.path().join(path).is_dir() {
                    let path = path.to_str().unwrap().as_bytes().to_vec();
                    expected.insert(PackPathBuf::new(path).unwrap());
                }
                directory = path.parent();
            }
        }
        let expected: Vec<_> = expected.iter().map(|path| path.as_bytes().to_vec()).collect();
        let (walked, problems) = walk(root.path(), WalkOptions::default());
        prop_assert!(problems.is_empty());
        let walked: Vec<_> = walked.into_iter().map(|(path, _)| path).collect();
        prop_assert_eq!(walked, expected);
    }
}

#[test]
fn a_large_directory_comes_in_batches() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        fs::write(root.path().join(format!("{number:04}")), b"").unwrap();
    }
    let walk = Walk::new(root.path(), WalkOptions::default()).unwrap();
    let batches: Vec<_> = walk.collect();
    let lengths: Vec<_> = batches.iter().map(Batch::len).collect();
    let mut expected = vec![BATCH_ITEMS; 1000 / BATCH_ITEMS];
    expected.push(1000 % BATCH_ITEMS);
    assert_eq!(lengths, expected);
    let names = batches.iter().flat_map(|batch| batch.items().map(|item| item.name.to_vec()));
    assert!(names.eq((0..1000).map(|number| format!("{number:04}").into_bytes())));
}

#[test]
fn a_root_that_is_missing_or_a_file() {
    let root = tree(&["file"]);
    let error = |name| Walk::new(&root.path().join(name), WalkOptions::default()).unwrap_err();
    assert_eq!(error("none").kind(), io::ErrorKind::NotFound);
    assert_eq!(error("file").kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn what_a_directory_tells_of_its_items() {
    let root = tree(&["sub/file"]);
    let mut walk = Walk::new(root.path(), WalkOptions::default()).unwrap();
    let batch = walk.nth(1).unwrap();
    let directory = &batch.directory;
    assert_eq!(directory.pack_path(), b"sub");
    assert_eq!(directory.disk_path(), root.path().join("sub"));
    assert_eq!(directory.disk_path_of(b"file"), root.path().join("sub/file"));
    let metadata = directory.metadata(b"file").unwrap();
    assert_eq!((metadata.kind, metadata.size), (ItemKind::File, 1));
    let modified = fs::metadata(root.path().join("sub/file")).unwrap().modified().unwrap();
    let since_1970 = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    assert_eq!(u128::try_from(metadata.mtime_ns).unwrap(), since_1970);
    let file = directory.open_file(b"file").unwrap();
    assert_eq!(directory.metadata_of(&file).unwrap(), metadata);
    assert_eq!(directory.metadata(b"none").unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn no_change_of_a_settled_file_is_missed() {
    let root = tree(&["file"]);
    let mut walk = Walk::new(root.path(), WalkOptions::default()).unwrap();
    let directory = walk.next().unwrap().directory;
    let path = root.path().join("file");
    for round in 0..20 {
        // As fresh as can be, many times within a tick of the clock; and its own time is set back.
        fs::write(&path, [round]).unwrap();
        let settled = directory.metadata(b"file").unwrap();
        settled.settle(0);
        assert!(directory.metadata(b"file").unwrap().is_still(&settled));
        let file = fs::File::options().write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, b"x").unwrap();
        if cfg!(unix) {
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            file.set_modified(before - std::time::Duration::from_secs(1)).unwrap();
        }
        assert!(!directory.metadata(b"file").unwrap().is_still(&settled));
    }
}

#[test]
fn filters_leave_out_files_and_whole_directories() {
    let root = tree(&["a.jpg", "a.txt", ".hidden/x.jpg", "cache/x.jpg", "sub/b.JPG", "sub/c.txt"]);
    let options = FilterOptions {
        exclude: strings(&["cache"]),
        extensions: strings(&["jpg"]),
        no_hidden: true,
        ..Default::default()
    };
    assert_eq!(paths(root.path(), filtered(options)), ["a.jpg", "sub", "sub/b.JPG"]);
    let options = FilterOptions { include: strings(&["sub/*.txt"]), ..Default::default() };
    assert_eq!(
        paths(root.path(), filtered(options)),
        [".hidden", "cache", "sub", "sub/c.txt"],
        "directories stay"
    );
}

#[test]
fn ignore_files_hold_below_their_directory() {
    let root =
        tree(&["a.log", "a.txt", ".git/x", "sub/a.log", "sub/b.log", "sub/b.txt", "z/a.log"]);
    fs::write(root.path().join(".gitignore"), "*.log\n").unwrap();
    fs::write(root.path().join("sub/.gitignore"), "!a.log\n*.txt\n").unwrap();
    fs::write(root.path().join("sub/.ignore"), "b{\n!b.txt\n").unwrap();
    let options = || filtered(FilterOptions { gitignore: true, ..Default::default() });
    let (walked, problems) = walk(root.path(), options());
    let walked: Vec<_> =
        walked.into_iter().map(|(path, _)| String::from_utf8(path).unwrap()).collect();
    assert_eq!(
        walked,
        [
            ".gitignore",
            "a.txt",
            "sub",
            "z",
            "sub/.gitignore",
            "sub/.ignore",
            "sub/a.log",
            "sub/b.txt"
        ]
    );
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].disk_path, root.path().join("sub/.ignore"));
    assert!(matches!(problems[0].kind, LeftOut::BadIgnoreLine { line: 1 }));
}

#[test]
fn the_pack_that_is_written_is_passed_by() {
    let root = tree(&["a", "out/b", "out/x.pack", "x.pack"]);
    let skip = |paths: &[&str]| WalkOptions {
        skip: paths.iter().map(|path| root.path().join(path)).collect(),
        ..Default::default()
    };
    let written = skip(&["out/../out/x.pack", "out/later", "nowhere/x"]);
    fs::write(root.path().join("out/later"), b"").unwrap();
    assert_eq!(paths(root.path(), written), ["a", "out", "x.pack", "out/b"]);
    assert_eq!(paths(root.path(), skip(&["out"])), ["a", "x.pack"]);
}

#[test]
fn a_walk_and_its_batches_go_to_other_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Walk>();
    is_send::<Batch>();
    is_sync::<Batch>();
}

/// What other systems refuse: names that are not text, pipes made by a call.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn following() -> WalkOptions {
        WalkOptions { follow_links: true, ..Default::default() }
    }

    #[test]
    fn names_are_bytes() {
        let root = tree(&[]);
        let names: [&[u8]; 4] = [b"\x01\n", b"a", b"a\xff", "é".as_bytes()];
        for name in names {
            fs::write(root.path().join(OsStr::from_bytes(name)), b"x").unwrap();
        }
        let batch = Walk::new(root.path(), WalkOptions::default()).unwrap().next().unwrap();
        assert_eq!(batch.items().map(|item| item.name).collect::<Vec<_>>(), {
            let mut sorted = names.to_vec();
            sorted.sort();
            sorted
        });
        assert_eq!(batch.directory.metadata(b"a\xff").unwrap().size, 1);
    }

    #[test]
    fn links_pipes_and_sockets_are_what_they_are() {
        let root = tree(&["directory/x", "file"]);
        symlink("directory", root.path().join("to-directory")).unwrap();
        symlink(OsStr::from_bytes(b"\xff/nowhere"), root.path().join("to-nothing")).unwrap();
        rustix::fs::mknodat(
            CWD,
            root.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
        let (walked, problems) = walk(root.path(), WalkOptions::default());
        assert!(problems.is_empty());
        let expected: [(&[u8], ItemKind); 7] = [
            (b"directory", ItemKind::Directory),
            (b"file", ItemKind::File),
            (b"pipe", ItemKind::Other),
            (b"socket", ItemKind::Other),
            (b"to-directory", ItemKind::Symlink),
            (b"to-nothing", ItemKind::Symlink),
            (b"directory/x", ItemKind::File),
        ];
        assert!(walked.iter().map(|(path, kind)| (&path[..], *kind)).eq(expected));

        let root = Directory::open_root(root.path(), b"", false).unwrap();
        assert_eq!(root.read_link(b"to-nothing").unwrap(), b"\xff/nowhere");
        assert_eq!(root.metadata(b"to-nothing").unwrap().kind, ItemKind::Symlink);
        assert!(root.open_file(b"to-directory").is_err(), "a link is not opened");
        let pipe = root.open_file(b"pipe").unwrap();
        assert_eq!(root.metadata_of(&pipe).unwrap().kind, ItemKind::Other);
    }

    #[test]
    fn followed_links_are_what_they_lead_to() {
        let other = tree(&["in/y"]);
        let root = tree(&["a/x", "file"]);
        symlink(other.path(), root.path().join("far")).unwrap();
        symlink("../file", root.path().join("a/file")).unwrap();
        assert_eq!(
            paths(root.path(), following()),
            ["a", "far", "file", "a/file", "a/x", "far/in", "far/in/y"]
        );
        let directory = Directory::open_root(root.path(), b"", true).unwrap();
        assert_eq!(directory.metadata(b"far").unwrap().kind, ItemKind::Directory);
        assert!(directory.open_file(b"a/file").is_ok());
    }

    #[test]
    fn followed_links_that_cannot_be() {
        let root = tree(&["a/b/c", "out.pack", "excluded/"]);
        symlink("..", root.path().join("a/b/up")).unwrap();
        symlink(".", root.path().join("a/self")).unwrap();
        symlink("nowhere", root.path().join("a/none")).unwrap();
        symlink("round", root.path().join("round")).unwrap();
        symlink("out.pack", root.path().join("to-pack")).unwrap();
        symlink("nowhere", root.path().join("excluded.txt")).unwrap();
        let exclude = FilterOptions { exclude: strings(&["excluded*"]), ..Default::default() };
        let skip = vec![root.path().join("out.pack")];
        let options = WalkOptions { follow_links: true, skip, ..filtered(exclude) };
        let (walked, problems) = walk(root.path(), options);
        let walked: Vec<_> = walked.iter().map(|(path, _)| &path[..]).collect();
        assert_eq!(walked, [&b"a"[..], b"a/b", b"a/b/c"]);
        let find = |path: &[u8]| {
            let path = root.path().join(OsStr::from_bytes(path));
            &problems.iter().find(|problem| problem.disk_path == path).unwrap().kind
        };
        assert_eq!(problems.len(), 4);
        assert!(matches!(find(b"a/b/up"), LeftOut::LinkLoop));
        assert!(matches!(find(b"a/self"), LeftOut::LinkLoop));
        assert!(matches!(find(b"a/none"), LeftOut::DanglingLink));
        assert!(matches!(find(b"round"), LeftOut::Io(_)));
    }

    #[test]
    fn a_directory_that_vanished_or_cannot_be_read_is_a_problem() {
        let root = tree(&["a/x", "b/x", "c/x"]);
        fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(0o000)).unwrap();
        let mut walk = Walk::new(root.path(), WalkOptions::default()).unwrap();
        assert_eq!(walk.next().unwrap().len(), 3);
        fs::remove_dir_all(root.path().join("a")).unwrap();
        fs::remove_dir_all(root.path().join("c")).unwrap();
        let problems: Vec<_> = walk.flat_map(|batch| batch.problems).collect();
        fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(0o700)).unwrap();
        let kind = |name: &str| {
            let path = root.path().join(name);
            problems.iter().find(|problem| problem.disk_path == path).map(|found| {
                match &found.kind {
                    LeftOut::Io(error) => error.kind(),
                    other => panic!("{other:?}"),
                }
            })
        };
        assert_eq!(kind("a"), Some(io::ErrorKind::NotFound));
        assert_eq!(kind("c"), Some(io::ErrorKind::NotFound), "told even after the last batch");
        if !rustix::process::geteuid().is_root() {
            assert_eq!(kind("b"), Some(io::ErrorKind::PermissionDenied));
        }
    }

    /// Makes `levels` directories called `name`, one in the other, each with a `sibling` that holds
    /// a file; the paths are longer than the system takes.
    fn make_deep(root: &Path, name: &str, levels: usize) {
        let open = |from: &dyn std::os::fd::AsFd, name: &str| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::openat(from, name, flags, Mode::empty()).unwrap()
        };
        let mut reached = open(&CWD, root.to_str().unwrap());
        for _ in 0..levels {
            rustix::fs::mkdirat(&reached, name, Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&reached, "sibling", Mode::RWXU).unwrap();
            let sibling = open(&reached, "sibling");
            let flags = OFlags::WRONLY | OFlags::CREATE;
            rustix::fs::openat(&sibling, "file", flags, Mode::RUSR).unwrap();
            reached = open(&reached, name);
        }
    }

    #[test]
    fn a_deep_tree_needs_few_open_directories() {
        let root = tree(&[]);
        make_deep(root.path(), "a-rather-long-name", 300);
        let mut walk = Walk::new(root.path(), WalkOptions::default()).unwrap();
        let mut walked = Vec::new();
        let mut deepest = 0;
        while let Some(batch) = walk.next() {
            assert!(batch.problems.is_empty(), "{:?}", batch.problems);
            for item in batch.items() {
                let path = batch.directory.pack_path_of(item.name);
                assert_eq!(batch.directory.metadata(item.name).unwrap().kind, item.kind);
                walked.push(PackPathBuf::new(path).unwrap());
            }
            let open = walk.levels.iter().filter(|level| level.directory.is_some()).count();
            assert!(open <= OPEN_LEVELS);
            deepest = deepest.max(walk.levels.len());
        }
        assert_eq!(deepest, 301);
        assert_eq!(walked.len(), 900);
        assert!(walked.is_sorted());
    }

    #[test]
    fn a_path_too_long_for_a_pack_is_a_problem() {
        let root = tree(&[]);
        let name = "n".repeat(200);
        make_deep(root.path(), &name, 42);
        let (walked, problems) = walk(root.path(), WalkOptions::default());
        assert!(walked.iter().all(|(path, _)| path.len() <= MAX_PATH));
        // 40 names of 200 bytes and their slashes leave 152 bytes: enough for the sibling alone.
        assert_eq!(walked.len(), 40 * 3 + 2);
        assert_eq!(problems.len(), 1);
        assert!(matches!(problems[0].kind, LeftOut::PathTooLong));
        let below = problems[0].disk_path.strip_prefix(root.path()).unwrap();
        assert_eq!(below.as_os_str().len(), 201 * 41 - 1);
    }
}
