//! The wheel and the source archive, as PyPI gets them.

use super::Made;
use super::place::Place;
use crate::{python, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// What a program of Python does with the tree beside it.
const SCRIPT: &str = "
import pathlib, rangepack
rangepack.pack('tree', 'tree.pack')
pack = rangepack.open('tree.pack')
tree = pathlib.Path('tree')
files = [path for path in tree.rglob('*') if path.is_file()]
for path in files:
    assert bytes(pack[path.relative_to(tree).as_posix()]) == path.read_bytes(), path
assert len(pack) == len(files) == 3, len(pack)
import importlib.metadata
assert any(file.name == 'THIRD-PARTY-LICENCES.txt' for file in importlib.metadata.files('rangepack'))
";

/// Builds them: for old systems if they are to be published, for this one otherwise.
pub(super) fn make(place: &Place) -> Result<Made> {
    if let Err(error) = python::need() {
        return Ok(Made::Skipped(format!("{error:#}")));
    }
    let wheels = place.work.join("wheels");
    // Where build scripts look at the time, all that depends on them would be compiled again, here and by whoever comes next.
    let time = (!place.is_dev).then_some(place.time);
    python::build_wheel(&wheels, place.is_dev, time)?;
    let mut files = Vec::new();
    for built in fs::read_dir(&wheels)? {
        let built = built?.path();
        let to = place.out.join(built.file_name().context("it has a name")?);
        fs::copy(&built, &to)?;
        files.push(to);
    }
    Ok(Made::Files(files))
}

/// Installs the wheel into an empty environment and packs a tree with it. (The source archive would be compiled with
/// optimisation: that is tried by `cargo xtask python --wheel`.)
pub(super) fn try_out(place: &Place, files: &[PathBuf]) -> Result<()> {
    let home = place.empty("try-wheel")?;
    super::trial::prepare(&home)?;
    let wheel = super::trial::ending(files, ".whl")?;
    super::trial::ending(files, ".tar.gz")?;
    let mut program = python::installed(wheel, home.join("environment"))?;
    run::run(program.args(["-c", SCRIPT]).current_dir(&home))
}
