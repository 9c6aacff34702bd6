//! Builds the viewer.

use crate::{node, run, wasm};
use anyhow::Result;

/// What `cargo xtask viewer` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Whether there is a viewer that was built before.
pub(crate) fn is_built() -> bool {
    run::root().join("web/viewer/dist/index.html").is_file()
}

/// Builds the WebAssembly reader, then the site with it, into `web/viewer/dist`.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    wasm::run(&wasm::Arguments {})?;
    run::run(&mut node::npm(["run", "build", "--workspace", "viewer"]))?;
    println!(
        "the viewer is in web/viewer/dist; debug builds of `rangepack serve` read it there, the next release build embeds it"
    );
    Ok(())
}
