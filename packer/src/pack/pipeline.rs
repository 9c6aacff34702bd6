//! One thread walks, several read, hash and compress, one writes in the order of the walk.
//!
//! Batches carry numbers; the writer takes them in order. A worker takes a new batch only while few are
//! unwritten, or few bytes of them, so memory is bounded; the lowest unwritten batch is always in some worker's hands, so
//! nothing waits in a circle. Blocks of large files come first, because the writer waits for them.

use super::PackOptions;
use super::links::Claims;
use super::read::{BlockDone, BlockJob, Done, Task, Worker};
use super::train::Trained;
use super::walk::FileId;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Payloads of batches that were read and wait for the writer may take this many bytes; then only a few
/// more batches are taken. While the writer is busy with a large file, the workers run ahead.
const AHEAD_BYTES: usize = 32 << 20;

/// How many batches may be unwritten at most.
const AHEAD: usize = 64;

/// How often a writer that waits for a block looks whether the work was stopped.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// How many walked batches may wait for a worker.
const WAITING: usize = 32;

/// What the threads share.
pub(crate) struct Pipeline {
    state: Mutex<State>,
    /// Workers wait here for something to do.
    work: Condvar,
    /// The walker waits here for room.
    room: Condvar,
    /// The writer waits here for the next batch.
    done: Condvar,
    in_flight: usize,
    claims: Claims,
}

/// What a worker does for the writer, who waits for it.
pub(crate) type Work<R> = Box<dyn FnOnce(&mut Worker<'_>) -> io::Result<R> + Send>;

/// The same, which hands the outcome over itself.
type Job = Box<dyn FnOnce(&mut Worker<'_>) + Send>;

#[derive(Default)]
struct State {
    blocks: VecDeque<Job>,
    waiting: VecDeque<(u64, Task)>,
    done: BTreeMap<u64, Done>,
    walked: u64,
    walk_ended: bool,
    /// Batches that a worker took and that are not written yet.
    unwritten: usize,
    /// Bytes of payload in `done`.
    done_bytes: usize,
    next: u64,
    stop: bool,
    spare: Vec<Vec<u8>>,
}

/// Stops the pipeline when its thread panics, so that no other waits for ever.
struct StopOnPanic<'p>(&'p Pipeline);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Pipeline {
    /// For this many workers.
    pub(crate) fn new(workers: usize) -> Pipeline {
        Pipeline {
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            room: Condvar::new(),
            done: Condvar::new(),
            in_flight: workers * 2 + 2,
            claims: Claims::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere is reported by the thread it happened in.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs the walk and the workers, and `writer` on this thread.
    pub(crate) fn run<T>(
        &self,
        tasks: impl Iterator<Item = Task> + Send,
        workers: usize,
        options: &PackOptions,
        trained: &Trained,
        writer: impl FnOnce(&Pipeline) -> T,
    ) -> T {
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let _guard = StopOnPanic(self);
                self.walk(tasks);
            });
            for _ in 0..workers {
                scope.spawn(move || {
                    let _guard = StopOnPanic(self);
                    self.work(Worker::new(options, trained));
                });
            }
            let _guard = StopOnPanic(self);
            let result = writer(self);
            self.stop();
            result
        })
    }

    fn walk(&self, tasks: impl Iterator<Item = Task>) {
        for task in tasks {
            let mut state = self.lock();
            while state.waiting.len() >= WAITING && !state.stop {
                state = wait(&self.room, state);
            }
            if state.stop {
                return;
            }
            let number = state.walked;
            state.walked += 1;
            state.waiting.push_back((number, task));
            drop(state);
            self.work.notify_one();
        }
        self.lock().walk_ended = true;
        self.work.notify_all();
        self.done.notify_all();
    }

    fn work(&self, mut worker: Worker<'_>) {
        let mut state = self.lock();
        loop {
            if state.stop {
                return;
            }
            if let Some(job) = state.blocks.pop_front() {
                drop(state);
                job(&mut worker);
                state = self.lock();
                continue;
            }
            let few = state.unwritten < self.in_flight;
            if (few || state.unwritten < AHEAD && state.done_bytes < AHEAD_BYTES)
                && let Some((number, task)) = state.waiting.pop_front()
            {
                state.unwritten += 1;
                let data = state.spare.pop().unwrap_or_default();
                drop(state);
                self.room.notify_one();
                let claim = |files: &[FileId]| self.claims.take(number, files);
                let done = worker.batch(task, data, claim);
                state = self.lock();
                let is_next = number == state.next;
                state.done_bytes += done.bytes();
                state.done.insert(number, done);
                if is_next {
                    self.done.notify_one();
                }
                continue;
            }
            state = wait(&self.work, state);
        }
    }

    fn stop(&self) {
        self.lock().stop = true;
        self.claims.stop();
        self.work.notify_all();
        self.room.notify_all();
        self.done.notify_all();
    }

    /// The next batch in the order of the walk; `None` at the end.
    pub(crate) fn next(&self) -> Option<Done> {
        let mut state = self.lock();
        loop {
            let next = state.next;
            if let Some(done) = state.done.remove(&next) {
                state.next += 1;
                state.done_bytes -= done.bytes();
                return Some(done);
            }
            let ended = state.walk_ended && next == state.walked;
            if ended || state.stop {
                return None;
            }
            state = wait(&self.done, state);
        }
    }

    /// Says that a batch is written, and gives its memory back.
    pub(crate) fn written(&self, data: Vec<u8>) {
        let mut state = self.lock();
        state.unwritten -= 1;
        if data.capacity() <= 1 << 20 {
            state.spare.push(data);
        }
        drop(state);
        self.work.notify_one();
    }

    /// Lets the workers read `jobs`; the blocks come back in order, a few ahead of what is taken.
    pub(crate) fn blocks<'p>(
        &'p self,
        jobs: impl Iterator<Item = BlockJob> + 'p,
    ) -> impl Iterator<Item = io::Result<BlockDone>> + 'p {
        let mut ordered = self.ordered();
        let mut jobs = jobs.fuse();
        std::iter::from_fn(move || {
            while !ordered.is_full()
                && let Some(job) = jobs.next()
            {
                ordered.send(Box::new(move |worker| worker.block(job)));
            }
            ordered.take()
        })
    }

    /// Something that gives the workers work, and has the outcomes in order.
    pub(crate) fn ordered<R: Send + 'static>(&self) -> Ordered<'_, R> {
        let (sender, receiver) = channel();
        Ordered { pipeline: self, sent: 0, taken: 0, sender, receiver, early: BTreeMap::new() }
    }
}

fn wait<'s>(condvar: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    condvar.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Work that the writer waits for; it comes before that on batches.
pub(crate) struct Ordered<'p, R> {
    pipeline: &'p Pipeline,
    sent: u64,
    taken: u64,
    sender: Sender<(u64, io::Result<R>)>,
    receiver: Receiver<(u64, io::Result<R>)>,
    early: BTreeMap<u64, io::Result<R>>,
}

impl<R: Send + 'static> Ordered<'_, R> {
    /// Whether as much is under way as should be: more takes memory, and makes nothing faster.
    pub(crate) fn is_full(&self) -> bool {
        self.sent - self.taken >= self.pipeline.in_flight as u64
    }

    /// Gives the workers something to do.
    pub(crate) fn send(&mut self, work: Work<R>) {
        let (sender, number) = (self.sender.clone(), self.sent);
        self.sent += 1;
        let job: Job = Box::new(move |worker| {
            // The writer may have given the file up; then nobody listens.
            let _ = sender.send((number, work(worker)));
        });
        self.pipeline.lock().blocks.push_back(job);
        self.pipeline.work.notify_one();
    }

    /// The next outcome, in the order of sending; `None` when all were taken.
    pub(crate) fn take(&mut self) -> Option<io::Result<R>> {
        if self.taken == self.sent {
            return None;
        }
        let outcome = loop {
            if let Some(outcome) = self.early.remove(&self.taken) {
                break outcome;
            }
            match self.receiver.recv_timeout(STOP_CHECK) {
                Ok((number, outcome)) => {
                    self.early.insert(number, outcome);
                }
                // A worker that panicked never answers.
                Err(_) if self.pipeline.lock().stop => {
                    return Some(Err(io::Error::other("the work was stopped")));
                }
                Err(_) => {}
            }
        };
        self.taken += 1;
        Some(outcome)
    }
}
