//! What is in a pack, or in a directory of it: `cargo run --example list -- photos.pack cats`.

use rangepack::{Kind, Pack};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let pack = Pack::open(arguments.next().ok_or("which pack?")?)?;
    let directory = arguments.next().unwrap_or_default();
    for entry in pack.read_dir(&directory)? {
        // Entries borrow from the mapping; `to_entry` makes one that does not.
        let entry = entry?.to_entry()?;
        // Names are bytes, and show themselves fit for a terminal.
        match &entry.kind {
            Kind::File(content) => println!("{:>12}  {}", content.size, entry.path.display()),
            Kind::Directory(totals) => println!("{:>12}  {}/", totals.bytes, entry.path.display()),
            _ => println!("{:>12}  {}", "", entry.path.display()),
        }
    }
    Ok(())
}
