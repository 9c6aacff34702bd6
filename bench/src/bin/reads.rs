//! Random reads; prints how many there were in a second.
//!
//! - `reads lookups|lent|copied PACK`: look-ups by path; with a byte of each page of the content; with a copy of it
//! - `reads lmdb lent|copied PACK FILE`: the same from LMDB, which is made of the pack when it is not there
//! - `reads files TREE PACK`: the files of the tree from which the pack was made
//! - `reads names PACK`: prints the paths of all files instead
//! - `reads cold PACK NAMES THREADS`: every file of a file with such names once, copied, by so many threads

use rangepack::Pack;
use rangepack_bench::{Numbers, Outcome, Problem, seconds};
use rangepack_core::PackPath;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many are timed, at most.
const READS: usize = 500_000;
/// Reading files takes so much longer.
const FILES: usize = 50_000;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rate = match words[..] {
        [what @ ("lookups" | "lent" | "copied"), pack] => from_pack(what, pack)?,
        ["lmdb", what, pack, file] => from_lmdb(what, pack, file.as_ref())?,
        ["files", tree, pack] => from_files(tree.as_ref(), pack)?,
        ["cold", pack, names, threads] => cold(pack, names.as_ref(), threads.parse()?)?,
        ["names", pack] => {
            for path in paths(&Pack::open(pack)?)? {
                println!("{}", std::str::from_utf8(&path)?);
            }
            return Ok(());
        }
        _ => return Err("reads lookups|lent|copied|lmdb|files|names|cold …".into()),
    };
    println!("{rate}");
    Ok(())
}

type Rate = Result<f64, Problem>;

fn from_pack(what: &str, pack: &str) -> Rate {
    let pack = Pack::open(pack)?;
    rate(&paths(&pack)?, READS, |path| {
        match what {
            "lookups" => {
                let entry = pack.find(PackPath::new(path)?)?.ok_or("a path is missing")?;
                black_box(entry.content()?.map(|content| content.size));
            }
            "lent" => touch(pack.bytes(path)?.ok_or("a compressed file")?),
            _ => drop(black_box(pack.read(path)?)),
        }
        Ok(())
    })
}

fn from_files(tree: &Path, pack: &str) -> Rate {
    let pack = Pack::open(pack)?;
    rate(&paths(&pack)?, FILES, |path| {
        black_box(fs::read(tree.join(std::str::from_utf8(path)?))?);
        Ok(())
    })
}

/// Names come from a file, so that no page of the index is here yet when the clock starts.
fn cold(pack: &str, names: &Path, threads: usize) -> Rate {
    let pack = Pack::open(pack)?;
    let names = fs::read_to_string(names)?;
    let names: Vec<&str> = names.lines().collect();
    let order = Numbers::new().shuffled(names.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let took = seconds(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if black_box(pack.read(names[number])).is_err() {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        match failed.into_inner() {
            0 => Ok(()),
            failed => Err(format!("{failed} files cannot be read")),
        }
    })?;
    Ok(names.len() as f64 / took)
}

#[cfg(feature = "lmdb")]
fn from_lmdb(what: &str, pack: &str, file: &Path) -> Rate {
    use heed::types::Bytes;
    let pack = Pack::open(pack)?;
    let paths = paths(&pack)?;
    let is_there = file.exists();
    fs::create_dir_all(file)?;
    let mut options = heed::EnvOpenOptions::new();
    options.map_size(64 << 30);
    // SAFETY: nobody else opens it.
    let env = unsafe { options.open(file)? };
    let mut write = env.write_txn()?;
    let database: heed::Database<Bytes, Bytes> = env.create_database(&mut write, None)?;
    if !is_there {
        for path in &paths {
            database.put(&mut write, path, &pack.read(path)?)?;
        }
    }
    write.commit()?;
    let read = env.read_txn()?;
    rate(&paths, READS, |path| {
        let bytes = database.get(&read, path)?.ok_or("a path is missing")?;
        if what == "lent" {
            touch(bytes)
        } else {
            drop(black_box(bytes.to_vec()))
        }
        Ok(())
    })
}

#[cfg(not(feature = "lmdb"))]
fn from_lmdb(_: &str, _: &str, _: &Path) -> Rate {
    Err("built without LMDB".into())
}

/// The paths of all files.
fn paths(pack: &Pack) -> Result<Vec<Vec<u8>>, rangepack::Error> {
    let mut paths = Vec::new();
    for entry in pack.entries() {
        let entry = entry?;
        if entry.is_file() {
            paths.push(entry.path().map_err(|error| pack.error(error))?.as_bytes().to_vec());
        }
    }
    Ok(paths)
}

/// Reads at random, after as many as there are that are not counted.
fn rate(paths: &[Vec<u8>], reads: usize, mut read: impl FnMut(&[u8]) -> Outcome) -> Rate {
    let mut numbers = Numbers::new();
    for path in paths.iter().take(reads) {
        read(path)?;
    }
    let order: Vec<usize> = (0..reads).map(|_| numbers.below(paths.len())).collect();
    let took = seconds(|| order.iter().try_for_each(|&number| read(&paths[number])))?;
    Ok(reads as f64 / took)
}

/// A byte of each page, so that all of them are there.
fn touch(bytes: &[u8]) {
    black_box(bytes.iter().step_by(4096).fold(0u8, |sum, byte| sum ^ byte));
}
