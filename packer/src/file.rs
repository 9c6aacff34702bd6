//! A file inside a pack, as a file object.

use crate::Result;
use crate::open::Pack;
use reader_core::Content;
use reader_core::path::PackPathBuf;

/// A file inside a pack.
#[derive(Debug)]
pub struct File<'p> {
    pack: &'p Pack,
    path: PackPathBuf,
    content: Content,
}

impl<'p> File<'p> {
    pub(crate) fn new(pack: &'p Pack, path: PackPathBuf, content: Content) -> Result<File<'p>> {
        Ok(File { pack, path, content })
    }
}
