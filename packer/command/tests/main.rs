//! The command, run as users run it. One program, as each takes longer to link than to run.
#![allow(clippy::unwrap_used, missing_docs, reason = "a panic in a test is a failed test")]

mod common;

#[cfg(all(unix, feature = "archives"))]
mod archives;
#[cfg(unix)]
mod cluster;
mod command;
#[cfg(unix)]
mod documents;
mod extract;
#[cfg(all(unix, feature = "remote"))]
mod google;
mod grow;
#[cfg(all(unix, feature = "archives"))]
mod in_place;
mod merge;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod mount;
mod pack;
mod questions;
#[cfg(feature = "serve")]
mod serve;
#[cfg(all(unix, feature = "remote"))]
mod servers;
