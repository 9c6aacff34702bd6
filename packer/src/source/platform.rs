//! The few things that differ between operating systems.

use rangepack_core::Extent;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Reads at an offset, without moving the file's position where the system can.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
}

/// Fills a buffer from an offset on, and leaves the file's position where it is.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(not(unix))]
    {
        use io::{Read, Seek, SeekFrom};
        let mut file = file;
        let before = file.stream_position()?;
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
        file.seek(SeekFrom::Start(before))?;
        read
    }
}

/// Bytes of a file. Memory is taken for as many as are asked for, which the file had a moment ago.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] when it has become too short.
pub(crate) fn read_range(file: &File, extent: Extent) -> io::Result<Vec<u8>> {
    let len = usize::try_from(extent.len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    append_at(file, extent.start, &mut bytes, len)?;
    Ok(bytes)
}

/// Appends `len` bytes that lie at `offset`, for which there is room.
#[cfg(unix)]
fn append_at(file: &File, offset: u64, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    use rustix::buffer::spare_capacity;
    while bytes.len() < len {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // There may have been more room than was asked for.
    bytes.truncate(len);
    Ok(())
}

/// The same.
#[cfg(windows)]
fn append_at(file: &File, offset: u64, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    bytes.resize(len, 0);
    let mut filled = 0;
    while filled < len {
        match file.seek_read(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Appends a file's content, which should be `size` bytes long; returns how long it is.
///
/// When the file is longer, the rest is not read: one byte more is enough to tell.
pub(crate) fn read_whole(file: &File, size: usize, out: &mut Vec<u8>) -> io::Result<usize> {
    let start = out.len();
    out.reserve(size + 1);
    #[cfg(unix)]
    loop {
        match rustix::io::read(file, rustix::buffer::spare_capacity(out)) {
            // A full answer, or the end of the file.
            Ok(0) => break,
            Ok(_) if out.len() - start >= size => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    io::Read::read_to_end(&mut io::Read::take(file, size as u64 + 1), out)?;
    Ok(out.len() - start)
}

/// Whether two paths name one file, be it there yet or not.
pub fn same_file(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        path.canonicalize().ok().or_else(|| {
            let directory = directory_of(path).canonicalize().ok()?;
            Some(directory.join(path.file_name()?))
        })
    };
    place(a).is_some_and(|place_of_a| Some(place_of_a) == place(b))
}

/// A name of raw bytes as a path; fails where names are Unicode and these bytes are not.
pub(crate) fn path_of(name: &[u8]) -> io::Result<std::path::PathBuf> {
    #[cfg(unix)]
    return Ok(std::path::PathBuf::from(
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name),
    ));
    #[cfg(not(unix))]
    return std::str::from_utf8(name)
        .map(std::path::PathBuf::from)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the name is not Unicode"));
}

/// The directory that a file lies in.
pub(crate) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// So many threads read files at least.
const READERS: usize = 8;

/// One thread for each processor, and eight at least: those that read files mostly wait, for a disk or a network.
pub fn default_readers() -> usize {
    default_threads().max(READERS)
}

/// One thread for each processor.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
