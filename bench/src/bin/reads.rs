//! Times random look-ups in a pack: `lookups PACK`.

use rangepack::Pack;
use rangepack_core::PackPath;
use std::error::Error;
use std::time::Instant;

const LOOKUPS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: lookups PACK")?;
    let start = Instant::now();
    let pack = Pack::open(&path)?;
    println!("open: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut paths = Vec::new();
    for entry in pack.entries() {
        let entry = entry?;
        if entry.is_file() {
            paths.push(entry.path()?);
        }
    }
    if paths.is_empty() {
        return Err("the pack holds no file".into());
    }
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for round in 1..=3 {
        let mut order = Vec::with_capacity(LOOKUPS);
        for _ in 0..LOOKUPS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.push(usize::try_from(state % paths.len() as u64)?);
        }
        let start = Instant::now();
        let mut bytes = 0u64;
        for index in order {
            let path = PackPath::new(paths[index].as_bytes())?;
            let entry = pack.find(path)?.ok_or("a path is missing")?;
            bytes = bytes.wrapping_add(entry.content()?.map_or(0, |content| content.size));
        }
        let seconds = start.elapsed().as_secs_f64();
        let (rate, nanoseconds) = (LOOKUPS as f64 / seconds / 1e6, seconds * 1e9 / LOOKUPS as f64);
        let files = paths.len();
        println!(
            "round {round}: {rate:.2} M look-ups/s of {files} files, {nanoseconds:.0} ns each ({bytes})"
        );
    }
    Ok(())
}
