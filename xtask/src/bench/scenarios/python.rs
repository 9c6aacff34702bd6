//! Reading in Python, beside its peers.

use crate::bench::Bench;
use crate::bench::results::Section;
use crate::python;
use anyhow::Result;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "`python/bench/reads.py`: the package beside the file system, LMDB, ArrayRecord and WebDataset, in turn.",
    );
    let (files, home) = (bench.scaled(200_000), bench.home.join("python"));
    match python::bench(&home.join(files.to_string()), files, bench.rounds) {
        Ok(printed) => {
            println!("{printed}");
            section.printed.push(printed);
        }
        Err(error) => section.missing.push(format!("all of it: {error:#}")),
    }
    Ok(section)
}
