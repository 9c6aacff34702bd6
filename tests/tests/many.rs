//! Many processes read one pack while it is replaced, again and again: each sees one of the packs, all of it.

use rangepack::{Pack, PackOptions, pack};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHILD: &str = "RANGEPACK_TEST_MANY";
const PROCESSES: usize = 24;
const FILES: usize = 200;

/// Not a test by itself: a process that reads until it is told to stop.
#[test]
fn child() {
    let Some(home) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut rounds = 0;
    while rounds < 3 || !home.join("stop").exists() {
        let pack = Pack::open(home.join("a.pack")).unwrap();
        let version = pack.read("version").unwrap();
        let mut files = 0;
        for entry in pack.entries() {
            let entry = entry.unwrap();
            let path = entry.path().unwrap();
            if path.as_bytes() != b"version" {
                let content = pack.read(path.as_bytes()).unwrap();
                assert!(content.starts_with(&version), "two packs at once");
                files += 1;
            }
        }
        assert_eq!(files, FILES);
        rounds += 1;
    }
}

fn replace(home: &Path, version: usize) {
    let source = home.join("source");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("version"), format!("version {version:08}")).unwrap();
    for file in 0..FILES {
        let content = format!("version {version:08} of file {file}").repeat(1 + file % 7);
        fs::write(source.join(format!("{file}")), content).unwrap();
    }
    let mut options = PackOptions::default();
    options.overwrite = true;
    pack(&source, home.join("a.pack"), &options, &()).unwrap();
}

#[test]
fn each_sees_one_pack() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    replace(home, 0);
    let spawn = |_| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "many::child"]).env(CHILD, home).stdout(Stdio::null());
        child.stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(spawn).collect();
    (1..9).for_each(|version| replace(home, version));
    fs::write(home.join("stop"), "").unwrap();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
