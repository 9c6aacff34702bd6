//! A file of a pack: what `io.BufferedReader` reads from.

use crate::arguments;
use crate::errors::raised_by_reading;
use crate::work::wait;
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads a file of a pack, without a buffer. `rangepack.Pack.open` puts one around it.
#[pyclass(frozen, module = "rangepack._rangepack", name = "RawFile")]
#[derive(Debug)]
pub(crate) struct RawFile {
    /// Calls wait for one another.
    file: Arc<Mutex<rangepack::File>>,
    size: u64,
    is_remote: bool,
}

impl RawFile {
    pub(crate) fn new(file: rangepack::File) -> RawFile {
        let (size, is_remote) = (file.len(), file.pack().is_remote());
        RawFile { file: Arc::new(Mutex::new(file)), size, is_remote }
    }

    fn with<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut rangepack::File) -> PyResult<T> + Send + 'static,
    ) -> PyResult<T> {
        let file = Arc::clone(&self.file);
        let work = move || work(&mut file.lock().unwrap_or_else(PoisonError::into_inner));
        if self.is_remote { wait(py, work)? } else { py.detach(work) }
    }
}

#[pymethods]
impl RawFile {
    /// Length of the content in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `offset` on, `length` of them, fewer only at the end.
    pub(crate) fn read_at<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arguments::offset)] offset: u64,
        #[pyo3(from_py_with = arguments::size)] length: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let end = offset.saturating_add(length).min(self.size);
        let bytes = self.with(py, move |file| read_range(file, offset..end))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        format!("<rangepack.RawFile {} bytes>", self.size)
    }
}

/// These bytes of a file; nothing behind its end.
pub(crate) fn read_range(file: &mut rangepack::File, range: Range<u64>) -> PyResult<Vec<u8>> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let len = usize::try_from(range.end - range.start)
        .map_err(|_| PyValueError::new_err("it is longer than the memory"))?;
    let mut bytes = Vec::new();
    // Sizes are a stranger's word: a file that says much and holds little must not take the memory.
    bytes.try_reserve_exact(len).map_err(|_| PyMemoryError::new_err(()))?;
    file.read_until(range.end);
    file.seek(SeekFrom::Start(range.start)).map_err(raised_by_reading)?;
    file.take(len as u64).read_to_end(&mut bytes).map_err(raised_by_reading)?;
    Ok(bytes)
}
