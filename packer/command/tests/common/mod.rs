//! What tests of the command share.
#![allow(unreachable_pub, reason = "each test is a crate of its own")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs a command line.
pub fn rangepack(directory: &Path, line: &str) -> Output {
    let arguments = line.split_whitespace();
    Command::new(env!("CARGO_BIN_EXE_rangepack"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// Runs, checks the exit code, and returns standard output and standard error.
pub fn run(directory: &Path, line: &str, code: i32) -> (String, String) {
    let output = rangepack(directory, line);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{error}");
    (out, error)
}

/// A few files below `src`.
pub fn tree() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir_all(source.join("sub/empty")).unwrap();
    fs::write(source.join("a.txt"), "hello\n").unwrap();
    fs::write(source.join("sub/b.bin"), vec![7; 700_000]).unwrap();
    fs::write(source.join("sub/c.txt"), "hello\n").unwrap();
    root
}
