//! A file inside a pack, as a file object that keeps its pack open.

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::read::mapped_bytes::MappedBytes;
use crate::read::pack::Pack;
use crate::read::reading::Reading;
#[cfg(doc)]
use crate::source::options::Verify;
use rangepack_core::{Content, PackPath, PackPathBuf};
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// A file inside a pack: `Read`, `Seek` and `BufRead`, as if it had been opened on disk.
///
/// Nothing is read before it is asked for. Files that are stored as they are come straight from the
/// mapping, where what is cut off while it is read may be seen as zeros before the next read fails with
/// [`Error::Lost`]; with [`Verify::Payloads`] a block (or the payload, if it has no block table) is hashed
/// before its first byte is given out. Compressed files with a block table are decoded and verified
/// block by block, and one block is kept. Compressed files without one are decoded and verified as a
/// whole up to 1 MiB. Longer ones are *streams*: before the first byte is given out a first pass verifies all of the
/// payload, whatever part of it is asked for, and keeps digests of its pieces; then they are decoded as they are
/// read, from pieces that have these digests. Seeking back begins anew, and seeking forward decodes what lies
/// between. With [`Verify::Index`] local streams have no first pass: the read that would give out the last bytes
/// fails if the payload is damaged.
///
/// Files of remote packs are read in the same ways, those that are stored as they are like compressed
/// ones, so a stream is fetched twice; blocks are fetched ahead, the more of them the longer reading goes on.
///
/// Errors of reading are [`io::ErrorKind::InvalidData`] around [`Error::Entry`], which names the file,
/// or [`io::ErrorKind::Other`] around [`Error::Remote`], or around [`Error::Lost`] when the file on disk lost bytes.
/// `error.downcast::<rangepack::Error>()` gives what is inside.
///
/// It has its own handle of the [`Pack`], so it may be stored, returned, and sent to other threads.
///
/// ```
/// # let home = tempfile::tempdir()?;
/// # let (source, target) = (home.path().join("photos"), home.path().join("photos.pack"));
/// # std::fs::create_dir(&source)?;
/// # std::fs::write(source.join("notes.csv"), "name,legs\ncat,4\n")?;
/// # rangepack::pack(&source, &target, &rangepack::PackOptions::new(), &())?;
/// struct Notes {
///     lines: std::io::Lines<rangepack::File>,
/// }
///
/// fn open(pack: &std::path::Path) -> rangepack::Result<Notes> {
///     let file = rangepack::Pack::open(pack)?.open_file("notes.csv")?;
///     Ok(Notes { lines: std::io::BufRead::lines(file) })
/// }
/// let mut notes = open(&target)?;
/// assert_eq!(notes.lines.next().transpose()?.as_deref(), Some("name,legs"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct File {
    owning: Owning,
}

self_cell::self_cell!(
    struct Owning {
        owner: Pack,
        #[not_covariant]
        dependent: Reading,
    }

    impl {Debug}
);

impl File {
    pub(crate) fn new(pack: &Pack, path: PackPathBuf, content: Content) -> Result<File> {
        let owning = Owning::try_new(pack.clone(), |pack| Reading::new(pack, path, content))?;
        Ok(File { owning })
    }

    /// Says that nothing behind `end` will be read, so that nothing is fetched for it.
    pub fn read_until(&mut self, end: u64) {
        self.owning.with_dependent_mut(|_, reading| reading.read_until(end));
    }

    /// Goes on towards the position, at most some 4 MiB of content; whether reading there needs no long way any more.
    ///
    /// Only streams have one. Who serves others can see between two steps whether anybody waits still.
    ///
    /// # Errors
    /// As for reading.
    pub fn approach(&mut self) -> io::Result<bool> {
        self.owning.with_dependent_mut(|_, reading| reading.approach())
    }

    /// Whether it has to be decoded from its beginning to any place in it: see [`File::approach`].
    pub fn is_stream(&self) -> bool {
        self.owning.with_dependent(|_, reading| reading.is_stream())
    }

    /// Length of the content in bytes.
    pub fn len(&self) -> u64 {
        self.content().size
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it is in the pack, links followed.
    pub fn path(&self) -> PackPath<'_> {
        self.owning.with_dependent(|_, reading| reading.path())
    }

    /// Where its bytes lie and how they are stored.
    pub fn content(&self) -> &Content {
        self.owning.with_dependent(|_, reading| reading.content())
    }

    /// The pack that it is in.
    pub fn pack(&self) -> &Pack {
        self.owning.borrow_owner()
    }

    /// The whole content without a copy, as [`Pack::bytes`] lends it; `None` when the file is stored compressed, or
    /// its pack is remote. What comes keeps the pack open.
    ///
    /// # Errors
    /// With [`Verify::Payloads`] when it is not what its digest says.
    pub fn mapped(&self) -> Result<Option<MappedBytes>> {
        let (pack, content) = (self.pack(), self.content());
        let lent = pack.lent_whole(content, || self.path().to_owned())?;
        Ok(lent.map(|_| MappedBytes::new(pack.clone(), content.volume, content.extent())))
    }

    /// Reads at `offset`, as files of Unix do, and leaves the position where it is, so that threads can share the file.
    ///
    /// Gives fewer bytes than asked for at the end of the file or of a block, and 0 only behind the
    /// end. What is not in the buffer is decoded for this one call: of a long compressed file without
    /// a block table, everything before it as well.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.owning.with_dependent(|_, reading| reading.read_at(offset, buffer))
    }
}

impl BufRead for File {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.owning.with_dependent_mut(|_, reading| reading.fill_buf())
    }

    fn consume(&mut self, amount: usize) {
        self.owning.with_dependent_mut(|_, reading| reading.consume(amount));
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.owning.with_dependent_mut(|_, reading| reading.read(buffer))
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.owning.with_dependent_mut(|_, reading| reading.seek(to))
    }
}

#[cfg(test)]
mod tests;
