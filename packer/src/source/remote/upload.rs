//! A file that is written into an object store: it appears when all of it is there.

use super::runtime;
use super::store::Store;
use super::{Answered, Counters};
use crate::error::{Error, RemoteProblem, Result};
use crate::progress::{Observer, cancelled};
use crate::source::location::{Location, Url};
use crate::source::options::RemoteOptions;
use object_store::{MultipartUpload, PutMode, PutPayload};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::task::AbortHandle;

/// The length of the first parts. All but the last have one length, which some stores insist on, while there are no more than
/// [`EQUAL`].
const PART: usize = 16 << 20;

/// So many parts are equally long: 31 GiB.
const EQUAL: usize = 2000;

/// Each further one is longer by so much, so that 5 TiB go into the 10,000 parts that stores take.
const GROWTH: usize = 168 << 10;

/// So many bytes are on their way at once, in as many parts, or one part.
const IN_FLIGHT: usize = 48 << 20;

/// How often who waits looks whether to go on.
const LOOK: Duration = Duration::from_millis(100);

/// A file on its way into a store. Nothing is there until [`Upload::finish`], and nothing is left when it is dropped before.
struct Upload {
    url: Url,
    store: Arc<Store>,
    overwrite: bool,
    /// A file of this name was there when this began.
    has_old: bool,
    /// What waits until it is a part.
    buffer: Vec<u8>,
    parts: usize,
    /// Begun when a part is full.
    multipart: Option<Box<dyn MultipartUpload>>,
    coming: VecDeque<Part>,
    stop: Arc<AtomicBool>,
}

/// A part on its way.
struct Part {
    len: usize,
    answer: Waited<()>,
}

/// An answer that is on its way.
struct Waited<T> {
    answer: Receiver<Answered<T>>,
    task: AbortHandle,
}

/// What takes the bytes of a file on its way.
#[derive(Clone)]
pub(crate) struct Sending(Arc<Mutex<State>>);

struct State {
    upload: Upload,
    /// Why no more is sent.
    problem: Option<RemoteProblem>,
}

/// Makes a file at `url` of what `make` writes, which is there when this is over; nothing of it is left when it fails.
///
/// # Errors
/// [`Error::Exists`] when there is one, and it is not to be replaced; [`Error::Upload`]; and those of `make`.
pub(crate) fn send<T>(
    url: &Url,
    options: &RemoteOptions,
    overwrite: bool,
    observer: &dyn Observer,
    make: impl FnOnce(&Sending) -> Result<T>,
) -> Result<T> {
    let (stop, over) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    thread::scope(|scope| {
        // Who waits for the network asks nobody whether to go on.
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if observer.cancelled() {
                    stop.store(true, Ordering::Relaxed);
                }
                thread::park_timeout(LOOK);
            }
        });
        let sent = send_watched(url, options, overwrite, &stop, make);
        over.store(true, Ordering::Relaxed);
        watch.thread().unpark();
        let is_stopped = sent.is_err() && observer.cancelled();
        if is_stopped { Err(cancelled(Location::Url(url.clone()))) } else { sent }
    })
}

fn send_watched<T>(
    url: &Url,
    options: &RemoteOptions,
    overwrite: bool,
    stop: &Arc<AtomicBool>,
    make: impl FnOnce(&Sending) -> Result<T>,
) -> Result<T> {
    let upload = Upload::begin(url, options, overwrite, Arc::clone(stop))?;
    let sending = Sending(Arc::new(Mutex::new(State { upload, problem: None })));
    let made = make(&sending);
    let Some(state) = Arc::into_inner(sending.0) else {
        let problem = "somebody is still writing".to_owned();
        return Err(failed(url)(RemoteProblem::Other(problem)));
    };
    let State { upload, problem } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (made, problem) {
        (Ok(made), None) => upload.finish().map(|()| made),
        (_, Some(problem)) => Err(failed(url)(problem)),
        (Err(error), None) => Err(error),
    }
}

impl Sending {
    /// Whether a file of this name was there when this began.
    pub(crate) fn has_old(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upload.has_old
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = || io::Error::other("the store takes no more");
        if state.problem.is_some() {
            return Err(failed());
        }
        state.upload.take(bytes).map_err(|problem| {
            state.problem = Some(problem);
            failed()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload {
    /// Begins to write a file at `url`. It gives up when `stop` is set.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is one, and it is not to be replaced; [`Error::Upload`].
    fn begin(
        url: &Url,
        options: &RemoteOptions,
        overwrite: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Upload> {
        let store = Store::for_writing(url, options, Counters::default());
        let store = Arc::new(store.map_err(failed(url))?);
        let mut upload = Upload {
            url: url.clone(),
            store,
            overwrite,
            has_old: false,
            buffer: Vec::new(),
            parts: 0,
            multipart: None,
            coming: VecDeque::new(),
            stop,
        };
        upload.has_old = upload.is_there()?;
        upload.refuse_to_replace(upload.has_old)?;
        Ok(upload)
    }

    fn is_there(&self) -> Result<bool> {
        let store = Arc::clone(&self.store);
        match self.run(async move { store.is_there().await }) {
            // Who may write need not be allowed to look.
            Err(RemoteProblem::Denied(_)) if self.overwrite => Ok(true),
            asked => asked.map_err(failed(&self.url)),
        }
    }

    fn refuse_to_replace(&self, is_there: bool) -> Result<()> {
        match is_there && !self.overwrite {
            true => Err(Error::Exists { path: PathBuf::from(self.url.to_string()) }),
            false => Ok(()),
        }
    }

    /// Sends what is left; the file is there when this is over.
    fn finish(mut self) -> Result<()> {
        let failed = failed(&self.url);
        let last = std::mem::take(&mut self.buffer);
        if self.multipart.is_none() {
            let (store, mode) = (Arc::clone(&self.store), self.mode());
            let put = self.run(async move { store.put(last.into(), mode).await });
            return match put.map_err(failed)? {
                true => Ok(()),
                false => self.refuse_to_replace(true),
            };
        }
        if !last.is_empty() {
            self.send(last).map_err(&failed)?;
        }
        while !self.coming.is_empty() {
            self.wait_for_one().map_err(&failed)?;
        }
        // Who began later may have been faster.
        let is_there = !self.overwrite && self.is_there()?;
        self.refuse_to_replace(is_there)?;
        let Some(mut multipart) = self.multipart.take() else { return Ok(()) };
        let store = Arc::clone(&self.store);
        let completed = self.run(async move {
            let completed = multipart.complete().await;
            if completed.is_err() {
                let _ = multipart.abort().await;
            }
            completed.map(|_| ()).map_err(|error| store.problem(error))
        });
        if let Err(RemoteProblem::Other(_)) = &completed
            && !self.overwrite
            && self.is_there().unwrap_or(false)
        {
            // Some stores take the parts of only one of those who write at once.
            return self.refuse_to_replace(true);
        }
        completed.map_err(failed)
    }

    fn mode(&self) -> PutMode {
        if self.overwrite { PutMode::Overwrite } else { PutMode::Create }
    }

    /// Sends a part, when there is room for it on the way.
    fn send(&mut self, bytes: Vec<u8>) -> Answered<()> {
        let len = bytes.len();
        while !self.coming.is_empty()
            && len + self.coming.iter().map(|part| part.len).sum::<usize>() > IN_FLIGHT
        {
            self.wait_for_one()?;
        }
        if self.multipart.is_none() {
            let store = Arc::clone(&self.store);
            self.multipart = Some(self.run(async move { store.put_multipart().await })?);
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        let (part, store) = (multipart.put_part(PutPayload::from(bytes)), Arc::clone(&self.store));
        self.parts += 1;
        let part = async move { part.await.map_err(|error| store.problem(error)) };
        self.coming.push_back(Part { len, answer: begin(part)? });
        Ok(())
    }

    fn wait_for_one(&mut self) -> Answered<()> {
        match self.coming.pop_front() {
            Some(part) => self.wait(&part.answer),
            None => Ok(()),
        }
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Answered<T>> + Send + 'static,
    ) -> Answered<T> {
        self.wait(&begin(work)?)
    }

    fn wait<T>(&self, answer: &Waited<T>) -> Answered<T> {
        loop {
            match answer.answer.recv_timeout(LOOK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    return Err(RemoteProblem::Other("it was stopped".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let problem = "the request ended without an answer";
                    return Err(RemoteProblem::Other(problem.to_owned()));
                }
            }
        }
    }

    fn part_len(&self) -> usize {
        PART + self.parts.saturating_sub(EQUAL) * GROWTH
    }

    /// Takes bytes, and sends them when they are a part.
    fn take(&mut self, bytes: &[u8]) -> Answered<usize> {
        let wanted = self.part_len();
        let len = bytes.len().min(wanted - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..len]);
        if self.buffer.len() == wanted {
            let part = std::mem::take(&mut self.buffer);
            self.send(part)?;
            // No more than it takes: a vector that grows by itself may be twice as long.
            self.buffer.reserve_exact(self.part_len());
        }
        Ok(len)
    }
}

impl Drop for Upload {
    /// What was begun is given up, as far as the store can be reached.
    fn drop(&mut self) {
        let Some(mut multipart) = self.multipart.take() else { return };
        // Parts that arrive later would stay.
        for part in self.coming.drain(..) {
            part.answer.task.abort();
        }
        let aborted = begin(async move {
            let aborted = multipart.abort().await;
            aborted.map_err(|error| RemoteProblem::Other(error.to_string()))
        });
        if let Ok(aborted) = aborted {
            let _ = aborted.answer.recv_timeout(PATIENCE);
        }
    }
}

/// How long it is tried to take back what was begun.
const PATIENCE: Duration = Duration::from_secs(30);

/// Begins a request; it goes on whoever waits for it.
fn begin<T: Send + 'static>(
    work: impl Future<Output = Answered<T>> + Send + 'static,
) -> Answered<Waited<T>> {
    let (sender, answer) = sync_channel(1);
    let task = runtime::run(async move {
        // Nobody may be waiting any more.
        let _ = sender.send(work.await);
    })?;
    Ok(Waited { answer, task })
}

fn failed(url: &Url) -> impl Fn(RemoteProblem) -> Error + use<> {
    let url = url.clone();
    move |problem| Error::Upload { url: url.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_object_goes_into_the_parts_that_stores_take() {
        let len = |part: usize| (PART + part.saturating_sub(EQUAL) * GROWTH) as u64;
        let all: u64 = (0..10_000).map(len).sum();
        assert!(all >= 5 << 40, "{all}");
        assert!(len(9_999) < 5 << 30, "the longest part that stores take");
        let equal: u64 = (0..EQUAL).map(len).sum();
        assert_eq!(equal >> 30, 31);
    }
}
