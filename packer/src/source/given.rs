//! Files that the caller reads: where the library itself knows no way.

use rangepack_core::Extent;
use std::fmt::Debug;
use std::io;

/// Opens files at URLs of the caller's own: a pack at one of them, and what lies beside it (`.rpx`, `.idx`, files with
/// payloads). See [`OpenOptions::opener`](crate::OpenOptions::opener).
///
/// ```
/// use rangepack::{ByteRanges, Extent, OpenOptions, Opener, Pack, PackOptions, Url, pack};
/// use std::{io, sync::Arc};
/// # if !cfg!(feature = "remote") { return Ok::<(), Box<dyn std::error::Error>>(()); }
/// # let home = tempfile::tempdir()?;
/// # std::env::set_current_dir(home.path())?;
/// # std::fs::create_dir("photos")?;
/// # std::fs::write("photos/readme.txt", "of cats")?;
/// # pack("photos", "photos.pack", &PackOptions::new(), &())?;
///
/// /// One file, in memory.
/// #[derive(Debug, Clone)]
/// struct Memory(Arc<Vec<u8>>);
///
/// impl Opener for Memory {
///     fn open(&self, url: &str) -> io::Result<Box<dyn ByteRanges>> {
///         match url {
///             "memory://photos.pack" => Ok(Box::new(self.clone())),
///             _ => Err(io::ErrorKind::NotFound.into()),
///         }
///     }
/// }
///
/// impl ByteRanges for Memory {
///     fn len(&self) -> u64 {
///         self.0.len() as u64
///     }
///
///     fn read(&self, Extent { start, len }: Extent) -> io::Result<Vec<u8>> {
///         Ok(self.0[start as usize..(start + len) as usize].to_vec())
///     }
/// }
///
/// let opener = Arc::new(Memory(Arc::new(std::fs::read("photos.pack")?)));
/// let pack = Pack::open_with(Url::given("memory://photos.pack"), &OpenOptions::new().opener(opener as Arc<dyn Opener>))?;
/// assert_eq!(std::io::read_to_string(pack.open_file("readme.txt")?)?, "of cats");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Opener: Send + Sync + Debug {
    /// Opens the file at a URL.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] says that there is no such file, which is no failure where it need not be there.
    fn open(&self, url: &str) -> io::Result<Box<dyn ByteRanges>>;
}

/// A file that the caller reads. Several threads may ask at once; who asks waits for the answer.
pub trait ByteRanges: Send + Sync + Debug {
    /// Length of the file in bytes; always the same.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A range of the file, all of which lies in it.
    ///
    /// # Errors
    /// Whatever stands in the way. An answer of another length is one, too, and is told by who asked.
    fn read(&self, extent: Extent) -> io::Result<Vec<u8>>;
}
