//! Packs that Python reads: bytes come from a function, wherever it has them from.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rangepack::{ByteRanges, Extent, Opener};
use std::io;

/// A Python object with `open(url)`, which gives an object with `size` and `read(offset, length)`, or raises
/// `FileNotFoundError`. What else it raises is raised where the pack is asked.
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
        Python::attach(|py| -> PyResult<Box<dyn ByteRanges>> {
            let file = self.0.call_method1(py, "open", (url,))?;
            let len = file.getattr(py, "size")?.extract(py)?;
            Ok(Box::new(File { file, len }))
        })
        .map_err(io::Error::from)
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
        Python::attach(|py| -> PyResult<Vec<u8>> {
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
        .map_err(io::Error::from)
    }
}
