//! The npm package, as npm gets it.

use super::place::Place;
use super::{Made, trial};
use crate::{node, notices, run, wasm};
use anyhow::{Result, ensure};
use std::fs;
use std::path::PathBuf;

/// What is packed with npm, and read by Node.
const SCRIPT: &str = "
import { openPack } from 'rangepack';
const pack = await openPack(process.argv[2]);
for await (const entry of pack.walk('')) if (entry.kind === 'file') console.log(entry.path, (await pack.readFile(entry.path)).length);
";

/// Packs it, with the WebAssembly inside.
pub(super) fn make(place: &Place) -> Result<Made> {
    if !node::is_there() {
        return Ok(Made::Skipped(format!("Node {} or later is needed", node::OLDEST)));
    }
    // For trials the one that was built last does as well.
    if !place.is_dev || !wasm::is_built() {
        wasm::run(&wasm::Arguments::default())?;
    }
    let pack = ["pack", "--workspace", "reader", "--loglevel", "warn", "--pack-destination"];
    run::run(node::npm(pack).arg(&place.out))?;
    Ok(Made::Files(vec![place.out.join(format!("rangepack-{}.tgz", place.version))]))
}

/// Installs it into an empty project and reads a pack with it, by its library and its command.
pub(super) fn try_out(place: &Place, files: &[PathBuf]) -> Result<()> {
    let home = place.empty("try-npm")?;
    fs::write(home.join("package.json"), r#"{ "private": true, "type": "module" }"#)?;
    fs::write(home.join("script.js"), SCRIPT)?;
    let install = ["install", "--offline", "--no-audit", "--no-fund", "--loglevel", "error"];
    let mut install = node::npm(install);
    run::run(install.arg(trial::ending(files, ".tgz")?).current_dir(&home))?;
    let installed = home.join("node_modules/rangepack");
    let notices = format!("wasm/{}", notices::NAME);
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "wasm/rangepack_bg.wasm", &notices] {
        ensure!(installed.join(name).is_file(), "the package has no {name}");
    }
    // What npm needs for a statement of where the package was built.
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(installed.join("package.json"))?)?;
    let said = |pointer: &str| manifest.pointer(pointer).cloned().unwrap_or_default();
    ensure!(said("/publishConfig/provenance") == true, "publishConfig has no provenance");
    ensure!(said("/publishConfig/access") == "public", "publishConfig has no access");
    ensure!(said("/repository/directory") == "web/reader", "repository has no directory");
    let repository = place.metadata.packages.first().and_then(|package| package.repository.clone());
    let url = format!("git+{}.git", repository.unwrap_or_default());
    ensure!(said("/repository/url") == url.as_str(), "the repository is not {url}");

    let pack = run::root().join("tests/golden/smallest.pack");
    let mut script = run::command("node", ["script.js"]);
    let read = run::output(script.arg(&pack).current_dir(&home))?;
    let mut command = run::command(home.join("node_modules/.bin/rangepack"), ["ls", "-R"]);
    let listed = run::output(command.arg(&pack).current_dir(&home))?;
    let (first, _) = read.split_once(' ').unwrap_or_default();
    ensure!(!first.is_empty() && listed.contains(first), "read:\n{read}\nlisted:\n{listed}");
    Ok(())
}
