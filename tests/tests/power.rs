//! Power cuts at any moment, as a disk may live through them: what was durable stays, and the same command goes on.
//!
//! `RANGEPACK_STATES` says how many states are tried for each command.

use support::jobs::{Job, job, place};
use support::power::{Dice, cut, durable};
use support::trace::{Op, Trace, can_trace, record};

fn trace(job: &Job) -> (tempfile::TempDir, Trace) {
    let home = job.home();
    let trace = record(&mut job.child(home.path()), home.path(), "s-");
    (job.after)(home.path());
    (home, trace)
}

fn survives(name: &str) {
    if !can_trace() {
        return;
    }
    let job = job(name);
    let states = std::env::var("RANGEPACK_STATES").map_or(40, |states| states.parse().unwrap());
    let (home, trace) = trace(job);
    assert!(trace.ops.iter().any(|op| matches!(op, Op::Sync { .. })));
    for seed in 0..states {
        let mut dice = Dice::new(seed);
        let done = dice.below(trace.ops.len() as u64 + 1) as usize;
        let state = place();
        for source in ["s-source", "s-part"] {
            std::os::unix::fs::symlink(home.path().join(source), state.path().join(source))
                .unwrap();
        }
        cut(&trace, done, &mut dice, state.path());
        let lines = durable(&trace, done, "c.idx");
        let is_line = |line: &&[u8]| line.starts_with(b"{");
        let lines = lines.split(|byte| *byte == b'\n').filter(is_line).count() as u64;
        let what = format!("state {seed}, after {done} of {}", trace.ops.len());
        let known = job.goes_on(state, &what);
        assert!(!name.starts_with("create") || known >= lines, "{what}: {known} of {lines} lines");
    }
    println!("{name}: {states} states of {} calls", trace.ops.len());
}

support::for_each_job!(survives);
