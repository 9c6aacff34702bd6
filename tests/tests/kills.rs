//! Killed at any moment: what was durable stays, and the same command goes on.
//!
//! `RANGEPACK_KILLS` says how often each command is killed. When that happens is random, what comes of it is not.

use std::process::Stdio;
use std::time::{Duration, Instant};
use support::jobs::job;
use support::power::Dice;

fn survives(name: &str) {
    let job = job(name);
    let kills: u64 = std::env::var("RANGEPACK_KILLS").map_or(3, |kills| kills.parse().unwrap());
    let spawn = |home: &std::path::Path| {
        let mut child = job.child(home);
        child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let home = job.home();
    let begun = Instant::now();
    assert!(spawn(home.path()).wait().unwrap().success());
    let whole = begun.elapsed().as_micros() as u64;
    let mut dice = Dice::new(u64::from(std::process::id()));
    let (mut killed, mut runs) = (0, 0);
    // Some are over before.
    while killed < kills && runs < 5 * kills {
        runs += 1;
        let home = job.home();
        let mut child = spawn(home.path());
        std::thread::sleep(Duration::from_micros(dice.below(whole)));
        let _ = child.kill();
        killed += u64::from(!child.wait().unwrap().success());
        job.goes_on(home, "killed");
    }
    println!("{name}: {killed} kills of {runs} runs");
}

support::for_each_job!(survives);
