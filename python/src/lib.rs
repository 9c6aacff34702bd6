//! The extension module of the Python package `rangepack`: packs as Python objects. What can be said in Python is said
//! there, in `rangepack/`; here is what touches bytes.

mod arguments;
mod buffer;
mod errors;
mod keys;
mod work;
mod source;
mod travel;
mod entry;
mod state;
mod pack;
mod file;
mod files;
mod groups;
mod growing;
mod order;
mod merging;
mod ranges;
mod writing;
mod archives;
mod containers;
mod whole;

use pyo3::prelude::*;

/// What `import rangepack._rangepack` brings.
#[pymodule(gil_used = false)]
fn _rangepack(module: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::add_to(module)?;
    module.add_class::<pack::Pack>()?;
    module.add_class::<file::RawFile>()?;
    module.add_class::<files::Files>()?;
    module.add_class::<groups::Groups>()?;
    module.add_class::<order::Order>()?;
    module.add_class::<entry::Entry>()?;
    module.add_class::<entry::Entries>()?;
    module.add_function(wrap_pyfunction!(entry::entry, module)?)?;
    module.add_function(wrap_pyfunction!(state::after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(writing::pack, module)?)?;
    module.add_function(wrap_pyfunction!(writing::pack_files, module)?)?;
    module.add_function(wrap_pyfunction!(merging::split, module)?)?;
    module.add_function(wrap_pyfunction!(merging::merge, module)?)?;
    module.add_function(wrap_pyfunction!(writing::table, module)?)?;
    module.add_function(wrap_pyfunction!(archives::index, module)?)?;
    module.add_function(wrap_pyfunction!(archives::export, module)?)?;
    module.add_function(wrap_pyfunction!(growing::add, module)?)?;
    module.add_function(wrap_pyfunction!(growing::remove, module)?)?;
    module.add_function(wrap_pyfunction!(growing::sync, module)?)?;
    module.add_function(wrap_pyfunction!(growing::sync_pack, module)?)?;
    module.add_function(wrap_pyfunction!(growing::generations, module)?)?;
    module.add_function(wrap_pyfunction!(growing::compact, module)?)?;
    module.add_function(wrap_pyfunction!(ranges::ranges, module)?)?;
    module.add_function(wrap_pyfunction!(ranges::files_within, module)?)?;
    module.add_function(wrap_pyfunction!(containers::create, module)?)?;
    module.add_function(wrap_pyfunction!(containers::finalize, module)?)?;
    module.add_function(wrap_pyfunction!(containers::survey, module)?)?;
    module.add_function(wrap_pyfunction!(whole::notes, module)?)?;
    module.add_function(wrap_pyfunction!(whole::totals, module)?)?;
    module.add_function(wrap_pyfunction!(whole::bytes_at, module)?)?;
    module.add_function(wrap_pyfunction!(writing::extract, module)?)?;
    module.add_function(wrap_pyfunction!(writing::verify, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
