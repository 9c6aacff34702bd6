//! Errors as Python's own where they mean the same, else as exceptions of the package, with what they know as attributes.

use crate::keys::text;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyException, PyFileExistsError, PyFileNotFoundError, PyIsADirectoryError, PyKeyboardInterrupt,
    PyNotADirectoryError, PyOSError, PyPermissionError, PyUserWarning, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyString;
use rangepack::{
    ArchiveProblem, CallerError, EntryPath, Error, Expected, FormatError, FormatErrorKind, LeftOut,
    MergeProblem, RemoteProblem,
};
use std::io;

create_exception!(
    rangepack,
    PackError,
    PyException,
    "Something is wrong with a pack, or with how it was asked for."
);
create_exception!(
    rangepack,
    CorruptError,
    PackError,
    "Bytes contradict themselves or their digest."
);
create_exception!(
    rangepack,
    NotAPackError,
    PackError,
    "The file is none of the formats that are read here."
);
create_exception!(
    rangepack,
    UnsupportedError,
    PackError,
    "A later version, or a feature that this reader does not know."
);
create_exception!(
    rangepack,
    WrongPackError,
    PackError,
    "The pack is sound, but another than its root digest says."
);
create_exception!(
    rangepack,
    VolumeError,
    PackError,
    "A file in which the contents of a pack lie is missing, or is another one."
);
create_exception!(
    rangepack,
    LimitError,
    PackError,
    "A limit was reached that protects from hostile packs."
);
create_exception!(
    rangepack,
    ContainerError,
    PackError,
    "A container, or the index beside it, cannot be worked on as asked."
);
create_exception!(
    rangepack,
    IncompleteError,
    PackError,
    "Some of what was to be packed or extracted was not: the rest is there, and `report` tells."
);
create_exception!(
    rangepack,
    PackWarning,
    PyUserWarning,
    "A pack opens, and something is strange about it."
);
create_exception!(
    rangepack,
    RemoteError,
    PyOSError,
    "A server cannot be reached, or gives wrong answers."
);

/// Adds the exceptions to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PackError", py.get_type::<PackError>())?;
    module.add("CorruptError", py.get_type::<CorruptError>())?;
    module.add("NotAPackError", py.get_type::<NotAPackError>())?;
    module.add("UnsupportedError", py.get_type::<UnsupportedError>())?;
    module.add("WrongPackError", py.get_type::<WrongPackError>())?;
    module.add("VolumeError", py.get_type::<VolumeError>())?;
    module.add("LimitError", py.get_type::<LimitError>())?;
    module.add("ContainerError", py.get_type::<ContainerError>())?;
    module.add("IncompleteError", py.get_type::<IncompleteError>())?;
    module.add("PackWarning", py.get_type::<PackWarning>())?;
    module.add("RemoteError", py.get_type::<RemoteError>())
}

/// Numbers of errors of the system, for exceptions that the system did not raise.
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;

/// The exception for an error of the library.
pub(crate) fn raised(error: Error) -> PyErr {
    raised_with(error, "")
}

/// The same, with more words.
pub(crate) fn raised_with(error: Error, more: &str) -> PyErr {
    Python::attach(|py| exception(py, &error, more).unwrap_or_else(|error| error))
}

fn exception(py: Python<'_>, error: &Error, more: &str) -> PyResult<PyErr> {
    let told = error.in_one_line() + more;
    let name = |entry: &EntryPath| text(py, entry.as_bytes()).map(Bound::unbind);
    Ok(match error {
        Error::Io { source, path, .. } if source.kind() == io::ErrorKind::IsADirectory => {
            PyIsADirectoryError::new_err((
                EISDIR,
                "it is a directory",
                path.clone().into_os_string(),
            ))
        }
        Error::Io { source, path, action } => match source.raw_os_error() {
            Some(number) => {
                let text = format!("cannot {action}: {}", in_words(source));
                PyOSError::new_err((number, text, path.clone().into_os_string()))
            }
            None => PyOSError::new_err(told),
        },
        Error::NoEntry { entry, .. } => {
            PyFileNotFoundError::new_err((ENOENT, "no such entry in the pack", name(entry)?))
        }
        Error::BrokenLink { entry, target, .. } => {
            let text = format!("a link to {target}, which leads nowhere in the pack");
            PyFileNotFoundError::new_err((ENOENT, text, name(entry)?))
        }
        Error::WrongKind { entry, expected, .. } => match expected {
            Expected::Directory => {
                let text = "not a directory of the pack";
                PyNotADirectoryError::new_err((ENOTDIR, text, name(entry)?))
            }
            Expected::Entry => {
                let text = "the top of the pack, of which nothing is known";
                PyIsADirectoryError::new_err((EISDIR, text, name(entry)?))
            }
            _ => PyIsADirectoryError::new_err((EISDIR, "not a file of the pack", name(entry)?)),
        },
        Error::Exists { path } => {
            PyFileExistsError::new_err((EEXIST, "it exists already", path.clone().into_os_string()))
        }
        Error::Remote { problem: RemoteProblem::NotFound(_), url } => {
            PyFileNotFoundError::new_err((ENOENT, "there is no such file", url.to_string()))
        }
        Error::Remote { problem: problem @ RemoteProblem::Denied(_), url } => {
            PyPermissionError::new_err((EACCES, problem.to_string(), url.to_string()))
        }
        Error::Remote { problem: RemoteProblem::Caller(said), .. } => match raised_before(py, said)
        {
            Some(raised) => raised,
            None => RemoteError::new_err(told),
        },
        Error::Remote { .. } => RemoteError::new_err(told),
        Error::Cancelled { .. } => PyKeyboardInterrupt::new_err(()),
        Error::SameFile { .. }
        | Error::TooMuch { .. }
        | Error::Setting { .. }
        | Error::OnlyGzip
        | Error::Scheme { .. }
        | Error::Format(_)
        | Error::Filter(_)
        | Error::Digest(_) => PyValueError::new_err(told),
        Error::Archive { archive, problem } => {
            let (raised, offset) = match problem {
                ArchiveProblem::NotAnArchive
                | ArchiveProblem::Other(_)
                | ArchiveProblem::NotInPlace(_) => (NotAPackError::new_err(told), None),
                ArchiveProblem::Changed => (PackError::new_err(told), None),
                ArchiveProblem::CutShort { at }
                | ArchiveProblem::Header { at }
                | ArchiveProblem::Records { at }
                | ArchiveProblem::TooLong { at, .. } => (CorruptError::new_err(told), Some(*at)),
                _ => (CorruptError::new_err(told), None),
            };
            with(py, raised, &archive.display().to_string(), None, offset)
        }
        Error::OtherFormat { path, .. } => {
            with(py, NotAPackError::new_err(told), &path.to_string(), None, None)
        }
        Error::Pack { pack, source } => about_pack(py, source, told, &pack.to_string(), None),
        Error::Entry { pack, entry, source } => {
            about_pack(py, source, told, &pack.to_string(), Some(name(entry)?))
        }
        Error::Volume { index, volume, at, .. } => {
            let raised = VolumeError::new_err(told);
            raised.value(py).setattr("volume", text(py, volume)?)?;
            let at = at.as_ref().map(|at| text(py, &at.shown_bytes())).transpose()?;
            raised.value(py).setattr("at", at)?;
            with(py, raised, &index.to_string(), None, None)
        }
        Error::Merge(problem) => match &**problem {
            MergeProblem::Content { path, second, .. }
            | MergeProblem::Kind { path, second, .. } => {
                let path = text(py, path)?.unbind();
                with(py, PackError::new_err(told), &second.to_string(), Some(path), None)
            }
            _ => PyValueError::new_err(told),
        },
        Error::Lost { path, .. } => {
            with(py, CorruptError::new_err(told), &path.display().to_string(), None, None)
        }
        Error::Container { path, .. } => {
            with(py, ContainerError::new_err(told), &path.display().to_string(), None, None)
        }
        Error::Incomplete { path, .. } => {
            let raised = IncompleteError::new_err(told);
            raised.value(py).setattr("report", py.None())?;
            with(py, raised, &path.display().to_string(), None, None)
        }
        Error::Strict { path, problem: LeftOut::Io(source) } if source.raw_os_error().is_some() => {
            let text = format!("cannot pack it: {}", in_words(source));
            PyOSError::new_err((source.raw_os_error(), text, path.clone().into_os_string()))
        }
        _ => PackError::new_err(told),
    })
}

/// The exception that a source in Python has raised.
fn raised_before(py: Python<'_>, said: &CallerError) -> Option<PyErr> {
    said.as_io().get_ref()?.downcast_ref::<PyErr>().map(|error| error.clone_ref(py))
}

fn about_pack(
    py: Python<'_>,
    error: &FormatError,
    told: String,
    pack: &str,
    entry: Option<Py<PyString>>,
) -> PyErr {
    let raised = match error.kind() {
        FormatErrorKind::NotAPack => NotAPackError::new_err(told),
        FormatErrorKind::Unsupported => UnsupportedError::new_err(told),
        FormatErrorKind::WrongPack => WrongPackError::new_err(told),
        FormatErrorKind::OverLimit => LimitError::new_err(told),
        FormatErrorKind::BadQuestion | FormatErrorKind::TooLarge => PyValueError::new_err(told),
        _ => CorruptError::new_err(told),
    };
    let offset = match error {
        FormatError::DigestMismatch { extent, .. } => Some(extent.start),
        FormatError::OutOfBounds { start, .. } => Some(*start),
        FormatError::BadIndexLine { offset, .. } => Some(*offset),
        _ => None,
    };
    with(py, raised, pack, entry, offset)
}

/// Adds what is known: the pack, the path of the entry, the offset in the file in bytes.
fn with(
    py: Python<'_>,
    raised: PyErr,
    pack: &str,
    entry: Option<Py<PyString>>,
    offset: Option<u64>,
) -> PyErr {
    let value = raised.value(py);
    // An exception that takes no attributes still says it all in its text.
    let _ = value.setattr("location", pack);
    let _ = value.setattr("path", entry);
    let _ = value.setattr("offset", offset);
    raised
}

/// Errors of reading a file object, which are the library's own inside.
pub(crate) fn raised_by_reading(error: io::Error) -> PyErr {
    match error.downcast::<Error>() {
        Ok(error) => raised(error),
        Err(error) => error.into(),
    }
}

/// What the system says, without its number.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
