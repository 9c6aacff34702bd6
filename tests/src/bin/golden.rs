//! Makes the golden and hostile files anew, in place; with `--check` only compares them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::{archives, describe, file, files, golden, hostile};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("golden: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Outcome {
    let folder = tempfile::tempdir()?;
    for case in golden::cases() {
        let made = case.make(folder.path(), 1)?;
        let json = made[0].with_extension("json");
        fs::write(json, describe::to_text(&describe::describe(&made[0])?))?;
    }
    settle(folder.path(), &file("golden"), check)?;
    let folder = tempfile::tempdir()?;
    for (name, bytes) in hostile::make(&file("golden"))? {
        fs::write(folder.path().join(format!("{name}.pack")), bytes)?;
    }
    for (name, bytes) in hostile::notes(&file("golden"))? {
        fs::write(folder.path().join(format!("{name}.pack.grow")), bytes)?;
    }
    settle(folder.path(), &file("hostile"), check)?;
    let folder = tempfile::tempdir()?;
    for (name, bytes) in archives::make() {
        fs::write(folder.path().join(name), bytes)?;
    }
    settle(folder.path(), &file("hostile-archives"), check)
}

/// Makes the files in `target` those in `made`, or fails when they are not.
fn settle(made: &Path, target: &Path, check: bool) -> Outcome {
    let mut names = Vec::new();
    for entry in fs::read_dir(made)? {
        let entry = entry?;
        let (bytes, path) = (fs::read(entry.path())?, target.join(entry.file_name()));
        names.push(path.clone());
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        if check {
            return Err(format!("{} differs; run `cargo xtask golden`", path.display()).into());
        }
        fs::write(&path, bytes)?;
        println!("wrote {}", path.display());
    }
    let folder = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_left_over = |path: &PathBuf| !names.contains(path) && !path.ends_with("README.md");
    for path in files(folder, "").into_iter().filter(is_left_over) {
        if check {
            return Err(format!("{} is left over; run `cargo xtask golden`", path.display()).into());
        }
        fs::remove_file(path)?;
    }
    Ok(())
}
