//! The tree that the demo packs: the same bytes at every run, something for every view of the viewer.

mod pictures;
mod waves;

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
/// A picture.
pub(crate) const PICTURE: &str = "pictures/julia-03.png";
/// The size of [`BOOK`] in bytes.
pub(crate) const BOOK_SIZE: usize = 1_000_000;

const README: &str = "\
# A sample

A small tree with something of everything, packed into **one file**. What you see comes out of it by
ranges, and every byte is verified before it is shown.

| folder | what is in it |
|---|---|
| `pictures` | Julia sets; look at them as a gallery |
| `data` | tables (CSV, JSON Lines, Parquet), an array (`waves.npy`), JSON, and noise |
| `sound` | a chord that fades |
| `notes` | short texts |
| `code` | a program |

`book.txt` is long: only the part in sight is fetched.
";

const PROGRAM: &str = "\
//! Reads one file out of a pack, without unpacking the rest.

use rangepack::Pack;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pack = Pack::open(\"sample.pack\")?;
    for entry in pack.read_dir(\"pictures\")? {
        println!(\"{}\", entry?.path()?);
    }
    let note = pack.read(\"notes/today.txt\")?;
    print!(\"{}\", String::from_utf8(note)?); // Many files in one file.
    Ok(())
}
";

/// Written by a library for JavaScript: 2000 rows in four groups.
const WEATHER: &[u8] = include_bytes!("../sample/weather.parquet");

const EMPTY_FOLDER: &str = "empty";
#[cfg(unix)]
const LINK: &str = "latest";

/// Writes the tree to `folder`, which must not exist yet.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join(EMPTY_FOLDER))?;
    let mut files = vec![
        ("README.md".to_owned(), README.as_bytes().to_vec()),
        ("code/read.rs".to_owned(), PROGRAM.as_bytes().to_vec()),
        ("data/weather.parquet".to_owned(), WEATHER.to_vec()),
        ("data/events.jsonl".to_owned(), events().into_bytes()),
        ("data/settings.json".to_owned(), SETTINGS.as_bytes().to_vec()),
        ("data/waves.npy".to_owned(), waves::npy()),
        ("sound/chord.wav".to_owned(), waves::wav()),
    ];
    for number in 0..pictures::COUNT {
        files.push((format!("pictures/julia-{number:02}.png"), pictures::julia(number)?));
    }
    files.extend(
        [
            (NOTE, b"Many files in one file.\n".to_vec()),
            (DEEP, b"Peas, beans and barley grow.\n".to_vec()),
            (TABLE, table().into_bytes()),
            (NOISE, noise(1 << 16)),
            (BOOK, book().into_bytes()),
        ]
        .map(|(name, bytes)| (name.to_owned(), bytes)),
    );
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

const SETTINGS: &str = r#"{
  "name": "sample",
  "version": 1,
  "layers": [{ "size": 64, "activation": "relu" }, { "size": 10, "activation": null }],
  "train": { "rate": 0.001, "epochs": 20, "shuffle": true }
}
"#;

fn events() -> String {
    const KINDS: [&str; 4] = ["open", "read", "list", "close"];
    let mut events = String::new();
    for (id, byte) in noise(5000).into_iter().enumerate() {
        let kind = KINDS[usize::from(byte) % KINDS.len()];
        let _ = writeln!(events, r#"{{"id":{id},"kind":"{kind}","took":{{"ms":{byte}}}}}"#);
    }
    events
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
        for name in [NOTE, DEEP, TABLE, NOISE, BOOK, PICTURE, "data/waves.npy", "sound/chord.wav"] {
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
