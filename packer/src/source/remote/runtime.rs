//! The two threads on which requests run, whoever waits for them.

use super::process::PerProcess;
use super::{Answered, Part, Version};
use crate::error::RemoteProblem;
use std::future::Future;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

/// One runtime for all remote files of a process.
fn runtime() -> Answered<Arc<Runtime>> {
    static RUNTIME: PerProcess<Runtime> = PerProcess::new();
    RUNTIME.get(|| {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(2).thread_name("rangepack-net").enable_all();
        let failed = |error| RemoteProblem::Other(format!("cannot start threads: {error}"));
        builder.build().map_err(failed)
    })
}

/// A request on its way; given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// Behind a mutex, for files that hold it are shared between threads.
    answer: Mutex<Receiver<Answered<Part>>>,
    task: Option<AbortHandle>,
    /// Bytes that were here, and come after it.
    behind: Vec<u8>,
}

impl Fetch {
    /// Nothing is asked for: the bytes are here.
    pub(super) fn at_hand(bytes: &[u8]) -> Fetch {
        let (sender, answer) = sync_channel(1);
        let (bytes, version) = (bytes.to_vec(), Version::default());
        let _ = sender.send(Ok(Part { start: 0, bytes, total: 0, version }));
        Fetch::new(answer, None)
    }

    /// With bytes that come after it and are here.
    pub(super) fn followed_by(mut self, behind: &[u8]) -> Fetch {
        self.behind = behind.to_vec();
        self
    }

    fn new(answer: Receiver<Answered<Part>>, task: Option<AbortHandle>) -> Fetch {
        Fetch { answer: Mutex::new(answer), task, behind: Vec::new() }
    }

    /// Waits for the bytes.
    pub(crate) fn bytes(mut self) -> Answered<Vec<u8>> {
        let behind = std::mem::take(&mut self.behind);
        let mut bytes = self.part()?.bytes;
        bytes.extend_from_slice(&behind);
        Ok(bytes)
    }

    /// Waits for the answer.
    pub(super) fn part(mut self) -> Answered<Part> {
        let ended = RemoteProblem::Other("the request ended without an answer".to_owned());
        let answer = self.answer.get_mut().unwrap_or_else(PoisonError::into_inner);
        answer.recv().unwrap_or(Err(ended))
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Begins what waits in a thread of its own.
pub(super) fn apart(request: impl FnOnce() -> Answered<Part> + Send + 'static) -> Fetch {
    let (sender, answer) = sync_channel(1);
    let failed = sender.clone();
    let work = move || {
        // Nobody may be waiting any more.
        let _ = sender.send(request());
    };
    if let Err(error) = thread::Builder::new().name("rangepack-given".to_owned()).spawn(work) {
        let _ = failed.send(Err(RemoteProblem::Other(format!("cannot start a thread: {error}"))));
    }
    Fetch::new(answer, None)
}

/// Begins some work.
pub(super) fn run(work: impl Future<Output = ()> + Send + 'static) -> Answered<AbortHandle> {
    Ok(runtime()?.spawn(work).abort_handle())
}

/// Begins a request. Waiting is done on a channel, so that programs with runtimes of their own can
/// read packs, too.
pub(super) fn spawn(request: impl Future<Output = Answered<Part>> + Send + 'static) -> Fetch {
    let (sender, answer) = sync_channel(1);
    let task = match runtime() {
        Ok(runtime) => {
            let task = runtime.spawn(async move {
                // Nobody may be waiting any more.
                let _ = sender.send(request.await);
            });
            Some(task.abort_handle())
        }
        Err(problem) => {
            let _ = sender.send(Err(problem));
            None
        }
    };
    Fetch::new(answer, task)
}
