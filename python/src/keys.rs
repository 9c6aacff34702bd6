//! What names a file of a pack in Python: a path, or its number.

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList, PyString};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A path or a number.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Path(Vec<u8>),
    /// Counted from the end when it is negative.
    Number(i64),
}

impl Key {
    /// # Errors
    /// `TypeError` when it is neither.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Key> {
        if object.is_instance_of::<PyInt>() {
            return number(object).map(Key::Number);
        }
        if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
            return path(object).map(|path| Key::Path(path.into_owned()));
        }
        match object.extract::<i64>() {
            Ok(number) => Ok(Key::Number(number)),
            Err(_) => path(object).map(|path| Key::Path(path.into_owned())),
        }
    }
}

/// The numbers in a list of nothing else.
///
/// # Errors
/// As [`number`].
pub(crate) fn numbers(keys: &Bound<'_, PyAny>) -> PyResult<Option<Vec<i64>>> {
    let Ok(list) = keys.cast::<PyList>() else { return Ok(None) };
    // Integers lie anywhere in memory. In a loop this short the processor asks for several at a time.
    if !list.iter().all(|key| key.is_instance_of::<PyInt>()) {
        return Ok(None);
    }
    list.iter().map(|key| number(&key)).collect::<PyResult<_>>().map(Some)
}

/// A path: `str`, `bytes`, what `os.fspath` makes one of, or an entry or path of a pack.
///
/// # Errors
/// `TypeError` when it is none.
pub(crate) fn path<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = object.cast::<PyString>() {
        return match text.to_str() {
            Ok(text) => Ok(Cow::Borrowed(text.as_bytes())),
            // Names that are not UTF-8 have surrogates in their place.
            Err(_) => Ok(Cow::Owned(object.extract::<OsString>()?.into_encoded_bytes())),
        };
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(path) = object.extract::<PathBuf>() {
        return Ok(Cow::Owned(path.into_os_string().into_encoded_bytes()));
    }
    // Entries and paths inside a pack, which are no paths of the system, say so.
    match object.call_method0(pyo3::intern!(object.py(), "__bytes__")) {
        Ok(path) if path.is_instance_of::<PyBytes>() => Ok(Cow::Owned(path.extract()?)),
        _ => {
            let class = object.get_type();
            let text = format!("a path or a number is needed, not {}", class.name()?);
            Err(PyTypeError::new_err(text))
        }
    }
}

/// A number; what no machine counts to is behind the end of everything.
pub(crate) fn number(object: &Bound<'_, PyAny>) -> PyResult<i64> {
    object.extract().map_err(|error: PyErr| {
        match error.is_instance_of::<PyOverflowError>(object.py()) {
            true => PyIndexError::new_err(format!("number {object} is out of range")),
            false => error,
        }
    })
}

/// A path on disk: `str`, `bytes`, or what `os.fspath` makes one of.
///
/// # Errors
/// `TypeError` when it is none.
pub(crate) fn disk(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    #[cfg(unix)]
    if let Ok(bytes) = object.cast::<PyBytes>() {
        let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes.as_bytes());
        return Ok(path.into());
    }
    #[cfg(not(unix))]
    if object.is_instance_of::<PyBytes>() {
        return object.py().import("os")?.call_method1("fsdecode", (object,))?.extract();
    }
    object.extract()
}

/// A path of a pack as Python's `str`; bytes that are not UTF-8 become surrogates.
#[cfg(unix)]
pub(crate) fn text<'py>(py: Python<'py>, path: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(path) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => {
            let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(path);
            Ok(path.into_pyobject(py)?)
        }
    }
}

/// The same, where names are Unicode.
#[cfg(not(unix))]
pub(crate) fn text<'py>(py: Python<'py>, path: &[u8]) -> PyResult<Bound<'py, PyString>> {
    Ok(PyString::new(py, &String::from_utf8_lossy(path)))
}

/// A number of `len` things, counted from the end when it is negative.
///
/// # Errors
/// `IndexError` when there are not so many.
pub(crate) fn place(number: i64, len: u64) -> PyResult<u64> {
    let place = match u64::try_from(number) {
        Ok(place) => Some(place),
        Err(_) => len.checked_sub(number.unsigned_abs()),
    };
    place.filter(|place| *place < len).ok_or_else(|| {
        PyIndexError::new_err(format!("number {number} is out of range: there are {len} files"))
    })
}
