//! No read and no write does all that it was asked: what is written is the same.
//!
//! `RANGEPACK_RUNS` says how often each command is run that way.

use std::process::Stdio;
use support::jobs::job;
use support::power::Dice;
use support::shorten;

fn survives(name: &str) {
    let job = job(name);
    let runs = std::env::var("RANGEPACK_RUNS").map_or(2, |runs| runs.parse().unwrap());
    let mut calls = 0;
    for seed in 0..runs {
        let home = job.home();
        let mut child = job.child(home.path());
        child.stdin(Stdio::null()).stdout(Stdio::null());
        let Some(ended) = shorten::run(&mut child, &mut Dice::new(seed)) else {
            println!("no process may be watched here");
            return;
        };
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        assert!(ended.calls > 20, "{name}: {ended:?}");
        (job.after)(home.path());
        calls += ended.calls;
    }
    println!("{name}: {calls} shortened calls in {runs} runs");
}

support::for_each_job!(survives);
