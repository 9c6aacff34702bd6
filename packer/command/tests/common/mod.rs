//! Running the command in a directory of its own.
#![allow(dead_code, reason = "not every test needs everything")]

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The command, with the words of a line as its arguments.
pub(crate) fn command(directory: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rangepack"));
    command.args(line.split_whitespace()).current_dir(directory);
    command
}

/// Runs, checks the exit code, and returns standard output and standard error.
pub(crate) fn run(directory: &Path, line: &str, code: i32) -> (String, String) {
    let output = command(directory, line).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{error}");
    (out, error)
}

/// Runs another program; `false` when it is not there.
pub(crate) fn other(directory: &Path, program: &str, line: &str) -> bool {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).current_dir(directory).env("LC_ALL", "C.UTF-8");
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{program} {line}: {said}");
            true
        }
        Err(error) => {
            eprintln!("without {program}: {error}");
            false
        }
    }
}

/// A directory with a small tree in it: `src`.
pub(crate) fn tree() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir_all(source.join("sub/empty")).unwrap();
    fs::write(source.join("a.txt"), "hello\n").unwrap();
    fs::write(source.join("sub/b.bin"), vec![7; 700_000]).unwrap();
    fs::write(source.join("sub/c.txt"), "hello\n").unwrap();
    root
}
