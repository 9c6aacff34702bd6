//! End-to-end tests, in one program: each links the whole library, which takes longer than most of them run.

#[cfg(unix)]
mod attributes;
#[cfg(unix)]
mod compat;
mod counts;
#[cfg(unix)]
mod create;
mod examples;
#[cfg(target_os = "linux")]
mod faults;
mod golden;
mod grow;
mod hostile;
mod hostile_archives;
mod in_place;
#[cfg(unix)]
mod kill;
#[cfg(target_os = "linux")]
mod kills;
#[cfg(unix)]
mod links;
#[cfg(unix)]
mod many;
mod merge;
mod merge_copy;
#[cfg(unix)]
mod model;
#[cfg(unix)]
mod never_lost;
#[cfg(unix)]
mod no_room;
#[cfg(unix)]
mod pack;
#[cfg(target_os = "linux")]
mod power;
mod recover;
mod reindex;
mod remote;
mod second_reader;
mod seed_formats;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod short_calls;
mod whole_remote;
mod zstd;

/// Not a test by itself: the process that is watched, killed, or refused something.
#[cfg(target_os = "linux")]
#[test]
fn child() {
    support::jobs::child();
}

/// A file that nobody names would be passed over in silence.
#[test]
fn every_file_here_is_a_module() {
    for file in std::fs::read_dir(support::file("tests")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let module = format!("\nmod {};\n", name.trim_end_matches(".rs"));
        assert!(name == "main.rs" || include_str!("main.rs").contains(&module), "{name}");
    }
}
