//! What the end-to-end tests share.

pub mod tree;
#[cfg(unix)]
pub mod home;
pub mod journal;
#[cfg(target_os = "linux")]
pub mod trace;
#[cfg(target_os = "linux")]
pub mod power;
#[cfg(target_os = "linux")]
pub mod jobs;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod shorten;
pub mod golden;
pub mod describe;
pub mod gzip;
pub mod frames;
pub mod forge;
pub mod leaf;
pub mod hostile;
pub mod archives;
pub mod server;

use std::path::{Path, PathBuf};

/// A file or folder of the tests crate.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The files in a folder of the tests crate that end in `suffix`, in order.
pub fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(file(folder))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}

/// The packs of all formats in a folder of the tests crate, in order, without what lies beside them.
pub fn packs(folder: &str) -> Vec<PathBuf> {
    let mut found = files(folder, ".pack");
    found.extend(files(folder, ".fpack"));
    found.extend(files(folder, ".container"));
    found.sort();
    found
}
