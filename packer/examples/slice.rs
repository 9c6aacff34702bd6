//! A part of a file, however large that is: `cargo run --example slice -- videos.pack long.mp4 1000000 64`.

use rangepack::{OpenOptions, Pack, Verify};
use std::error::Error;
use std::io::{Read, Seek, SeekFrom, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, path, start, len] = &arguments[..] else { return Err("PACK PATH START LEN".into()) };
    let (start, len) = (start.parse()?, len.parse()?);

    // Payloads on this disk are believed unless told otherwise; here each block is hashed before its bytes are given out.
    let pack = Pack::open_with(pack, &OpenOptions::new().verify(Verify::Payloads))?;
    let mut file = pack.open_file(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut part = Vec::new();
    file.take(len).read_to_end(&mut part)?;
    std::io::stdout().write_all(&part)?;
    Ok(())
}
