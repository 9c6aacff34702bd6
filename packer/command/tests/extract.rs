//! Globs, and what becomes of files that are there already, as a stranger meets them.

use crate::common::{run, tree};
use std::fs;

#[test]
fn globs_mean_the_same_everywhere() {
    let root = tree();
    let at = root.path();
    fs::write(at.join("src/sub/[x].txt"), "brackets").unwrap();
    run(at, "pack src x.pack", 0);
    // Without a slash at any depth, with one from the root.
    for (glob, found) in [
        ("*.txt", "a.txt\nsub/[x].txt\nsub/c.txt\n"),
        ("/*.txt", "a.txt\n"),
        ("sub/*.txt", "sub/[x].txt\nsub/c.txt\n"),
        ("sub/**", "sub/[x].txt\nsub/b.bin\nsub/c.txt\nsub/empty\n"),
        ("em*/", "sub/empty\n"),
    ] {
        assert_eq!(run(at, &format!("ls x.pack {glob}"), 0).0, found, "{glob}");
        run(at, &format!("verify x.pack {glob}"), 0);
        run(at, &format!("extract x.pack out {glob}"), 0);
        let there: Vec<_> =
            found.lines().filter(|path| at.join("out").join(path).exists()).collect();
        assert_eq!(there.len(), found.lines().count(), "{glob}");
        fs::remove_dir_all(at.join("out")).unwrap();
        run(at, &format!("pack src part.pack --force --include {glob}"), 0);
        let (packed, _) = run(at, "ls -R -f part.pack", 0);
        let files: Vec<_> = found.lines().filter(|path| path.contains('.')).collect();
        assert_eq!(packed.lines().collect::<Vec<_>>(), files, "{glob}");
    }
    assert_eq!(
        run(at, "ls -R x.pack su*", 0).0,
        "sub\nsub/[x].txt\nsub/b.bin\nsub/c.txt\nsub/empty\n"
    );
    assert_eq!(run(at, "cat x.pack *.txt", 0).0, "hello\nbracketshello\n");
    assert_eq!(run(at, "extract x.pack --to-stdout *.txt", 0).0, "hello\nbracketshello\n");
    assert_eq!(run(at, "extract x.pack - sub/c.txt a.txt", 0).0, "hello\nhello\n");
    // The name of an entry is no glob.
    assert_eq!(run(at, "cat x.pack sub/[x].txt", 0).0, "brackets");
    for line in ["cat x.pack sub/*.jpg", "ls x.pack sub/*.jpg", "verify x.pack sub/*.jpg"] {
        let (_, said) = run(at, line, 1);
        assert!(said.contains("no entry sub/*.jpg") && said.contains("from the root"), "{said}");
    }
    let (_, said) = run(at, "ls x.pack a[b", 2);
    assert!(said.contains("bad pattern"), "{said}");
    assert!(!at.join("-").exists());
}

#[test]
fn what_may_have_been_meant() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    for (line, meant) in [
        ("cat x.pack a.text", "a.txt"),
        ("cat x.pack A.TXT", "a.txt"),
        ("ls x.pack sbu/c.txt", "sub/c.txt"),
        ("verify x.pack sub/c.tx", "sub/c.txt"),
        ("extract x.pack out sub/B.bin", "sub/b.bin"),
    ] {
        let (_, said) = run(at, line, 1);
        assert!(said.contains(&format!("did you mean {meant}?")), "{line}: {said}");
    }
    assert!(!at.join("out").exists(), "what matches nothing leaves no folder");
}

#[test]
fn nothing_is_replaced_without_being_asked() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    run(at, "extract x.pack out", 0);
    let (_, said) = run(at, "extract x.pack out", 0);
    assert!(said.contains("extracted 0 files") && said.contains("3 there already"), "{said}");

    // Of the same size, so that nothing but its content tells.
    fs::write(at.join("out/a.txt"), "HELLO\n").unwrap();
    fs::write(at.join("out/sub/c.txt"), "longer than it was").unwrap();
    for line in ["extract x.pack out", "extract x.pack out --skip-existing"] {
        let (_, said) = run(at, line, 1);
        assert!(said.contains("a.txt: what is there already differs"), "{said}");
        assert!(
            said.contains("2 entries would have replaced") && said.contains("--overwrite"),
            "{said}"
        );
        assert_eq!(fs::read(at.join("out/a.txt")).unwrap(), b"HELLO\n");
    }
    let (said, _) = run(at, "extract x.pack out --json", 1);
    assert!(said.contains("\"in_the_way\":2") && said.contains("\"replaced\":0"), "{said}");

    // They were written after the pack was made.
    let (_, said) = run(at, "extract x.pack out --keep-newer", 0);
    assert!(said.contains("2 newer and kept"), "{said}");
    let (_, said) = run(at, "extract x.pack out --overwrite", 0);
    assert!(said.contains("extracted 3 files") && said.contains("3 replaced"), "{said}");
    assert_eq!(fs::read(at.join("out/a.txt")).unwrap(), b"hello\n");

    // The old program replaces, and looks at sizes.
    fs::write(at.join("out/a.txt"), "HELLO\n").unwrap();
    fs::write(at.join("out/sub/c.txt"), "longer than it was").unwrap();
    let (_, said) = run(at, "extract --container x.pack --outdir out --skip-existing", 0);
    assert!(said.contains("1 replaced, 2 there already"), "{said}");
    assert_eq!(fs::read(at.join("out/a.txt")).unwrap(), b"HELLO\n");
    let (_, said) = run(at, "extract --container x.pack --outdir out", 0);
    assert!(said.contains("3 replaced"), "{said}");
}

#[test]
fn one_pack_only_and_first_components_left_out() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    let (said, _) = run(at, "info x.pack --json", 0);
    let digest = said.split("\"root\":\"").nth(1).unwrap().split('"').next().unwrap();
    let wrong = digest.chars().rev().collect::<String>();
    let (_, said) = run(at, &format!("extract x.pack out --root {wrong}"), 1);
    assert!(said.contains("root") && !at.join("out").exists(), "{said}");
    run(at, &format!("extract x.pack out --root {digest} --strip-components 1"), 0);
    let (_, said) = run(at, "extract x.pack out --strip-components 1", 0);
    assert!(said.contains("1 without a name left"), "{said}");
    assert!(at.join("out/c.txt").exists() && !at.join("out/a.txt").exists());
}
