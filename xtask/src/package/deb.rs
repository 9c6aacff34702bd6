//! A Debian package, by cargo-deb. What is in it, `packer/command/Cargo.toml` says.

use super::command::{self, SHELLS};
use super::place::Place;
use super::{Made, trial};
use crate::{notices, run, toolchain};
use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What makes the package. Later versions may need a later compiler than the workspace.
const TOOL: &str = "cargo-deb@3.8.0";

/// Where Debian looks for completions.
const COMPLETIONS: [&str; 3] = [
    "usr/share/bash-completion/completions/rangepack",
    "usr/share/zsh/vendor-completions/_rangepack",
    "usr/share/fish/vendor_completions.d/rangepack.fish",
];

/// Builds the command and puts it into a package.
pub(super) fn make(place: &Place) -> Result<Made> {
    if !cfg!(target_os = "linux") {
        return Ok(Made::Skipped("this is no Linux".to_owned()));
    }
    let tool = match toolchain::need_tool("cargo-deb", TOOL, &["--features", "lzma"]) {
        Ok(tool) => tool,
        Err(error) => return Ok(Made::Skipped(format!("{error:#}"))),
    };
    let built = command::build(place, None)?;
    notices::write(notices::Into::Command, &built.papers.join(notices::NAME))?;
    compress(&built.papers)?;
    let mut deb = run::command(tool, ["--package", "rangepack-cli", "--no-build", "--no-dbgsym"]);
    // A revision would be Debian's own.
    deb.args(["--deb-revision", "", "--output"]).arg(&place.out).args(place.profile());
    deb.args(["--locked", "--strip"]);
    if place.is_dev {
        // It warns of packages that are not optimised, and packs for a minute.
        deb.args(["--fast", "--quiet"]);
    }
    run::run(deb.env("SOURCE_DATE_EPOCH", place.time.to_string()))?;
    let made = super::sums::files(&place.out)?;
    let made = made.into_iter().filter(|file| file.extension().is_some_and(|end| end == "deb"));
    Ok(Made::Files(made.map(|file| place.out.join(file)).collect()))
}

/// What Debian wants compressed, `man/` and the notices, into `debian/`: cargo-deb leaves alone what was built.
fn compress(papers: &Path) -> Result<()> {
    let folder = papers.join("debian");
    fs::create_dir(&folder)?;
    let pages = super::sums::files(&papers.join("man"))?;
    let pages = pages.iter().map(|page| Path::new("man").join(page));
    for paper in pages.chain([PathBuf::from(notices::NAME)]) {
        let name = paper.file_name().context("it has a name")?.to_string_lossy();
        let file = File::create(folder.join(format!("{name}.gz")))?;
        let mut gzip = GzEncoder::new(file, Compression::best());
        gzip.write_all(&fs::read(papers.join(&paper))?)?;
        gzip.finish()?;
    }
    Ok(())
}

/// Installs it into a system of its own, below a folder, and looks for everything there.
pub(super) fn try_out(place: &Place, files: &[PathBuf]) -> Result<()> {
    let home = place.empty("try-deb")?;
    let package = trial::ending(files, ".deb")?;
    let root = home.join("root");
    if !run::succeeds(&mut run::command("dpkg-deb", ["--version"])) {
        println!("without dpkg the package is not installed");
        return Ok(());
    }
    install(package, &root)?;
    let about = run::output(run::command("dpkg-deb", ["--info"]).arg(package))?;
    for line in ["Package: rangepack", "Recommends: fuse3", "Maintainer: ", "Section: utils"] {
        ensure!(about.contains(line), "the package does not say {line}:\n{about}");
    }
    for (name, (shell, _)) in COMPLETIONS.into_iter().zip(SHELLS) {
        let script = root.join(name);
        ensure!(script.is_file(), "the package has no {name}");
        if run::succeeds(&mut run::command(shell, ["--version"])) {
            run::run(run::command(shell, ["-n"]).arg(script))?;
        }
    }
    let page = root.join("usr/share/man/man1/rangepack-pack.1.gz");
    let mut text = String::new();
    let file = File::open(&page).with_context(|| format!("no {}", page.display()))?;
    GzDecoder::new(file).read_to_string(&mut text)?;
    ensure!(text.contains(".TH"), "{} is no manual page", page.display());
    for name in ["copyright".to_owned(), format!("{}.gz", notices::NAME)] {
        let is_there = root.join("usr/share/doc/rangepack").join(&name).is_file();
        ensure!(is_there, "the package has no {name}");
    }
    trial::prepare(&home)?;
    trial::packs(&home, || {
        let mut command = run::command(root.join("usr/bin/rangepack"), [""; 0]);
        command.current_dir(&home);
        command
    })
}

/// By dpkg as root, which then knows of the package there; the files alone otherwise.
fn install(package: &Path, root: &Path) -> Result<()> {
    let known = root.join("var/lib/dpkg");
    fs::create_dir_all(known.join("updates"))?;
    if !trial::is_root() {
        return run::run(run::command("dpkg-deb", ["--extract"]).arg(package).arg(root));
    }
    fs::create_dir_all(known.join("info"))?;
    fs::write(known.join("status"), "")?;
    // Nothing that it depends on is there.
    let mut dpkg = run::command("dpkg", ["--force-depends", "--install"]);
    run::run(dpkg.arg(package).env("DPKG_ROOT", root))?;
    let mut asked = run::command("dpkg-query", ["--show", "--showformat=${db:Status-Status}"]);
    let status = asked.arg("--admindir").arg(&known).arg("rangepack");
    ensure!(run::output(status)? == "installed", "dpkg did not install it");
    Ok(())
}
