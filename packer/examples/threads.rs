//! Reads everything in a pack with many threads: `cargo run --example threads -- photos.pack 8`.

use rangepack::Pack;
use std::error::Error;
use std::io::{copy, sink};
use std::ops::Range;

/// The bytes in the files among some entries, which are known by their numbers.
fn read(pack: &Pack, entries: Range<u64>) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let mut bytes = 0;
    for entry in pack.entries_at(entries) {
        let entry = entry?;
        if entry.is_file() {
            bytes += copy(&mut pack.open_entry(&entry)?, &mut sink())?;
        }
    }
    Ok(bytes)
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let pack = Pack::open(arguments.next().ok_or("which pack?")?)?;
    let threads: u64 = arguments.next().ok_or("how many threads?")?.parse()?;

    let entries = pack.index().len();
    let workers: Vec<_> = (0..threads)
        .map(|number| {
            let share = entries * number / threads..entries * (number + 1) / threads;
            // A handle of its own, which costs nothing. (Scoped threads can borrow the pack.)
            let pack = pack.clone();
            std::thread::spawn(move || read(&pack, share))
        })
        .collect();
    let mut bytes = 0;
    for worker in workers {
        bytes += worker.join().expect("a worker does not panic")?;
    }
    println!("{bytes} bytes");
    Ok(())
}
