//! A little of each kind of work, on one thread, for `cargo xtask bench --counts` to count instructions of.
//!
//! `counts prepare HOME` makes what the others take, `counts NAME HOME` does the work of that name. `HOME` is made by this program
//! alone, and the same each time.

use rangepack::{
    Compression, ExtractOptions, IndexFormat, IndexOptions, OpenOptions, Pack, PackOptions, Verify,
    extract, pack,
};
use rangepack_bench::{Numbers, Outcome};
use rangepack_core::PackPath;
use std::fs;
use std::hint::black_box;
use std::path::Path;

/// Directories, and files in each of them.
const DIRECTORIES: usize = 20;
const FILES: usize = 100;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, home] = &words[..] else { return Err("counts NAME HOME".into()) };
    let home = Path::new(home);
    match name.as_str() {
        "prepare" => prepare(home),
        "pack" => packed(home, "out.pack", None),
        "pack-gzip" => packed(home, "out.pack", Some(Compression::Gzip(6))),
        "pack-zstd" => packed(home, "out.pack", Some(Compression::Zstd(3))),
        "open" => opened(home).map(drop),
        "look-up" => look_up(home),
        "list" => list(home),
        "verify" => read_all(home, "stored.pack"),
        "extract" => extracted(home),
        "decode-gzip" => read_all(home, "gzip.pack"),
        "decode-zstd" => read_all(home, "zstd.pack"),
        _ => Err(format!("no work is named {name}").into()),
    }
}

/// Records that compress, and have much in common.
fn prepare(home: &Path) -> Outcome {
    let mut numbers = Numbers::new();
    for directory in 0..DIRECTORIES {
        let directory = home.join(format!("tree/d{directory:02}"));
        fs::create_dir_all(&directory)?;
        for file in 0..FILES {
            let mut text = format!("{{\"number\":{file},\"values\":[");
            for _ in 0..20 + numbers.below(400) {
                text.push_str(&format!("{},", numbers.below(1000)));
            }
            fs::write(directory.join(format!("f{file:03}.json")), text + "0]}\n")?;
        }
    }
    packed(home, "stored.pack", None)?;
    packed(home, "gzip.pack", Some(Compression::Gzip(6)))?;
    packed(home, "zstd.pack", Some(Compression::Zstd(3)))
}

fn packed(home: &Path, name: &str, compress: Option<Compression>) -> Outcome {
    let index = IndexOptions::new().format(IndexFormat::Paged);
    let options = PackOptions::new().compress(compress).threads(1).overwrite(true).index(index);
    let packed = pack(home.join("tree"), home.join(name), &options, &())?;
    if packed.summary.files != (DIRECTORIES * FILES) as u64 {
        return Err("some files are missing".into());
    }
    Ok(())
}

fn opened(home: &Path) -> Result<Pack, rangepack_bench::Problem> {
    Ok(Pack::open(home.join("stored.pack"))?)
}

fn look_up(home: &Path) -> Outcome {
    let pack = opened(home)?;
    let mut numbers = Numbers::new();
    for _ in 0..20_000 {
        let (directory, file) = (numbers.below(DIRECTORIES), numbers.below(FILES));
        let path = format!("d{directory:02}/f{file:03}.json");
        let entry = pack.find(PackPath::new(path.as_bytes())?)?.ok_or("a path is missing")?;
        black_box(entry.content()?);
    }
    Ok(())
}

fn list(home: &Path) -> Outcome {
    let pack = opened(home)?;
    for _ in 0..10 {
        for entry in pack.walk("")? {
            black_box(entry?.path()?);
        }
    }
    Ok(())
}

fn read_all(home: &Path, name: &str) -> Outcome {
    let options = OpenOptions::new().verify(Verify::Payloads);
    let pack = Pack::open_with(home.join(name), &options)?;
    for entry in pack.entries() {
        let entry = entry?;
        if entry.is_file() {
            black_box(pack.read_entry(&entry)?);
        }
    }
    Ok(())
}

fn extracted(home: &Path) -> Outcome {
    let target = home.join("out");
    if target.exists() {
        return Err("it was extracted before".into());
    }
    let report = extract(&opened(home)?, target, &ExtractOptions::new().threads(1), &())?;
    if report.failed != 0 { Err("some files cannot be extracted".into()) } else { Ok(()) }
}
