//! Deflate with full flushes, so that blocks compressed apart form one gzip member.

use flate2::{Compress, Compression, FlushCompress, Status};
use std::io;

/// A deflate encoder that is used again and again.
#[derive(Debug)]
pub(crate) struct Deflater(Compress);

impl Deflater {
    /// At `level` 1 to 9.
    pub(crate) fn new(level: u32) -> Deflater {
        Deflater(Compress::new(Compression::new(level), false))
    }

    /// Appends the deflate data of one block: ended by a full flush, or by the final bit if it is the last.
    ///
    /// Each block starts afresh, so the bytes depend on this block alone.
    pub(crate) fn block(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        self.0.reset();
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Full };
        // Room for the worst case: deflate grows incompressible data by less than an eighth.
        out.reserve(input.len() + input.len() / 8 + 256);
        let mut consumed = 0usize;
        loop {
            let before = self.0.total_in();
            let status =
                self.0.compress_vec(&input[consumed..], out, flush).map_err(io::Error::other)?;
            consumed += (self.0.total_in() - before) as usize;
            let full = out.len() == out.capacity();
            let done =
                if last { status == Status::StreamEnd } else { consumed == input.len() && !full };
            if done {
                return Ok(());
            }
            out.reserve(64 << 10);
        }
    }
}
