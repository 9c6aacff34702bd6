//! Known vulnerabilities of the dependencies, from whatever database this machine has.
//!
//! The database changes every day and lives on the network, so its absence fails nothing.

use crate::outcome::Outcome;
use crate::run;
use anyhow::Result;
use std::env;
use std::path::{Path, PathBuf};

const ADVICE: &str = "no tool with an advisory database here; with network: `cargo install cargo-deny --locked` \
                      and `cargo deny check advisories`";

/// Asks cargo-deny or cargo-audit without network, when one is installed and has its database.
pub(crate) fn check() -> Result<Outcome> {
    let Some(home) = cargo_home() else {
        return Ok(Outcome::Skipped(ADVICE.to_owned()));
    };
    if has_entries(&home.join("advisory-dbs"))
        && run::succeeds(&mut run::cargo(["deny", "--version"]))
    {
        run::run(&mut run::cargo(["deny", "--offline", "check", "advisories"]))?;
    } else if has_entries(&home.join("advisory-db"))
        && run::succeeds(&mut run::cargo(["audit", "--version"]))
    {
        run::run(&mut run::cargo(["audit", "--no-fetch", "--stale"]))?;
    } else {
        return Ok(Outcome::Skipped(ADVICE.to_owned()));
    }
    Ok(Outcome::Passed)
}

fn cargo_home() -> Option<PathBuf> {
    let home = || Some(env::home_dir()?.join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

fn has_entries(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}
