//! The command as a stranger uses it: exit codes, messages, what is on disk afterwards.

use crate::common::{run, tree};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// With fewer files open than there are levels.
#[cfg(unix)]
#[test]
fn deep_trees_come_back() {
    const LEVELS: usize = 600;
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    let mut deepest = at.join("src");
    deepest.extend(std::iter::repeat_n("d", LEVELS));
    fs::create_dir_all(&deepest).unwrap();
    for (level, directory) in deepest.ancestors().take(LEVELS).enumerate().step_by(50) {
        fs::write(directory.join("f"), level.to_string()).unwrap();
    }
    let few = |line: &str| {
        let limited = "ulimit -n 256; exec \"$0\" \"$@\"";
        let program = env!("CARGO_BIN_EXE_rangepack");
        let mut shell = Command::new("sh");
        shell.args(["-c", limited, program]).args(line.split_whitespace());
        let output = shell.current_dir(at).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    few("pack src x.pack");
    few("create --src src --container x.container --fsync-every 100000 --finalize");
    for container in ["x.pack", "x.container"] {
        few(&format!("extract {container} {container}.out"));
        few(&format!("verify {container} --against {container}.out"));
        few(&format!("verify {container} --against src"));
    }
}

#[test]
fn pack_list_read_verify_extract() {
    let root = tree();
    let at = root.path();
    let (_, said) = run(at, "pack src x.pack", 0);
    assert!(said.starts_with("packed 3 files, 2 directories"), "{said}");
    assert!(said.contains("1 duplicate"), "{said}");
    let (listed, _) = run(at, "ls -R x.pack", 0);
    assert_eq!(listed, "a.txt\nsub\nsub/b.bin\nsub/c.txt\nsub/empty\n");
    assert_eq!(run(at, "ls x.pack sub", 0).0, "b.bin\nc.txt\nempty\n");
    assert_eq!(run(at, "cat x.pack a.txt sub/c.txt", 0).0, "hello\nhello\n");
    assert_eq!(run(at, "cat x.pack a.txt --offset 1 --length 3", 0).0, "ell");
    run(at, "verify x.pack", 0);
    run(at, "extract x.pack out", 0);
    assert_eq!(fs::read(at.join("out/sub/b.bin")).unwrap(), vec![7; 700_000]);
    assert!(at.join("out/sub/empty").is_dir());
    run(at, "extract x.pack part **/*.txt", 0);
    assert!(at.join("part/sub/c.txt").exists() && !at.join("part/sub/b.bin").exists());
    let (said, _) = run(at, "info x.pack --json", 0);
    assert!(said.contains("\"files\":3"), "{said}");
}

#[test]
fn the_index_alone_is_verified_without_the_parts_that_it_joins() {
    let root = tree();
    let at = root.path();
    run(at, "pack src/sub one.pack", 0);
    run(at, "merge one.pack -o all.pack --prefix one.pack=part/", 0);
    fs::remove_file(at.join("one.pack")).unwrap();
    let (_, said) = run(at, "verify all.pack", 1);
    assert!(said.contains("one.pack"), "{said}");
    let (_, said) = run(at, "verify --index-only all.pack", 0);
    assert!(said.contains("it is sound, and no payload was read"), "{said}");
    let (json, _) = run(at, "verify --index-only --json all.pack part", 0);
    assert!(json.contains("\"sound\":true,\"payloads\":false"), "{json}");

    let mut bytes = fs::read(at.join("all.pack")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(at.join("bad.pack"), bytes).unwrap();
    run(at, "verify --index-only bad.pack", 1);
    let (_, said) = run(at, "verify --index-only all.pack --against src", 2);
    assert!(said.contains("--against"), "{said}");
}

#[test]
fn metadata_that_is_none_harms_nothing_else() {
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile");
    for name in ["metadata-not-json", "metadata-too-long", "metadata-digest-wrong"] {
        let (said, warned) = run(&hostile, &format!("info {name}.pack"), 1);
        assert!(said.contains("entries   1 file"), "{said}");
        assert!(warned.contains("metadata") || warned.contains("section"), "{warned}");
        run(&hostile, &format!("ls {name}.pack"), 0);
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere() {
    let root = tree();
    let at = root.path();
    for (link, target) in [("gone", "sub/none"), ("out", "/etc/hosts"), ("circle", "circle")] {
        std::os::unix::fs::symlink(target, at.join("src").join(link)).unwrap();
    }
    run(at, "pack src x.pack -q", 0);
    for (link, target) in [("gone", "sub/none"), ("out", "/etc/hosts"), ("circle", "circle")] {
        let (_, said) = run(at, &format!("cat x.pack {link}"), 1);
        assert!(said.contains(&format!("{link} is a link to {target}, which leads")), "{said}");
        assert!(run(at, &format!("ls x.pack {link}"), 0).0.starts_with(link));
    }
    let (_, said) = run(at, "cat x.pack gone/below", 1);
    assert!(said.contains("no entry gone/below"), "{said}");
}

#[cfg(unix)]
#[test]
fn hard_links_and_attributes() {
    let root = tree();
    let at = root.path();
    fs::hard_link(at.join("src/a.txt"), at.join("src/sub/also.txt")).unwrap();
    let set = |path: &str| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(at.join(path), "user.note", b"kept", flags)
    };
    run(at, "pack src x.pack --no-dedup", 0);
    run(at, "extract x.pack out", 0);
    use std::os::unix::fs::MetadataExt;
    let number = |path: &str| at.join(path).metadata().unwrap().ino();
    assert_eq!(number("out/a.txt"), number("out/sub/also.txt"));
    assert!(run(at, "ls --json x.pack a.txt", 0).0.contains("\"hard_link\":1"));
    if let Err(error) = set("src/a.txt").and_then(|()| set("src/sub")) {
        return eprintln!("skipped: no extended attributes here: {error}");
    }
    let (said, _) = run(at, "pack src x.pack --force --xattrs --json", 0);
    assert!(said.contains("\"attributes_left_out\":0"), "{said}");
    let (said, _) = run(at, "ls -l x.pack", 0);
    assert!(said.lines().all(|line| line.as_bytes()[10] == b'+'), "{said}");
    let (said, _) = run(at, "ls --json x.pack a.txt", 0);
    assert!(said.contains("\"attribute_bytes\":19,\"attribute_sha256\":\""), "{said}");
    let value = |path: &str| {
        let mut value = [0; 10];
        let len = rustix::fs::getxattr(at.join(path), "user.note", &mut value[..]);
        len.map(|len| value[..len].to_vec())
    };
    run(at, "extract x.pack out", 0);
    assert!(value("out/a.txt").is_err() && value("out/sub").is_err());
    let (said, _) = run(at, "extract x.pack out --overwrite --xattrs --json", 0);
    assert!(said.contains("\"attributes_left_out\":0"), "{said}");
    for path in ["out/a.txt", "out/sub/also.txt", "out/sub"] {
        assert_eq!(value(path).unwrap(), b"kept", "{path}");
    }
    run(at, "create --src src --container c --xattrs --finalize", 0);
    assert!(run(at, "ls -l c", 0).0.contains('+'));
    run(at, "verify c", 0);
}

#[test]
fn every_paged_index_of_several_leaves_gets_a_hash_section() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    fs::create_dir_all(at.join("src/many")).unwrap();
    for number in 0..1200 {
        fs::write(at.join(format!("src/many/{number}")), format!("{number}")).unwrap();
    }
    run(at, "pack src old.pack --index-format ndjson", 0);
    run(at, "index old.pack --paged", 0);
    fs::copy(at.join("old.pack"), at.join("inside.pack")).unwrap();
    run(at, "index inside.pack --in-place", 0);
    run(at, "pack src new.pack", 0);
    for pack in ["old.pack", "inside.pack", "new.pack"] {
        // 1201 entries and a third as many slots more, six bytes each.
        let (said, _) = run(at, &format!("info {pack} --json"), 0);
        assert!(said.contains("\"hash_bytes\":9606"), "{pack}: {said}");
        let (said, _) = run(at, &format!("info {pack}"), 0);
        assert!(said.contains("and a hash section of 9.4 KiB"), "{pack}: {said}");
        run(at, &format!("verify {pack}"), 0);
        assert_eq!(run(at, &format!("cat {pack} many/777"), 0).0, "777");
    }
}

#[test]
fn exit_codes_and_advice() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack -q", 0);
    let (_, said) = run(at, "pack src x.pack", 2);
    assert!(said.contains("--force"), "{said}");
    run(at, "pack missing y.pack", 2);
    assert!(!at.join("y.pack").exists());
    run(at, "pack", 2);
    let (_, said) = run(at, "cat x.pack nothing", 1);
    assert!(said.contains("no entry nothing"), "{said}");
    let (_, said) = run(at, "create --src src --container c --status-file none/s", 0);
    assert!(said.contains("none/s: ") && !said.contains(".tmp"), "{said}");
    fs::write(at.join("text"), "this is no pack").unwrap();
    let (_, said) = run(at, "ls text", 1);
    assert!(said.contains("hint:"), "{said}");
    // A single flipped byte of a payload.
    let mut bytes = fs::read(at.join("x.pack")).unwrap();
    bytes[100] ^= 1;
    fs::write(at.join("bad.pack"), bytes).unwrap();
    let (_, said) = run(at, "verify bad.pack", 1);
    assert!(said.contains("sub/b.bin"), "{said}");
    let (out, _) = run(at, "cat bad.pack sub/b.bin", 1);
    assert!(out.is_empty(), "damaged bytes are never printed");
    let (_, said) = run(at, "extract bad.pack out", 1);
    assert!(said.contains("sub/b.bin"), "{said}");
    assert!(at.join("out/a.txt").exists() && !at.join("out/sub/b.bin").exists());
    let leftovers = fs::read_dir(at.join("out/sub")).unwrap().count();
    assert_eq!(leftovers, 2, "c.txt and empty");
}

#[test]
fn create_continues_and_says_so() {
    let root = tree();
    let at = root.path();
    let create = "create --src src --container x.container";
    run(at, create, 0);
    assert!(at.join("x.container.idx").exists());
    let (_, said) = run(at, create, 0);
    assert!(said.contains("nothing to add"), "{said}");
    fs::write(at.join("src/new"), "new").unwrap();
    let (_, said) = run(at, &format!("{create} --finalize --remove-index-on-finalize"), 0);
    assert!(said.contains("finalized 6 entries"), "{said}");
    assert!(!at.join("x.container.idx").exists());
    run(at, "verify x.container", 0);
    let (_, said) = run(at, "finalize x.container", 2);
    assert!(said.contains("finalized already"), "{said}");
    let (_, said) = run(at, &format!("{create} --fsync-every 9 --index-batch 3"), 2);
    assert!(said.contains("smaller than --fsync-every"), "{said}");
    run(
        at,
        "create --src src --container y.container --status-file status --status-format json",
        0,
    );
    let status = fs::read_to_string(at.join("status")).unwrap();
    assert!(
        status.contains("\"status\": \"finished\"") || status.contains("\"status\":\"finished\""),
        "{status}"
    );
    fs::remove_file(at.join("y.container.idx")).unwrap();
    let before = fs::read(at.join("y.container")).unwrap();
    let (_, said) = run(at, "create --src src --container y.container", 2);
    assert!(said.contains("y.container.idx is missing"), "{said}");
    assert!(said.contains("nothing was changed") && said.contains("--index"), "{said}");
    assert_eq!(fs::read(at.join("y.container")).unwrap(), before);
}

#[test]
fn dry_runs_write_nothing() {
    let root = tree();
    let at = root.path();
    run(at, "create --src src --container x.container --dry-run --finalize", 0);
    run(at, "pack src x.pack -q", 0);
    run(at, "extract x.pack out --dry-run", 0);
    let mut names: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["src", "x.pack"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    use std::io::Read;
    use std::process::Stdio;
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir(&source).unwrap();
    for number in 0..20_000 {
        fs::write(source.join(format!("file-with-a-long-name-{number:08}")), "").unwrap();
    }
    run(root.path(), "pack src x.pack -q", 0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_rangepack"))
        .args(["ls", "x.pack"])
        .current_dir(root.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 10];
    out.read_exact(&mut first).unwrap();
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn completions_and_manual_pages() {
    let root = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(root.path(), &format!("completions {shell}"), 0).0.contains("rangepack"));
    }
    run(root.path(), "man man1", 0);
    assert!(root.path().join("man1/rangepack-extract.1").exists());
}

#[test]
fn nothing_is_read_and_written_at_once() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack -q", 0);
    run(at, "create --src src --container c -q", 0);
    let (pack, container) = (fs::read(at.join("x.pack")).unwrap(), fs::read(at.join("c")).unwrap());
    let (_, said) = run(at, "index x.pack --ndjson ./x.pack", 2);
    assert!(said.contains("read and written at once"), "{said}");
    run(at, "index c --paged c", 2);
    run(at, "create --src src --container k --index k", 2);
    run(at, "create --src src --container c --status-file c", 2);
    run(at, "extract x.pack out --status-file x.pack", 2);
    assert_eq!(fs::read(at.join("x.pack")).unwrap(), pack);
    assert_eq!(fs::read(at.join("c")).unwrap(), container);
    assert!(!at.join("k").exists());
}

#[test]
fn a_pack_that_lost_its_paged_index_says_so() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack -q", 0);
    let bytes = fs::read(at.join("x.pack")).unwrap();
    for cut in [1, 60, 100, 300] {
        fs::write(at.join("cut.pack"), &bytes[..bytes.len() - cut]).unwrap();
        let (_, said) = run(at, "verify cut.pack", 1);
        assert!(said.contains("behind the trailer"), "{cut}: {said}");
        let (listed, said) = run(at, "ls cut.pack", 0);
        assert!(listed.contains("a.txt") && said.contains("behind the trailer"), "{cut}: {said}");
    }
}

#[test]
fn a_journal_that_cannot_be_read_cuts_nothing_off() {
    let root = tree();
    let at = root.path();
    run(at, "create --src src --container c -q", 0);
    let lines = fs::read_to_string(at.join("c.idx")).unwrap();
    let container = fs::read(at.join("c")).unwrap();
    // Every line is broken, one is, or the file is another one altogether.
    let broken = lines.replace("{\"relpath\"", "x{\"relpath\"");
    let one_broken = lines.replace("{\"relpath\": \"sub/b.bin\"", "x{\"relpath\": \"sub/b.bin\"");
    assert_ne!(one_broken, lines);
    for index in
        [broken.as_str(), one_broken.as_str(), "notes of mine\n", "{\"version\":1,\"entries\":[]}"]
    {
        fs::write(at.join("c.idx"), index).unwrap();
        for line in ["create --src src --container c", "finalize c"] {
            run(at, line, 2);
            assert_eq!(fs::read(at.join("c")).unwrap(), container, "{line} {index}");
            assert_eq!(fs::read_to_string(at.join("c.idx")).unwrap(), index);
        }
    }
}

#[test]
fn the_long_form_of_extract_takes_paths() {
    let root = tree();
    let at = root.path();
    run(at, "pack src x.pack -q", 0);
    run(at, "extract --container x.pack --outdir out a.txt sub/c.txt", 0);
    assert!(at.join("out/a.txt").exists() && at.join("out/sub/c.txt").exists());
    assert!(!at.join("out/sub/b.bin").exists());
}

#[cfg(unix)]
#[test]
fn a_pack_that_is_cut_while_it_is_printed() {
    use std::io::Read;
    let root = tree();
    let at = root.path();
    fs::write(at.join("src/large"), vec![7; 8 << 20]).unwrap();
    run(at, "pack src x.pack -q", 0);
    let mut cat = Command::new(env!("CARGO_BIN_EXE_rangepack"))
        .args(["cat", "x.pack", "large"])
        .current_dir(at)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It waits then for somebody to read on.
    let mut out = cat.stdout.take().unwrap();
    let mut printed = vec![0];
    out.read_exact(&mut printed).unwrap();
    let pack = fs::OpenOptions::new().write(true).open(at.join("x.pack")).unwrap();
    pack.set_len(1000).unwrap();
    out.read_to_end(&mut printed).unwrap();
    let mut said = String::new();
    cat.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(cat.wait().unwrap().code(), Some(2), "{said}");
    assert!(said.contains("x.pack: it was cut short") && said.contains("1000 bytes"), "{said}");
    assert!(printed.len() < 8 << 20 && printed.iter().all(|byte| *byte == 7));
}

/// A store of objects that gives every request this answer, and says how the requests began.
#[cfg(feature = "remote")]
fn store(answer: Vec<u8>) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let log = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
            log.lock().unwrap().extend(head);
            let _ = stream.write_all(&answer);
        }
    });
    (url, asked)
}

#[cfg(feature = "remote")]
fn ask_store(url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rangepack"))
        .args(["ls", "s3://bucket/x.pack"])
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_SESSION_TOKEN", "a-token-for-one-host")
        .output()
        .unwrap()
}

#[cfg(feature = "remote")]
#[test]
fn stores_send_their_clients_nowhere_else() {
    let (there, heard) = store(Vec::new());
    let moved = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {there}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let (here, asked) = store(moved.into_bytes());
    let output = ask_store(&here);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|line| line.contains("a-token-for-one-host")), "{asked:?}");
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
}

#[cfg(feature = "remote")]
#[test]
fn stores_that_announce_more_than_was_asked_for_are_left() {
    const TIB: u64 = 1 << 40;
    let mut answer = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {}-{}/{TIB}\r\ncontent-length: {TIB}\r\n\
         etag: \"a\"\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
        // What opening asks for.
        TIB - (100 << 10),
        TIB - 1
    )
    .into_bytes();
    answer.extend(vec![0; 1 << 20]);
    let (url, asked) = store(answer);
    let output = ask_store(&url);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("more than was asked for"), "{said}");
    assert!(!asked.lock().unwrap().is_empty());
}
