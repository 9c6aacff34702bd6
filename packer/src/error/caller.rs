//! What the caller's own code says.

use std::fmt;
use std::io;
use std::sync::Arc;

/// What an [`Opener`](crate::Opener) said, or a file that it opened. It is equal to itself only.
#[derive(Debug, Clone)]
pub struct CallerError(Arc<io::Error>);

impl CallerError {
    /// The error itself, in which the caller finds what it put there.
    pub fn as_io(&self) -> &io::Error {
        &self.0
    }

    #[cfg(feature = "remote")]
    pub(crate) fn new(error: io::Error) -> CallerError {
        CallerError(Arc::new(error))
    }
}

impl PartialEq for CallerError {
    fn eq(&self, other: &CallerError) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CallerError {}

impl fmt::Display for CallerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
