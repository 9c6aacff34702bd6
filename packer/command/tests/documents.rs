//! The code that the documentation shows: shell lines of README.md and the guide are run here, and every other block is
//! somebody's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The blocks of code in a language on a page: how many, and what runs them, or why nothing does.
const BLOCKS: [(&str, &str, usize, &str); 24] = [
    ("README.md", "sh", 9, "this module"),
    ("README.md", "rust", 2, "packer/examples/readme.rs; reader-wasm/tests/web/tests.rs"),
    ("README.md", "python", 1, "python/tests/test_readme.py"),
    ("README.md", "js", 1, "web/reader/test/readme.test.js"),
    ("docs/guide.md", "sh", 7, "this module"),
    ("docs/cluster.md", "bash", 2, "cluster.rs"),
    ("docs/cluster.md", "sh", 1, "takes a store; servers.rs runs the like"),
    ("docs/cluster.md", "python", 3, "python/tests/test_ray.py, test_cluster.py"),
    ("docs/cluster.md", "text", 3, "what those print"),
    ("docs/training.md", "python", 10, "python/tests/test_data_docs.py, test_ray.py"),
    ("docs/training.md", "text", 11, "what those print, and figures"),
    ("docs/performance.md", "", 2, "`cargo xtask bench` writes the page"),
    ("FORMAT.md", "", 2, "pictures"),
    ("ARCHITECTURE.md", "", 2, "pictures"),
    ("CONTRIBUTING.md", "", 1, "it runs this"),
    ("python/README.md", "sh", 1, "takes a release; `cargo xtask test --only package`"),
    ("python/README.md", "python", 7, "pytest, as doctests"),
    ("web/reader/README.md", "sh", 2, "takes a release; cli.test.js beside it"),
    ("web/reader/README.md", "js", 10, "readme.test.js and mount.test.js beside it"),
    ("web/reader/README.md", "html", 2, "readme.test.js and mount.test.js beside it"),
    ("web/reader/README.md", "nginx", 1, "settings of a server"),
    ("web/reader/README.md", "apache", 1, "settings of a server"),
    ("web/reader/README.md", "json", 1, "settings of a store"),
    ("reader-wasm/README.md", "toml", 1, "a line of a manifest"),
];

/// Where pages lie that have code, or may get some.
const FOLDERS: [&str; 6] = ["", "docs", "python", "web/reader", "reader-core", "reader-wasm"];

/// Lines that are not run, by their beginnings, and why.
const NOT_RUN: [(&str, &str); 19] = [
    ("cargo xtask", "it runs this"),
    ("node web/reader", "a server, which the step `web` runs"),
    ("rangepack serve", "it stays until Ctrl-C: serve.rs"),
    ("curl http", "it asks the server"),
    ("mkdir photos", "it is where a pack is to be mounted"),
    ("rangepack mount", "not everybody may: mount.rs"),
    ("python3 train.py", "it reads what is mounted"),
    ("getfattr", "it reads what is mounted"),
    ("fusermount3", "it ends that"),
    ("rangepack ls -l https:", "takes a server: servers.rs"),
    ("rangepack ls 'http:", "takes a server: servers.rs"),
    ("rangepack sync https:", "takes a server: tests/tests/grow.rs"),
    ("rangepack cat s3:", "takes a store: servers.rs"),
    ("rangepack extract gs:", "takes a store"),
    ("rangepack info -v az:", "takes a store"),
    // These take the command's features, which a build may lack.
    ("rangepack export", "archives.rs"),
    ("rangepack index", "in_place.rs"),
    ("rangepack pack photos.tar.gz", "archives.rs"),
    ("rangepack pack all.tar.gz", "archives.rs"),
];

/// With all features it is only so many of them.
const ALWAYS: usize = 15;

/// What has to be done before a line, which begins so.
const BEFORE: [(&str, &str); 5] = [
    ("rangepack pack photos.tar.gz photos.pack", "rm photos.pack"),
    ("rangepack split photos", "rm photos.pack"),
    ("rangepack add photos.pack 2025", "rm photos.pack; rangepack pack -q photos photos.pack"),
    ("rangepack merge part-*.pack", "rm all.pack"),
    ("rangepack merge train.pack", "rm all.pack"),
];

/// A tree, and packs and archives of it and of others, in a folder whose programs come first.
const PREPARED: &str = r#"
mkdir -p photos/cats photos/2019 new/dogs 2025 parts-of/a parts-of/b parts bin
head -c 2000000 /dev/zero > photos/cats/large.jpg
echo cat > photos/cats/1.jpg; echo notes > photos/notes.txt; echo old > photos/2019/old.jpg
echo dog > new/dogs/1.jpg; echo today > 2025/1.jpg; echo notes > notes.txt; touch photos/a.tmp
echo a > parts-of/a/1; echo b > parts-of/b/2
printf '#!/bin/sh\nexec sh -c "$2"\n' > bin/ssh; chmod +x bin/ssh
rangepack pack -q photos newer.pack
rangepack pack -q new more.pack
for part in photos part; do
    rangepack pack -q parts-of/a $part-1.pack
    rangepack pack -q parts-of/b $part-2.pack
done
rangepack pack -q parts-of/a train.pack
rangepack pack -q parts-of/a test.pack
tar cf photos.tar -C photos .
tar czf photos.tar.gz -C photos .
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Languages and contents of the blocks of code of a page.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, code))) => code.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn shell(home: &Path, line: &str) -> std::process::Output {
    let path = std::env::var("PATH").unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", line]).current_dir(home);
    bash.env("PATH", format!("{}/bin:{path}", home.display())).output().unwrap()
}

/// Runs all shell lines of a page, one after the other, in a folder with all that they name.
fn run_all(name: &str) {
    let home = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let done = shell(home.path(), line);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{name}: {line}: {}\n{said}", done.status);
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    fs::create_dir(home.path().join("bin")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_rangepack"));
    std::os::unix::fs::symlink(program, home.path().join("bin/rangepack")).unwrap();
    run(PREPARED);

    let has_all = cfg!(all(feature = "archives", feature = "parquet"));
    let not_run = if has_all { &NOT_RUN[..ALWAYS] } else { &NOT_RUN[..] };
    let mut count = 0;
    for (_, code) in blocks(&page(name)).into_iter().filter(|(language, _)| *language == "sh") {
        for line in code.lines().filter(|line| !line.is_empty()) {
            if not_run.iter().any(|(beginning, _)| line.starts_with(beginning)) {
                continue;
            }
            for (_, before) in BEFORE.iter().filter(|(beginning, _)| line.starts_with(beginning)) {
                run(before);
            }
            // Whoever reads this knows the digest.
            let digest =
                || run("rangepack info --json photos.pack | grep -o '[0-9a-f]\\{64\\}' | head -n1");
            let line = if line.contains("DIGEST") {
                line.replace("DIGEST", digest().trim())
            } else {
                line.to_owned()
            };
            run(&line);
            count += 1;
        }
    }
    assert!(count >= 15, "{name}: only {count} lines");
}

#[test]
fn every_line_of_the_readme_runs() {
    run_all("README.md");
}

#[test]
fn every_line_of_the_guide_runs() {
    run_all("docs/guide.md");
}

#[test]
fn every_block_of_code_is_somebodys() {
    let mut found = BTreeMap::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.ends_with(".md") {
                continue;
            }
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            for (language, _) in blocks(&page(&name)) {
                *found.entry((name.clone(), language.to_owned())).or_insert(0) += 1;
            }
        }
    }
    let known =
        BLOCKS.map(|(page, language, count, _)| ((page.to_owned(), language.to_owned()), count));
    assert_eq!(found, BTreeMap::from(known), "say in this table what runs a new block");
}
