//! Brings the parts of a toolchain, and the programs, that a fresh machine lacks.

use crate::run;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes sure that code can be built for `target`.
///
/// The toolchain's own folder is asked, not rustup: toolchains that rustup did not install count.
pub(crate) fn need_target(target: &str) -> Result<()> {
    let sysroot = run::output(&mut run::command("rustc", ["--print", "sysroot"]))?;
    let libraries = Path::new(&sysroot).join("lib/rustlib").join(target).join("lib");
    if libraries.is_dir() { Ok(()) } else { add("target", target) }
}

/// Makes sure that `cargo {command}` exists, from rustup's component `component`.
pub(crate) fn need_component(component: &str, command: &str) -> Result<()> {
    if run::succeeds(&mut run::cargo([command, "--version"])) {
        Ok(())
    } else {
        add("component", component)
    }
}

/// `cargo install` without optimisation and without what debuggers need: soon there, and fast enough.
pub(crate) fn in_haste(install: &mut Command) -> &mut Command {
    install.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0")
}

/// A program that `cargo install` brings below the target folder, of this version, as `name@version`.
pub(crate) fn need_tool(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    let tools = run::target_folder()?.join("tools");
    let program = tools.join(format!("bin/{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        let install = ["install", version, "--locked", "--no-default-features"];
        let mut install = run::cargo(install);
        run::run(in_haste(&mut install).args(features).arg("--root").arg(tools))
            .with_context(|| format!("this needs {version}, which cannot be installed"))?;
    }
    Ok(program)
}

/// Whether rustup has a nightly toolchain.
pub(crate) fn has_nightly() -> bool {
    run::succeeds(&mut run::command("rustup", ["run", "nightly", "rustc", "--version"]))
}

/// Makes sure that `program` is in the path, from Debian's `package` where there is apt-get and the right to
/// use it.
pub(crate) fn need_program(program: &str, package: &str) -> Result<()> {
    if is_in_path(program) {
        return Ok(());
    }
    let advice = format!("this needs {program}; on Debian `apt-get install {package}` brings it");
    let is_root = run::output(&mut run::command("id", ["-u"])).is_ok_and(|id| id == "0");
    if !is_root || !is_in_path("apt-get") {
        bail!(advice);
    }
    println!("the program {program} is missing from this machine");
    run::run(&mut run::command("apt-get", ["update", "-qq"])).context(advice.clone())?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", package];
    let mut install = run::command("apt-get", install);
    run::run(install.env("DEBIAN_FRONTEND", "noninteractive")).context(advice.clone())?;
    if is_in_path(program) { Ok(()) } else { bail!(advice) }
}

/// Looks in the folders of administrators as well: some paths lack them.
fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    folders.chain([PathBuf::from("/usr/sbin")]).any(|folder| folder.join(program).is_file())
}

fn add(what: &str, name: &str) -> Result<()> {
    println!("the {what} {name} is missing from this toolchain");
    run::run(&mut run::command("rustup", [what, "add", name])).with_context(|| {
        format!("this needs the {what} {name}; install it with `rustup {what} add {name}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_this_very_build_is_there() {
        let version = run::output(&mut run::command("rustc", ["--version", "--verbose"])).unwrap();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        need_target(host).unwrap();
    }

    #[test]
    fn a_program_that_is_there_needs_no_installing() {
        need_program("cargo", "no-such-package").unwrap();
        assert!(!is_in_path("no-such-program"));
    }
}
