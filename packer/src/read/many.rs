//! The contents of files at one go: of one, and of many at once.

use crate::error::{Error, Expected, Result};
use crate::read::mapped_bytes::MappedBytes;
use crate::read::pack::Pack;
use crate::read::small_files::Aside;
use rangepack_core::{Content, EntryRef, PackPath, PackPathBuf, decode_all};
use std::ops::{ControlFlow, Deref};

/// Two places of a mapping that lie so far apart may need a read each.
const PAGE: usize = 4096;

/// The whole content of a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FileBytes {
    /// It lies in a mapping as it is.
    Mapped(MappedBytes),
    /// It was decoded, or fetched.
    Owned(Vec<u8>),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Mapped(bytes) => bytes,
            FileBytes::Owned(bytes) => bytes,
        }
    }
}

impl Pack {
    /// The whole content of a file, without a copy where it lies in a mapping as it is. [`Pack::entry`] follows links; a link
    /// itself is no file.
    ///
    /// # Errors
    /// As [`Pack::read`].
    pub fn content(&self, entry: &EntryRef<'_>) -> Result<FileBytes> {
        self.whole(&self.file_content(entry)?, || path_of(entry))
    }

    /// The contents of many files, which `find` finds by what is asked for; the answers have the order of `files`.
    ///
    /// From a disk the bytes come by way of so many threads, and are in memory when this returns. Those of a remote pack are
    /// fetched together, neighbours with one request.
    pub fn contents<'p, F: Sync>(
        &'p self,
        files: &[F],
        find: impl Fn(&F) -> Result<EntryRef<'p>> + Sync,
        threads: usize,
    ) -> Vec<Result<FileBytes>> {
        if self.is_remote() {
            let found = files.iter().map(find).collect();
            return self.gather(found);
        }
        let read = |file: &F| {
            let bytes = self.content(&find(file)?)?;
            // A thread that waits for the disk here spares its caller that.
            bytes.iter().step_by(PAGE).fold(0, |all, byte| all ^ std::hint::black_box(*byte));
            Ok(bytes)
        };
        let share = files.len().div_ceil(threads.max(1)).max(1);
        let mut shares = files.chunks(share);
        let Some(first) = shares.next() else { return Vec::new() };
        std::thread::scope(|scope| {
            let read = &read;
            let others: Vec<_> = shares
                .map(|share| scope.spawn(move || share.iter().map(read).collect::<Vec<_>>()))
                .collect();
            let mut answers: Vec<_> = first.iter().map(read).collect();
            answers.reserve(files.len() - answers.len());
            for other in others {
                match other.join() {
                    Ok(more) => answers.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answers
        })
    }

    /// The contents of entries of a remote pack.
    fn gather(&self, found: Vec<Result<EntryRef<'_>>>) -> Vec<Result<FileBytes>> {
        let mut answers: Vec<Option<Result<FileBytes>>> = Vec::with_capacity(found.len());
        let mut small = Aside::new(self);
        let mut entries = Vec::with_capacity(found.len());
        for (place, entry) in found.into_iter().enumerate() {
            let content = entry.and_then(|entry| Ok((self.file_content(&entry)?, entry)));
            match content {
                Ok((content, entry)) if small.wants(&content) => {
                    small.push(&content, (place, content, entry.clone()));
                    answers.push(None);
                    entries.push((place, entry));
                }
                Ok((_, entry)) => answers.push(Some(self.content(&entry))),
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        let limits = &self.options().limits;
        // What stops it is found again below, and told of the file that it concerns.
        let _ = small.bring(&mut |(place, content, entry), gathered| {
            let bytes = gathered.read(content.extent()).and_then(|payload| {
                decode_all(content, &payload, limits)
                    .map(|bytes| FileBytes::Owned(bytes.into_owned()))
                    .map_err(|error| self.entry_error(&path_of(entry))(error))
            });
            answers[*place] = Some(bytes);
            ControlFlow::Continue(())
        });
        for (place, entry) in entries {
            answers[place].get_or_insert_with(|| self.content(&entry));
        }
        answers.into_iter().flatten().collect()
    }

    fn file_content(&self, entry: &EntryRef<'_>) -> Result<Content> {
        match entry.content().map_err(Error::pack(self.location()))? {
            Some(content) => Ok(content),
            None => Err(self.wrong_kind(path_of(entry).as_bytes(), Expected::File)),
        }
    }

    fn whole(&self, content: &Content, path: impl Fn() -> PackPathBuf) -> Result<FileBytes> {
        match self.lent_whole(content, &path)? {
            Some(_) => Ok(FileBytes::Mapped(MappedBytes::new(self.clone(), content))),
            None => self.decoded(content, path).map(FileBytes::Owned),
        }
    }
}

/// For errors. Entries that can be found have one.
fn path_of(entry: &EntryRef<'_>) -> PackPathBuf {
    entry.path().unwrap_or(PackPath::ROOT.to_owned())
}
