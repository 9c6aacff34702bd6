//! Long work: the interpreter is free meanwhile, Ctrl-C ends it, and a Python function hears how far it is.

use crate::keys::text;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use rangepack::{Event, Kind, Observer, PROBLEMS_KEPT};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often somebody looks for signals and tells of progress.
const TICK: Duration = Duration::from_millis(100);

/// How long work that was cancelled has to come to its end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Counts what is done, and says when it is enough.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    is_cancelled: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
    /// What happened since it was told last, when somebody wants to know.
    happened: Option<Mutex<Vec<Happened>>>,
    /// The first paths of a tree that were left out, and why.
    left_out: Mutex<Vec<(PathBuf, String)>>,
}

/// What happened to one path.
#[derive(Debug)]
struct Happened {
    what: &'static str,
    path: Vec<u8>,
    /// Bytes of content.
    bytes: u64,
    problem: String,
}

impl Happened {
    fn of(event: Event<'_>) -> Option<Happened> {
        let went_well = |what, path: &[u8], bytes| {
            Some(Happened { what, path: path.to_owned(), bytes, problem: String::new() })
        };
        let went_wrong = |what, path: &[u8], problem: String| {
            Some(Happened { what, path: path.to_owned(), bytes: 0, problem })
        };
        match event {
            Event::Packed { entry, .. } => {
                went_well("packed", entry.path.as_bytes(), size_of(entry))
            }
            Event::Done { path, bytes } => went_well("done", path.0, bytes),
            Event::Present { path } => went_well("present", path.0, 0),
            Event::LeftOut { path, problem } => {
                went_wrong("left out", path.as_os_str().as_encoded_bytes(), problem.to_string())
            }
            Event::Failed { path, problem } => went_wrong("failed", path.0, problem.to_owned()),
            Event::Refused { path, problem } => went_wrong("refused", path.0, problem.to_owned()),
            Event::Incomplete { path, problem } => {
                went_wrong("incomplete", path.0, problem.to_owned())
            }
            _ => None,
        }
    }
}

fn size_of(entry: &rangepack::Entry) -> u64 {
    match &entry.kind {
        Kind::File(content) => content.size,
        _ => 0,
    }
}

impl Meter {
    /// The first paths of a tree that were left out, and why.
    pub(crate) fn left_out(&self) -> Vec<(PathBuf, String)> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts, and keeps what happens until it is told.
    pub(crate) fn telling(tells: bool) -> Meter {
        Meter { happened: tells.then(Mutex::default), ..Meter::default() }
    }
}

impl Observer for Meter {
    fn event(&self, event: Event<'_>) {
        let (files, bytes) = match event {
            Event::Bytes { bytes } => (0, bytes),
            Event::Done { bytes, .. } => (1, bytes),
            Event::Packed { entry, .. } => {
                (u64::from(matches!(entry.kind, Kind::File(_))), size_of(entry))
            }
            Event::Unchanged | Event::Present { .. } => (1, 0),
            _ => (0, 0),
        };
        if let Event::LeftOut { path, problem } = event {
            let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
            if left_out.len() < PROBLEMS_KEPT {
                left_out.push((path.to_path_buf(), problem.to_string()));
            }
        }
        if let Some(happened) = &self.happened
            && let Some(event) = Happened::of(event)
        {
            happened.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Does `work` in another thread. `progress` is called as `progress(files, bytes)` a few times a second and at the end; what
/// it raises ends the work, too. A thread that does not end soon then, for it waits for a network, is left alone: it ends
/// with the answer.
///
/// # Errors
/// What a signal handler or `progress` raises.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&Meter) -> T + Send + 'static,
) -> PyResult<T> {
    run_telling(py, progress, None, work)
}

/// The same; `events` is called, before `progress` is, with a list of what happened since the last time: tuples
/// `(what, path, bytes, problem)`.
///
/// # Errors
/// What a signal handler or one of the two raises.
pub(crate) fn run_telling<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    events: Option<&Py<PyAny>>,
    work: impl FnOnce(&Meter) -> T + Send + 'static,
) -> PyResult<T> {
    let meter = Arc::new(Meter::telling(events.is_some()));
    let look = |py: Python<'_>| look(py, progress, events, &meter);
    py.detach(|| {
        let (sender, receiver) = channel();
        let observer = Arc::clone(&meter);
        thread::spawn(move || sender.send(work(&observer)));
        let mut raised: Option<(PyErr, Instant)> = None;
        loop {
            match (receiver.recv_timeout(TICK), raised.take()) {
                (Ok(done), None) => return Python::attach(look).map(|()| done),
                (Ok(_), Some((error, _))) => return Err(error),
                (Err(RecvTimeoutError::Disconnected), _) => {
                    return Err(PyRuntimeError::new_err("a thread panicked"));
                }
                (_, Some((error, since))) if since.elapsed() > PATIENCE => return Err(error),
                (_, Some(waiting)) => raised = Some(waiting),
                (_, None) => {
                    if let Err(error) = Python::attach(look) {
                        meter.is_cancelled.store(true, Ordering::Relaxed);
                        raised = Some((error, Instant::now()));
                    }
                }
            }
        }
    })
}

fn look(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    events: Option<&Py<PyAny>>,
    meter: &Meter,
) -> PyResult<()> {
    py.check_signals()?;
    if let (Some(events), Some(happened)) = (events, &meter.happened) {
        let happened =
            std::mem::take(&mut *happened.lock().unwrap_or_else(PoisonError::into_inner));
        if !happened.is_empty() {
            let list = PyList::empty(py);
            for event in happened {
                list.append((event.what, text(py, &event.path)?, event.bytes, event.problem))?;
            }
            events.call1(py, (list,))?;
        }
    }
    if let Some(progress) = progress {
        let files = meter.files.load(Ordering::Relaxed);
        progress.call1(py, (files, meter.bytes.load(Ordering::Relaxed)))?;
    }
    Ok(())
}

/// Does what may wait for a network in another thread, which is left alone when Ctrl-C comes.
///
/// # Errors
/// What a signal handler raises.
pub(crate) fn wait<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    py.detach(|| {
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(work()));
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("a thread panicked"));
                }
            }
        }
    })
}
