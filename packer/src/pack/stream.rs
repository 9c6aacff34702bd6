//! A pack that goes where nothing can be taken back: into a pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// Writes to something that takes bytes only. What may have to be taken back waits in a temporary file: a large file,
/// until it is known that it did not change and is not there already; and the index, of which the beginning is written
/// last.
pub(crate) struct Stream {
    out: BufWriter<Box<dyn Write + Send>>,
    held: Option<BufWriter<File>>,
    /// How much of it counts; `None` while nothing is held.
    len: Option<u64>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Stream {
    /// Into this.
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Stream {
        Stream { out: BufWriter::with_capacity(256 << 10, out), held: None, len: None }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match (&mut self.held, &mut self.len) {
            (Some(held), Some(len)) => {
                held.write_all(bytes)?;
                *len += bytes.len() as u64;
                Ok(())
            }
            _ => self.out.write_all(bytes),
        }
    }

    /// From here on everything waits.
    pub(crate) fn hold(&mut self) -> io::Result<()> {
        if self.held.is_none() {
            self.held = Some(BufWriter::with_capacity(256 << 10, tempfile::tempfile()?));
        }
        self.len = Some(0);
        Ok(())
    }

    /// Takes back so many bytes of what waits.
    pub(crate) fn cut(&mut self, bytes: u64) -> io::Result<()> {
        let (Some(held), Some(len)) = (&mut self.held, &mut self.len) else { return Ok(()) };
        *len = len.saturating_sub(bytes);
        held.seek(SeekFrom::Start(*len))?;
        held.get_mut().set_len(*len)
    }

    /// Lets everything that waits go.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        let (Some(held), Some(len)) = (&mut self.held, self.len.take()) else { return Ok(()) };
        held.seek(SeekFrom::Start(0))?;
        let copied = io::copy(&mut held.get_ref().take(len), &mut self.out)?;
        if copied != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        held.seek(SeekFrom::Start(0))?;
        held.get_mut().set_len(0)
    }

    /// Writes what `write` makes, which may go back and forth behind `start`, where the stream stands.
    pub(crate) fn shuffled<T, E: From<io::Error>>(
        &mut self,
        start: u64,
        write: impl FnOnce(&mut Shifted) -> Result<T, E>,
    ) -> Result<T, E> {
        let file = BufWriter::with_capacity(256 << 10, tempfile::tempfile()?);
        let mut shifted = Shifted { file, start };
        let written = write(&mut shifted)?;
        let mut file = shifted.file.into_inner().map_err(|error| error.into_error())?;
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut file, &mut self.out)?;
        self.out.flush()?;
        Ok(written)
    }
}

/// A temporary file that stands for what comes behind a place of a longer one.
#[derive(Debug)]
pub(crate) struct Shifted {
    file: BufWriter<File>,
    start: u64,
}

impl Write for Shifted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Shifted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => SeekFrom::Start(position.saturating_sub(self.start)),
            other => other,
        };
        Ok(self.file.seek(to)? + self.start)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Something to write to that others look into.
    #[derive(Clone, Default)]
    pub(in crate::pack) struct Sink(pub(in crate::pack) Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_taken_back_never_goes_out() {
        let seen = Sink::default();
        let mut stream = Stream::new(Box::new(seen.clone()));
        stream.write_all(b"one ").unwrap();
        for text in [&b"two "[..], b"three ", b""] {
            stream.hold().unwrap();
            stream.write_all(b"no no no").unwrap();
            stream.cut(8).unwrap();
            stream.write_all(text).unwrap();
            stream.release().unwrap();
        }
        stream.write_all(b"four ").unwrap();
        let write = |out: &mut Shifted| {
            assert_eq!(out.seek(SeekFrom::Start(22))?, 22);
            out.write_all(b" six")?;
            out.seek(SeekFrom::Start(18))?;
            out.write_all(b"five")
        };
        stream.shuffled(18, write).unwrap();
        assert_eq!(*seen.0.lock().unwrap(), b"one two three four five six");
    }
}
