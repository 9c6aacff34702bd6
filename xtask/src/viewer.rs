//! Builds the viewer.

use crate::{node, run, wasm};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;

/// Where it is built.
const FOLDER: &str = "web/viewer/dist";

/// Whether there is a viewer that was built before.
pub(crate) fn is_built() -> bool {
    run::root().join(FOLDER).join("index.html").is_file()
}

/// What it says of the licences of all that is in it; nothing when it was not built.
pub(crate) fn licences() -> Result<String> {
    if !is_built() {
        return Ok(String::new());
    }
    let mut texts = String::from("\nIn the viewer:\n");
    let mut files: Vec<_> = fs::read_dir(run::root().join(FOLDER))?
        .map(|entry| Ok(entry?.path()))
        .filter(|path| path.as_ref().is_ok_and(|path| is_about_licences(path)))
        .collect::<Result<_>>()?;
    files.sort();
    ensure!(!files.is_empty(), "the viewer that was built names no licences: build it again");
    for file in files {
        texts.push('\n');
        texts.push_str(&fs::read_to_string(file)?);
    }
    Ok(texts)
}

fn is_about_licences(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("licences"))
}

/// Builds the WebAssembly reader, then the site with it, into `web/viewer/dist`.
pub(crate) fn run(arguments: &wasm::Arguments) -> Result<()> {
    wasm::run(arguments)?;
    run::run(&mut node::npm(["run", "build", "--workspace", "viewer"]))?;
    println!(
        "the viewer is in web/viewer/dist; debug builds of `rangepack serve` read it there, the next release build embeds it"
    );
    Ok(())
}
