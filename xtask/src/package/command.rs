//! The command for a target, with its manual pages and completions.

use super::place::Place;
use crate::{demo, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Shells, and under which names they look for completions.
pub(super) const SHELLS: [(&str, &str); 3] =
    [("bash", "rangepack.bash"), ("zsh", "_rangepack"), ("fish", "rangepack.fish")];

/// What is only tried need not be fast: half of the time goes into our own crates otherwise.
pub(super) const HASTE: [&str; 4] =
    ["--config", "profile.dev.opt-level=0", "--config", "profile.dev.debug=false"];

/// For another target everything is compiled once more, and what speaks with servers and writes tables is much of it.
const WITHOUT_MOST: [&str; 3] = ["--no-default-features", "--features", "archives,mount,serve"];

/// A command that was built.
pub(super) struct Built {
    pub(super) program: PathBuf,
    /// `man/` and `completions/`; beside the program, where cargo-deb finds it in every profile.
    pub(super) papers: PathBuf,
}

/// Builds it and asks it for its papers, so it has to run on this machine.
pub(super) fn build(place: &Place, target: Option<&str>) -> Result<Built> {
    let program = if place.is_dev && target.is_none() {
        run::built_command()?
    } else {
        let mut how = place.profile().to_vec();
        how.extend(target.iter().flat_map(|target| ["--target", target]));
        if place.is_dev {
            how.extend(HASTE);
            how.extend(WITHOUT_MOST);
        }
        demo::compile(&how)?
    };
    let papers = program.parent().context("it lies in a folder")?.join("papers");
    if papers.exists() {
        fs::remove_dir_all(&papers)?;
    }
    run::run(run::command(&program, ["man"]).arg(papers.join("man")))?;
    complete(&program, &papers.join("completions"))?;
    Ok(Built { program, papers })
}

fn complete(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    for (shell, name) in SHELLS {
        let script = run::command(program, ["completions", shell]).output()?;
        anyhow::ensure!(script.status.success(), "the completions for {shell} cannot be made");
        fs::write(folder.join(name), script.stdout)?;
    }
    Ok(())
}
