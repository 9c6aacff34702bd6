//! What everything that was installed has to do: pack a tree, and give it back.

use crate::run;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tree: names and contents.
pub(super) const TREE: [(&str, &str); 3] =
    [("cats/1.jpg", "not really a picture"), ("cats/2.jpg", ""), ("notes/a b.txt", "of cats\n")];

/// An empty folder with the tree in it, as `tree`.
pub(super) fn prepare(home: &Path) -> Result<PathBuf> {
    let tree = home.join("tree");
    for (name, content) in TREE {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().context("it lies in a folder")?)?;
        fs::write(path, content)?;
    }
    Ok(tree)
}

/// Packs, verifies, lists and extracts with a command that `start` starts in `home`, which has the tree.
pub(super) fn packs(home: &Path, start: impl Fn() -> Command) -> Result<()> {
    let says = |arguments: &[&str]| run::output(start().args(arguments));
    says(&["pack", "tree", "tree.pack"])?;
    says(&["verify", "tree.pack"])?;
    let listed = says(&["ls", "-R", "tree.pack"])?;
    ensure!(listed.contains("notes/a b.txt"), "ls says:\n{listed}");
    says(&["extract", "tree.pack", "out"])?;
    for (name, content) in TREE {
        let path = home.join("out").join(name);
        let given =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(given == content, "{name} came back as {given:?}");
    }
    Ok(())
}

/// Whether this is root.
pub(super) fn is_root() -> bool {
    run::output(&mut run::command("id", ["-u"])).is_ok_and(|id| id == "0")
}

/// The only one of these files with this ending.
pub(super) fn ending<'a>(files: &'a [PathBuf], ending: &str) -> Result<&'a Path> {
    let is_it = |file: &&PathBuf| file.to_string_lossy().ends_with(ending);
    files.iter().find(is_it).map(PathBuf::as_path).with_context(|| format!("no {ending} was made"))
}
