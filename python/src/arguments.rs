//! What callers give by name: each argument has a type, and of a wrong one is said which it is and what it takes.

use crate::archives::Format;
use crate::keys::disk;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};
use rangepack::{
    ArchiveFormat, Digest, DirectoryLines, IndexFormat, OnConflict, Present, Tail, Verify,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What an argument can be.
pub(crate) trait Argument: Sized {
    /// What is taken, in words.
    fn what() -> String;

    /// `None` for what is not taken.
    fn of(object: &Bound<'_, PyAny>) -> Option<Self>;

    /// Whether the type is right, and only the value wrong.
    fn is_near(_: &Bound<'_, PyAny>) -> bool {
        false
    }
}

/// The value of the argument of this name.
///
/// # Errors
/// `TypeError`, or `ValueError` for a number or a name that is not taken.
pub(crate) fn argument<T: Argument>(name: &str, object: &Bound<'_, PyAny>) -> PyResult<T> {
    T::of(object).ok_or_else(|| {
        let given = object.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
        let given = match given.char_indices().nth(80) {
            Some((end, _)) => format!("{}…", &given[..end]),
            None => given,
        };
        let told = format!("{name} is {}, not {given}", T::what());
        if T::is_near(object) { PyValueError::new_err(told) } else { PyTypeError::new_err(told) }
    })
}

impl<T: Argument> Argument for Option<T> {
    fn what() -> String {
        format!("None, or {}", T::what())
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<Option<T>> {
        if object.is_none() { Some(None) } else { T::of(object).map(Some) }
    }

    fn is_near(object: &Bound<'_, PyAny>) -> bool {
        T::is_near(object)
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn what() -> String {
                "a number from 0 on".to_owned()
            }

            fn of(object: &Bound<'_, PyAny>) -> Option<$type> {
                object.extract().ok()
            }

            fn is_near(object: &Bound<'_, PyAny>) -> bool {
                object.is_instance_of::<PyInt>()
            }
        }
    )*};
}

numbers!(u32, u64, usize);

macro_rules! plain {
    ($($type:ty: $what:literal),* $(,)?) => {$(
        impl Argument for $type {
            fn what() -> String {
                $what.to_owned()
            }

            fn of(object: &Bound<'_, PyAny>) -> Option<$type> {
                object.extract().ok()
            }
        }
    )*};
}

plain! {
    bool: "True or False",
    String: "a text",
    BTreeMap<String, String>: "a dict of texts by texts",
    Py<PyAny>: "anything",
}

impl Argument for PathBuf {
    fn what() -> String {
        "a path".to_owned()
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<PathBuf> {
        disk(object).ok()
    }
}

/// How much work compressing is.
#[derive(Debug)]
pub(crate) struct Level(pub(crate) u32);

impl Argument for Level {
    fn what() -> String {
        "a number from 1 to 22 (of gzip: to 9)".to_owned()
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<Level> {
        object.extract().ok().filter(|level| (1..=22).contains(level)).map(Level)
    }

    fn is_near(object: &Bound<'_, PyAny>) -> bool {
        object.is_instance_of::<PyInt>()
    }
}

/// One text or several.
#[derive(Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Argument for Texts {
    fn what() -> String {
        "a text or several".to_owned()
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<Texts> {
        if let Ok(text) = object.cast::<PyString>() {
            return Some(Texts(vec![text.extract().ok()?]));
        }
        let texts = object.try_iter().ok()?;
        texts.map(|text| text.ok()?.extract().ok()).collect::<Option<_>>().map(Texts)
    }
}

impl Argument for Duration {
    fn what() -> String {
        "a number of seconds from 0 on".to_owned()
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<Duration> {
        Duration::try_from_secs_f64(object.extract().ok()?).ok()
    }

    fn is_near(object: &Bound<'_, PyAny>) -> bool {
        object.extract::<f64>().is_ok()
    }
}

impl Argument for Digest {
    fn what() -> String {
        "a digest: 64 hexadecimal digits".to_owned()
    }

    fn of(object: &Bound<'_, PyAny>) -> Option<Digest> {
        object.extract::<String>().ok()?.parse().ok()
    }

    fn is_near(object: &Bound<'_, PyAny>) -> bool {
        object.is_instance_of::<PyString>()
    }
}

macro_rules! choices {
    ($($type:ty { $($name:literal: $value:expr),* $(,)? })*) => {$(
        impl Argument for $type {
            fn what() -> String {
                let names = [$(concat!("\"", $name, "\"")),*];
                match names.split_last() {
                    Some((last, others)) if !others.is_empty() => {
                        format!("{} or {last}", others.join(", "))
                    }
                    _ => names.concat(),
                }
            }

            fn of(object: &Bound<'_, PyAny>) -> Option<$type> {
                match object.extract::<String>().ok()?.as_str() {
                    $($name => Some($value),)*
                    _ => None,
                }
            }

            fn is_near(object: &Bound<'_, PyAny>) -> bool {
                object.is_instance_of::<PyString>()
            }
        }
    )*};
}

/// How files are compressed.
#[derive(Debug)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

/// Which files are there already.
#[derive(Debug)]
pub(crate) enum Presence {
    /// Those with the same content, unless they are to be replaced.
    Auto,
    By(Present),
}

/// What becomes of a path that two packs have with different content.
#[derive(Debug)]
pub(crate) struct Conflict(pub(crate) OnConflict);

choices! {
    Compression { "gzip": Compression::Gzip, "zstd": Compression::Zstd }
    Verify { "index": Verify::Index, "payloads": Verify::Payloads }
    Presence {
        "auto": Presence::Auto,
        "none": Presence::By(Present::None),
        "size": Presence::By(Present::SameSize),
        "time": Presence::By(Present::SameTime),
        "content": Presence::By(Present::SameContent),
    }
    Conflict {
        "error": Conflict(OnConflict::Refuse),
        "first": Conflict(OnConflict::First),
        "last": Conflict(OnConflict::Last),
    }
    Format {
        "tar": Format(ArchiveFormat::Tar),
        "tar.gz": Format(ArchiveFormat::TarGzip),
        "tar.zst": Format(ArchiveFormat::TarZstd),
        "zip": Format(ArchiveFormat::Zip),
    }
    Tail { "keep": Tail::Keep, "cut": Tail::Cut }
    IndexFormat {
        "both": IndexFormat::Both,
        "paged": IndexFormat::Paged,
        "ndjson": IndexFormat::Ndjson,
    }
    DirectoryLines {
        "auto": DirectoryLines::Auto,
        "always": DirectoryLines::Always,
        "never": DirectoryLines::Never,
    }
}

/// Options that were given by name, and were not taken yet.
#[derive(Debug)]
pub(crate) struct Given<'py>(Option<Bound<'py, PyDict>>);

impl<'py> Given<'py> {
    /// All of them.
    pub(crate) fn new(given: Option<Bound<'py, PyDict>>) -> Given<'py> {
        Given(given)
    }

    /// Takes an option, if it was given.
    ///
    /// # Errors
    /// See [`argument`].
    pub(crate) fn take<T: Argument>(&self, name: &str) -> PyResult<Option<T>> {
        let Some(given) = &self.0 else { return Ok(None) };
        let Some(value) = given.get_item(name)? else { return Ok(None) };
        given.del_item(name)?;
        argument(name, &value).map(Some)
    }

    /// Nothing is to be left.
    ///
    /// # Errors
    /// `TypeError` for an option that nobody knows.
    pub(crate) fn end(self, function: &str) -> PyResult<()> {
        let Some((name, _)) = self.0.and_then(|given| given.iter().next()) else { return Ok(()) };
        let told = format!("{function}() got an unexpected keyword argument {}", name.repr()?);
        Err(PyTypeError::new_err(told))
    }
}

/// Options with their types and what they are when they are not given.
macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $($option:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $option: $type),*
        }

        impl $name {
            /// Takes them.
            ///
            /// # Errors
            /// When one is not what it can be.
            pub(crate) fn take(given: &crate::arguments::Given<'_>) -> pyo3::PyResult<$name> {
                Ok($name { $($option: given.take(stringify!($option))?.unwrap_or($default)),* })
            }
        }
    };
}

pub(crate) use options;

macro_rules! named {
    ($($name:ident: $type:ty),* $(,)?) => {$(
        /// The argument of this name.
        pub(crate) fn $name(object: &Bound<'_, PyAny>) -> PyResult<$type> {
            argument(stringify!($name), object)
        }
    )*};
}

named! {
    offset: u64,
    length: Option<u64>,
    size: u64,
    depth: usize,
    threads: usize,
    parts: usize,
    select: Option<Texts>,
    exclude: Option<Texts>,
}
