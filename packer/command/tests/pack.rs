//! What `pack` takes and where it goes, as a stranger tries it.

use crate::common::{command, run, tree};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn list(at: &Path, pack: &str) -> Vec<String> {
    run(at, &format!("ls -R {pack}"), 0).0.lines().map(str::to_owned).collect()
}

/// Runs with something on standard input.
fn feed(at: &Path, line: &str, input: &[u8], code: i32) -> String {
    let mut command = command(at, line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    said
}

#[test]
fn several_sources_each_below_its_own_name() {
    let root = tree();
    let at = root.path();
    fs::write(at.join("notes.txt"), "notes").unwrap();
    run(at, "pack src/sub notes.txt src/a.txt x.pack", 0);
    let expected = ["a.txt", "notes.txt", "sub", "sub/b.bin", "sub/c.txt", "sub/empty"];
    assert_eq!(list(at, "x.pack"), expected);
    run(at, "verify x.pack", 0);
    // In another order, from another place: the same bytes.
    fs::create_dir(at.join("elsewhere")).unwrap();
    run(&at.join("elsewhere"), "pack -C .. notes.txt src/a.txt src/sub y.pack", 0);
    assert_eq!(
        fs::read(at.join("x.pack")).unwrap(),
        fs::read(at.join("elsewhere/y.pack")).unwrap()
    );
    // One file has its name, too; a directory alone has none.
    run(at, "pack notes.txt one.pack", 0);
    assert_eq!(list(at, "one.pack"), ["notes.txt"]);
    run(at, "pack src -C . whole.pack", 0);
    assert_eq!(list(at, "whole.pack")[0], "a.txt");
    // `.` has the name of the directory that it is.
    run(&at.join("src/sub"), "pack . ../a.txt ../../dot.pack", 0);
    assert_eq!(list(at, "dot.pack")[..2], ["a.txt", "sub"]);

    for (line, problem) in [
        ("pack src", "one path is not enough"),
        ("pack src/sub src/none y.pack", "src/none"),
        ("pack src/a.txt notes.txt --rename notes.txt=a.txt y.pack", "the same place"),
        ("pack src src/sub --rename sub=src/sub y.pack", "the same place"),
        ("pack src notes.txt --rename src/sub=x y.pack", "src/sub is no SRC"),
        ("pack src --rename sub=x y.pack", "sub is no SRC"),
        ("pack src notes.txt src/a.txt --force", "a.txt is there, and is no pack"),
        ("pack src --rename a=../b y.pack", "'--rename <FROM=TO>'"),
    ] {
        let (_, said) = run(at, line, 2);
        assert!(said.contains(problem), "{line}: {said}");
    }
    assert!(!at.join("y.pack").exists());
    assert_eq!(fs::read(at.join("src/a.txt")).unwrap(), b"hello\n");
}

#[test]
fn names_that_are_changed() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack --rename =photos/2024", 0);
    assert_eq!(
        list(at, "x.pack")[..4],
        ["photos", "photos/2024", "photos/2024/a.txt", "photos/2024/sub"]
    );
    run(at, "pack src/sub src/a.txt y.pack --rename sub=deep/er --rename =top", 0);
    assert_eq!(list(at, "y.pack")[..4], ["deep", "top", "deep/er", "deep/er/b.bin"]);
    run(at, "verify y.pack", 0);
    run(at, "extract y.pack out --strip-components 1", 0);
    assert!(at.join("out/er/c.txt").exists() && at.join("out/a.txt").exists());
}

#[test]
fn lists_of_paths() {
    let root = tree();
    let at = root.path();
    run(at, "pack src whole.pack", 0);
    let whole = fs::read(at.join("whole.pack")).unwrap();
    // As find prints them: everything, and what is in directories as well.
    let found = "./sub\n./sub/b.bin\n./sub/empty\n./a.txt\n./sub/c.txt\n\n./a.txt\n.\n";
    let said = feed(at, "pack -C src --files-from - x.pack", found.as_bytes(), 0);
    assert!(said.contains("packed 3 files, 2 directories"), "{said}");
    assert_eq!(fs::read(at.join("x.pack")).unwrap(), whole);
    // Files alone, from a file, with NUL bytes; the directory that nobody names is missing.
    fs::write(at.join("list"), "sub/b.bin\0sub/c.txt\0a.txt\0").unwrap();
    run(at, "pack -C src --files-from list -0 y.pack", 0);
    assert_eq!(list(at, "y.pack"), ["a.txt", "sub", "sub/b.bin", "sub/c.txt"]);
    run(at, "pack -C src --files-from list -0 z.pack --ext txt --rename sub/=", 0);
    assert_eq!(list(at, "z.pack"), ["a.txt", "c.txt"]);
    // Without the option, absolute paths lose their slash.
    let absolute = at.join("src/a.txt");
    feed(at, "pack --files-from - abs.pack", absolute.to_str().unwrap().as_bytes(), 0);
    assert!(list(at, "abs.pack").last().unwrap().ends_with("src/a.txt"));

    let said = feed(at, "pack -C src --files-from - gone.pack", b"a.txt\nnone\n", 1);
    assert!(said.contains("src/none: it vanished") && said.contains("1 failure"), "{said}");
    let said = feed(at, "pack --files-from - up.pack", b"src/a.txt\n../x\n", 2);
    assert!(said.contains("path 2: ../x"), "{said}");
    let said = feed(at, "pack --files-from - up.pack", b"src/a.txt\0src/b\0", 2);
    assert!(
        said.contains("path 1: no path holds a NUL byte") && said.contains("with -0"),
        "{said}"
    );
    let lines = b"src/a.txt\n".repeat(13_200);
    let said = feed(at, "pack -0 --files-from - up.pack", &lines, 2);
    assert!(said.contains("path 1: it is longer than any path"), "{said}");
    let said = feed(at, "pack src --files-from - up.pack", b"", 2);
    assert!(said.contains("no SRC"), "{said}");
    let said = feed(at, "pack --files-from - empty.pack", b"", 0);
    assert!(said.contains("no file was selected"), "{said}");
}

#[test]
fn dry_runs_say_what_and_how_much() {
    let root = tree();
    let at = root.path();
    let (_, said) = run(at, "pack src x.pack --dry-run -v", 0);
    for line in
        ["a.txt", "sub", "sub/b.bin", "sub/empty", "would pack 3 files, 2 directories: 684 KiB"]
    {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    let (json, _) = run(at, "pack -n src/sub src/a.txt - --include /sub/ --json", 0);
    assert!(
        json.starts_with("{\"files\":2,\"directories\":1,\"symlinks\":0,\"bytes\":700006"),
        "{json}"
    );
    assert_eq!(fs::read_dir(at).unwrap().count(), 1);
}

#[test]
fn a_dash_is_a_stream() {
    let root = tree();
    let at = root.path();
    // Larger than a block, twice: what is there already is taken back before it goes out.
    fs::copy(at.join("src/sub/b.bin"), at.join("src/also.bin")).unwrap();
    for options in ["", " --compress", " --index-format paged --align 512"] {
        run(at, &format!("pack src x.pack --force{options}"), 0);
        let output = command(at, &format!("pack src -{options}")).output().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == fs::read(at.join("x.pack")).unwrap(), "{options}");
    }
    run(at, "index x.pack --ndjson x.idx", 0);
    let (lines, _) = run(at, "index x.pack --ndjson -", 0);
    assert_eq!(lines, fs::read_to_string(at.join("x.idx")).unwrap());
    let (_, said) = run(at, "pack src - --json", 2);
    assert!(said.contains("cannot both"), "{said}");
    for line in [
        "ls -",
        "verify -",
        "cat - a.txt",
        "create --src src --container -",
        "create --src - --container c",
        "create --src src --container c --status-file -",
        "finalize -",
        "recover x.pack -",
        "index x.pack --paged -",
        "extract x.pack out --status-file -",
        "ls x.pack --index -",
    ] {
        let (_, said) = run(at, line, 2);
        assert!(said.contains("`-` is a stream"), "{line}: {said}");
    }
    assert!(run(at, "man -", 0).0.contains("rangepack"));
    assert!(!at.join("-").exists() && !at.join("c").exists() && !at.join("out").exists());
    run(at, "pack src ./-", 0);
    run(at, "verify ./-", 0);
}

#[test]
fn schemes_that_nobody_reads() {
    let root = tree();
    let at = root.path();
    for line in [
        "ls file:///x.pack",
        "info ftp://h/x.pack",
        "pack src sftp://h/x.pack",
        "extract x+y://a out",
    ] {
        let (_, said) = run(at, line, 2);
        assert!(said.contains("unsupported scheme"), "{line}: {said}");
    }
    assert_eq!(fs::read_dir(at).unwrap().count(), 1);
}

#[test]
fn nothing_selected_is_told_and_no_empty_directories_come() {
    let root = tree();
    let at = root.path();
    let (_, said) = run(at, "pack src x.pack --ext jpg", 0);
    assert!(said.contains("no file was selected") && said.contains("--ext"), "{said}");
    assert_eq!(list(at, "x.pack"), [""; 0]);
    run(at, "pack src y.pack --ext bin", 0);
    assert_eq!(list(at, "y.pack"), ["sub", "sub/b.bin"]);
    run(at, "create --src src --container c --ext bin --finalize", 0);
    assert_eq!(list(at, "c"), ["sub", "sub/b.bin"]);
    let (_, said) = run(at, "create --src src --container d --ext jpg", 0);
    assert!(said.contains("no file was selected"), "{said}");
}

/// Everything that writes a file where the user says.
#[cfg(unix)]
#[test]
fn only_regular_files_are_replaced_and_links_lead_to_what_is_written() {
    use std::os::unix::fs::FileTypeExt;
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack", 0);
    run(at, "pack src old --index-format ndjson", 0);
    let socket = at.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::os::unix::fs::symlink("socket", at.join("to-socket")).unwrap();
    for target in ["socket", "to-socket"] {
        for line in [
            "pack src TARGET --force",
            "recover x.pack TARGET --force",
            "index x.pack --ndjson TARGET --force",
            "index old --paged TARGET --force",
            "create --src src --container TARGET",
            "create --src src --container c --index TARGET",
            "finalize TARGET",
            "index TARGET --in-place",
        ] {
            let line = line.replace("TARGET", target);
            let (_, said) = run(at, &line, 2);
            assert!(socket.symlink_metadata().unwrap().file_type().is_socket(), "{line}");
            assert!(at.join("to-socket").is_symlink(), "{line}: {said}");
        }
        run(at, &format!("extract x.pack out -q --status-file {target}"), 0);
        assert!(socket.symlink_metadata().unwrap().file_type().is_socket());
    }
    fs::create_dir(at.join("sub")).unwrap();
    for (line, there) in [
        ("pack src link --force", "sub/a"),
        ("recover x.pack link --force", "sub/b"),
        ("index x.pack --ndjson link --force", "sub/c"),
        ("create --src src --container link", "sub/d"),
        ("extract x.pack out -q --status-file link", "sub/e"),
    ] {
        std::os::unix::fs::symlink(there, at.join("link")).unwrap();
        // Before there is anything, and then in place of it.
        run(at, line, 0);
        let first = fs::read(at.join(there)).unwrap();
        run(at, line, 0);
        assert!(at.join("link").is_symlink() && !first.is_empty(), "{line}");
        fs::remove_file(at.join("link")).unwrap();
    }
    run(at, "verify sub/a", 0);
}
