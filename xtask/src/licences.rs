//! Checks, without network, that every dependency carries an acceptable licence and comes from an
//! acceptable place. `deny.toml` says what is acceptable.

mod npm;

use crate::outcome::Outcome;
use crate::run;
use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, MetadataCommand};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use std::fs;

/// Checks the dependencies of the whole workspace: normal, build and dev, on every platform; and those of npm's.
///
/// The fuzz targets are a workspace of their own and not looked at: they are never shipped.
pub(crate) fn check() -> Result<Outcome> {
    let file = run::root().join("deny.toml");
    let text = fs::read_to_string(&file).context("cannot read deny.toml")?;
    let policy = Policy::parse(&text).context("cannot use deny.toml")?;

    let metadata = MetadataCommand::new()
        .current_dir(run::root())
        .features(CargoOpt::AllFeatures)
        .other_options(["--locked".to_owned()])
        .exec()?;
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let dependency = Dependency {
            licence: package.license.as_deref(),
            source: package.source.as_ref().map(|source| source.repr.as_str()),
            is_member: metadata.workspace_members.contains(&package.id),
        };
        if let Err(problem) = policy.accepts(&dependency) {
            problems.push(format!("  {} {}: {problem:#}", package.name, package.version));
        }
    }
    let of_npm = npm::packages()?;
    for (place, package) in &of_npm {
        let accepted =
            package.check_source().and_then(|()| policy.accepts_licence(package.licence()));
        if let Err(problem) = accepted {
            problems.push(format!("  web/{place}: {problem:#}"));
        }
    }
    if !problems.is_empty() {
        bail!("dependencies that deny.toml does not allow:\n{}", problems.join("\n"));
    }
    let (crates, of_npm) = (metadata.packages.len(), of_npm.len());
    println!("{crates} crates and {of_npm} packages of npm's, every licence and source allowed");
    Ok(Outcome::Passed)
}

/// What is looked at in a package.
struct Dependency<'a> {
    licence: Option<&'a str>,
    /// In cargo's form: `registry+https://…`; none for a folder of this machine.
    source: Option<&'a str>,
    is_member: bool,
}

/// What `deny.toml` allows.
struct Policy {
    licences: Vec<Licensee>,
    registries: Vec<String>,
}

impl Policy {
    fn parse(text: &str) -> Result<Policy> {
        #[derive(Deserialize)]
        struct Deny {
            licenses: Licenses,
            sources: Sources,
        }
        #[derive(Deserialize)]
        struct Licenses {
            allow: Vec<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Sources {
            allow_registry: Vec<String>,
        }

        let deny: Deny = toml::from_str(text)?;
        let parse = |name: &String| {
            Licensee::parse(name).map_err(|error| anyhow::anyhow!("{name}: {}", error.reason))
        };
        Ok(Policy {
            licences: deny.licenses.allow.iter().map(parse).collect::<Result<_>>()?,
            registries: deny.sources.allow_registry,
        })
    }

    fn accepts(&self, dependency: &Dependency<'_>) -> Result<()> {
        match dependency.source {
            None if dependency.is_member => {}
            None => bail!("lies in a folder outside the workspace"),
            Some(source) => {
                let registry = source.strip_prefix("registry+");
                if !registry.is_some_and(|url| self.registries.iter().any(|known| known == url)) {
                    bail!("comes from {source}");
                }
            }
        }
        self.accepts_licence(dependency.licence)
    }

    fn accepts_licence(&self, licence: Option<&str>) -> Result<()> {
        let Some(licence) = licence else {
            bail!("carries no licence expression");
        };
        // Old crates write `MIT/Apache-2.0`.
        let expression = Expression::parse_mode(licence, ParseMode::LAX)
            .map_err(|error| anyhow::anyhow!("licence {licence:?}: {}", error.reason))?;
        let allowed = |required: &spdx::LicenseReq| {
            self.licences.iter().any(|licence| licence.satisfies(required))
        };
        if !expression.evaluate(allowed) {
            bail!("licence {licence:?}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn policy() -> Policy {
        let text = fs::read_to_string(run::root().join("deny.toml")).unwrap();
        Policy::parse(&text).unwrap()
    }

    fn problem(licence: Option<&str>, source: Option<&str>, is_member: bool) -> Option<String> {
        let dependency = Dependency { licence, source, is_member };
        policy().accepts(&dependency).err().map(|error| error.to_string())
    }

    #[test]
    fn licences_that_can_be_satisfied_from_the_list() {
        for licence in [
            "MIT",
            "MIT/Apache-2.0",
            "MIT OR GPL-3.0-only",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
        ] {
            assert_eq!(problem(Some(licence), Some(CRATES_IO), false), None, "{licence}");
        }
    }

    #[test]
    fn licences_that_cannot() {
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT AND NCSA", "Nonsense", ""] {
            assert!(problem(Some(licence), Some(CRATES_IO), false).is_some(), "{licence}");
        }
        assert!(problem(None, Some(CRATES_IO), false).is_some());
    }

    #[test]
    fn only_the_workspace_and_the_listed_registries() {
        assert_eq!(problem(Some("MIT"), None, true), None);
        assert!(problem(Some("MIT"), None, false).is_some());
        for source in ["git+https://example.org/a", "registry+https://example.org/index"] {
            assert_eq!(
                problem(Some("MIT"), Some(source), false),
                Some(format!("comes from {source}"))
            );
        }
    }

    #[test]
    fn a_licence_nobody_knows_cannot_be_allowed() {
        let text = "[licenses]\nallow = [\"MIT\", \"Mitt\"]\n[sources]\nallow-registry = []";
        let error = Policy::parse(text).err().unwrap();
        assert!(error.to_string().starts_with("Mitt: "));
    }
}
