//! What the work takes at least, by calls of the system and SHA-256 alone; prints seconds.
//!
//! - `floors read TREE`: opens, reads, hashes and closes every file, a thread for each processor
//! - `floors write BYTES OUT`: writes so many bytes in order
//! - `floors extract PACK DIR`: hashes each payload on the mapping, creates, writes and closes each file
//! - `floors hash BYTES`: hashes so many bytes in memory on one thread

#[cfg(not(unix))]
fn main() {
    eprintln!("the floors take directory handles");
}

#[cfg(unix)]
fn main() -> rangepack_bench::Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let seconds = match words[..] {
        ["read", tree] => floors::read(tree.as_ref())?,
        ["write", bytes, out] => floors::write(bytes.parse()?, out.as_ref())?,
        ["extract", pack, target] => floors::extract(pack.as_ref(), target.as_ref())?,
        ["hash", bytes] => floors::hash(bytes.parse()?),
        _ => {
            return Err("floors read TREE | write BYTES OUT | extract PACK DIR | hash BYTES".into());
        }
    };
    println!("{seconds}");
    Ok(())
}

#[cfg(unix)]
mod floors {
    use rangepack::{Pack, default_threads};
    use rangepack_bench::{Problem, seconds};
    use rangepack_core::{Digest, Hasher};
    use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
    use rustix::io::{read as read_some, write as write_some};
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::fs;
    use std::hint::black_box;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Result<T> = std::result::Result<T, Problem>;

    /// Files of one directory that a thread takes at a time.
    const GROUP: usize = 100;
    /// As much is read and written at a time.
    const PIECE: usize = 1 << 20;

    pub fn read(tree: &Path) -> Result<f64> {
        let mut groups = Vec::new();
        list(tree, &mut groups)?;
        seconds(|| {
            on_all_processors(&groups, |(directory, names), buffer| {
                let directory = openat(CWD, directory, OFlags::DIRECTORY, Mode::empty())?;
                for name in names {
                    let file = openat(&directory, name, OFlags::NOFOLLOW, Mode::empty())?;
                    let mut left = fstat(&file)?.st_size as usize;
                    let mut hasher = Hasher::new();
                    while left > 0 {
                        let read = read_some(&file, &mut buffer[..left.min(PIECE)])?;
                        if read == 0 {
                            return Err("a file became shorter".into());
                        }
                        hasher.update(&buffer[..read]);
                        left -= read;
                    }
                    black_box(hasher.finish());
                }
                Ok(())
            })
        })
    }

    pub fn write(bytes: usize, out: &Path) -> Result<f64> {
        let buffer = vec![1; 64 << 10];
        seconds(|| {
            let mut file = fs::File::create(out)?;
            let mut left = bytes;
            while left > 0 {
                let piece = left.min(buffer.len());
                file.write_all(&buffer[..piece])?;
                left -= piece;
            }
            Ok(())
        })
    }

    pub fn extract(pack: &Path, target: &Path) -> Result<f64> {
        let pack = Pack::open(pack)?;
        let mut directories: BTreeMap<PathBuf, Vec<(OsString, &[u8])>> = BTreeMap::new();
        for entry in pack.entries() {
            let entry = entry?;
            if entry.is_file() {
                let path = entry.path()?;
                let bytes = pack.bytes(path.as_bytes())?.ok_or("a compressed file")?;
                let path = target.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
                let (folder, name) = (path.parent(), path.file_name());
                let (folder, name) = folder.zip(name).ok_or("a file without a name")?;
                directories.entry(folder.into()).or_default().push((name.into(), bytes));
            }
        }
        let mut groups = Vec::new();
        for (directory, files) in &directories {
            // Not on the clock, like the list of what there is.
            fs::create_dir_all(directory)?;
            groups.extend(files.chunks(GROUP).map(|files| (directory, files)));
        }
        seconds(|| {
            on_all_processors(&groups, |(directory, files), _| {
                let directory = openat(CWD, directory.as_path(), OFlags::DIRECTORY, Mode::empty())?;
                for (name, bytes) in *files {
                    black_box(Digest::of(bytes));
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
                    let file = openat(&directory, name, flags, Mode::from_raw_mode(0o644))?;
                    write_all(&file, bytes)?;
                }
                Ok(())
            })
        })
    }

    pub fn hash(bytes: usize) -> f64 {
        let buffer = vec![1; PIECE];
        let hashed = seconds(|| {
            let mut hasher = Hasher::new();
            for _ in 0..bytes / PIECE {
                hasher.update(&buffer);
            }
            black_box(hasher.finish());
            Ok::<(), std::convert::Infallible>(())
        });
        hashed.unwrap_or_default()
    }

    fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let written = write_some(file, bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Regular files by directories, in groups.
    fn list(folder: &Path, groups: &mut Vec<(PathBuf, Vec<OsString>)>) -> Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                list(&entry.path(), groups)?;
            } else if kind.is_file() {
                names.push(entry.file_name());
            }
        }
        groups.extend(names.chunks(GROUP).map(|names| (folder.to_owned(), names.to_vec())));
        Ok(())
    }

    /// Gives each group to the thread that is free.
    fn on_all_processors<T: Sync>(
        groups: &[T],
        work: impl Fn(&T, &mut [u8]) -> Result<()> + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let worker = || {
                let mut buffer = vec![0; PIECE];
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(group, &mut buffer)?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..default_threads()).map(|_| scope.spawn(worker)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic")?)
        })
    }
}
