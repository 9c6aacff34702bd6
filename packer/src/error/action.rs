//! What was tried when the system refused something.

/// What was tried with a file or directory. It shows itself as a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Action {
    /// To open it.
    #[error("open")]
    Open,
    /// To create it, or to give a finished file its name.
    #[error("create")]
    Create,
    /// To read it.
    #[error("read")]
    Read,
    /// To ask what it is.
    #[error("examine")]
    Examine,
    /// To write it.
    #[error("write")]
    Write,
    /// To write something in this directory.
    #[error("write in")]
    WriteIn,
    /// To go to another place in it.
    #[error("seek in")]
    Seek,
    /// To shorten it.
    #[error("cut")]
    Cut,
    /// To wait until it is on disk.
    #[error("sync")]
    Sync,
    /// To close it after it was written.
    #[error("close")]
    Close,
    /// To keep others from writing it.
    #[error("lock")]
    Lock,
    /// To remove it.
    #[error("remove")]
    Remove,
    /// To learn what the files in it have in common.
    #[error("make a dictionary for")]
    Compress,
    /// To keep entries in a temporary file in this directory.
    #[error("use a temporary file in")]
    UseTemporary,
}
