//! What README.md shows: packs the tree `photos` of the folder in which it runs, and reads it in several ways. A test
//! compares the lines.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    use rangepack::{Compression, File, Pack, PackOptions};
    use std::io::Read;

    // rangepack = { version = "0.1", default-features = false } leaves the network out
    rangepack::pack(
        "photos",
        "photos.pack",
        &PackOptions::new().compress(Compression::Zstd(3)),
        &(),
    )?;

    let pack = Pack::open("photos.pack")?; // no work that grows with the number of files
    for entry in pack.read_dir("cats")? {
        println!("{}", entry?.path()?.display());
    }
    let bytes: Option<&[u8]> = pack.bytes("cats/1.jpg")?; // borrowed from the mapping
    let mut text = String::new();
    pack.open_file("notes/readme.txt")?.read_to_string(&mut text)?; // Read + Seek + BufRead
    let kept: File = pack.clone().open_file("cats.zip")?; // it keeps the pack open: for structs, threads, other crates

    println!("{:?} bytes, {text:?}, {} bytes", bytes.map(<[u8]>::len), kept.len());
    Ok(())
}
