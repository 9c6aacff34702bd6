//! Bytes of a pack that Python sees without a copy: a read-only `memoryview` that keeps the mapping alive.
//!
//! The stable ABI lends buffers from Python 3.11 on only, although the interpreter knows the slots of 3.10 just as well
//! (they can be given in a type's specification since 3.9). So the type is made by hand, and this is the one place of the
//! package where a compiler cannot vouch for what is done.

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use rangepack::FileBytes;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

/// `Py_buffer`, whose layout is part of the stable ABI since 3.11 and the same in 3.10.
#[repr(C)]
struct Buffer {
    buf: *mut c_void,
    obj: *mut ffi::PyObject,
    len: ffi::Py_ssize_t,
    itemsize: ffi::Py_ssize_t,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut ffi::Py_ssize_t,
    strides: *mut ffi::Py_ssize_t,
    suboffsets: *mut ffi::Py_ssize_t,
    internal: *mut c_void,
}

/// What may be asked of a buffer (`PyBUF_WRITABLE` and so on).
const WRITABLE: c_int = 0x1;
const FORMAT: c_int = 0x4;
const ND: c_int = 0x8;
const STRIDES: c_int = 0x10 | ND;

/// An object of the type.
#[repr(C)]
struct Object {
    head: ffi::PyObject,
    bytes: FileBytes,
}

/// A read-only view of bytes; it, and every slice of it, keeps them alive.
///
/// # Errors
/// When Python has no memory left.
pub(crate) fn view(py: Python<'_>, bytes: FileBytes) -> PyResult<Bound<'_, PyAny>> {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = TYPE.get_or_try_init(py, || make_type(py))?;
    // SAFETY: the type's size is that of `Object`; what is allocated gets its value before anybody sees it, and each
    // call's result is an owned reference or NULL with an exception set.
    unsafe {
        let object = ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        ptr::write(&raw mut (*object.as_ptr().cast::<Object>()).bytes, bytes);
        Bound::from_owned_ptr_or_err(py, ffi::PyMemoryView_FromObject(object.as_ptr()))
    }
}

/// Makes the views of one call. Those of a mapping are slices of one view of all of it, which takes one object of Python for each
/// instead of three.
#[derive(Debug, Default)]
pub(crate) struct Views<'py> {
    /// Of the file in which the last content lay, and the number of that.
    all: Option<(u32, Bound<'py, PyAny>)>,
}

impl<'py> Views<'py> {
    /// As [`view`].
    pub(crate) fn view(
        &mut self,
        py: Python<'py>,
        bytes: FileBytes,
    ) -> PyResult<Bound<'py, PyAny>> {
        let FileBytes::Mapped(bytes) = bytes else { return view(py, bytes) };
        let (volume, extent) = bytes.place();
        let all = match &self.all {
            Some((of, all)) if *of == volume => all,
            _ => {
                let all = view(py, FileBytes::Mapped(bytes.file()))?;
                &self.all.insert((volume, all)).1
            }
        };
        let (start, end) = (extent.start.into_pyobject(py)?, extent.end().into_pyobject(py)?);
        // SAFETY: it takes three objects, of which the last may be missing, and keeps references of its own to them, which
        // PyO3's own call overlooks. The result is an owned reference, or NULL with an exception set.
        let slice = unsafe {
            let slice = ffi::PySlice_New(start.as_ptr(), end.as_ptr(), ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, slice)?
        };
        all.get_item(slice)
    }
}

fn make_type(py: Python<'_>) -> PyResult<Py<PyType>> {
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_bf_getbuffer, lend as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = ffi::PyType_Spec {
        name: c"rangepack._rangepack.Bytes".as_ptr(),
        basicsize: size_of::<Object>() as c_int,
        itemsize: 0,
        flags: flags as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the specification is complete; Python copies all of it but the name, which is static.
    unsafe {
        let class = Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))?;
        Ok(class.cast_into::<PyType>()?.unbind())
    }
}

/// `bf_getbuffer`.
unsafe extern "C" fn lend(object: *mut ffi::PyObject, view: *mut Buffer, flags: c_int) -> c_int {
    // SAFETY: Python calls it with an object of the type and a buffer to fill, attached to the interpreter. The bytes do not
    // move while the object lives, and the view holds a reference to it.
    unsafe {
        (*view).obj = ptr::null_mut();
        if flags & WRITABLE != 0 {
            Python::attach(|py| {
                PyBufferError::new_err("bytes of a pack are read-only").restore(py)
            });
            return -1;
        }
        let bytes: &[u8] = &(*object.cast::<Object>()).bytes;
        let asked = |what: c_int| flags & what == what;
        ffi::Py_INCREF(object);
        ptr::write(
            view,
            Buffer {
                buf: bytes.as_ptr().cast_mut().cast(),
                obj: object,
                // A slice is no longer than `isize::MAX`.
                len: bytes.len() as ffi::Py_ssize_t,
                itemsize: 1,
                readonly: 1,
                ndim: 1,
                format: if asked(FORMAT) { c"B".as_ptr().cast_mut() } else { ptr::null_mut() },
                shape: if asked(ND) { &raw mut (*view).len } else { ptr::null_mut() },
                strides: if asked(STRIDES) { &raw mut (*view).itemsize } else { ptr::null_mut() },
                suboffsets: ptr::null_mut(),
                internal: ptr::null_mut(),
            },
        );
    }
    0
}

/// `tp_dealloc`.
unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: nobody holds the object any more; `tp_free` of its type takes the memory back, and the type loses the
    // reference that each object of a heap type has.
    unsafe {
        ptr::drop_in_place(&raw mut (*object.cast::<Object>()).bytes);
        let class = ffi::Py_TYPE(object);
        let free: ffi::freefunc = std::mem::transmute(ffi::PyType_GetSlot(class, ffi::Py_tp_free));
        free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}
