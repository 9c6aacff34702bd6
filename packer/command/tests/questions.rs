//! What the index alone answers: `ls` in any order, `find`, `du`, `tree`, `diff`; and what is no pack.

use crate::common::{command, run, tree};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A pack of files of different sizes and times, and of a link where there are such.
fn packed() -> tempfile::TempDir {
    let root = tree();
    let source = root.path().join("src");
    for (name, days) in [("a.txt", 10), ("sub/b.bin", 20), ("sub/c.txt", 30)] {
        let file = fs::File::options().append(true).open(source.join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400)).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("a.txt", source.join("sub/link")).unwrap();
    run(root.path(), "pack src x.pack -q", 0);
    root
}

#[test]
fn ls_in_any_order() {
    let root = packed();
    let at = root.path();
    let ls = |flags: &str| run(at, &format!("ls {flags} x.pack"), 0).0.replace("sub/link\n", "");
    assert_eq!(ls("-RfS"), "sub/b.bin\na.txt\nsub/c.txt\n");
    assert_eq!(ls("-Rf --sort time"), "sub/c.txt\nsub/b.bin\na.txt\n");
    assert_eq!(ls("-Rftr"), "a.txt\nsub/b.bin\nsub/c.txt\n");
    assert_eq!(ls("-Rfr"), "sub/c.txt\nsub/b.bin\na.txt\n");
    assert_eq!(ls("-1ah"), "a.txt\nsub\n");
    // A directory counts with all it holds.
    assert_eq!(ls("-S"), "sub\na.txt\n");
    let (long, _) = run(at, "ls -lhS x.pack sub", 0);
    assert!(long.lines().next().unwrap().ends_with("b.bin"), "{long}");
    assert!(run(at, "ls -l -b x.pack sub", 0).0.contains(" 700000 "), "digits are plain in pipes");
    for command in ["ls", "du"] {
        let (help, _) = run(at, &format!("{command} -h"), 0);
        assert!(help.contains("Usage: rangepack "), "{help}");
        run(at, &format!("{command} -h x.pack"), 0);
    }
}

#[test]
fn find_by_name_kind_size_and_time() {
    let root = packed();
    let at = root.path();
    let find = |line: &str| run(at, &format!("find x.pack {line}"), 0).0;
    assert_eq!(find("*.txt"), "a.txt\nsub/c.txt\n");
    assert_eq!(find("/*.txt"), "a.txt\n");
    assert_eq!(find("sub/** --type f"), "sub/b.bin\nsub/c.txt\n");
    assert_eq!(find("--type dir"), "sub\nsub/empty\n");
    assert_eq!(find("empty"), "sub/empty\n");
    assert_eq!(find("--size +1k"), "sub/b.bin\n");
    assert_eq!(find("--size -1k --size +1"), "a.txt\nsub/c.txt\n");
    assert_eq!(find("--size 6 --ext TXT --sort time"), "sub/c.txt\na.txt\n");
    assert_eq!(find("--newer 1970-01-15 --older 1970-01-25"), "sub/b.bin\n");
    assert_eq!(find("--newer 1970-01-31T00:00:00Z *.txt -0"), "sub/c.txt\0");
    assert_eq!(find("nothing"), "");
    let (json, _) = run(at, "find --json x.pack b.*", 0);
    assert!(json.contains("\"path\":\"sub/b.bin\",\"kind\":\"file\",\"size\":700000"), "{json}");
    assert!(run(at, "find x.pack a[", 2).1.contains("quote them from the shell"));
    #[cfg(unix)]
    assert_eq!(find("--type link"), "sub/link\n");
}

#[test]
fn du_of_any_depth() {
    let root = packed();
    let at = root.path();
    let du = |line: &str| run(at, &format!("du {line}"), 0).0;
    assert_eq!(du("-b x.pack"), "700006\tsub\n700012\t.\n");
    assert_eq!(du("-bs x.pack"), "700012\t.\n");
    assert_eq!(du("-b -d 2 x.pack"), "0\tsub/empty\n700006\tsub\n700012\t.\n");
    assert_eq!(du("-h x.pack sub/b.bin"), "  684 KiB\tsub/b.bin\n");
    let all = du("-ab x.pack sub").replace("0\tsub/link\n", "");
    assert_eq!(all, "700000\tsub/b.bin\n6\tsub/c.txt\n0\tsub/empty\n700006\tsub\n");
    let sorted = du("-ab --sort size --depth 9 x.pack");
    assert!(sorted.starts_with("700006\tsub\n700000\tsub/b.bin\n6\t"), "{sorted}");
    assert!(sorted.ends_with("\n700012\t.\n"), "{sorted}");
    run(at, "pack src small.pack -q --compress", 0);
    let stored = du("-bs --stored small.pack");
    assert!(stored.split('\t').next().unwrap().parse::<u64>().unwrap() < 100_000, "{stored}");
    let json = du("--json -s x.pack");
    assert!(json.contains("\"kind\":\"directory\",\"files\":"), "{json}");
    run(at, "du x.pack none", 1);
}

#[test]
fn diff_with_packs_and_directories() {
    let root = packed();
    let at = root.path();
    run(at, "pack src same.pack -q --compress", 0);
    assert_eq!(run(at, "diff x.pack same.pack", 0).0, "");
    assert_eq!(run(at, "diff x.pack src", 0).0, "");
    fs::write(at.join("src/a.txt"), "Hello\n").unwrap();
    fs::write(at.join("src/new"), "").unwrap();
    fs::remove_file(at.join("src/sub/c.txt")).unwrap();
    run(at, "pack src y.pack -q", 0);
    let expected = "~ a.txt: another content\n+ new\n- sub/c.txt\n";
    assert_eq!(run(at, "diff x.pack y.pack", 1).0, expected);
    assert_eq!(run(at, "diff x.pack src", 1).0, expected);
    let (json, said) = run(at, "diff --json y.pack x.pack", 1);
    assert!(json.ends_with("{\"path\":\"sub/c.txt\",\"difference\":\"added\"}\n"), "{json}");
    assert!(said.contains("3 differences"), "{said}");
    run(at, "diff x.pack none.pack", 2);
}

/// The definition is the same in all outputs: links are files.
#[cfg(unix)]
#[test]
fn what_a_file_is() {
    let root = packed();
    let at = root.path();
    let (said, _) = run(at, "info x.pack", 0);
    assert!(said.contains("entries   4 files (1 link), 2 directories"), "{said}");
    let has = |line: &str, code, what: &str| {
        let (out, said) = run(at, line, code);
        assert!(out.contains(what) || said.contains(what), "{line}: {out}{said}");
    };
    has("pack src y.pack", 0, "packed 4 files (1 link), 2 directories: ");
    has("pack src z.pack --json", 0, "\"files\":4,\"directories\":2,\"symlinks\":1");
    has("info --json x.pack", 0, "\"files\":4,\"directories\":2,\"symlinks\":1");
    has("verify x.pack", 0, "checked 4 files (1 link), 2 directories: ");
    has("verify x.pack --json", 0, "\"files\":4,\"directories\":2,\"symlinks\":1");
    has("extract x.pack out", 0, "extracted 4 files (1 link), 2 directories: ");
    has("tree x.pack", 0, "2 directories, 4 files, ");
    has("ls -l x.pack", 0, "sub/  (3 files)");
    has("du --json -s x.pack", 0, "\"files\":4,");
    has("create --src src --container c", 0, "packed 4 files (1 link), 2 directories: ");
    has("finalize c", 0, "finalized 4 files (1 link), 2 directories: ");
}

#[cfg(unix)]
#[test]
fn what_is_left_out_on_purpose_is_no_news_when_it_is_to_be_quiet() {
    let root = tree();
    let at = root.path();
    let socket = std::os::unix::net::UnixListener::bind(at.join("src/socket")).unwrap();
    let (_, said) = run(at, "pack src x.pack", 0);
    assert!(said.contains("src/socket") && said.contains("1 special file left out"), "{said}");
    assert_eq!(run(at, "pack src y.pack -q", 0), (String::new(), String::new()));
    assert_eq!(run(at, "create --src src --container c -q", 0).1, "");
    drop(socket);
}

/// Whatever is asked of it.
#[test]
fn an_unfinished_container_is_called_so() {
    let root = tree();
    let at = root.path();
    run(at, "create --src src --container c -q", 0);
    fs::copy(at.join("c.idx"), at.join("copy.idx")).unwrap();
    for line in [
        "ls c",
        "tree c",
        "find c",
        "du c",
        "cat c a.txt",
        "info c",
        "verify c",
        "extract c out",
        "diff c src",
        "ls c --index copy.idx",
        "index c --ndjson other.idx",
    ] {
        let (out, said) = run(at, line, 0);
        assert!(out.contains("not finalized") || said.contains("not finalized"), "{line}: {said}");
    }
    run(at, "finalize c -q", 0);
    let (_, said) = run(at, "ls c --index copy.idx", 0);
    assert_eq!(said, "", "the copy is older, but the container is whole");
}

#[test]
fn other_formats_are_told_by_what_they_begin_with() {
    let root = tempfile::tempdir().unwrap();
    let at: &Path = root.path();
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let files: [(&str, &[u8], &str); 5] = [
        ("tar", &tar, "rangepack index FILE"),
        ("zip", b"PK\x03\x04 and more", "rangepack index FILE"),
        ("gzip", b"\x1f\x8b and more", "gzip -d"),
        ("zstd", b"\x28\xb5\x2f\xfd and more", "zstd -d"),
        ("squashfs", b"hsqs and more", "unsquashfs"),
    ];
    for (name, bytes, reader) in files {
        fs::write(at.join(name), bytes).unwrap();
        for command in ["ls", "info", "verify", "find", "du", "serve --port 0"] {
            let (_, said) = run(at, &format!("{command} {name}"), 1);
            assert!(said.contains(&format!("but a {name}")) && said.contains(reader), "{said}");
        }
    }
    fs::write(at.join("other"), "something else").unwrap();
    assert!(!run(at, "ls other", 1).1.contains("but a"));
}

/// The recipe of `ls --help`, on a file that is named like an option.
#[cfg(unix)]
#[test]
fn recipes_hold_for_names_like_options() {
    let root = tree();
    let at = root.path();
    fs::write(at.join("src/--help"), "read\n").unwrap();
    run(at, "pack src x.pack -q", 0);
    let help = run(at, "ls --help", 0).0;
    let line = help.lines().find(|line| line.contains("xargs")).unwrap();
    let line = line.trim().replace("logs.pack", "x.pack").replace("grep error", "grep -a read");
    let program = Path::new(env!("CARGO_BIN_EXE_rangepack"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &line]).current_dir(at).env("PATH", path).output().unwrap();
    assert_eq!(output.stdout, b"read\n", "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn limits_are_named_in_words() {
    let root = packed();
    let output = command(root.path(), "extract x.pack out --max-size 1k").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(" bytes are selected, more than the 1024") && !said.contains("max_total"),
        "{said}"
    );
}

#[cfg(feature = "parquet")]
#[test]
fn a_table_is_written_whole_or_not_at_all() {
    let root = tree();
    run(root.path(), "pack src x.pack", 0);
    let (out, said) = run(root.path(), "index x.pack --parquet x.parquet", 0);
    assert!(out.is_empty() && said.contains(" rows in x.parquet, "), "{said}");
    let table = std::fs::read(root.path().join("x.parquet")).unwrap();
    assert!(table.starts_with(b"PAR1") && table.ends_with(b"PAR1"));
    let (_, said) = run(root.path(), "index x.pack --parquet x.parquet", 2);
    assert!(said.contains("it exists already") && said.contains("--force"), "{said}");
    run(root.path(), "index x.pack --parquet x.pack --force", 2);
    run(root.path(), "verify x.pack", 0);
    run(root.path(), "index x.pack --parquet x.parquet --force", 0);
    assert_eq!(std::fs::read(root.path().join("x.parquet")).unwrap(), table);
    run(root.path(), "index x.pack --parquet x.parquet --paged", 2);
}

#[cfg(feature = "parquet")]
#[test]
fn a_table_for_which_there_is_no_room_is_none() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    run(at, "index x.pack --parquet old.parquet", 0);
    let table = std::fs::read(at.join("old.parquet")).unwrap();
    let names = || {
        let files = std::fs::read_dir(at).unwrap();
        files.map(|file| file.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    let before = names();
    // Half kilobytes: none at all, and all but the last.
    let most = (table.len() - 1) / 512;
    for room in [0, 1, most / 2, most] {
        for target in ["new.parquet", "old.parquet --force"] {
            // A process that ignores the signal gets an error from the write instead.
            let limited = format!("trap '' XFSZ; ulimit -f {room}; exec \"$0\" \"$@\"");
            let words = format!("index x.pack --parquet {target}");
            let output = std::process::Command::new("sh")
                .args(["-c", &limited, env!("CARGO_BIN_EXE_rangepack")])
                .args(words.split(' '))
                .current_dir(at)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{room}: {said}");
            assert!(said.contains(&format!("cannot write {}", &target[..11])), "{room}: {said}");
            assert_eq!(names(), before);
            assert_eq!(std::fs::read(at.join("old.parquet")).unwrap(), table);
        }
    }
    let (_, said) = run(at, "index x.pack --parquet nowhere/x.parquet", 2);
    assert!(said.contains("cannot create nowhere/x.parquet"), "{said}");
}
