//! What is known of a pack as a whole: totals, and what is strange about the index of an old container.

use crate::pack::Pack;
use crate::state::ask;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rangepack::{Extent, Notes};

/// What is strange about the index of an old container, in numbers; all are 0 for packs.
#[pyfunction]
pub(crate) fn notes<'py>(py: Python<'py>, pack: &Bound<'py, Pack>) -> PyResult<Bound<'py, PyDict>> {
    let state = pack.get().state(py)?;
    let (notes, dict) = (state.pack.notes(), PyDict::new(py));
    dict.set_item("bad_lines", notes.bad_lines)?;
    dict.set_item("refused", notes.refused.len())?;
    dict.set_item("trailing", notes.trailing)?;
    dict.set_item("misfit", u8::from(notes.misfit))?;
    dict.set_item("unfinished", u8::from(notes.unfinished.is_some()))?;
    dict.set_item("unnamed", notes.unfinished.map_or(0, |unfinished| unfinished.unnamed))?;
    dict.set_item("lost_names", notes.lost_names)?;
    Ok(dict)
}

/// Sums over all entries, without reading any: `files` (links are none), `links`, `directories`, `bytes` of content,
/// `stored_bytes`.
#[pyfunction]
pub(crate) fn totals<'py>(
    py: Python<'py>,
    pack: &Bound<'py, Pack>,
) -> PyResult<Bound<'py, PyDict>> {
    let state = pack.get().state(py)?;
    let header = state.pack.header();
    let dict = PyDict::new(py);
    dict.set_item("files", header.totals.files.saturating_sub(header.symlinks))?;
    dict.set_item("links", header.symlinks)?;
    dict.set_item("directories", header.totals.directories)?;
    dict.set_item("bytes", header.totals.bytes)?;
    dict.set_item("stored_bytes", header.totals.stored_bytes)?;
    Ok(dict)
}

/// Bytes of the file itself, as they are: nothing vouches for them.
#[pyfunction]
pub(crate) fn bytes_at<'py>(
    py: Python<'py>,
    pack: &Bound<'py, Pack>,
    offset: u64,
    length: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let state = pack.get().state(py)?;
    let extent = Extent { start: offset, len: length };
    let bytes = ask(py, state, move |state| {
        state.pack.data().read(extent).map(|bytes| bytes.into_owned())
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// What is strange about the index of an old container, in words; nothing for packs.
pub(crate) fn strange(notes: &Notes) -> Vec<String> {
    let mut told = Vec::new();
    if notes.trailing > 0 {
        told.push(format!(
            "{} bytes lie behind its index: those of a pack that was cut or changed, most likely",
            notes.trailing
        ));
    }
    if notes.misfit {
        told.push("its index may be that of another container".to_owned());
    }
    if notes.bad_lines > 0 {
        told.push(format!("{} lines of its index cannot be read", notes.bad_lines));
    }
    let left_out = notes.refused.len() as u64 + notes.lost_names;
    if left_out > 0 {
        told.push(format!("{left_out} entries are left out, for no pack may hold their names"));
    }
    if notes.unfinished.is_some_and(|open| open.is_half_made()) {
        told.push("a run was interrupted and has not gone on: more may be missing".to_owned());
    }
    told
}
