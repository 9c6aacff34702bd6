//! An iterator that runs ahead on a thread of its own.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::Scope;

/// Items of so much weight are handed over at once: they and those that wait fit into a cache.
const BATCH: usize = 1024;

/// So many batches wait at most.
const WAITING: usize = 4;

/// The items of an iterator, in its order, made by another thread while the ones before are worked on.
///
/// Whoever drops it stops the other thread at its next batch. Items go back to the thread that made them, which drops them: memory
/// that one thread takes and another gives back is slow.
#[derive(Debug)]
pub(crate) struct Ahead<T, E> {
    batch: Batch<T, E>,
    /// Which of its items comes next.
    next: usize,
    batches: Receiver<Batch<T, E>>,
    spent: Sender<Vec<T>>,
}

#[derive(Debug)]
struct Batch<T, E> {
    items: Vec<T>,
    /// What came behind them.
    error: Option<E>,
}

impl<T: Send, E: Send> Ahead<T, E> {
    /// Starts the thread. `weigh` says how much work an item is.
    pub(crate) fn start<'scope, I>(
        scope: &'scope Scope<'scope, '_>,
        weigh: impl Fn(&T) -> usize + Send + 'scope,
        mut from: I,
    ) -> Ahead<T, E>
    where
        I: Iterator<Item = Result<T, E>> + Send + 'scope,
        T: 'scope,
        E: 'scope,
    {
        let (sender, batches) = sync_channel(WAITING);
        let (spent, spares) = channel::<Vec<T>>();
        scope.spawn(move || {
            loop {
                let mut items = spares.try_recv().unwrap_or_default();
                items.clear();
                let (mut error, mut weight, mut is_last) = (None, 0, false);
                while weight < BATCH && !is_last {
                    match from.next() {
                        Some(Ok(item)) => {
                            weight += weigh(&item);
                            items.push(item);
                        }
                        Some(Err(it)) => (error, is_last) = (Some(it), true),
                        None => is_last = true,
                    }
                }
                if sender.send(Batch { items, error }).is_err() || is_last {
                    return;
                }
            }
        });
        Ahead { batch: Batch { items: Vec::new(), error: None }, next: 0, batches, spent }
    }

    /// The next item, which may be changed; after an error nothing comes.
    pub(crate) fn next(&mut self) -> Result<Option<&mut T>, E> {
        if self.next == self.batch.items.len() {
            if let Some(error) = self.batch.error.take() {
                return Err(error);
            }
            let Ok(next) = self.batches.recv() else { return Ok(None) };
            let spent = std::mem::replace(&mut self.batch, next);
            // The other thread may have ended.
            let _ = self.spent.send(spent.items);
            self.next = 0;
            if self.batch.items.is_empty() {
                return self.batch.error.take().map_or(Ok(None), Err);
            }
        }
        self.next += 1;
        Ok(self.batch.items.get_mut(self.next - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_order() {
        for count in [0, 1, BATCH, 10 * BATCH + 3] {
            std::thread::scope(|scope| {
                let mut ahead = Ahead::<_, ()>::start(scope, |_| 1, (0..count).map(Ok));
                for mut number in 0..count {
                    assert_eq!(ahead.next(), Ok(Some(&mut number)));
                }
                assert_eq!(ahead.next(), Ok(None));
                assert_eq!(ahead.next(), Ok(None));
            });
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_before_it() {
        for count in [0, 1, BATCH, BATCH + 1] {
            std::thread::scope(|scope| {
                let items = (0..count).map(Ok).chain([Err("ends"), Ok(7)]);
                let mut ahead = Ahead::start(scope, |_| 1, items);
                for mut number in 0..count {
                    assert_eq!(ahead.next(), Ok(Some(&mut number)));
                }
                assert_eq!(ahead.next(), Err("ends"));
            });
        }
    }

    #[test]
    fn heavy_items_come_one_by_one() {
        std::thread::scope(|scope| {
            let mut ahead = Ahead::<_, ()>::start(scope, |_| 2 * BATCH, (0..9).map(Ok));
            for mut number in 0..9 {
                assert_eq!(ahead.next(), Ok(Some(&mut number)));
                assert_eq!(ahead.batch.items.len(), 1);
            }
            assert_eq!(ahead.next(), Ok(None));
        });
    }

    #[test]
    fn who_stops_early_waits_for_nothing() {
        std::thread::scope(|scope| {
            let mut ahead = Ahead::<_, ()>::start(scope, |_| 1, (0..).map(Ok));
            assert_eq!(ahead.next(), Ok(Some(&mut 0)));
        });
    }
}
