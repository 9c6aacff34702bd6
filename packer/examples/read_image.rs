//! A picture, decoded out of the mapping: `cargo run --example read_image -- sample.pack gradient.png`.

use image::ImageReader;
use rangepack::Pack;
use std::error::Error;
use std::io::Cursor;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, path] = &arguments[..] else { return Err("PACK PATH".into()) };
    let file = Pack::open(pack)?.open_file(path)?;
    // What is stored as it is needs no copy; what is compressed is read like any file (`BufRead` and `Seek`).
    let picture = match file.mapped()? {
        Some(bytes) => ImageReader::new(Cursor::new(bytes)).with_guessed_format()?.decode()?,
        None => ImageReader::new(file).with_guessed_format()?.decode()?,
    };
    println!("{path}: {} x {} pixels", picture.width(), picture.height());
    Ok(())
}
