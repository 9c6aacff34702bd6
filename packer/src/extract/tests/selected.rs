//! Parts of packs, and bounds.

use super::*;

fn some(pack: &Pack, patterns: &[&str], filter: FilterOptions) -> (Vec<String>, ExtractReport) {
    let target = tempfile::tempdir().unwrap();
    let selection = Selection::new(patterns, Filter::new(filter).unwrap());
    let options = ExtractOptions { selection, ..options() };
    let report = extract(pack, target.path(), &options, &()).unwrap();
    (names(target.path()), report)
}

#[test]
fn paths_and_globs() {
    let source =
        tree(&["a/1.jpg", "a/2.png", "a/b/3.jpg", "a/b/c/", "d/4.jpg", "5.jpg", "[x]", "x"]);
    fs::set_permissions(source.path().join("a"), fs::Permissions::from_mode(0o711)).unwrap();
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let cases: [(&[&str], &[&str]); 13] = [
        (&["a/b"], &["a", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["./a/b/"], &["a", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["a/1.jpg", "x"], &["a", "a/1.jpg", "x"]),
        (&["/*.jpg"], &["5.jpg"]),
        (&["a/*"], &["a", "a/1.jpg", "a/2.png", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["a/b/*"], &["a", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["*.jpg"], &["5.jpg", "a", "a/1.jpg", "a/b", "a/b/3.jpg", "d", "d/4.jpg"]),
        (&["a/*.*"], &["a", "a/1.jpg", "a/2.png"]),
        (&["b*/", "1*/"], &["a", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["[x]"], &["[x]"]),
        (&["{x,d/?.jpg}"], &["d", "d/4.jpg", "x"]),
        (&["a/b", "a/b/3.jpg", "**/3*"], &["a", "a/b", "a/b/3.jpg", "a/b/c"]),
        (&["none", "no/*", "a[", "x"], &["x"]),
    ];
    for (patterns, expected) in cases {
        let (names, report) = some(&pack, patterns, FilterOptions::default());
        assert_eq!(names, expected, "{patterns:?}");
        let unmatched: &[&str] = match patterns[0] {
            "none" => &["none", "no/*", "a["],
            "b*/" => &["1*/"],
            _ => &[],
        };
        assert_eq!(report.unmatched, unmatched);
    }
    let (all, _) = some(&pack, &["."], FilterOptions::default());
    assert_eq!(all, names(source.path()));
    // Directories above get their modes, too.
    let target = tempfile::tempdir().unwrap();
    let selection = Selection::new(["a/1.jpg"], Filter::default());
    let _ = extract(&pack, target.path(), &ExtractOptions { selection, ..options() }, &()).unwrap();
    assert_eq!(target.path().join("a").metadata().unwrap().mode() & 0o7777, 0o711);
}

#[test]
fn filters_narrow_what_is_selected() {
    let source = tree(&["a/1.jpg", "a/2.png", "a/b/3.jpg", "d/4.jpg", "d/e/"]);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let include = |glob: &str| FilterOptions { include: vec![glob.into()], ..Default::default() };
    let exclude = |glob: &str| FilterOptions { exclude: vec![glob.into()], ..Default::default() };
    assert_eq!(some(&pack, &["a"], include("*.jpg")).0, ["a", "a/1.jpg", "a/b", "a/b/3.jpg"]);
    assert_eq!(some(&pack, &[], include("d")).0, ["d", "d/4.jpg"]);
    assert_eq!(some(&pack, &[], exclude("a/")).0, ["d", "d/4.jpg", "d/e"]);
    assert_eq!(some(&pack, &["**/*.jpg"], exclude("b")).0, ["a", "a/1.jpg", "d", "d/4.jpg"]);
}

#[test]
fn first_components_are_left_out() {
    let source = tree(&["a/1", "a/b/2", "a/b/c/3", "a/e/", "top"]);
    symlink("x", source.path().join("a/link")).unwrap();
    fs::hard_link(source.path().join("a/1"), source.path().join("a/b/also")).unwrap();
    fs::set_permissions(source.path().join("a/b"), fs::Permissions::from_mode(0o711)).unwrap();
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tempfile::tempdir().unwrap();
    let report = run(&pack, target.path(), &ExtractOptions { strip_components: 1, ..options() });
    assert_eq!(names(target.path()), ["1", "b", "b/2", "b/also", "b/c", "b/c/3", "e", "link"]);
    assert!(report.is_complete() && report.nameless == 1, "{report:?}");
    let expected = snapshot(&source.path().join("a"));
    assert_eq!(snapshot(target.path()), expected);
    let metadata = |name: &str| target.path().join(name).metadata().unwrap();
    assert_eq!(metadata("1").ino(), metadata("b/also").ino());

    // Names that several have then.
    let source = tree(&["a/1", "a/x/2", "b/1", "b/x/2", "b/x/3"]);
    let (_directory, pack) = packed(source.path(), &PackOptions::default());
    let target = tempfile::tempdir().unwrap();
    let report = run(&pack, target.path(), &ExtractOptions { strip_components: 1, ..options() });
    assert_eq!((report.files, report.refused), (3, 2), "{report:?}");
    assert_eq!(fs::read(target.path().join("1")).unwrap(), b"a/1");
    assert_eq!(names(target.path()), ["1", "x", "x/2", "x/3"]);
}

#[test]
fn what_matches_nothing_makes_no_directory() {
    let source = tree(&["a"]);
    let (directory, pack) = packed(source.path(), &PackOptions::default());
    let target = directory.path().join("target");
    let selection = Selection::new(["none", "*.jpg"], Filter::default());
    let report = run(&pack, &target, &ExtractOptions { selection, ..options() });
    assert_eq!(report.unmatched, ["none", "*.jpg"]);
    assert!(!target.exists());
    let _ = run(&pack, &target, &options());
    assert!(target.exists());
}

#[test]
fn limits_are_checked_before_anything_is_written() {
    let source = tree(&["a", "b", "c/d"]);
    let (directory, pack) = packed(source.path(), &PackOptions::default());
    let target = directory.path().join("target");
    let run = |bytes, entries| {
        let options = ExtractOptions {
            max_total_bytes: Some(bytes),
            max_entries: Some(entries),
            ..options()
        };
        extract(&pack, &target, &options, &())
    };
    for (bytes, entries, over) in [(4, 4, Limited::Bytes), (5, 3, Limited::Entries)] {
        let error = run(bytes, entries).unwrap_err();
        assert!(matches!(error, Error::TooMuch { what, .. } if what == over), "{error}");
        assert!(!error.is_bad_pack());
        assert!(!target.exists());
    }
    assert_eq!(run(5, 4).unwrap().bytes, 5);
}
