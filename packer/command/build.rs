//! Says where the built viewer lies, which release builds embed, and builds the crate anew when it was
//! built: in the repository, or inside the published crate. Where neither has it, there is none.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let source = Path::new("../../web/viewer");
    // The repository's comes first: a copy that packaging left behind is never taken for it.
    let (folder, name) =
        if source.exists() { (source, "dist") } else { (Path::new("."), "viewer") };
    // Debug builds compare the paths of files with it, so it has to be plain before it is there.
    let site = fs::canonicalize(folder).unwrap_or(PathBuf::from("/nowhere")).join(name);
    println!("cargo::rustc-env=RANGEPACK_SITE={}", site.display());
    // A path that is missing would mean "always"; until the site is there, it is waited for above.
    let places = [folder.join(name), source.to_owned(), PathBuf::from("build.rs")];
    if let Some(watched) = places.iter().find(|place| place.exists()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
}
