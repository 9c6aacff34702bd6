//! Writes the NDJSON index of a pack, formatted on several threads, written in order.

use rangepack_core::{Digest, Entry, Hasher, Kind, ndjson};
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Appends the line of an entry; directories only when they are wanted.
pub(crate) fn push_line(entry: &Entry, directories: bool, lines: &mut Vec<u8>) {
    if directories || !matches!(entry.kind, Kind::Directory(_)) {
        ndjson::write_line(entry, lines);
        lines.push(b'\n');
    }
}

/// The same with a check of the line, for a file of its own.
pub(crate) fn push_checked_line(entry: &Entry, directories: bool, lines: &mut Vec<u8>) {
    if directories || !matches!(entry.kind, Kind::Directory(_)) {
        ndjson::write_checked_line(entry, lines);
        lines.push(b'\n');
    }
}

/// Formats `chunks` on `threads` threads and writes the text in the order of the chunks.
///
/// `lines` is how many there will be: fewer than two become a JSON array, because the old reader takes
/// one line for one object, and refuses an empty index. Returns the length in bytes and the digest of the text.
pub(crate) fn write<C: Send>(
    out: &mut (impl Write + Send),
    lines: u64,
    threads: usize,
    mut chunks: impl Iterator<Item = io::Result<C>> + Send,
    format: impl Fn(C, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<(u64, Digest)> {
    if lines < 2 {
        let mut text = Vec::new();
        chunks.try_for_each(|chunk| format(chunk?, &mut text))?;
        let text = [b"[", text.trim_ascii_end(), b"]\n"].concat();
        out.write_all(&text)?;
        return Ok((text.len() as u64, Digest::of(&text)));
    }
    let input = Mutex::new((0u64, chunks));
    let output = Mutex::new(Ordered { out, next: 0, len: 0, hasher: Hasher::new(), error: None });
    let turn = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut text = Vec::new();
                loop {
                    text.clear();
                    let mut input = lock(&input);
                    let Some(chunk) = input.1.next() else { return };
                    let number = input.0;
                    input.0 += 1;
                    drop(input);
                    let result = chunk.and_then(|chunk| format(chunk, &mut text));
                    let mut output = lock(&output);
                    while output.next != number && output.error.is_none() {
                        output = turn.wait(output).unwrap_or_else(PoisonError::into_inner);
                    }
                    if output.error.is_some() {
                        return;
                    }
                    output.write(result, &text);
                    drop(output);
                    turn.notify_all();
                }
            });
        }
    });
    let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    match output.error {
        Some(error) => Err(error),
        None => Ok((output.len, output.hasher.finish())),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Ordered<'o, W> {
    out: &'o mut W,
    next: u64,
    len: u64,
    hasher: Hasher,
    error: Option<io::Error>,
}

impl<W: Write> Ordered<'_, W> {
    fn write(&mut self, result: io::Result<()>, text: &[u8]) {
        self.error = result.and_then(|()| self.out.write_all(text)).err();
        self.next += 1;
        self.len += text.len() as u64;
        self.hasher.update(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_in_order_and_one_line_becomes_an_array() {
        let format = |n: u64, text: &mut Vec<u8>| {
            text.extend(format!("{{{n}}}\n").bytes());
            Ok(())
        };
        let mut out = Vec::new();
        let (len, digest) = write(&mut out, 1000, 4, (0..1000).map(Ok), format).unwrap();
        let expected: String = (0..1000).map(|n| format!("{{{n}}}\n")).collect();
        assert_eq!((len, digest), (expected.len() as u64, Digest::of(&out)));
        assert_eq!(out, expected.into_bytes());
        let mut out = Vec::new();
        assert_eq!(
            write(&mut out, 1, 4, (7..8).map(Ok), format).unwrap(),
            (6, Digest::of(b"[{7}]\n"))
        );
        assert_eq!(out, b"[{7}]\n");
        let mut out = Vec::new();
        write(&mut out, 0, 4, (0..0).map(Ok), format).unwrap();
        assert_eq!(out, b"[]\n");
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut out = Vec::new();
        let format = |n: u64, _: &mut Vec<u8>| {
            if n == 50 { Err(io::Error::other("fifty")) } else { Ok(()) }
        };
        let error = write(&mut out, 1000, 4, (0..1000).map(Ok), format).unwrap_err();
        assert_eq!(error.to_string(), "fifty");
    }
}
