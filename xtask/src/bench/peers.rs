//! The programs that Rangepack is timed beside.

use crate::{run, toolchain};
use anyhow::Result;
use std::collections::BTreeSet;
use std::process::Stdio;

/// A program, Debian's package that brings it, and what makes it say its version.
const PEERS: [(&str, &str, &[&str]); 13] = [
    ("tar", "tar", &["--version"]),
    ("bsdtar", "libarchive-tools", &["--version"]),
    ("mksquashfs", "squashfs-tools", &["-version"]),
    ("mkfs.erofs", "erofs-utils", &["-V"]),
    ("zip", "zip", &["-v"]),
    ("unzip", "unzip", &["-v"]),
    ("pigz", "pigz", &["--version"]),
    ("zstd", "zstd", &["--version"]),
    ("python3", "python3", &["--version"]),
    ("fio", "fio", &["--version"]),
    ("nginx", "nginx-light", &["-v"]),
    ("wrk", "wrk", &["-v"]),
    ("time", "time", &["--version"]),
];

/// mksquashfs as a plain archiver. Among files of one size it looks for duplicates one by one, which takes minutes.
pub(crate) const SQUASHFS: [&str; 7] =
    ["-noI", "-noD", "-noF", "-noX", "-no-duplicates", "-no-progress", "-quiet"];

/// Which of them are here.
#[derive(Debug)]
pub(crate) struct Peers {
    here: BTreeSet<&'static str>,
    /// What they say of themselves.
    pub(crate) versions: Vec<String>,
    /// What is not here, and what would bring it.
    pub(crate) missing: Vec<String>,
}

impl Peers {
    /// Installs what is missing where that is possible, and goes on without the rest.
    pub(crate) fn need() -> Peers {
        let mut peers = Peers { here: BTreeSet::new(), versions: Vec::new(), missing: Vec::new() };
        for (program, package, asking) in PEERS {
            match toolchain::need_program(program, package) {
                Ok(()) => {
                    peers.here.insert(program);
                    peers.versions.push(version(program, asking));
                }
                Err(error) => {
                    println!("{error:#}: what takes it is left out");
                    peers.missing.push(format!("{program} (Debian: {package})"));
                }
            }
        }
        peers
    }

    pub(crate) fn has(&self, program: &str) -> bool {
        self.here.contains(program)
    }
}

/// The first line with a digit; some say it on standard error, and fail.
fn version(program: &str, asking: &[&str]) -> String {
    let output = run::command(program, asking).stdin(Stdio::null()).output();
    let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let told = |line: &&str| line.contains(|c: char| c.is_ascii_digit());
    let line = said.lines().find(told).unwrap_or_default().trim();
    let number = line.split([' ', '/', ',']).find(|word| {
        let word = word.trim_start_matches(['v', 'V']);
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
    });
    format!("{program} {}", number.unwrap_or(line).trim_start_matches('v'))
}

/// The machine, in one line.
pub(crate) fn machine() -> Result<String> {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism()?;
    let model = after(&read("/proc/cpuinfo"), "model name").unwrap_or_default();
    let memory = after(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let gibibytes = (kilobytes / 1024.0 / 1024.0).round();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    Ok(format!("{cores} cores ({model}), {gibibytes} GiB of memory, Linux {kernel}"))
}
