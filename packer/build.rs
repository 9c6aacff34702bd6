//! Builds the crate anew when the viewer was built, which is embedded in release builds.

use std::path::Path;

fn main() {
    // A path that is missing would mean "always"; until the site is there, it is waited for above.
    let places = ["../web/viewer/dist", "../web/viewer", "build.rs"];
    let watched = places.into_iter().find(|place| Path::new(place).exists());
    println!("cargo::rerun-if-changed={}", watched.unwrap_or("build.rs"));
}
