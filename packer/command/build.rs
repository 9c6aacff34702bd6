//! Says where the built viewer lies, which release builds embed, and builds the crate anew when it was
//! built. Where there is no source of the viewer, as in a published crate, there is none.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let viewer = Path::new("../../web/viewer");
    // Debug builds compare the paths of files with it, so it has to be plain before it is there.
    let site = fs::canonicalize(viewer).unwrap_or(PathBuf::from("/nowhere")).join("dist");
    println!("cargo::rustc-env=RANGEPACK_SITE={}", site.display());
    // A path that is missing would mean "always"; until the site is there, it is waited for above.
    let places = [viewer.join("dist"), viewer.to_owned(), PathBuf::from("build.rs")];
    if let Some(watched) = places.iter().find(|place| place.exists()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
}
