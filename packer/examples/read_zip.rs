//! A zip inside of a pack, kept open in a struct: `cargo run --example read_zip -- sample.pack poems.zip`.

use rangepack::{File, Pack};
use std::error::Error;
use std::io::Read;
use zip::ZipArchive;

/// The archive keeps its file, and the file its pack.
struct Poems {
    archive: ZipArchive<File>,
}

impl Poems {
    fn open(pack: &str, path: &str) -> Result<Poems, Box<dyn Error>> {
        let file = Pack::open(pack)?.open_file(path)?;
        Ok(Poems { archive: ZipArchive::new(file)? })
    }

    fn first_line(&mut self, number: usize) -> Result<String, Box<dyn Error>> {
        let mut poem = String::new();
        self.archive.by_index(number)?.read_to_string(&mut poem)?;
        Ok(poem.lines().next().unwrap_or_default().to_owned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, path] = &arguments[..] else { return Err("PACK PATH".into()) };
    let mut poems = Poems::open(pack, path)?;
    for number in 0..poems.archive.len() {
        println!("{}", poems.first_line(number)?);
    }
    Ok(())
}
