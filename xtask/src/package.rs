//! Makes everything that is published, into `target/package`: crates, npm package, wheel, Debian package, a static
//! binary and the documentation as a book, with the check sums of all.

mod archive;
mod book;
mod command;
mod crates;
mod deb;
mod links;
mod npm;
mod place;
mod standalone;
mod sums;
mod trial;
mod wheel;

use self::place::Place;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// What `cargo xtask package` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Make only this part, and leave the others as they are (may be given several times)
    #[arg(long, value_name = "PART", value_parser = PARTS.map(|part| part.name))]
    only: Vec<String>,
    /// With `dev` nothing is optimised and no crate verified: into target/package-dev, for trials
    #[arg(long, value_name = "PROFILE", value_parser = ["release", "dev"], default_value = "release")]
    profile: String,
    /// Install each part in a clean place, and pack a tree with it
    #[arg(long = "try")]
    try_out: bool,
    /// List the parts and make none
    #[arg(long)]
    list: bool,
}

/// Something that is published.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    about: &'static str,
    make: fn(&Place) -> Result<Made>,
    /// Installs what was made in a clean place, and packs or reads a tree with it.
    try_out: fn(&Place, &[PathBuf]) -> Result<()>,
}

/// What became of a part.
enum Made {
    /// These files or folders, which lie in the place.
    Files(Vec<PathBuf>),
    /// With what this machine lacks.
    Skipped(String),
}

const PARTS: [Part; 6] = [
    Part {
        name: "crates",
        about: "the crates, as crates.io gets them",
        make: crates::make,
        try_out: crates::try_out,
    },
    Part {
        name: "npm",
        about: "the npm package, as npm gets it",
        make: npm::make,
        try_out: npm::try_out,
    },
    Part {
        name: "wheel",
        about: "the wheel and the source archive, as PyPI gets them",
        make: wheel::make,
        try_out: wheel::try_out,
    },
    Part { name: "deb", about: "a Debian package", make: deb::make, try_out: deb::try_out },
    Part {
        name: "static",
        about: "an archive with a command that needs no library",
        make: standalone::make,
        try_out: standalone::try_out,
    },
    Part {
        name: "book",
        about: "the documentation as a site; fails when a link in it leads nowhere",
        make: book::make,
        try_out: book::try_out,
    },
];

/// Makes the parts and shows what came of it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for part in &PARTS {
            println!("{:<10}  {}", part.name, part.about);
        }
        return Ok(());
    }
    let place = Place::new(arguments.profile == "dev")?;
    place.say_if_dirty();
    if arguments.only.is_empty() && place.out.exists() {
        fs::remove_dir_all(&place.out)?;
    }
    fs::create_dir_all(&place.out)?;
    let wanted = |part: &Part| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == part.name)
    };
    let mut skipped = Vec::new();
    for part in PARTS.into_iter().filter(wanted) {
        match made(part, &place)? {
            Made::Skipped(reason) => skipped.push(format!("{}: {reason}", part.name)),
            Made::Files(files) if arguments.try_out => tried(part, &place, &files)?,
            Made::Files(_) => {}
        }
    }
    sums::write(&place.out)?;
    println!("\nin {}:", place.out.display());
    sums::list(&place.out)?;
    if !arguments.only.is_empty() || skipped.is_empty() {
        return Ok(());
    }
    // What is incomplete is told, not failed: it may be all that this machine can make.
    println!("\nNOT MADE:");
    skipped.iter().for_each(|line| println!("  {line}"));
    Ok(())
}

/// The step of the tests: makes all of it without optimisation, and tries each.
pub(crate) fn check() -> Result<Outcome> {
    let place = Place::new(true)?;
    if place.out.exists() {
        fs::remove_dir_all(&place.out)?;
    }
    fs::create_dir_all(&place.out)?;
    let mut skipped = Vec::new();
    for part in PARTS {
        match made(part, &place)? {
            Made::Skipped(reason) => skipped.push(format!("{}: {reason}", part.name)),
            Made::Files(files) => tried(part, &place, &files)?,
        }
    }
    sums::write(&place.out)?;
    sums::check(&place.out)?;
    if skipped.len() == PARTS.len() {
        return Ok(Outcome::Skipped(skipped.join("; ")));
    }
    skipped.iter().for_each(|line| println!("-- SKIPPED: {line}"));
    Ok(Outcome::Passed)
}

fn made(part: Part, place: &Place) -> Result<Made> {
    println!("\n-- {}: {}", part.name, part.about);
    let start = Instant::now();
    let made = (part.make)(place).with_context(|| format!("the part {}", part.name))?;
    match &made {
        Made::Skipped(reason) => println!("-- {}: SKIPPED: {reason}", part.name),
        Made::Files(files) => {
            if let Some(missing) = files.iter().find(|file| !file.exists()) {
                bail!("{} was to be made", missing.display());
            }
            println!("-- {}: made in {:.1} s", part.name, start.elapsed().as_secs_f64());
        }
    }
    Ok(made)
}

fn tried(part: Part, place: &Place, files: &[PathBuf]) -> Result<()> {
    let start = Instant::now();
    (part.try_out)(place, files)
        .with_context(|| format!("{} was made, and does not do", part.name))?;
    println!("-- {}: tried in {:.1} s", part.name, start.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_once() {
        let mut names = PARTS.map(|part| part.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
