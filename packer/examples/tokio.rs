//! Inside of an asynchronous program: `cargo run --example tokio -- sample.pack animals.csv gradient.png`.
//!
//! The library waits for disks and networks in the thread that asks, so it is asked in one that may wait. A pack is a
//! handle and files own theirs, so both move there and back.

use rangepack::{File, Pack, Result};
use std::error::Error;
use std::io::{self, Read};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Any question to a pack, away from the threads that must not wait.
async fn ask<T: Send + 'static>(
    pack: &Pack,
    question: impl FnOnce(&Pack) -> Result<T> + Send + 'static,
) -> Result<T> {
    let pack = pack.clone();
    spawn_blocking(move || question(&pack)).await.expect("the question does not panic")
}

/// A file as a stream of chunks. Nothing is read ahead of who takes them, and dropping the receiver ends it.
fn chunks(mut file: File) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(2);
    spawn_blocking(move || {
        loop {
            let mut chunk = Vec::new();
            let read = (&mut file).take(64 << 10).read_to_end(&mut chunk);
            let goes_on = matches!(read, Ok(len) if len > 0);
            // Empty at the end, and then `None` comes.
            if sender.blocking_send(read.map(|_| chunk)).is_err() || !goes_on {
                return;
            }
        }
    });
    receiver
}

async fn count(pack: &Pack, path: String) -> std::result::Result<u64, Box<dyn Error>> {
    let mut chunks = chunks(ask(pack, move |pack| pack.open_file(path)).await?);
    let mut bytes = 0;
    while let Some(chunk) = chunks.recv().await {
        bytes += chunk?.len() as u64;
    }
    Ok(bytes)
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let pack = arguments.next().ok_or("which pack?")?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let pack = spawn_blocking(|| Pack::open(pack)).await??;
        for path in arguments {
            println!("{path}: {} bytes", count(&pack, path.clone()).await?);
        }
        Ok(())
    })
}
