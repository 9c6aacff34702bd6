//! Packs become one, with copies of what is in them or without; and one is compacted.

use crate::common::{run, tree};
use rangepack::{PackOptions, pack};
use std::fs;

#[test]
fn a_merged_pack_becomes_one_file() {
    let root = tree();
    let at = root.path();
    fs::create_dir(at.join("more")).unwrap();
    fs::write(at.join("more/d.txt"), "more\n").unwrap();
    run(at, "pack -q src a.pack", 0);
    run(at, "pack -q more b.pack --meta of=more", 0);
    run(at, "merge -q a.pack b.pack -o all.pack", 0);
    let (_, said) = run(at, "merge --copy a.pack b.pack -o one.pack", 0);
    assert!(said.contains("merged 4 files") && said.contains("a file of 68"), "{said}");
    let (_, said) = run(at, "compact all.pack", 0);
    assert!(said.contains("2 files taken in"), "{said}");
    assert!(fs::read(at.join("all.pack")).unwrap() == fs::read(at.join("one.pack")).unwrap());
    fs::remove_file(at.join("a.pack")).unwrap();
    run(at, "verify -q all.pack", 0);
    let (_, said) = run(at, "compact b.pack", 0);
    assert!(said.contains("0 B given back"), "{said}");
    assert!(run(at, "info b.pack", 0).0.contains("more"));
    let (_, said) = run(at, "compact src/a.txt", 1);
    assert!(said.contains("src/a.txt"), "{said}");
    run(at, "merge b.pack -o c.pack --trailer", 2);

    // What is damaged is named, and nothing appears.
    let mut bytes = fs::read(at.join("b.pack")).unwrap();
    bytes[0] ^= 1;
    fs::write(at.join("b.pack"), &bytes).unwrap();
    for line in ["merge --copy b.pack -o c.pack", "compact b.pack"] {
        let (_, said) = run(at, line, 1);
        assert!(said.contains("b.pack: d.txt: ") && said.contains("offset 0"), "{said}");
    }
    assert!(!at.join("c.pack").exists());
    assert!(fs::read(at.join("b.pack")).unwrap() == bytes);
}

#[cfg(unix)]
#[test]
fn parts_need_not_all_be_open() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    let parts: Vec<String> = (0..90).map(|number| format!("{number:02}")).collect();
    for part in &parts {
        fs::create_dir(at.join(part)).unwrap();
        fs::write(at.join(part).join(format!("of-{part}")), part).unwrap();
    }
    for part in &parts {
        pack(at.join(part), at.join(format!("{part}.pack")), &PackOptions::new(), &()).unwrap();
    }
    for flags in ["-o all.pack", "--copy -o one.pack"] {
        let line = format!("ulimit -n 64; exec \"$0\" merge -q ??.pack {flags}");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_rangepack")]).current_dir(at);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(run(at, "cat all.pack of-89", 0).0, "89");
    assert_eq!(run(at, "cat one.pack of-89", 0).0, "89");
}
