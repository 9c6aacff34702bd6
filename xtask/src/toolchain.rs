//! Brings the parts of a toolchain that a fresh machine lacks.

use crate::run;
use anyhow::{Context, Result};
use std::path::Path;

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

/// Whether rustup has a nightly toolchain.
pub(crate) fn has_nightly() -> bool {
    run::succeeds(&mut run::command("rustup", ["run", "nightly", "rustc", "--version"]))
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
}
