//! Long work: the interpreter is free meanwhile, Ctrl-C ends it, and a Python function hears how far it is.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rangepack::{Event, Observer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often somebody looks for signals and tells of progress.
const TICK: Duration = Duration::from_millis(100);

/// Counts what is done, and says when it is enough.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    is_cancelled: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Observer for Meter {
    fn event(&self, event: Event<'_>) {
        let (files, bytes) = match event {
            Event::Bytes { bytes } => (0, bytes),
            Event::Done { bytes, .. } => (1, bytes),
            Event::Packed { .. } | Event::Unchanged | Event::Present { .. } => (1, 0),
            _ => return,
        };
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Does `work` in another thread. `progress` is called as `progress(files, bytes)` a few times a second and at the end; what
/// it raises ends the work, too.
///
/// # Errors
/// What a signal handler or `progress` raises.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&Meter) -> T + Send,
) -> PyResult<T> {
    let meter = &Meter::default();
    py.detach(|| {
        thread::scope(|scope| {
            let (sender, receiver) = channel::<()>();
            let worker = scope.spawn(move || {
                let done = work(meter);
                drop(sender);
                done
            });
            let mut raised = None;
            // Nothing is ever sent: the channel closes when the work ends.
            while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if raised.is_none()
                    && let Err(error) = Python::attach(|py| look(py, progress, meter))
                {
                    meter.is_cancelled.store(true, Ordering::Relaxed);
                    raised = Some(error);
                }
            }
            let done = worker.join().map_err(|_| PyRuntimeError::new_err("a thread panicked"))?;
            match raised {
                Some(error) => Err(error),
                None => Python::attach(|py| look(py, progress, meter)).map(|()| done),
            }
        })
    })
}

fn look(py: Python<'_>, progress: Option<&Py<PyAny>>, meter: &Meter) -> PyResult<()> {
    py.check_signals()?;
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
