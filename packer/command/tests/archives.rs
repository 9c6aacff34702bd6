//! Archives in and out, with the programs that people have for them.

use crate::common::{command, other, run};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A tree with what archives have to say in more than one way, and a pack of it.
fn packed() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    let long = format!("src/{}/{}", "d".repeat(90), "e".repeat(120));
    fs::create_dir_all(at.join(&long)).unwrap();
    fs::create_dir_all(at.join("src/sub/empty")).unwrap();
    fs::write(at.join("src/a.txt"), "hello\n").unwrap();
    fs::write(at.join("src/schön"), "name\n").unwrap();
    fs::write(at.join(&long).join("f".repeat(110)), "long").unwrap();
    let large: Vec<u8> = (0..700_000u32).map(|n| (n / 900 * 31) as u8).collect();
    fs::write(at.join("src/sub/large.bin"), large).unwrap();
    fs::write(at.join("src/sub/nothing"), "").unwrap();
    fs::hard_link(at.join("src/a.txt"), at.join("src/sub/again.txt")).unwrap();
    std::os::unix::fs::symlink("../a.txt", at.join("src/sub/link")).unwrap();
    fs::set_permissions(at.join("src/a.txt"), fs::Permissions::from_mode(0o750)).unwrap();
    for (name, how) in
        [("x.pack", ""), ("gzip.pack", "--compress"), ("zstd.pack", "--compress=zstd")]
    {
        run(at, &format!("pack src {name} {how}"), 0);
    }
    root
}

fn tree_digest(at: &Path, pack: &str) -> String {
    let (text, _) = run(at, &format!("info {pack}"), 0);
    text.lines().find(|line| line.trim().starts_with("tree")).unwrap().trim().to_owned()
}

#[test]
fn other_programs_read_what_is_exported() {
    let root = packed();
    let at = root.path();
    let programs = [("tar", "xf"), ("bsdtar", "xf"), ("unzip", "-qq")];
    for (number, (program, how)) in programs.iter().enumerate() {
        let ends: &[&str] = match *program {
            "unzip" => &["zip"],
            "bsdtar" => &["tar", "tar.gz", "zip"],
            _ => &["tar", "tar.gz"],
        };
        for pack in ["x", "gzip", "zstd"] {
            for end in ends {
                let archive = format!("{pack}{number}.{end}");
                run(at, &format!("export {pack}.pack {archive}"), 0);
                let target = format!("out-{pack}-{number}-{end}");
                fs::create_dir(at.join(&target)).unwrap();
                let flag = if *program == "unzip" { "-d" } else { "-C" };
                if !other(at, program, &format!("{how} {archive} {flag} {target}")) {
                    continue;
                }
                // Times of a zip are whole seconds, and it has no hard links.
                match *end {
                    "zip" => {
                        assert!(other(at, "diff", &format!("-r --no-dereference src {target}")))
                    }
                    _ => _ = run(at, &format!("diff x.pack {target}"), 0),
                }
                if *end != "zip" {
                    let file = |path: &str| at.join(&target).join(path).metadata().unwrap().ino();
                    assert_eq!(file("a.txt"), file("sub/again.txt"));
                }
            }
        }
    }
}

#[test]
fn what_is_exported_comes_back_as_the_same_tree() {
    let root = packed();
    let at = root.path();
    let tree = tree_digest(at, "x.pack");
    for pack in ["x.pack", "gzip.pack", "zstd.pack"] {
        for (number, end) in ["tar", "tar.gz", "tar.zst", "zip"].iter().enumerate() {
            let (one, two) = (format!("{pack}.{end}"), format!("{pack}-2.{end}"));
            run(at, &format!("export {pack} {one}"), 0);
            run(at, &format!("export {pack} {two}"), 0);
            let bytes = fs::read(at.join(&one)).unwrap();
            assert!(bytes == fs::read(at.join(&two)).unwrap(), "{one}");
            let back = format!("back-{number}-{pack}");
            let (_, said) = run(at, &format!("pack {one} {back}"), 0);
            assert!(said.contains("packed 7 files (1 link)"), "{said}");
            run(at, &format!("verify {back}"), 0);
            if *end != "zip" {
                assert_eq!(tree_digest(at, &back), tree);
                let mut piped = command(at, &format!("pack - piped-{back}"));
                piped.stdin(fs::File::open(at.join(&one)).unwrap());
                assert!(piped.output().unwrap().status.success());
                let read = |name: &str| fs::read(at.join(name)).unwrap();
                assert!(read(&back) == read(&format!("piped-{back}")));
            }
            fs::remove_file(at.join(&one)).unwrap();
            fs::remove_file(at.join(&two)).unwrap();
        }
    }
    // Several packs as one, and parts of them.
    run(at, "merge x.pack gzip.pack --prefix gzip.pack=below -o all.pack", 0);
    run(at, "export all.pack part.tar below/sub *.txt", 0);
    run(at, "pack part.tar part.pack", 0);
    let (names, _) = run(at, "ls -R -f part.pack", 0);
    let expected =
        "a.txt below/a.txt below/sub/again.txt below/sub/large.bin below/sub/nothing sub/again.txt";
    let mut names: Vec<_> = names.lines().filter(|name| !name.contains("link")).collect();
    names.sort_unstable();
    assert_eq!(names.join(" "), expected);
    let (_, said) = run(at, "export x.pack none.tar nowhere", 1);
    assert!(said.contains("nothing in the pack matches nowhere"), "{said}");
}

#[test]
fn archives_are_told_from_files() {
    let root = packed();
    let at = root.path();
    run(at, "export x.pack a.tar", 0);
    fs::copy(at.join("a.tar"), at.join("a.bin")).unwrap();
    for (line, inside) in [
        ("pack a.tar p1.pack", true),
        ("pack a.tar p2.pack --as-file", false),
        ("pack a.bin p3.pack", false),
        ("pack a.bin p4.pack --as-archive", true),
        ("pack a.tar a.bin p5.pack", false),
        ("pack -C . a.tar p6.pack", false),
    ] {
        run(at, line, 0);
        let pack = line.split(' ').find(|word| word.ends_with(".pack")).unwrap();
        let (names, _) = run(at, &format!("ls {pack}"), 0);
        assert_eq!(names.contains("a.txt"), inside, "{line}: {names}");
    }
    for (line, code, text) in [
        ("pack a.tar n.pack --dry-run", 2, "--dry-run is for trees"),
        ("pack a.tar a.bin n.pack --as-archive", 2, "--as-archive is for a single SRC"),
        ("pack x.pack n.pack --as-archive", 2, "no tar or zip archive"),
        ("pack src n.pack --as-archive", 2, "src is a directory"),
        ("pack - n.pack --compress=zstd --dict 16k", 2, "nothing is learnt of standard input"),
        ("pack a.tar n.pack --dict 16k", 2, "--dict is for Zstandard"),
        ("pack a.tar - --fsync", 2, "--fsync is for files"),
        ("export x.pack - --fsync", 2, "--fsync is for files"),
        ("pack none.tar n.pack", 2, "none.tar"),
        ("pack a.tar s3://bucket/n.pack", 2, "into a file on disk"),
        ("export x.pack n.rar", 2, "--format"),
        ("export x.pack n.tar --deflate", 2, "--deflate is for zip"),
        ("export x.pack a.tar", 2, "exists already"),
        ("export x.pack x.pack --format tar --force", 2, "read and written at once"),
    ] {
        let (_, said) = run(at, line, code);
        assert!(said.contains(text), "{line}: {said}");
    }
    assert!(!at.join("n.pack").exists() && !at.join("n.tar").exists());
    run(at, "export x.pack a.tar --force", 0);
}

#[test]
fn a_pipe_is_read_as_an_archive() {
    let root = packed();
    let at = root.path();
    run(at, "export x.pack a.tar", 0);
    let sh = |line| Command::new("sh").args(["-c", line]).current_dir(at).spawn().unwrap();
    assert!(sh("exec mkfifo pipe").wait().unwrap().success());
    let mut writer = sh("exec cat a.tar > pipe");
    run(at, "pack --as-archive pipe piped.pack", 0);
    assert!(writer.wait().unwrap().success());
    run(at, "diff x.pack piped.pack", 0);
    let (_, said) = run(at, "pack --as-archive nowhere n.pack", 2);
    assert!(said.contains("nowhere: "), "{said}");
}

#[test]
fn damage_ends_it_and_leaves_nothing() {
    let root = packed();
    let at = root.path();
    run(at, "export x.pack a.tar", 0);
    run(at, "export x.pack a.tar.gz", 0);
    for name in ["a.tar", "a.tar.gz"] {
        let bytes = fs::read(at.join(name)).unwrap();
        fs::write(at.join(format!("cut-{name}")), &bytes[..bytes.len() / 2]).unwrap();
        let (_, said) = run(at, &format!("pack cut-{name} n.pack"), 1);
        assert!(said.contains("it was cut short"), "{said}");
        let mut piped = command(at, "pack - n.pack");
        piped.stdin(fs::File::open(at.join(format!("cut-{name}"))).unwrap());
        assert_eq!(piped.output().unwrap().status.code(), Some(1));
    }
    let mut bytes = fs::read(at.join("x.pack")).unwrap();
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    let place = bytes.windows(4096).position(|window| window == &large[..4096]).unwrap();
    bytes[place + 500_000] ^= 1;
    fs::write(at.join("x.pack"), bytes).unwrap();
    for name in ["n.tar", "n.zip", "n.tar.zst"] {
        let (_, said) = run(at, &format!("export x.pack {name}"), 1);
        assert!(said.contains("sub/large.bin"), "{said}");
    }
    let mut piped = command(at, "export x.pack -");
    let output = piped.stdout(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let left: Vec<_> = fs::read_dir(at)
        .unwrap()
        .map(|name| name.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("n.") || name.contains("rangepack"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
