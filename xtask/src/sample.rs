//! The tree that the demo packs: the same bytes at every run.

use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A short text.
pub(crate) const NOTE: &str = "notes/today.txt";
/// A text in a nested folder.
pub(crate) const DEEP: &str = "notes/2025/spring/garden.txt";
/// A table of a few hundred rows.
pub(crate) const TABLE: &str = "data/stations.csv";
/// 64 KiB that do not compress.
pub(crate) const NOISE: &str = "data/noise.bin";
/// A text of [`BOOK_SIZE`] bytes.
pub(crate) const BOOK: &str = "book.txt";
/// The size of [`BOOK`] in bytes.
pub(crate) const BOOK_SIZE: usize = 1_000_000;

const EMPTY_FOLDER: &str = "empty";
#[cfg(unix)]
const LINK: &str = "latest";

/// Writes the tree to `folder`, which must not exist yet.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join(EMPTY_FOLDER))?;
    let files = [
        (NOTE, b"Many files in one file.\n".to_vec()),
        (DEEP, b"Peas, beans and barley grow.\n".to_vec()),
        (TABLE, table().into_bytes()),
        (NOISE, noise(1 << 16)),
        (BOOK, book().into_bytes()),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    // Elsewhere a symbolic link can take special rights.
    #[cfg(unix)]
    std::os::unix::fs::symlink(NOTE, folder.join(LINK))?;
    Ok(())
}

fn table() -> String {
    let mut table = String::from("station,day,rain_mm\n");
    for (row, byte) in noise(365).into_iter().enumerate() {
        let (station, day) = (row % 5 + 1, row / 5 + 1);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "S{station},{day},{}.{}", byte / 10, byte % 10);
    }
    table
}

fn book() -> String {
    const WORDS: [&str; 16] = [
        "the", "a", "river", "stone", "range", "quiet", "carries", "every", "small", "leaf",
        "under", "bridge", "and", "turns", "toward", "morning",
    ];
    let mut book = String::with_capacity(BOOK_SIZE);
    for (position, byte) in noise(BOOK_SIZE).into_iter().enumerate() {
        book.push_str(WORDS[usize::from(byte) % WORDS.len()]);
        book.push(if position % 12 == 11 { '\n' } else { ' ' });
        if book.len() >= BOOK_SIZE {
            break;
        }
    }
    // All words are ASCII, so any length is a character boundary.
    book.truncate(BOOK_SIZE);
    book
}

/// `len` bytes of Marsaglia's xorshift generator.
fn noise(len: usize) -> Vec<u8> {
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_one_of_each_kind_and_never_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write(&one).unwrap();
        write(&two).unwrap();
        for name in [NOTE, DEEP, TABLE, NOISE, BOOK] {
            assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(two.join(name)).unwrap());
        }
        assert_eq!(fs::read(one.join(BOOK)).unwrap().len(), BOOK_SIZE);
        assert_eq!(fs::read_dir(one.join(EMPTY_FOLDER)).unwrap().count(), 0);
        #[cfg(unix)]
        assert_eq!(fs::read(one.join(LINK)).unwrap(), fs::read(one.join(NOTE)).unwrap());
    }

    #[test]
    fn noise_is_spread_over_all_bytes() {
        let mut counts = [0_u32; 256];
        noise(1 << 16).into_iter().for_each(|byte| counts[usize::from(byte)] += 1);
        assert!(counts.iter().all(|count| (128..512).contains(count)), "{counts:?}");
    }
}
