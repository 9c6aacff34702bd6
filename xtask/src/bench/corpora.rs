//! The trees that are packed: made once, below `target/bench/corpora`.

use crate::run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What npm brings, as of a day, so that it is the same each time.
const NPM: [&str; 11] = [
    "react-scripts",
    "@angular/cli",
    "typescript",
    "webpack",
    "eslint",
    "jest",
    "@mui/material",
    "@mui/icons-material",
    "lodash",
    "rxjs",
    "date-fns",
];
const NPM_DAY: &str = "2026-06-01";
/// For quick runs: some 4 000 files.
const NPM_QUICK: [&str; 3] = ["lodash", "rxjs", "date-fns"];

/// Files of a directory.
const DIRECTORY: usize = 1000;

/// Where they lie, and how much there is to be in them.
#[derive(Debug)]
pub(crate) struct Corpora {
    folder: PathBuf,
    quick: bool,
}

impl Corpora {
    pub(crate) fn new(folder: PathBuf, quick: bool) -> Corpora {
        Corpora { folder, quick }
    }

    fn scaled(&self, count: usize) -> usize {
        if self.quick { count / 20 } else { count }
    }

    /// 200 directories of 1000 files, each of 4 KiB that do not compress and do not repeat.
    pub(crate) fn equal(&self) -> Result<PathBuf> {
        let mut random = Random::new();
        self.files("equal", "bin", self.scaled(200_000), |_| random.bytes(4096))
    }

    /// 40 000 files of 16 bytes to 256 KiB: as many in each octave.
    pub(crate) fn mixed(&self) -> Result<PathBuf> {
        let mut random = Random::new();
        self.files("mixed", "bin", self.scaled(40_000), |_| {
            let length = 2f64.powf(4.0 + 14.0 * random.fraction());
            random.bytes(length as usize)
        })
    }

    /// 100 000 JSON records of 300 to 600 bytes.
    pub(crate) fn records(&self) -> Result<PathBuf> {
        let mut random = Random::new();
        self.files("records", "json", self.scaled(100_000), |number| {
            record(number, &mut random).into()
        })
    }

    /// Small files, of which one in 500 is not empty: what only numbers cost.
    pub(crate) fn many(&self, count: usize) -> Result<PathBuf> {
        self.files(&format!("many-{count}"), "bin", count, |number| {
            if number % 500 == 250 { number.to_string().into() } else { Vec::new() }
        })
    }

    /// What npm installs for a large application.
    pub(crate) fn npm(&self) -> Result<PathBuf> {
        let name = if self.quick { "npm-quick" } else { "npm" };
        self.once(name, |tree| {
            fs::create_dir_all(tree)?;
            fs::write(tree.join("package.json"), r#"{"private":true}"#)?;
            let arguments = [
                "install",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--legacy-peer-deps",
                "--no-package-lock",
                "--before",
                NPM_DAY,
            ];
            let mut npm = run::command("npm", arguments);
            npm.args(if self.quick { &NPM_QUICK[..] } else { &NPM[..] });
            run::run(npm.current_dir(tree)).context("the npm tree takes Node and the network")
        })
    }

    /// Any other tree, made once.
    pub(crate) fn once(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let tree = self.folder.join(name);
        // Written last, so that an interrupted run begins anew.
        let complete = self.folder.join(format!("{name}.complete"));
        if !complete.exists() {
            println!("making {}", tree.display());
            super::measure::remove(&tree)?;
            fs::create_dir_all(&self.folder)?;
            make(&tree)?;
            fs::write(&complete, "")?;
        }
        Ok(tree)
    }

    fn files(
        &self,
        name: &str,
        ending: &str,
        count: usize,
        mut content: impl FnMut(usize) -> Vec<u8>,
    ) -> Result<PathBuf> {
        let name = if self.quick { format!("{name}-quick") } else { name.to_owned() };
        self.once(&name, |tree| {
            for number in 0..count {
                let directory = tree.join(format!("d{:05}", number / DIRECTORY));
                if number % DIRECTORY == 0 {
                    fs::create_dir_all(&directory)?;
                }
                fs::write(directory.join(format!("f{number:08}.{ending}")), content(number))?;
            }
            Ok(())
        })
    }
}

/// Files and bytes in a tree.
pub(crate) fn counted(tree: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(tree)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let (more, longer) = counted(&entry.path())?;
            (files, bytes) = (files + more, bytes + longer);
        } else if metadata.is_file() {
            (files, bytes) = (files + 1, bytes + metadata.len());
        }
    }
    Ok((files, bytes))
}

/// As a service would log it: names that are always there, values that are not.
fn record(number: usize, random: &mut Random) -> String {
    const KINDS: [&str; 6] = ["view", "search", "order", "refund", "login", "upload"];
    const CITIES: [&str; 8] =
        ["Lisbon", "Osaka", "Quito", "Tallinn", "Accra", "Montréal", "Perth", "Leipzig"];
    const WORDS: [&str; 16] = [
        "late", "parcel", "window", "blue", "size", "again", "garden", "cable", "please", "never",
        "second", "paper", "morning", "box", "green", "answer",
    ];
    let mut one = |of: &[&'static str]| of[random.below(of.len())];
    let (kind, city) = (one(&KINDS), one(&CITIES));
    let note: Vec<&str> = (0..22 + number % 40).map(|_| one(&WORDS)).collect();
    let (user, price, digest) = (random.below(1 << 30), random.below(100_000), random.bytes(8));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{{\"id\":{number},\"kind\":\"{kind}\",\"user\":{{\"id\":{user},\"city\":\"{city}\",\"verified\":{}}},\
         \"time\":\"2026-03-{:02}T{:02}:{:02}:{:02}Z\",\"price\":{}.{:02},\"currency\":\"EUR\",\
         \"session\":\"{digest}\",\"items\":[{},{}],\"note\":\"{}\"}}\n",
        user % 3 == 0,
        1 + number % 28,
        user % 24,
        user % 60,
        price % 60,
        price / 100,
        price % 100,
        user % 5000,
        price % 5000,
        note.join(" ")
    )
}

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn new() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes());
        words.take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_long_as_they_are_said_to_be() {
        let mut random = Random::new();
        for number in 0..2000 {
            let record = record(number, &mut random);
            assert!((280..=620).contains(&record.len()), "{}: {record}", record.len());
            serde_json::from_str::<serde_json::Value>(&record).unwrap();
        }
    }

    #[test]
    fn a_tree_is_made_once_and_anew_after_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let corpora = Corpora::new(folder.path().to_owned(), true);
        let mut made = 0;
        let fails = corpora.once("tree", |tree| {
            fs::create_dir(tree)?;
            fs::write(tree.join("half"), "")?;
            anyhow::bail!("interrupted")
        });
        assert!(fails.is_err());
        for _ in 0..2 {
            let tree = corpora.once("tree", |tree| {
                made += 1;
                fs::create_dir(tree)?;
                Ok(fs::write(tree.join("whole"), "four")?)
            });
            assert_eq!(counted(&tree.unwrap()).unwrap(), (1, 4));
        }
        assert_eq!(made, 1);
    }
}
