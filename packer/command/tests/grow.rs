//! Packs that grow: `add`, `remove`, `sync` and `log`.

use crate::common::{run, tree};
use rangepack_core::Digest;
use rangepack_core::layout::GrowthNote;
use std::fs;
use std::io::Write;
use std::path::Path;

/// The root digests of all generations, the newest first.
fn roots(at: &Path) -> Vec<String> {
    let (out, _) = run(at, "log --json x.pack", 0);
    let of = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    out.lines().map(|line| of(line)["root"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn generations_are_made_listed_and_opened() {
    let root = tree();
    let at = root.path();
    for directory in ["new/sub", "kind/a.txt", "other"] {
        fs::create_dir_all(at.join(directory)).unwrap();
    }
    fs::write(at.join("new/sub/c.txt"), "another\n").unwrap();
    fs::write(at.join("new/large"), vec![7; 700_000]).unwrap();
    fs::write(at.join("other/notes"), "notes").unwrap();
    run(at, "pack src x.pack", 0);

    let (_, said) = run(at, "add -n x.pack new", 0);
    assert!(said.starts_with("would be: 1 entry added, "), "{said}");
    assert_eq!(roots(at).len(), 1);
    let (out, _) = run(at, "add --json x.pack new --meta k=v", 0);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["added"], &told["duplicates"]), (&1.into(), &1.into()));
    assert!(told["payload_bytes"].as_u64().unwrap() < 100, "{told}");
    assert_eq!([&told["root"], &told["previous"]], [&roots(at)[0], &roots(at)[1]]);
    run(at, "verify x.pack", 0);
    assert_eq!(run(at, "cat x.pack sub/c.txt", 0).0, "another\n");
    let (_, said) = run(at, "add x.pack new", 0);
    assert_eq!(said, "nothing new: x.pack is as it was\n");

    let old = &roots(at)[1];
    assert_eq!(run(at, &format!("cat --root {old} x.pack sub/c.txt"), 0).0, "hello\n");
    assert!(!run(at, &format!("ls --root {old} x.pack"), 0).0.contains("large"));
    assert!(run(at, &format!("info --root {old} x.pack"), 0).0.contains(old.as_str()));
    run(at, &format!("extract --root {old} x.pack out"), 0);
    assert_eq!(fs::read(at.join("out/sub/c.txt")).unwrap(), b"hello\n");

    let (_, said) = run(at, "remove x.pack large *.txt", 0);
    assert!(said.starts_with("3 entries removed; wrote 0 B"), "{said}");
    assert_eq!(run(at, "ls -R x.pack", 0).0, "sub\nsub/b.bin\nsub/empty\n");
    let (out, _) = run(at, "log x.pack", 0);
    assert!(out.lines().nth(2).unwrap().starts_with("    1  "), "{out}");

    let (_, said) = run(at, "sync src x.pack", 0);
    assert!(said.contains("2 entries added") && said.contains("wrote "), "{said}");
    run(at, "verify x.pack --against src", 0);
    let (_, said) = run(at, "sync src x.pack --checksum", 0);
    assert_eq!(said, "nothing to do: x.pack is as it was\n");
    run(at, "pack other o.pack", 0);
    run(at, "sync o.pack x.pack", 0);
    run(at, "diff o.pack x.pack", 0);
    run(at, "sync other made.pack", 0);
    run(at, "sync o.pack made-too.pack", 0);
    run(at, "diff made.pack made-too.pack", 0);
    assert_eq!(roots(at).len(), 5);
}

#[test]
fn compacting_gives_back_generations_and_what_an_interrupted_run_left() {
    let root = tree();
    let at = root.path();
    let pack = at.join("x.pack");
    run(at, "pack src x.pack", 0);
    run(at, "remove x.pack a.txt", 0);
    let [newest, oldest] = &roots(at)[..] else { panic!("two generations") };
    let digest = Digest::from_hex(newest).unwrap();
    let file_len = fs::metadata(&pack).unwrap().len();
    fs::write(at.join("x.pack.grow"), GrowthNote { file_len, digest }.to_bytes()).unwrap();
    let mut file = fs::File::options().append(true).open(&pack).unwrap();
    file.write_all(&[7; 100_000]).unwrap();
    drop(file);
    run(at, "extract x.pack before", 0);

    let (_, said) = run(at, "compact x.pack", 0);
    assert!(said.contains("given back"), "{said}");
    assert!(fs::metadata(&pack).unwrap().len() < file_len);
    assert!(!at.join("x.pack.grow").exists());
    assert_eq!(roots(at).len(), 1);
    run(at, "verify x.pack --against before", 0);
    run(at, &format!("ls --root {oldest} x.pack"), 1);
    run(at, "add x.pack src", 0);
    assert_eq!(roots(at).len(), 2);
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let root = tree();
    let at = root.path();
    fs::create_dir_all(at.join("kind/a.txt")).unwrap();
    run(at, "pack src x.pack", 0);
    run(at, "pack src old.ctnr --index-format ndjson", 0);
    for (line, code, problem, hint) in [
        ("add x.pack", 2, "there is nothing to add", "rangepack add PACK SRC"),
        ("add none.pack src", 2, "none.pack", ""),
        ("add x.pack none", 2, "none", ""),
        ("add x.pack src --dict 16k", 2, "--dict is for Zstandard", "--compress=zstd"),
        ("add https://example.org/x.pack src", 2, "is a URL", "copy the file here"),
        ("add old.ctnr src", 2, "no paged index of its own", "rangepack index --in-place"),
        ("add x.pack kind", 2, "a.txt is a directory in what is added", "rangepack remove"),
        ("remove x.pack none", 1, "no entry none", "ls -R"),
        ("remove x.pack *.jpg", 1, "no entry *.jpg", ""),
        ("sync src/a.txt x.pack", 1, "src/a.txt", ""),
        ("sync none x.pack", 2, "none", ""),
        ("sync x.pack x.pack", 2, "it is read and written at once", ""),
        ("sync x.pack y.pack --exclude *.txt", 2, "for directories", "rangepack remove"),
    ] {
        let before = fs::read(at.join("x.pack")).unwrap();
        let (_, said) = run(at, line, code);
        assert!(said.contains(problem) && said.contains(hint), "{line}: {said}");
        assert!(fs::read(at.join("x.pack")).unwrap() == before, "{line}");
        assert!(!at.join("x.pack.grow").exists());
    }
    let (_, said) = run(at, "log old.ctnr", 0);
    assert!(said.contains("old format"), "{said}");
}
