//! What npm brings, as its lock file says.

use crate::run;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

/// Where all of it comes from.
const REGISTRY: &str = "https://registry.npmjs.org/";

/// Packages with their licence in a file alone.
const UNNAMED: [(&str, &str); 1] = [("node_modules/@journeyapps/wa-sqlite", "MIT")];

#[derive(Debug, Deserialize)]
struct Lock {
    /// By where they lie.
    packages: BTreeMap<String, Package>,
}

/// A package.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    license: Option<String>,
    /// At the registry, or in the workspace.
    resolved: Option<String>,
    integrity: Option<String>,
    /// It is one of the workspace.
    #[serde(default)]
    link: bool,
}

/// Those of the npm workspace, without its own; the programs of `web/tools` are never shipped.
pub(super) fn packages() -> Result<BTreeMap<String, Package>> {
    let file = run::root().join("web/package-lock.json");
    let text = fs::read_to_string(&file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| format!("cannot use {}", file.display()))
}

fn parse(text: &str) -> Result<BTreeMap<String, Package>> {
    let mut lock: Lock = serde_json::from_str(text)?;
    lock.packages.retain(|place, package| place.contains("node_modules/") && !package.link);
    for (place, licence) in UNNAMED {
        if let Some(package) = lock.packages.get_mut(place) {
            package.license.get_or_insert_with(|| licence.to_owned());
        }
    }
    Ok(lock.packages)
}

impl Package {
    pub(super) fn licence(&self) -> Option<&str> {
        self.license.as_deref()
    }

    /// Fails when it comes from anywhere but the registry.
    pub(super) fn check_source(&self) -> Result<()> {
        match self.resolved.as_deref() {
            Some(source) if !source.starts_with(REGISTRY) => bail!("comes from {source}"),
            // npm leaves out addresses at the registry when it is told to, but never what it expects to come from there.
            None if self.integrity.is_none() => bail!("comes from a folder"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_and_from_where() {
        let packages = parse(
            r#"{ "packages": {
                "": { "license": "MIT" },
                "viewer": { "license": "MIT" },
                "node_modules/viewer": { "resolved": "viewer", "link": true },
                "node_modules/a": { "resolved": "https://registry.npmjs.org/a.tgz", "license": "ISC" },
                "viewer/node_modules/b": { "resolved": "git+ssh://git@example.org/b.git" },
                "node_modules/c": { "license": "MIT", "integrity": "sha512-a" },
                "node_modules/d": { "license": "MIT" },
                "node_modules/@journeyapps/wa-sqlite": { "resolved": "https://registry.npmjs.org/w.tgz" }
            } }"#,
        )
        .unwrap();
        let found: Vec<_> = packages
            .iter()
            .map(|(place, package)| (&**place, package.licence(), package.check_source().is_ok()))
            .collect();
        let expected = [
            ("node_modules/@journeyapps/wa-sqlite", Some("MIT"), true),
            ("node_modules/a", Some("ISC"), true),
            ("node_modules/c", Some("MIT"), true),
            ("node_modules/d", Some("MIT"), false),
            ("viewer/node_modules/b", None, false),
        ];
        assert_eq!(found, expected);
    }
}
