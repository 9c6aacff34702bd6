//! Node and what npm brings, for everything under `web/`.

use crate::run;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Node that the npm package supports, and that the tests need.
pub(crate) const OLDEST: u32 = 20;

/// The npm workspace.
fn web() -> PathBuf {
    run::root().join("web")
}

/// Whether Node is installed, of whatever version.
pub(crate) fn is_there() -> bool {
    run::succeeds(&mut run::command("node", ["--version"]))
}

/// Brings the locked packages, unless they are there.
pub(crate) fn install() -> Result<()> {
    let version = run::output(&mut run::command("node", ["--version"]))?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST) {
        bail!("Node {OLDEST} or later is needed, but `node --version` says {version}");
    }
    if is_installed(&web()) {
        return Ok(());
    }
    run::run(npm(["ci", "--no-audit", "--no-fund"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
}

/// Brings the bundlers and runtimes that the package is tried with. They are large, and nothing else takes them.
pub(crate) fn install_tools() -> Result<()> {
    let folder = web().join("tools");
    if is_installed(&folder) {
        return Ok(());
    }
    run::run(npm(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// Whether what the lock file of a folder names is there.
fn is_installed(folder: &Path) -> bool {
    // npm writes this file when it is done.
    let installed = folder.join("node_modules/.package-lock.json");
    let time = |path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    installed.exists() && time(installed) >= time(folder.join("package-lock.json"))
}

/// npm in the workspace.
pub(crate) fn npm<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = run::command("npm", arguments);
    command.current_dir(web());
    command
}

/// A command that one of the packages brings.
pub(crate) fn tool(name: &str) -> Command {
    run::command(web().join("node_modules/.bin").join(name), [""; 0])
}
