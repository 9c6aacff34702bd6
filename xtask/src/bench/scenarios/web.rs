//! The npm package: the module by itself, and beside readers of other archives.

use crate::bench::Bench;
use crate::bench::measure::timed;
use crate::bench::results::{Bound, Contest, Measured, Role, Section, Unit};
use crate::{node, run, wasm};
use anyhow::Result;
use serde::Deserialize;

const EACH: &str = "one fetch for each file";

/// What `web/bench/module.js` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    lookups: Vec<f64>,
    read_many: Vec<f64>,
    fetch_each: Vec<f64>,
    module: f64,
}

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Node. Look-ups by path when all pages are here; 10 000 files of 4 KiB by `readMany` over the loopback, beside a `fetch` of each from the \
         same server, 32 at a time. `web/bench/bench.js`: what it takes to open an archive on a server that takes 50 ms for each answer, and to read one \
         file.",
    );
    if let Err(error) = node::install().and_then(|()| wasm::run(&wasm::Arguments::default())) {
        section.missing.push(format!("all of it: {error:#}"));
        return Ok(section);
    }
    let pack = bench.scratch.join("served.pack");
    let mut packing = bench.rangepack(&[&"pack", &"-q", &"-C", &bench.corpora.equal()?]);
    packing.args((0..10).map(|number| format!("d{number:05}"))).arg(&pack);
    timed(packing.args(["--index-format", "paged"]))?;
    let rounds = bench.rounds.to_string();
    let mut module = node::npm(["run", "--silent", "module", "--workspace", "bench", "--"]);
    let printed: Printed = serde_json::from_str(&run::output(module.arg(&pack).arg(rounds))?)?;
    let measured = |name: &str, role, values| Measured { name: name.to_owned(), role, values };
    let lookups = Contest {
        title: "look-ups in WebAssembly, 10 000 entries, pages at hand".to_owned(),
        unit: Unit::PerSecond,
        measured: vec![measured("pack.stat", Role::Own, printed.lookups)],
    };
    let reads = Contest {
        title: "files of 4 KiB over the loopback".to_owned(),
        unit: Unit::PerSecond,
        measured: vec![
            measured("readMany", Role::Own, printed.read_many),
            measured(EACH, Role::Peer, printed.fetch_each),
        ],
    };
    let rate = lookups.measured.first().map_or(f64::NAN, Measured::median);
    section.aim("look-ups a second in WebAssembly", rate, Bound::AtLeast(300_000.0));
    if let Some(ratio) = reads.ratio(EACH) {
        section.aim("readMany / one fetch each", ratio, Bound::AtLeast(3.0));
    }
    section.aim("the module, kB by gzip", printed.module / 1000.0, Bound::AtMost(80.0));
    section.contests.extend([lookups, reads]);

    let folder = bench.home.join("web");
    let mut others = node::npm(["run", "--silent", "bench", "--workspace", "bench", "--"]);
    others
        .args(["--runs", &bench.rounds.to_string()])
        .arg("--folder")
        .arg(folder)
        .arg("--rangepack")
        .arg(&bench.program);
    let counts = ["1000", "100000", "1000000"];
    others.args(
        &counts[..if bench.quick {
            1
        } else if bench.large {
            3
        } else {
            2
        }],
    );
    section.printed.push(run::output(&mut others)?);
    Ok(section)
}
