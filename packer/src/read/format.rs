//! What kinds of files are read.

/// What kind of file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A pack with a paged index.
    Paged,
    /// A CTNRv1 container, read through its trailer or its `.idx`.
    Ctnr,
    /// FilePacker's `.fpack`.
    Fpack,
}

impl Format {
    /// Its name in records: `rangepack`, `ctnrv1`, `fpack`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Paged => "rangepack",
            Format::Ctnr => "ctnrv1",
            Format::Fpack => "fpack",
        }
    }
}
