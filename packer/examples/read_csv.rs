//! A table, record by record: `cargo run --example read_csv -- sample.pack animals.csv legs`.

use rangepack::Pack;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, path, column] = &arguments[..] else { return Err("PACK PATH COLUMN".into()) };
    let mut table = csv::Reader::from_reader(Pack::open(pack)?.open_file(path)?);
    let column = table.headers()?.iter().position(|name| name == column).ok_or("no such column")?;
    let mut sum = 0.0;
    for record in table.records() {
        sum += record?[column].parse::<f64>()?;
    }
    println!("{sum}");
    Ok(())
}
