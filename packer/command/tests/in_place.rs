//! Archives that are read where they lie, made by the programs that people have for them.

use crate::common::{other, run};
use std::fs;
use tempfile::TempDir;

/// A tree, `src`, with what archives hold, but names that are not in all of them.
fn tree() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    fs::create_dir_all(at.join("src/sub/empty")).unwrap();
    fs::write(at.join("src/a.txt"), "hello\n").unwrap();
    let text: String = (0..90_000u32).map(|n| format!("line {n}\n")).collect();
    fs::write(at.join("src/sub/text"), text).unwrap();
    let noise: Vec<u8> =
        (0..700_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(at.join("src/sub/noise"), noise).unwrap();
    fs::write(at.join("src/sub/nothing"), "").unwrap();
    std::os::unix::fs::symlink("../a.txt", at.join("src/sub/link")).unwrap();
    root
}

#[test]
fn archives_of_all_programs_are_read_in_place() {
    let root = tree();
    let at = root.path();
    fs::hard_link(at.join("src/a.txt"), at.join("src/sub/again")).unwrap();
    let src = at.join("src");
    let mut made = Vec::new();
    for (name, program, line) in [
        ("gnu.tar", "tar", "--format=gnu -cf ../gnu.tar ."),
        ("pax.tar", "tar", "--format=pax -cf ../pax.tar ."),
        ("ustar.tar", "tar", "--format=ustar -cf ../ustar.tar ."),
        ("bsd.tar", "bsdtar", "-cf ../bsd.tar ."),
        ("zip.zip", "zip", "-qry ../zip.zip ."),
        ("stored.zip", "zip", "-0qry ../stored.zip ."),
    ] {
        if other(&src, program, line) {
            made.push(name);
        }
    }
    run(at, "pack src x.pack", 0);
    run(at, "export x.pack own.tar", 0);
    run(at, "export x.pack own.zip --deflate", 0);
    made.extend(["own.tar", "own.zip"]);
    for name in made {
        let before = fs::read(at.join(name)).unwrap();
        let (_, said) = run(at, &format!("ls {name}"), 1);
        assert!(said.contains("`rangepack index FILE`"), "{said}");
        let (_, said) = run(at, &format!("index {name}"), 0);
        assert!(said.contains("indexed 6 files (1 link)"), "{name}: {said}");
        run(at, &format!("verify {name}"), 0);
        for opened in [name.to_owned(), format!("{name}.rpx")] {
            assert_eq!(run(at, &format!("cat {opened} a.txt"), 0).0, "hello\n");
            let out = format!("out-{opened}");
            run(at, &format!("extract {opened} {out}"), 0);
            assert!(other(at, "diff", &format!("-r --no-dereference src {out}")));
            let (text, _) = run(at, &format!("find {opened} --size +100k"), 0);
            assert_eq!(text, "sub/noise\nsub/text\n");
            assert!(run(at, &format!("du {opened}"), 0).0.contains("sub"));
            assert!(run(at, &format!("diff {opened} src"), 0).1.contains("no difference"));
        }
        assert!(fs::read(at.join(name)).unwrap() == before, "{name} is as it was");
        let (_, said) = run(at, &format!("index {name}"), 2);
        assert!(said.contains("exists already"), "{said}");
        // Both are renamed.
        fs::rename(at.join(name), at.join("other")).unwrap();
        fs::rename(at.join(format!("{name}.rpx")), at.join("other.rpx")).unwrap();
        assert_eq!(run(at, "cat other a.txt", 0).0, "hello\n");
    }
}

#[test]
fn an_index_may_lie_elsewhere_and_be_of_many() {
    let root = tree();
    let at = root.path();
    fs::create_dir_all(at.join("far")).unwrap();
    for number in 0..3 {
        fs::create_dir(at.join(format!("s{number}"))).unwrap();
        fs::write(at.join(format!("s{number}/{number}.txt")), format!("{number}\n")).unwrap();
        fs::write(at.join(format!("s{number}/same")), "same\n").unwrap();
    }
    fs::write(at.join("s2/1.txt"), "another\n").unwrap();
    for number in 0..3 {
        run(at, &format!("pack s{number} s{number}.pack"), 0);
        let end = if number == 1 { "zip" } else { "tar" };
        run(at, &format!("export s{number}.pack shard-{number}.{end}"), 0);
    }
    let (_, said) = run(at, "index shard-0.tar -o far/zero.rpx", 0);
    assert!(said.contains("--volumes"), "{said}");
    let (_, said) = run(at, "cat far/zero.rpx 0.txt", 2);
    assert!(said.contains("shard-0.tar"), "{said}");
    assert_eq!(run(at, "cat far/zero.rpx 0.txt --volumes .", 0).0, "0\n");
    run(at, "index shard-0.tar -o far/shard-0.tar.rpx", 0);
    assert_eq!(run(at, "cat far/shard-0.tar.rpx 0.txt --volumes .", 0).0, "0\n");
    assert_eq!(run(at, "cat shard-0.tar 0.txt --index far/shard-0.tar.rpx", 0).0, "0\n");

    run(at, "index shard-0.tar shard-1.zip -o all.rpx", 0);
    assert_eq!(run(at, "cat all.rpx 0.txt 1.txt same", 0).0, "0\n1\nsame\n");
    run(at, "verify all.rpx", 0);
    let (_, said) = run(at, "index shard-0.tar shard-1.zip shard-2.tar -o three.rpx", 2);
    assert!(said.contains("1.txt") && said.contains("different content"), "{said}");
    for (which, content) in [("first", "1\n"), ("last", "another\n")] {
        let line = "index shard-0.tar shard-1.zip shard-2.tar -f -o three.rpx --on-conflict";
        run(at, &format!("{line} {which}"), 0);
        assert_eq!(run(at, "cat three.rpx 1.txt", 0).0, content);
    }
    run(at, "index shard-0.tar shard-1.zip -o far/all.rpx --volumes .", 0);
    assert_eq!(run(at, "cat far/all.rpx 1.txt --volumes .", 0).0, "1\n");
    // Indexes are merged like packs.
    run(at, "index shard-0.tar", 0);
    run(at, "index shard-1.zip", 0);
    run(at, "merge shard-0.tar shard-1.zip.rpx s2.pack --on-conflict last -o merged.pack", 0);
    assert_eq!(run(at, "cat merged.pack 0.txt 1.txt 2.txt", 0).0, "0\nanother\n2\n");
    run(at, "merge --copy shard-0.tar shard-1.zip -o whole.pack", 0);
    run(at, "verify whole.pack", 0);
    run(at, "export shard-1.zip back.tar", 0);
    let names = fs::read_dir(at).unwrap().map(|name| name.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".range")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_cannot_be_read_in_place_is_told() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    run(at, "export x.pack a.tar", 0);
    run(at, "export x.pack a.tar.gz", 0);
    run(at, "export x.pack a.tar.zst", 0);
    let bytes = fs::read(at.join("a.tar")).unwrap();
    fs::write(at.join("cut.tar"), &bytes[..bytes.len() / 2]).unwrap();
    for (line, code, text) in [
        ("index a.tar.gz", 2, "`rangepack pack ARCHIVE OUT`"),
        ("index a.tar.zst", 2, "cannot be read where they lie"),
        ("index cut.tar", 1, "it was cut short"),
        ("index x.pack", 2, "has a paged index already"),
        ("index src/sub/text", 2, "--paged"),
        ("index none.tar", 2, "none.tar"),
        ("index a.tar -o a.tar -f", 2, "read and written at once"),
        ("index a.tar a.tar.gz", 2, "-o FILE"),
        ("index https://localhost:1/a.tar", 2, "-o FILE"),
        ("index a.tar b.tar --paged", 2, "only archives are indexed together"),
        ("index a.tar --paged --on-conflict last", 2, "is for archives"),
        ("index x.pack --parquet a.parquet -o b --volumes .", 2, "is for archives"),
        ("index x.pack --parquet a.parquet -o b", 2, "-o is for archives"),
        ("index a.tar --volumes .", 2, "-o FILE"),
        ("index a.tar -o b.rpx --on-conflict last", 2, "a.tar is one"),
        ("index a.tar --tail cut", 2, "--tail is for containers"),
        ("index a.tar --index-format paged", 2, "--index-format is for containers"),
        ("index a.tar --ndjson-dirs never", 2, "--ndjson-dirs is for containers"),
    ] {
        let (_, said) = run(at, line, code);
        assert!(said.contains(text), "{line}: {said}");
    }
    assert!(!at.join("a.parquet").exists() && !at.join("b").exists());
    assert!(!at.join("cut.tar.rpx").exists() && !at.join("a.tar.gz.rpx").exists());
    if other(at, "zip", "-qr -P secret secret.zip src/a.txt") {
        let (_, said) = run(at, "index secret.zip", 1);
        assert!(
            said.contains("src/a.txt: it is listed, and cannot be read: it is encrypted"),
            "{said}"
        );
        assert!(run(at, "ls -R -f secret.zip", 0).0.contains("src/a.txt"));
        let (_, said) = run(at, "cat secret.zip src/a.txt", 1);
        assert!(said.contains("it is encrypted"), "{said}");
    }
    // What was replaced fails.
    run(at, "index a.tar", 0);
    fs::write(at.join("a.tar"), vec![0; bytes.len()]).unwrap();
    run(at, "extract a.tar out", 1);
    assert!(!at.join("out/a.txt").exists());
    fs::write(at.join("a.tar"), "shorter").unwrap();
    let (_, said) = run(at, "cat a.tar a.txt", 2);
    assert!(said.contains("a.tar"), "{said}");
}
