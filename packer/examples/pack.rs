//! Packs a tree, tells how far it is, and stops when that becomes too much: `cargo run --example pack -- photos photos.pack 1000000`.

use rangepack::{Compression, Event, Kind, Observer, PackOptions, pack};
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Several threads may tell it at once, so what it counts is atomic.
struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    most: u64,
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Packed { entry, .. } => {
                let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
                if let Kind::File(content) = &entry.kind {
                    self.bytes.fetch_add(content.size, Ordering::Relaxed);
                }
                eprintln!("{files:>6}  {}", entry.path.display());
            }
            // Nobody else tells of it: the summary has only numbers.
            Event::LeftOut { path, problem } => eprintln!("{}: {problem}", path.display()),
            _ => {}
        }
    }

    /// A flag that a signal handler sets does as well: an `AtomicBool` is an observer, too.
    fn cancelled(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.most
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, most] = &arguments[..] else { return Err("SOURCE TARGET MOST".into()) };
    let progress = Progress { files: 0.into(), bytes: 0.into(), most: most.parse()? };
    let options = PackOptions::new()
        .compress(Compression::Gzip(6))
        .metadata([("made by".to_owned(), "an example".to_owned())])
        .overwrite(true);
    match pack(Path::new(source), Path::new(target), &options, &progress) {
        Ok(packed) => println!(
            "{} files, {} bytes, {}",
            packed.summary.files,
            packed.finished.file_len,
            packed.finished.digest.ok_or("no paged index")?,
        ),
        // What was at TARGET before is there still.
        Err(error) if error.is_cancelled() => println!("stopped: more than {most} bytes"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
