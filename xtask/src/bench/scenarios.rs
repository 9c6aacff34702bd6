//! What is measured, by the name that `cargo xtask bench` takes.

mod pack;
mod cold;
mod reads;
mod compress;
mod extract;
mod verify;
mod create;
mod scale;
mod remote;
mod serve;
mod mount;
mod python;
mod web;

use super::Bench;
use super::results::Section;
use anyhow::Result;

/// A section of the page.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(super) run: fn(&Bench) -> Result<Section>,
}

/// In the order of the page.
pub(crate) const SCENARIOS: [Scenario; 13] = [
    Scenario { name: "pack", title: "Packing, warm", run: pack::run },
    Scenario { name: "cold", title: "Packing, with cold caches", run: cold::run },
    Scenario { name: "compress", title: "Packing, compressed", run: compress::run },
    Scenario { name: "extract", title: "Extracting", run: extract::run },
    Scenario { name: "verify", title: "Verifying", run: verify::run },
    Scenario { name: "create", title: "Containers that go on", run: create::run },
    Scenario { name: "reads", title: "Random reads", run: reads::run },
    Scenario { name: "remote", title: "Remote packs", run: remote::run },
    Scenario { name: "serve", title: "Serving", run: serve::run },
    Scenario { name: "mount", title: "As a directory", run: mount::run },
    Scenario { name: "python", title: "In Python", run: python::run },
    Scenario { name: "web", title: "In JavaScript", run: web::run },
    Scenario { name: "scale", title: "How cost grows", run: scale::run },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_files_and_stand_once() {
        let mut names = SCENARIOS.map(|scenario| scenario.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
