//! The licences of everything that is compiled into the command, as most of them want it.

use crate::run;
use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How the file is called.
pub(super) const NAME: &str = "THIRD-PARTY-LICENCES.txt";

/// How files with licences begin.
const BEGINNINGS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// Writes which crates there are, and the texts of their licences, each once.
pub(super) fn write(to: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(run::root())
        .other_options(["--locked".to_owned()])
        .exec()?;
    let mut list = String::from("Crates that are compiled into the command rangepack:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in compiled(&metadata)? {
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
    fs::write(to, list).with_context(|| format!("cannot write {}", to.display()))
}

/// The crates that the command needs to run, on whatever system, without our own.
fn compiled(metadata: &Metadata) -> Result<Vec<&Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolves nothing")?;
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let command = metadata.packages.iter().find(|package| package.name == "rangepack-cli");
    let mut todo = vec![&command.context("there is no rangepack-cli")?.id];
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
