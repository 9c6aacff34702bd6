//! A thousand clients at once.

use super::client::Client;
use super::{Server, home, numbers};
use std::fs;
use std::sync::{Arc, Barrier};
use std::time::Instant;

const CLIENTS: usize = 1000;
const ROUNDS: usize = 3;
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
    let server = Server::start(home.path(), &["a.pack", "c.pack", "--no-log"]);
    let process = server.child.id();
    let barrier = Arc::new(Barrier::new(CLIENTS + 1));
    let since = Instant::now();
    let readers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (barrier, address, sources) =
                (Arc::clone(&barrier), server.address.clone(), sources.clone());
            let read = move || {
                let mut client = Client::new(&address);
                // All are connected before anyone asks.
                barrier.wait();
                for round in 0..ROUNDS {
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
                }
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap()
        })
        .collect();
    barrier.wait();
    let mut used = Vec::new();
    for _ in 0..ROUNDS {
        barrier.wait();
        used.push(memory(process));
        barrier.wait();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    let seconds = since.elapsed().as_secs_f64();
    let requests = CLIENTS * ROUNDS * REQUESTS;
    println!("{requests} requests in {seconds:.1} s; memory after each round: {used:?}");
    let (first, last) = (used[0], used[ROUNDS - 1]);
    assert!(last < 300 << 20, "{used:?}");
    assert!(last < first + first / 4 + (16 << 20), "memory grows: {used:?}");
}
