//! The crates, as crates.io gets them.

use super::command::HASTE;
use super::place::Place;
use super::{Made, trial};
use crate::{node, run, viewer, wasm};
use anyhow::{Context, Result};
use cargo_metadata::Package;
use flate2::read::GzDecoder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where the command's crate has the viewer that was built. It stays there, and out of git, for `cargo publish`; builds in
/// the repository do not look there.
const VIEWER: &str = "packer/command/viewer";

/// Packs them; for what is published, in the order and with all checks of `cargo publish`, which builds each from what was
/// packed.
pub(super) fn make(place: &Place) -> Result<Made> {
    if !place.is_dev && node::is_there() {
        viewer::run(&wasm::Arguments::default())?;
    }
    copy_viewer()?;
    let built = place.work.join("crates");
    let packed = built.join("package");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    // The viewer is no part of any commit, and for cargo a change.
    let common = ["--locked", "--allow-dirty", "--target-dir"];
    let mut package = run::cargo(["package", "--no-verify"]);
    if place.is_dev {
        // Then nothing asks the registry, which may be out of reach.
        let _ = run::run(&mut run::cargo(["fetch", "--locked"]));
        package.arg("--offline");
    }
    for published in published(place) {
        package.args(["--package", &published.name]);
    }
    run::run(package.args(common).arg(&built))?;
    if !place.is_dev {
        let mut publish = run::cargo(["publish", "--workspace", "--dry-run"]);
        // Half of the time goes into what debuggers would need.
        publish.env("CARGO_PROFILE_DEV_DEBUG", "0");
        run::run(publish.args(common).arg(&built))?;
    }
    let mut files = Vec::new();
    for published in published(place) {
        let name = format!("{}-{}.crate", published.name, published.version);
        fs::copy(packed.join(&name), place.out.join(&name))
            .with_context(|| format!("cargo made no {name}"))?;
        files.push(place.out.join(name));
    }
    Ok(Made::Files(files))
}

/// Those that are not kept from it, in the order of the workspace.
fn published(place: &Place) -> impl Iterator<Item = &Package> {
    let is_published =
        |package: &&Package| package.publish.as_ref().is_none_or(|to| !to.is_empty());
    place.metadata.packages.iter().filter(is_published)
}

fn copy_viewer() -> Result<()> {
    let copy = run::root().join(VIEWER);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    if !viewer::is_built() {
        println!("no viewer was built: the command's crate will have none");
        return Ok(());
    }
    let built = run::root().join("web/viewer/dist");
    for file in super::sums::files(&built)? {
        let to = copy.join(&file);
        fs::create_dir_all(to.parent().context("it lies in a folder")?)?;
        fs::copy(built.join(file), to)?;
    }
    Ok(())
}

/// Compiles all from what was packed alone; of what is published the command is installed, and has to pack a tree.
///
/// They are a workspace of their own with the profiles and the lock file of this one: so what others wrote is not compiled
/// again.
pub(super) fn try_out(place: &Place, files: &[PathBuf]) -> Result<()> {
    let home = place.empty("try-crates")?;
    for file in files {
        tar::Archive::new(GzDecoder::new(File::open(file)?)).unpack(&home)?;
    }
    let root = run::root();
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    fs::write(home.join("Cargo.toml"), alone(&manifest, files)?)?;
    fs::copy(root.join("Cargo.lock"), home.join("Cargo.lock"))?;

    let target = place.metadata.target_directory.as_std_path();
    // It takes from the lock file what is not needed here, so that it is as installing wants it.
    let wasm = ["check", "--offline", "--package", "rangepack-wasm", "--target-dir"];
    run::run(run::cargo(wasm).arg(target).current_dir(&home))?;
    if place.is_dev {
        // Nothing is missing when the compiler finds all; as a program it takes several times as long.
        let command = ["check", "--offline", "--locked", "--package", "rangepack-cli"];
        return run::run(run::cargo(command).arg("--target-dir").arg(target).current_dir(&home));
    }
    let command = folder(trial::ending(files, &format!("rangepack-cli-{}.crate", place.version))?);
    let mut install = run::cargo(["install", "--offline", "--locked", "--debug", "--no-track"]);
    install.args(HASTE).args(["--quiet", "--path", &command, "--target-dir"]).arg(target);
    install.arg("--root").arg(home.join("root"));
    run::run(install.current_dir(&home))?;
    trial::prepare(&home)?;
    let program = home.join("root/bin").join(format!("rangepack{}", std::env::consts::EXE_SUFFIX));
    trial::packs(&home, || {
        let mut command = run::command(&program, [""; 0]);
        command.current_dir(&home);
        command
    })
}

/// The name of the folder in which a crate lies when it is unpacked.
fn folder(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The manifest of a workspace of the unpacked crates, which take each other in place of those of the registry.
fn alone(manifest: &str, files: &[PathBuf]) -> Result<String> {
    let given: toml::Table = manifest.parse()?;
    let folders = files.iter().map(|file| folder(file));
    let patches = folders.clone().filter_map(|folder| {
        let (name, _) = folder.rsplit_once('-')?;
        let path = toml::Table::from_iter([("path".to_owned(), folder.clone().into())]);
        Some((name.to_owned(), path.into()))
    });
    let table =
        |key: &str, value: toml::Table| toml::Table::from_iter([(key.to_owned(), value.into())]);
    let mut workspace = toml::Table::new();
    workspace.insert("resolver".to_owned(), "3".into());
    workspace.insert("members".to_owned(), folders.collect::<Vec<_>>().into());
    let mut alone = table("workspace", workspace);
    alone.extend(table("patch", table("crates-io", patches.collect())));
    let profiles = given.get("profile").context("the workspace has no profiles")?;
    alone.insert("profile".to_owned(), profiles.clone());
    Ok(alone.to_string())
}
