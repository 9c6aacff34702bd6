//! The system refuses something, at each call in turn; or the process is killed there. What was durable stays, and the
//! same command goes on.
//!
//! `RANGEPACK_FAULTS` says how many faults of each kind are tried for each command, spread over its calls.

use std::path::Path;
use std::process::{Command, Stdio};
use support::jobs::{Job, job, not_extracted};
use support::trace::can_trace;

/// Which calls fail, and how.
const FAULTS: &[(&str, &str)] = &[
    ("write,pwrite64", "error=ENOSPC"),
    ("write,pwrite64", "error=EIO"),
    ("write,pwrite64", "error=EINTR"),
    ("write,pwrite64", "signal=KILL"),
    ("fsync,fdatasync", "error=EIO"),
    ("fsync,fdatasync", "error=ENOSPC"),
    ("fsync,fdatasync", "signal=KILL"),
    ("ftruncate", "error=EIO"),
    ("ftruncate", "signal=KILL"),
    ("read,pread64", "error=EIO"),
    ("read,pread64", "error=EINTR"),
    ("close", "error=EDQUOT"),
    ("close", "signal=KILL"),
    ("openat", "error=EMFILE"),
    ("openat", "signal=KILL"),
    ("linkat,rename,renameat2,unlink,unlinkat,mkdirat", "error=EIO"),
    ("linkat,rename,renameat2,unlink,unlinkat,mkdirat", "signal=KILL"),
    ("flock", "error=EINTR"),
    ("flock", "error=ENOLCK"),
];

/// Calls that speak of these files fail.
const FILES: &[&str] =
    &["", "c", "c.idx", "c.grow", "out", "out/large", "out/d", "s-source/large", "s-source/01"];

/// Runs the job in `home`; its `number`th call of these fails. Whether any did, and whether the job ended well.
fn run(job: &Job, home: &Path, calls: &str, fault: &str, number: u64) -> (bool, bool) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let child = job.child(home);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o"]).arg(log.path());
    // Only what concerns these files: everything else of a process would fail first. A file in the making has no name,
    // and is all that is written then.
    let is_making =
        job.name.starts_with("pack") && (calls.contains("write") || calls.contains("sync"));
    let names: &[&str] = if is_making { &[] } else { FILES };
    for name in names {
        traced.arg("-P").arg(home.join(name));
    }
    traced.args(["-e", &format!("trace={calls}")]);
    traced.args(["-e", &format!("inject={calls}:{fault}:when={number}")]);
    traced.arg(child.get_program()).args(child.get_args());
    for (key, value) in child.get_envs() {
        traced.env(key, value.unwrap());
    }
    let output = traced.stdin(Stdio::null()).output().expect("strace is needed");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    let log = std::fs::read_to_string(log.path()).unwrap();
    let happened = log.contains("(INJECTED)") || log.contains("killed by SIGKILL");
    (happened, output.status.success())
}

fn survives(name: &str) {
    if !can_trace() {
        return;
    }
    let job = job(name);
    let most = std::env::var("RANGEPACK_FAULTS").map_or(2, |most| most.parse().unwrap());
    let (mut points, mut failures) = (0, 0);
    for (calls, fault) in FAULTS {
        // How many calls there are is found out by letting ever later ones fail.
        let (mut number, mut step) = (1, 1);
        for tried in 0..most {
            let home = job.home();
            let (happened, well) = run(job, home.path(), calls, fault, number);
            if !happened {
                break;
            }
            points += 1;
            failures += u64::from(!well);
            job.goes_on(home, &format!("{fault} at call {number} of {calls}"));
            step = if most <= 8 { step * 3 } else { 1 + tried / 40 };
            number += step;
        }
    }
    println!("{name}: {points} faults, {failures} of which it could not bear");
    assert!(points > 5 && failures > 0);
}

/// What cannot be read together with others is read once more, alone: no call concerns more than one file for good.
#[test]
fn a_read_that_fails_concerns_no_other_file() {
    if !can_trace() {
        return;
    }
    let job = job("extract --fsync");
    let mut calls = 0;
    for number in 1.. {
        let home = job.home();
        let (happened, well) = run(job, home.path(), "read,pread64", "error=EIO", number);
        if !happened {
            break;
        }
        calls += 1;
        (job.at_once)(home.path());
        let lost = not_extracted(home.path());
        assert!(lost.len() <= 1, "call {number}: {lost:?}");
        assert_eq!(well, lost.is_empty(), "call {number}: {lost:?}");
    }
    assert!(calls > 1);
}

support::for_each_job!(survives);
