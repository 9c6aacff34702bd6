//! Leaves holes where a file has nothing but zeros.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// A hole is as long as this and begins at a multiple of it, like the blocks of most file systems.
const HOLE: usize = 4096;

/// Writes the next bytes of a new file from `position` on, save what lies between two borders and is zero.
pub(super) fn write(file: &mut File, position: u64, bytes: &[u8]) -> io::Result<()> {
    let mut data = 0..0;
    let mut start = 0;
    while start < bytes.len() {
        let behind_border = ((position + start as u64) % HOLE as u64) as usize;
        let end = bytes.len().min(start + HOLE - behind_border);
        if bytes[start..end].iter().all(|byte| *byte == 0) {
            write_at(file, position, bytes, data)?;
            data = end..end;
        } else {
            data.end = end;
        }
        start = end;
    }
    write_at(file, position, bytes, data)
}

fn write_at(
    file: &mut File,
    position: u64,
    bytes: &[u8],
    range: std::ops::Range<usize>,
) -> io::Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    file.seek(SeekFrom::Start(position + range.start as u64))?;
    file.write_all(&bytes[range])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_the_same_however_it_is_cut() {
        let mut content = vec![0; 5 * HOLE + 100];
        content[0] = 1;
        content[2 * HOLE - 1] = 2;
        content[4 * HOLE + 7] = 3;
        for piece in [1, 1000, HOLE, HOLE + 1, content.len()] {
            let mut file = tempfile::tempfile().unwrap();
            let mut position = 0;
            for bytes in content.chunks(piece) {
                write(&mut file, position, bytes).unwrap();
                position += bytes.len() as u64;
            }
            file.set_len(position).unwrap();
            let mut found = Vec::new();
            file.seek(SeekFrom::Start(0)).unwrap();
            io::Read::read_to_end(&mut file, &mut found).unwrap();
            assert!(found == content, "{piece}");
        }
    }
}
