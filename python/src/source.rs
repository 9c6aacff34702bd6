//! Packs that Python reads: bytes come from a function, wherever it has them from.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rangepack::{ByteRanges, Extent, Opener};
use std::io;

/// A Python object with `open(url)`, which gives an object with `size` and `read(offset, length)`, or raises
/// `FileNotFoundError`.
#[derive(Debug)]
pub(crate) struct Source(Py<PyAny>);

impl Source {
    pub(crate) fn new(object: Py<PyAny>) -> Source {
        Source(object)
    }

    /// The object.
    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }
}

impl Opener for Source {
    fn open(&self, url: &str) -> io::Result<Box<dyn ByteRanges>> {
        Python::attach(|py| {
            let file = self.0.call_method1(py, "open", (url,))?;
            let len = file.getattr(py, "size")?.extract(py)?;
            Ok(Box::new(File { file, len }) as Box<dyn ByteRanges>)
        })
        .map_err(told)
    }
}

#[derive(Debug)]
struct File {
    file: Py<PyAny>,
    len: u64,
}

impl ByteRanges for File {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, Extent { start, len }: Extent) -> io::Result<Vec<u8>> {
        Python::attach(|py| {
            let read = self.file.call_method1(py, "read", (start, len))?;
            let read = read.bind(py);
            match read.cast::<PyBytes>() {
                Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
                Err(_) => {
                    let class = read.get_type();
                    Err(PyTypeError::new_err(format!("bytes are needed, not {}", class.name()?)))
                }
            }
        })
        .map_err(told)
    }
}

/// What kind of error it is where the system has the same one; what it says.
fn told(error: PyErr) -> io::Error {
    let said = Python::attach(|py| {
        let class = error.get_type(py);
        let class =
            class.name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        match error.value(py).to_string() {
            said if said.is_empty() => class,
            said => format!("{class}: {said}"),
        }
    });
    io::Error::new(io::Error::from(error).kind(), said)
}
