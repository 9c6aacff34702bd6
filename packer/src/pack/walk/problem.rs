//! What the walk could not do.

use crate::error::LeftOut;
use std::path::PathBuf;

/// Something in the tree that will be missing in the pack, or was not understood.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Its path on the disk.
    pub disk_path: PathBuf,
    /// What is wrong.
    pub kind: LeftOut,
}
