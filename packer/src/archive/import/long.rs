//! What long files of an archive hold.

use super::members::{Content, fill};
use crate::error::{Action, Error, Result};
use crate::progress::{Observer, go_on};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Says that there is more of it, or less.
pub(super) fn wrong_size() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not as long as the archive says")
}

/// Content of a length that is known, or an error.
pub(super) struct Exactly<'c> {
    pub(super) content: &'c mut dyn Content,
    pub(super) left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // What verifies the content says so at its end.
            return match self.content.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(wrong_size()),
            };
        }
        let most = self.left.min(buffer.len() as u64) as usize;
        let read = self.content.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(wrong_size());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Copies a long file of `size` bytes into a temporary one; the inner error is one of the content.
pub(super) fn spool(
    content: &mut dyn Read,
    size: u64,
    scratch: &Path,
    observer: &dyn Observer,
    name: &Path,
) -> Result<io::Result<std::fs::File>> {
    let temporary = || Error::io(Action::UseTemporary, scratch);
    let mut file = tempfile::tempfile_in(scratch).map_err(temporary())?;
    // A size that no file can have is refused before so many zeros are read.
    file.set_len(size).map_err(temporary())?;
    file.set_len(0).map_err(temporary())?;
    let (mut piece, mut len) = (vec![0; 256 << 10], 0);
    loop {
        go_on(observer, name)?;
        match fill(content, &mut piece) {
            Ok(0) => break,
            // A few bytes in an archive may stand for a hole of any length.
            Ok(filled) if piece[..filled].iter().all(|byte| *byte == 0) => {
                len += filled as u64;
                file.seek(SeekFrom::Start(len)).map_err(temporary())?;
            }
            Ok(filled) => {
                len += filled as u64;
                file.write_all(&piece[..filled]).map_err(temporary())?;
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    file.set_len(len).map_err(temporary())?;
    file.seek(SeekFrom::Start(0)).map_err(temporary())?;
    Ok(Ok(file))
}
