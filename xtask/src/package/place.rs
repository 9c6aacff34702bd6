//! Where packages are made, of which version, and of which time.

use crate::run;
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use std::env;
use std::fs;
use std::path::PathBuf;

/// What the parts of a packaging share.
pub(super) struct Place {
    /// What is made lies here, and nothing else.
    pub(super) out: PathBuf,
    /// What is needed on the way.
    pub(super) work: PathBuf,
    /// Quickly, without optimisation.
    pub(super) is_dev: bool,
    pub(super) version: String,
    /// The time of everything that has one, in seconds since 1970: that of the commit, so that the same source gives
    /// the same bytes.
    pub(super) time: u64,
    pub(super) metadata: Metadata,
}

/// Zip archives, of which wheels are, know no earlier time than 1980.
const FIRST_TIME: u64 = 315_532_800;

impl Place {
    pub(super) fn new(is_dev: bool) -> Result<Place> {
        let metadata = MetadataCommand::new()
            .current_dir(run::root())
            .no_deps()
            .other_options(["--locked".to_owned()])
            .exec()?;
        let target = metadata.target_directory.clone().into_std_path_buf();
        let command = metadata.packages.iter().find(|package| package.name == "rangepack-cli");
        let version = command.context("there is no rangepack-cli")?.version.to_string();
        Ok(Place {
            out: target.join(if is_dev { "package-dev" } else { "package" }),
            work: target.join("packaging"),
            is_dev,
            version,
            time: time()?,
            metadata,
        })
    }

    /// The name of an option of cargo's and its value.
    pub(super) fn profile(&self) -> [&'static str; 2] {
        ["--profile", if self.is_dev { "dev" } else { "release" }]
    }

    /// An empty folder for what is needed on the way.
    pub(super) fn empty(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// What is published should be what a commit says.
    pub(super) fn say_if_dirty(&self) {
        let status = run::command("git", ["status", "--porcelain"]).output();
        if status.is_ok_and(|status| !status.stdout.is_empty()) {
            println!("the tree has changes that no commit has: do not publish what is made of it");
        }
    }
}

/// As <https://reproducible-builds.org/specs/source-date-epoch/> says, or the last commit's.
fn time() -> Result<u64> {
    if let Ok(time) = env::var("SOURCE_DATE_EPOCH") {
        return time.parse().context("SOURCE_DATE_EPOCH is no number");
    }
    let commit = run::command("git", ["log", "-1", "--format=%ct"]).output();
    let text = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    Ok(text.ok().and_then(|text| text.parse().ok()).unwrap_or(FIRST_TIME))
}
