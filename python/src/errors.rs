//! Errors as Python's own where they mean the same, else as exceptions of the package, with what they know as attributes.

use pyo3::create_exception;
use pyo3::exceptions::{
    PyException, PyFileExistsError, PyFileNotFoundError, PyIsADirectoryError, PyKeyboardInterrupt,
    PyNotADirectoryError, PyOSError, PyPermissionError, PyUserWarning, PyValueError,
};
use pyo3::prelude::*;
use rangepack::{Error, Expected, FormatError, FormatErrorKind, LeftOut, RemoteProblem};

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
    module.add("LimitError", py.get_type::<LimitError>())?;
    module.add("ContainerError", py.get_type::<ContainerError>())?;
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
    let told = words(&error);
    match &error {
        Error::Io { source, path, action } => match source.raw_os_error() {
            Some(number) => {
                let text = format!("cannot {action}: {}", in_words(source));
                PyOSError::new_err((number, text, path.clone().into_os_string()))
            }
            None => PyOSError::new_err(told),
        },
        Error::NoEntry { entry, .. } => {
            PyFileNotFoundError::new_err((ENOENT, "no such entry in the pack", entry.clone()))
        }
        Error::BrokenLink { entry, target, .. } => {
            let text = format!("a link to {target}, which leads nowhere in the pack");
            PyFileNotFoundError::new_err((ENOENT, text, entry.clone()))
        }
        Error::WrongKind { entry, expected: Expected::Directory, .. } => {
            PyNotADirectoryError::new_err((ENOTDIR, "not a directory of the pack", entry.clone()))
        }
        Error::WrongKind { entry, .. } => {
            PyIsADirectoryError::new_err((EISDIR, "not a file of the pack", entry.clone()))
        }
        Error::Exists { path } => {
            PyFileExistsError::new_err((EEXIST, "it exists already", path.clone().into_os_string()))
        }
        Error::Remote { problem: RemoteProblem::NotFound(_), url } => {
            PyFileNotFoundError::new_err((ENOENT, "there is no such file", url.to_string()))
        }
        Error::Remote { problem: problem @ RemoteProblem::Denied(_), url } => {
            PyPermissionError::new_err((EACCES, problem.to_string(), url.to_string()))
        }
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
        Error::OtherFormat { path, .. } => {
            with(NotAPackError::new_err(told), &path.to_string(), None, None)
        }
        Error::Pack { pack, source } => about_pack(source, told, &pack.to_string(), None),
        Error::Entry { pack, entry, source } => {
            about_pack(source, told, &pack.to_string(), Some(entry))
        }
        Error::Lost { path, .. } => {
            with(CorruptError::new_err(told), &path.display().to_string(), None, None)
        }
        Error::Container { path, .. } => {
            with(ContainerError::new_err(told), &path.display().to_string(), None, None)
        }
        Error::Strict { path, problem: LeftOut::Io(source) } if source.raw_os_error().is_some() => {
            let text = format!("cannot pack it: {}", in_words(source));
            PyOSError::new_err((source.raw_os_error(), text, path.clone().into_os_string()))
        }
        _ => PackError::new_err(told),
    }
}

/// What went wrong and why, in one line.
fn words(error: &Error) -> String {
    match error {
        Error::Io { source, .. } => format!("{error}: {source}"),
        Error::Pack { pack, source } => format!("{pack}: {source}"),
        Error::Entry { pack, entry, source } => format!("{pack}: {entry}: {source}"),
        error => error.to_string(),
    }
}

fn about_pack(error: &FormatError, told: String, pack: &str, entry: Option<&str>) -> PyErr {
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
    with(raised, pack, entry, offset)
}

/// Adds what is known: the pack, the path of the entry, the offset in the file in bytes.
fn with(raised: PyErr, pack: &str, entry: Option<&str>, offset: Option<u64>) -> PyErr {
    Python::attach(|py| {
        let value = raised.value(py);
        // An exception that takes no attributes still says it all in its text.
        let _ = value.setattr("location", pack);
        let _ = value.setattr("path", entry);
        let _ = value.setattr("offset", offset);
    });
    raised
}

/// Errors of reading a file object, which are the library's own inside.
pub(crate) fn raised_by_reading(error: std::io::Error) -> PyErr {
    match error.downcast::<Error>() {
        Ok(error) => raised(error),
        Err(error) => error.into(),
    }
}

/// What the system says, without its number.
fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
