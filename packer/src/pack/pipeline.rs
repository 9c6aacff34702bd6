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

/// A block that was read, with its number in the file.
type NumberedBlock = (u64, io::Result<BlockDone>);

#[derive(Default)]
struct State {
    blocks: VecDeque<(BlockJob, Sender<NumberedBlock>, u64)>,
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
            if let Some((job, reply, number)) = state.blocks.pop_front() {
                drop(state);
                // The writer may have given the file up; then nobody listens.
                let _ = reply.send((number, worker.block(&job)));
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
        Blocks::new(self, jobs)
    }
}

fn wait<'s>(condvar: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    condvar.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Blocks<'p, J> {
    pipeline: &'p Pipeline,
    jobs: J,
    sent: u64,
    taken: u64,
    sender: Sender<NumberedBlock>,
    receiver: Receiver<NumberedBlock>,
    early: BTreeMap<u64, io::Result<BlockDone>>,
}

impl<'p, J: Iterator<Item = BlockJob>> Blocks<'p, J> {
    fn new(pipeline: &'p Pipeline, jobs: J) -> Self {
        let (sender, receiver) = channel();
        let mut blocks =
            Blocks { pipeline, jobs, sent: 0, taken: 0, sender, receiver, early: BTreeMap::new() };
        for _ in 0..pipeline.in_flight {
            blocks.send();
        }
        blocks
    }

    fn send(&mut self) {
        if let Some(job) = self.jobs.next() {
            self.pipeline.lock().blocks.push_back((job, self.sender.clone(), self.sent));
            self.pipeline.work.notify_one();
            self.sent += 1;
        }
    }
}

impl<J: Iterator<Item = BlockJob>> Iterator for Blocks<'_, J> {
    type Item = io::Result<BlockDone>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.taken == self.sent {
            return None;
        }
        let block = loop {
            if let Some(block) = self.early.remove(&self.taken) {
                break block;
            }
            match self.receiver.recv_timeout(STOP_CHECK) {
                Ok((number, block)) => {
                    self.early.insert(number, block);
                }
                // A worker that panicked never answers.
                Err(_) if self.pipeline.lock().stop => {
                    return Some(Err(io::Error::other("the work was stopped")));
                }
                Err(_) => {}
            }
        };
        self.taken += 1;
        self.send();
        Some(block)
    }
}
