//! NDJSON indexes: what is read is written to a line that reads the same, and a line means the same with another blank,
//! which takes it to the parser of JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::Limits;
use rangepack_core::ndjson::{Item, parse_index, parse_line, write_line};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_index(bytes, &Limits::default(), &mut |item| {
        if let Item::Entry(entry) = item {
            let mut line = Vec::new();
            write_line(&entry, &mut line);
            assert!(!line.windows(8).any(|bytes| bytes == b"CTNRv1__"));
            assert!(!line.contains(&b'\n'));
            assert_eq!(parse_line(&line), Ok(Item::Entry(entry)));
        }
        Ok(())
    });
    for line in bytes.split(|byte| *byte == b'\n') {
        // Of lines with a check every byte counts.
        let is_checked = line.windows(8).any(|bytes| bytes == b"\"crc32\":");
        if let (Some(rest), false) = (line.strip_prefix(b"{"), is_checked) {
            assert_eq!(parse_line(line), parse_line(&[b"{ ", rest].concat()));
        }
    }
});
