//! A thousand clients at once.

use super::client::Client;
use super::{Server, home, numbers};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

const CLIENTS: usize = 1000;
/// At least and at most. How many clients are served at the same moment differs from one round to the next, and so does
/// the most memory that was ever needed; there is an end to that, other than to what is lost with each request.
const ROUNDS: [usize; 2] = [3, 20];
const REQUESTS: usize = 10;

/// What a process holds in memory of its own, in bytes; mapped files are not counted.
#[cfg(target_os = "linux")]
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Every client keeps its connection and reads ranges of the pack, of a file stored as it is, and of a
/// compressed one, all different.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_readers_at_once() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).unwrap();

    let home = home();
    let raw = Arc::new(fs::read(home.path().join("a.pack")).unwrap());
    let (numbers, lines) =
        (Arc::new(numbers(500_000)), Arc::new("the same line\n".repeat(100_000).into_bytes()));
    let sources = [
        ("/a.pack", raw),
        ("/a.pack/files/numbers.bin", Arc::clone(&numbers)),
        ("/c.pack/files/lines.log", lines),
        ("/c.pack/files/numbers.bin", numbers),
    ];
    // Clients wait for the slowest of them between the rounds.
    let arguments = ["a.pack", "c.pack", "--no-log", "--header-timeout", "600"];
    let server = Server::start(home.path(), &arguments);
    let process = server.child.id();
    let barrier = Arc::new(Barrier::new(CLIENTS + 1));
    let settled = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (barrier, address, sources) =
                (Arc::clone(&barrier), server.address.clone(), sources.clone());
            let settled = Arc::clone(&settled);
            let read = move || {
                let mut client = Client::new(&address);
                // All are connected before anyone asks.
                barrier.wait();
                for round in 0..ROUNDS[1] {
                    for request in 0..REQUESTS {
                        let turn = (round * REQUESTS + request) * CLIENTS + number;
                        let (path, bytes) = &sources[turn % sources.len()];
                        let len = 1 + turn * 7919 % 40_000;
                        let start = turn * 104_729 % (bytes.len() - len);
                        let range = format!("bytes={start}-{}", start + len - 1);
                        let answer = client.get(path, &[("range", &range)]);
                        assert_eq!(answer.status, 206, "{path} {range}");
                        assert!(answer.body == bytes[start..start + len], "{path} {range}");
                    }
                    // Memory is looked at between the rounds.
                    barrier.wait();
                    barrier.wait();
                    if settled.load(Ordering::Relaxed) {
                        break;
                    }
                }
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap()
        })
        .collect();
    barrier.wait();
    let mut used = Vec::new();
    while used.len() < ROUNDS[1] && !settled.load(Ordering::Relaxed) {
        barrier.wait();
        let now = memory(process);
        let most = used.iter().copied().max().unwrap_or(0);
        used.push(now);
        settled.store(used.len() >= ROUNDS[0] && now <= most + (1 << 20), Ordering::Relaxed);
        barrier.wait();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    let requests = CLIENTS * used.len() * REQUESTS;
    println!("{requests} requests; memory after each round: {used:?}");
    assert!(used.iter().all(|used| *used < 300 << 20), "{used:?}");
    assert!(settled.load(Ordering::Relaxed), "memory grows: {used:?}");
}
