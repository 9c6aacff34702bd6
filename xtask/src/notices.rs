//! The licences of everything that goes along with what is published, as most of them want it.

use crate::{run, viewer, wasm};
use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How the file is called.
pub(crate) const NAME: &str = "THIRD-PARTY-LICENCES.txt";

/// How files with licences begin.
const BEGINNINGS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// What crates are compiled into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// The command, with the viewer in it.
    Command,
    /// The module of the Python package.
    Python,
    /// The modules of the npm package.
    WebAssembly,
}

impl Into {
    fn package(self) -> &'static str {
        match self {
            Into::Command => "rangepack-cli",
            Into::Python => "rangepack-python",
            Into::WebAssembly => "rangepack-wasm",
        }
    }
}

/// Writes which crates there are, and the texts of their licences, each once.
pub(crate) fn write(what: Into, to: &Path) -> Result<()> {
    let mut metadata = MetadataCommand::new();
    metadata.current_dir(run::root());
    let mut options = vec!["--locked".to_owned()];
    if what == Into::WebAssembly {
        // Each of its features is in one of the modules.
        metadata.features(CargoOpt::AllFeatures);
        options.push(format!("--filter-platform={}", wasm::TARGET));
    }
    let metadata = metadata.other_options(options).exec()?;
    let package = what.package();
    let mut list = format!("Crates that are compiled into {package}:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in compiled(&metadata, package)? {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see below");
        let place = package.repository.as_deref().unwrap_or_default();
        writeln!(list, "{name}: {licence}  {place}")?;
        for text in licences(package)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, names) in texts {
        let line = "-".repeat(72);
        write!(list, "\n{line}\n{}\n{line}\n\n{text}\n", names.join(", "))?;
    }
    if what == Into::Command {
        list.push_str(&viewer::licences()?);
    }
    fs::write(to, list).with_context(|| format!("cannot write {}", to.display()))
}

/// The crates that a package needs to run, on whatever system, without our own.
fn compiled<'m>(metadata: &'m Metadata, package: &str) -> Result<Vec<&'m Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolves nothing")?;
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = metadata.packages.iter().find(|known| known.name == package);
    let mut todo = vec![&root.with_context(|| format!("there is no {package}"))?.id];
    let mut found = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.get(id).context("a dependency is not resolved")?;
        let is_normal = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        todo.extend(node.deps.iter().filter(is_normal).map(|dependency| &dependency.pkg));
    }
    let is_foreign = |package: &&Package| found.contains(&package.id) && package.source.is_some();
    let mut packages: Vec<_> = metadata.packages.iter().filter(is_foreign).collect();
    packages.sort_by_key(|package| (package.name.to_string(), package.version.clone()));
    Ok(packages)
}

fn licences(package: &Package) -> Result<Vec<String>> {
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        if BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
            && folder.join(&name).is_file()
        {
            names.push(name);
        }
    }
    names.sort();
    let read = |name: String| {
        let text = fs::read(folder.join(name))?;
        Ok(String::from_utf8_lossy(&text).trim_end().replace('\r', ""))
    };
    names.into_iter().map(read).collect()
}
