//! What class of trouble an error is, and errors of others.

use super::{ArchiveProblem, Error, Expected, GrowProblem, RemoteProblem, VolumeProblem};
use crate::filter::FilterError;
use rangepack_core::{Error as FormatError, ErrorKind as FormatErrorKind, ParseDigestError};
use std::io;

/// What class of trouble an [`Error`] is, for callers that only decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, a remote file, an entry, or what a link leads to, is not there.
    NotFound,
    /// An entry is something else than what was asked for.
    WrongKind,
    /// What was opened is no pack.
    NotAPack,
    /// A later version made it.
    Unsupported,
    /// The bytes of a pack are damaged.
    Corrupt,
    /// It is another pack than the one that was asked for.
    WrongPack,
    /// A limit of the caller's was reached.
    OverLimit,
    /// An option, a path, a pattern or a URL is none.
    BadQuestion,
    /// What is to be written does not fit into a pack.
    TooLarge,
    /// What is to be made is there already, or would lack something.
    Refused,
    /// A container, or a file with payloads, cannot be worked on as it is.
    State,
    /// The observer wanted it to stop.
    Cancelled,
    /// A file lost bytes, or was replaced, while it was read.
    Changed,
    /// The server, or the network.
    Remote,
    /// The operating system refused something.
    System,
}

impl From<FormatErrorKind> for ErrorKind {
    fn from(kind: FormatErrorKind) -> ErrorKind {
        match kind {
            FormatErrorKind::NotAPack => ErrorKind::NotAPack,
            FormatErrorKind::Unsupported => ErrorKind::Unsupported,
            FormatErrorKind::OverLimit => ErrorKind::OverLimit,
            FormatErrorKind::WrongPack => ErrorKind::WrongPack,
            FormatErrorKind::BadQuestion => ErrorKind::BadQuestion,
            FormatErrorKind::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Corrupt,
        }
    }
}

impl Error {
    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            Error::Io { .. } => ErrorKind::System,
            Error::Pack { source, .. } | Error::Entry { source, .. } | Error::Format(source) => {
                source.kind().into()
            }
            Error::OtherFormat { .. } => ErrorKind::NotAPack,
            Error::Archive { problem: ArchiveProblem::NotAnArchive, .. } => ErrorKind::NotAPack,
            Error::Archive {
                problem: ArchiveProblem::Other(_) | ArchiveProblem::NotInPlace(_),
                ..
            } => ErrorKind::Unsupported,
            Error::Archive { problem: ArchiveProblem::NeedsFile, .. } => ErrorKind::BadQuestion,
            Error::Archive { .. } => ErrorKind::Corrupt,
            Error::NoEntry { .. }
            | Error::BrokenLink { .. }
            | Error::Volume { problem: VolumeProblem::Missing, .. }
            | Error::Remote { problem: RemoteProblem::NotFound(_), .. } => ErrorKind::NotFound,
            Error::Remote { problem: RemoteProblem::Caller(error), .. }
                if error.as_io().kind() == io::ErrorKind::NotFound =>
            {
                ErrorKind::NotFound
            }
            Error::WrongKind { .. } => ErrorKind::WrongKind,
            Error::Lost { .. } | Error::Remote { problem: RemoteProblem::Changed, .. } => {
                ErrorKind::Changed
            }
            Error::Remote { .. } | Error::Upload { .. } => ErrorKind::Remote,
            Error::Cancelled { .. } => ErrorKind::Cancelled,
            Error::Exists { .. }
            | Error::Incomplete { .. }
            | Error::Strict { .. }
            | Error::Merge(_) => ErrorKind::Refused,
            Error::Grow { problem: GrowProblem::Kind { .. }, .. } => ErrorKind::Refused,
            Error::Volume { .. } | Error::Container { .. } | Error::Grow { .. } => ErrorKind::State,
            Error::TooMuch { .. } => ErrorKind::OverLimit,
            Error::SameFile { .. }
            | Error::Setting { .. }
            | Error::OnlyGzip
            | Error::Scheme { .. }
            | Error::Filter(_)
            | Error::Digest(_) => ErrorKind::BadQuestion,
        }
    }

    /// Whether what was asked for is not there: a file, an entry, or what a link leads to.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the caller, or the user, wanted it to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Error::Cancelled { .. })
    }

    /// Whether the bytes of a pack are at fault, rather than the system or the question.
    pub fn is_bad_pack(&self) -> bool {
        matches!(self, Error::Pack { .. } | Error::Entry { .. } | Error::OtherFormat { .. })
    }
}

/// Of an entry or a path at hand: which pack it is of, who asked knows.
impl From<FormatError> for Error {
    fn from(error: FormatError) -> Error {
        Error::Format(Box::new(error))
    }
}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Error {
        Error::Filter(Box::new(error))
    }
}

impl From<ParseDigestError> for Error {
    fn from(error: ParseDigestError) -> Error {
        Error::Digest(error)
    }
}

/// The error is inside, so that it can be found again; its kind is the nearest that the standard library has.
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match (&error, error.kind()) {
            (Error::Io { source, .. }, _) => source.kind(),
            (Error::Exists { .. }, _) => io::ErrorKind::AlreadyExists,
            (Error::WrongKind { expected: Expected::Directory, .. }, _) => {
                io::ErrorKind::NotADirectory
            }
            (_, ErrorKind::NotFound) => io::ErrorKind::NotFound,
            (_, ErrorKind::NotAPack | ErrorKind::Corrupt | ErrorKind::WrongPack) => {
                io::ErrorKind::InvalidData
            }
            (_, ErrorKind::Unsupported) => io::ErrorKind::Unsupported,
            (_, ErrorKind::BadQuestion) => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, FilterOptions, Pack, PackPathBuf};
    use std::error::Error as _;

    #[test]
    fn errors_of_others_become_errors_of_the_library() {
        fn path() -> crate::Result<PackPathBuf> {
            Ok("../a".parse()?)
        }
        fn filter() -> crate::Result<Filter> {
            Ok(Filter::new(FilterOptions::new().include(["a[b"]))?)
        }
        fn opened() -> io::Result<Pack> {
            Ok(Pack::open("not/there.pack")?)
        }
        assert_eq!(path().unwrap_err().kind(), ErrorKind::BadQuestion);
        assert_eq!(filter().unwrap_err().kind(), ErrorKind::BadQuestion);
        let error = opened().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.downcast::<Error>().unwrap().is_not_found());
    }

    #[test]
    fn no_message_repeats_its_cause() {
        let mut errors = vec![Pack::open("not/there.pack").unwrap_err()];
        for kind in [
            FormatError::NotAPack { file_len: 7 },
            FormatError::BadDeflate { decoded: 7 },
            FormatError::UnsupportedVersion { found: 9, newest: 1 },
        ] {
            let (pack, entry) = ("a.pack".into(), "b".into());
            errors.push(Error::Pack { pack, source: Box::new(kind.clone()) });
            errors.push(Error::Entry { pack: "a.pack".into(), entry, source: Box::new(kind) });
        }
        for error in errors {
            let cause = error.source().expect("a cause").to_string();
            assert!(!error.to_string().contains(&cause), "{error}");
            assert!(error.in_one_line().ends_with(&cause), "{error}");
        }
        let filter = Filter::new(FilterOptions::new().include(["a[b"])).unwrap_err();
        assert!(filter.source().is_none(), "all of it is in the message: {filter}");
    }
}
