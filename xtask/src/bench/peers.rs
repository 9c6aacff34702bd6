//! The programs that Rangepack is timed beside.

use crate::{run, toolchain};
use anyhow::Result;
use std::collections::BTreeSet;
use std::process::Stdio;

/// A program, Debian's package that brings it, and what makes it say its version.
const PEERS: [(&str, &str, &[&str]); 16] = [
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
    ("fusermount3", "fuse3", &["-V"]),
    ("squashfuse_ll", "squashfuse", &["--help"]),
    ("fuse-archive", "fuse-archive", &["--version"]),
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

/// With what it says of its version, if it does; some say it on standard error, and fail.
fn version(program: &str, asking: &[&str]) -> String {
    let output = run::command(program, asking).stdin(Stdio::null()).output();
    let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    match number(&String::from_utf8_lossy(&said)) {
        Some(number) => format!("{program} {number}"),
        None => program.to_owned(),
    }
}

/// The first word that is a version: digits, a point, digits.
fn number(said: &str) -> Option<&str> {
    said.split(|c: char| c.is_whitespace() || "/,()".contains(c)).find_map(|word| {
        let word = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let number = word[..end].trim_end_matches('.');
        number.contains('.').then_some(number)
    })
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
    #[cfg(target_arch = "x86_64")]
    let hashes = std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(target_arch = "x86_64"))]
    let hashes = true;
    let lacks = if hashes { "" } else { ", without instructions for SHA-256" };
    let memory = after(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let gibibytes = (kilobytes / 1024.0 / 1024.0).round();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    Ok(format!("{cores} cores ({model}{lacks}), {gibibytes} GiB of memory, Linux {kernel}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("fio-3.33\n", Some("3.33")),
            ("tar (GNU tar) 1.34\nCopyright (C) 2021", Some("1.34")),
            ("Copyright (c) 1990-2008 Info-ZIP\nThis is Zip 3.0 (July 5th 2008)", Some("3.0")),
            ("*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", Some("1.5.4")),
            ("nginx version: nginx/1.22.1\n", Some("1.22.1")),
            ("mkfs.erofs 1.5", Some("1.5")),
            ("time (GNU Time) UNKNOWN. Copyright 2018.", None),
        ] {
            assert_eq!(number(said), version, "{said}");
        }
    }
}
