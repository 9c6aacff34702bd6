//! The contents of files at one go: of one, and of many at once.

use crate::error::{Error, Expected, Result};
use crate::read::mapped_bytes::MappedBytes;
use crate::read::pack::Pack;
use crate::read::small_files::Aside;
use crate::source::options::Verify;
use crate::source::shared::SharedBytes;
use rangepack_core::{Content, EntryRef, PackPath, PackPathBuf, decode_all};
use std::borrow::Cow;
use std::ops::{ControlFlow, Deref};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
    /// It was fetched with its neighbours, and most of what was fetched is theirs.
    Shared(SharedBytes),
}

impl FileBytes {
    /// Fails with [`Error::Lost`] when bytes of the file were gone that somebody read: see [`Pack::intact`].
    pub fn intact(&self) -> Result<()> {
        match self {
            FileBytes::Mapped(bytes) => bytes.intact(),
            FileBytes::Owned(_) | FileBytes::Shared(_) => Ok(()),
        }
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Mapped(bytes) => bytes,
            FileBytes::Owned(bytes) => bytes,
            FileBytes::Shared(bytes) => bytes,
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
        match self.plain(entry)? {
            Some(bytes) => Ok(FileBytes::Mapped(bytes)),
            None => self.whole(&self.file_content(entry)?, || path_of(entry)),
        }
    }

    /// The content of a file that needs neither decoding nor verification nor a network, of which nothing is looked at but where
    /// it lies.
    fn plain(&self, entry: &EntryRef<'_>) -> Result<Option<MappedBytes>> {
        if self.options().verify == Verify::Payloads {
            return Ok(None);
        }
        let plain = entry.plain().map_err(Error::pack(self.location()))?;
        let Some((volume, extent)) = plain else { return Ok(None) };
        let file = self.volume(volume)?;
        // Volumes of merged packs are not mapped.
        if file.is_remote() || file.whole().is_none() {
            return Ok(None);
        }
        file.check(extent)?;
        Ok(Some(MappedBytes::new(self.clone(), volume, extent)))
    }

    /// The contents of many files, which `find` finds by what is asked for: it adds an entry for each. The answers have the order
    /// of `files`.
    ///
    /// From a disk the bytes come by way of so many threads at most, and are in memory when this returns. Those of a remote pack are
    /// fetched together, neighbours with one request.
    pub fn contents<'p, F: Sync>(
        &'p self,
        files: &[F],
        find: impl Fn(&[F], &mut Vec<Result<EntryRef<'p>>>) + Sync,
        threads: usize,
    ) -> Vec<Result<FileBytes>> {
        if self.is_remote() {
            let mut found = Vec::with_capacity(files.len());
            find(files, &mut found);
            return self.gather(found);
        }
        let read = |files: &[F], answers: &mut Vec<Result<FileBytes>>| {
            let first = answers.len();
            let mut found = Vec::with_capacity(files.len());
            find(files, &mut found);
            answers.extend(found.into_iter().map(|entry| self.content(&entry?)));
            let read: Vec<&[u8]> = answers[first..].iter().flatten().map(Deref::deref).collect();
            std::hint::black_box(touch(&read));
            for answer in &mut answers[first..] {
                if let Err(error) = answer.as_ref().map_or(Ok(()), FileBytes::intact) {
                    *answer = Err(error);
                }
            }
        };
        in_threads(files, read, threads)
    }

    /// The contents of entries of a remote pack.
    fn gather(&self, found: Vec<Result<EntryRef<'_>>>) -> Vec<Result<FileBytes>> {
        let mut answers: Vec<Option<Result<FileBytes>>> = Vec::with_capacity(found.len());
        let mut small = Aside::hashing(self);
        let mut entries = Vec::with_capacity(found.len());
        for (place, entry) in found.into_iter().enumerate() {
            let content = entry.and_then(|entry| Ok((self.file_content(&entry)?, entry)));
            match content {
                Ok((content, entry)) if small.wants(&content) => {
                    small.push(&content, None, (place, content, entry));
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
                let dictionary = self.dictionary(content)?;
                let decoded = gathered
                    .left_of(content)
                    .and_then(|left| decode_all(&left, &payload, dictionary.as_ref(), limits));
                match decoded {
                    Ok(Cow::Owned(bytes)) => Ok(FileBytes::Owned(bytes)),
                    // It is the payload as it came.
                    Ok(Cow::Borrowed(bytes)) => Ok(match gathered.shared(content.extent()) {
                        Some(shared) => FileBytes::Shared(shared),
                        None => FileBytes::Owned(bytes.to_owned()),
                    }),
                    Err(error) => Err(self.entry_error(&path_of(entry))(error)),
                }
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
            Some(_) => {
                let bytes = MappedBytes::new(self.clone(), content.volume, content.extent());
                Ok(FileBytes::Mapped(bytes))
            }
            None => self.decoded(content, path).map(FileBytes::Owned),
        }
    }
}

/// A byte of each page. A thread that waits for the disk here spares its caller that. There is little else to do between two of
/// them, so that the processor asks the memory for several at a time.
#[inline(never)]
fn touch(some: &[&[u8]]) -> u8 {
    let mut touched = 0;
    for bytes in some {
        touched ^= bytes.first().copied().unwrap_or(0);
        for byte in bytes.iter().skip(PAGE).step_by(PAGE) {
            touched ^= byte;
        }
    }
    touched
}

/// What is done in so short a time one thread does alone: to start another takes about as long.
const ALONE: Duration = Duration::from_micros(200);

/// So many things are done before anybody looks at the clock, or for more.
const STRIDE: usize = 16;

/// Does `work` with all of `things`, some at a time, in the order of which the answers are. Threads are started when one alone is
/// not done soon, which tells that there is much to do, or that the disk is waited for.
fn in_threads<T: Sync, A: Send>(
    things: &[T],
    work: impl Fn(&[T], &mut Vec<A>) + Sync,
    threads: usize,
) -> Vec<A> {
    let start = Instant::now();
    let mut answers = Vec::with_capacity(things.len());
    for stride in things.chunks(STRIDE) {
        work(stride, &mut answers);
        let left = (things.len() - answers.len()) as f64 / answers.len() as f64;
        if threads > 1 && start.elapsed().mul_f64(left) > ALONE {
            break;
        }
    }
    let left = &things[answers.len()..];
    if left.is_empty() {
        return answers;
    }
    let strides: Vec<_> = left.chunks(STRIDE).collect();
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        while let Some((place, stride)) = take(&strides, &next) {
            let mut answers = Vec::with_capacity(stride.len());
            work(stride, &mut answers);
            done.push((place, answers));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others = threads.min(strides.len()) - 1;
        let others: Vec<_> = (0..others).map(|_| scope.spawn(share)).collect();
        let mut done = share();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    answers.extend(done.into_iter().flat_map(|(_, answers)| answers));
    answers
}

fn take<'t, T>(strides: &[&'t [T]], next: &AtomicUsize) -> Option<(usize, &'t [T])> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    strides.get(place).map(|stride| (place, *stride))
}

/// For errors. Entries that can be found have one.
fn path_of(entry: &EntryRef<'_>) -> PackPathBuf {
    entry.path().unwrap_or(PackPath::ROOT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_order_of_what_is_asked() {
        let at_once = |numbers: &[usize], answers: &mut Vec<usize>| answers.extend(numbers);
        let slowly = |numbers: &[usize], answers: &mut Vec<usize>| {
            let start = Instant::now();
            while start.elapsed() < ALONE {
                std::hint::spin_loop();
            }
            answers.extend(numbers);
        };
        for len in [0, 1, STRIDE, STRIDE + 1, 40 * STRIDE + 3] {
            let things: Vec<usize> = (0..len).collect();
            for threads in [0, 1, 2, 5] {
                assert_eq!(in_threads(&things, slowly, threads), things);
                assert_eq!(in_threads(&things, at_once, threads), things);
            }
        }
    }
}
