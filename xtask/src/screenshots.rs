//! Takes pictures of the viewer for `docs/`.

use crate::{run, toolchain, viewer, wasm};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;

/// What `cargo xtask screenshots` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Take all views, not only those of docs/, into this folder
    #[arg(long, value_name = "FOLDER")]
    all: Option<PathBuf>,
}

/// Where the pictures lie that README.md and the documentation show.
const FOLDER: &str = "docs";

/// The views that are kept; `web/viewer/test/screenshots.js` says what each is.
const KEPT: [&str; 5] = ["overview", "gallery", "csv", "npy", "served"];

/// What the pictures of `docs/` may weigh together, in bytes: everybody who clones fetches them.
const BUDGET: u64 = 2_500_000;

/// Builds what the pictures show, and takes them in both themes and both sizes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    toolchain::need_program("chromium", "chromium")?;
    viewer::run(&wasm::Arguments::default())?;

    let folder = match &arguments.all {
        Some(folder) => std::path::absolute(folder)?,
        None => run::root().join(FOLDER),
    };
    let mut take = run::command("node", ["web/viewer/test/screenshots.js"]);
    take.arg(&folder).env("RANGEPACK", run::built_command()?);
    if arguments.all.is_some() {
        return run::run(&mut take);
    }
    remove_pictures(&folder)?;
    run::run(take.args(KEPT))?;
    let bytes = pictures(&folder)?.iter().map(|(_, bytes)| bytes).sum::<u64>();
    println!("{FOLDER}: {bytes} bytes (at most {BUDGET})");
    if bytes > BUDGET {
        bail!("the pictures in {FOLDER} are {bytes} bytes long; {BUDGET} is the most");
    }
    Ok(())
}

/// Views that are not taken any more leave no pictures behind.
fn remove_pictures(folder: &std::path::Path) -> Result<()> {
    for (path, _) in pictures(folder)? {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// The pictures in a folder, which need not exist, with their lengths.
fn pictures(folder: &std::path::Path) -> Result<Vec<(PathBuf, u64)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "png") {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_view_is_one_that_can_be_taken() {
        let script = run::root().join("web/viewer/test/screenshots.js");
        let script = fs::read_to_string(script).unwrap();
        for view in KEPT {
            let known = script.contains(&format!("\n  {view}: ["))
                || script.contains(&format!("take('{view}')"));
            assert!(known, "{view}");
        }
    }

    #[test]
    fn readme_shows_pictures_that_are_there() {
        let readme = fs::read_to_string(run::root().join("README.md")).unwrap();
        let shown: Vec<&str> = readme
            .split('"')
            .filter(|text| text.starts_with("docs/") && text.ends_with(".png"))
            .collect();
        assert!(shown.len() >= 4, "{shown:?}");
        for picture in shown {
            assert!(run::root().join(picture).exists(), "{picture}");
        }
    }

    #[test]
    fn only_pictures_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old.png"), "12345").unwrap();
        fs::write(folder.path().join("notes.md"), "kept").unwrap();
        assert_eq!(pictures(folder.path()).unwrap().len(), 1);
        remove_pictures(folder.path()).unwrap();
        assert!(folder.path().join("notes.md").exists());
        assert_eq!(pictures(folder.path()).unwrap(), []);
        assert_eq!(pictures(&folder.path().join("none")).unwrap(), []);
    }
}
