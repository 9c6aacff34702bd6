//! Where the bytes of the new pack go: into a file, or into what takes bytes only.

use super::Output;
use crate::error::Result;
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::pack::{Stream, finish_behind};
use crate::source::remote::Sending;
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// What the new pack is written to.
#[derive(Clone, Copy)]
pub(crate) enum Target<'o> {
    /// A file, which is empty.
    File(&'o File),
    /// An object on its way into a store.
    Store(&'o Sending),
}

/// See [the module](self).
pub(super) enum Sink<'o> {
    File(BufWriter<&'o File>),
    /// The index waits in a temporary file, for its beginning is written last.
    Stream(Stream),
}

impl<'o> Sink<'o> {
    pub(super) fn new(target: Target<'o>) -> Sink<'o> {
        match target {
            Target::File(file) => Sink::File(BufWriter::with_capacity(256 << 10, file)),
            Target::Store(sending) => Sink::Stream(Stream::new(Box::new(sending.clone()))),
        }
    }

    /// Writes the index behind the payloads, which end at `payload_end`.
    pub(super) fn finish(
        self,
        index: IndexWriter,
        output: &Output<'_>,
        payload_end: u64,
        extras: &Extras,
        options: IndexOptions,
    ) -> Result<Finished> {
        let path = output.path;
        match self {
            Sink::File(mut file) => {
                index.finish(&mut file, path, payload_end, extras, options, |_| Ok(()))
            }
            Sink::Stream(stream) => {
                finish_behind(stream, payload_end, index, path, extras, options)
            }
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(file) => file.write(bytes),
            Sink::Stream(stream) => stream.write_all(bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::File(file) => file.flush(),
            // It is, when its index is written.
            Sink::Stream(_) => Ok(()),
        }
    }
}
