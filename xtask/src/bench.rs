//! Times packing against GNU tar, in turn, and random look-ups; reading in Python beside its peers. Prints what it measured.

use crate::{demo, python, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What `cargo xtask bench` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to time
    #[arg(value_enum, default_value_t = What::Packing)]
    what: What,
    /// The tree to pack [default: 200 000 files of 4 KiB, made below target/bench]
    #[arg(long)]
    tree: Option<PathBuf>,
    /// How many pairs are timed, after one that is not counted
    #[arg(long, default_value_t = 5)]
    pairs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Packing beside GNU tar, and random look-ups
    Packing,
    /// Reading in Python beside the file system, LMDB, ArrayRecord and WebDataset
    Python,
}

/// Times what is asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.what {
        What::Packing => packing(arguments),
        What::Python => python::bench(&run::target_folder()?.join("bench/python"), arguments.pairs),
    }
}

/// Times both, A B A B, and look-ups in the last pack.
fn packing(arguments: &Arguments) -> Result<()> {
    let program = demo::build()?;
    let folder = run::target_folder()?.join("bench");
    fs::create_dir_all(&folder)?;
    let tree = match &arguments.tree {
        Some(tree) => {
            fs::canonicalize(tree).with_context(|| format!("no tree {}", tree.display()))?
        }
        None => generated(&folder.join("tree"))?,
    };
    let (pack, tar) = (folder.join("bench.pack"), folder.join("bench.tar"));
    let mut ratios = Vec::new();
    let (mut packing, mut archiving) = (Vec::new(), Vec::new());
    for pair in 0..=arguments.pairs {
        let packed =
            time(&pack, Command::new(&program).args(["pack", "-q"]).arg(&tree).arg(&pack))?;
        let archived =
            time(&tar, Command::new("tar").arg("cf").arg(&tar).arg("-C").arg(&tree).arg("."))?;
        // The first pair warms the cache.
        if pair > 0 {
            println!(
                "pair {pair}: pack {packed:.2} s, tar {archived:.2} s, ratio {:.2}",
                packed / archived
            );
            packing.push(packed);
            archiving.push(archived);
            ratios.push(packed / archived);
        }
    }
    let (packed, archived, ratio) = (median(packing), median(archiving), median(ratios));
    println!("median: pack {packed:.2} s, tar {archived:.2} s, ratio {ratio:.2}");
    fs::remove_file(&tar)?;
    let lookups = [
        "run",
        "--release",
        "--quiet",
        "--locked",
        "--package",
        "rangepack-tests",
        "--bin",
        "lookups",
    ];
    run::run(run::cargo(lookups).arg("--").arg(&pack))
}

/// Seconds that a command takes to make `output`, which is removed first.
fn time(output: &Path, command: &mut Command) -> Result<f64> {
    if output.exists() {
        fs::remove_file(output)?;
    }
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() {
        bail!("`{}` failed ({status})", run::shown(command));
    }
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// 200 directories of 1000 files, each of 4 KiB that do not compress and do not repeat.
fn generated(tree: &Path) -> Result<PathBuf> {
    // Written last, so that an interrupted run begins anew.
    let complete = tree.with_extension("complete");
    if !complete.exists() {
        println!("making 200 000 files in {}", tree.display());
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut content = vec![0u8; 4096];
        for directory in 0..200 {
            let directory = tree.join(format!("d{directory:03}"));
            fs::create_dir_all(&directory)?;
            for file in 0..1000 {
                for word in content.chunks_exact_mut(8) {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    word.copy_from_slice(&state.to_le_bytes());
                }
                fs::write(directory.join(format!("f{file:04}.bin")), &content)?;
            }
        }
        fs::write(&complete, "")?;
    }
    Ok(tree.to_owned())
}
