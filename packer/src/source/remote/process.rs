//! What belongs to one process: threads and connections do not survive a fork.

use arc_swap::ArcSwapOption;
use std::fmt;
use std::mem;
use std::sync::Arc;

/// A value that each process makes for itself when it first needs it.
///
/// No lock is taken, for a fork may come while another thread holds it, and nobody would ever let go of it in the child.
pub(super) struct PerProcess<T>(ArcSwapOption<Made<T>>);

struct Made<T> {
    process: u32,
    value: Arc<T>,
}

impl<T> PerProcess<T> {
    pub(super) const fn new() -> PerProcess<T> {
        PerProcess(ArcSwapOption::const_empty())
    }

    /// This process's value.
    ///
    /// # Errors
    /// What `make` says.
    pub(super) fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let process = std::process::id();
        let before = self.0.load();
        if let Some(made) = before.as_ref().filter(|made| made.process == process) {
            return Ok(Arc::clone(&made.value));
        }
        let made = Arc::new(Made { process, value: Arc::new(make()?) });
        let found = self.0.compare_and_swap(&before, Some(Arc::clone(&made)));
        match found.as_ref() {
            // Another thread was faster.
            Some(other) if other.process == process => return Ok(Arc::clone(&other.value)),
            // That of the process before: putting it away would wait for threads that are not here.
            Some(_) => mem::forget(Option::clone(&found)),
            None => {}
        }
        Ok(Arc::clone(&made.value))
    }

    /// This process's value, if there is one.
    pub(super) fn made(&self) -> Option<Arc<T>> {
        let made = self.0.load();
        let made = made.as_ref().filter(|made| made.process == std::process::id())?;
        Some(Arc::clone(&made.value))
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerProcess").field("is_made", &self.made().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::thread;

    #[test]
    fn all_threads_of_a_process_have_one_value() {
        let value = PerProcess::new();
        let get = |number: usize| value.get(|| Ok::<_, Infallible>(number)).unwrap();
        let got: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || get(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(got.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
        assert_eq!(value.get(|| Err::<usize, _>("it is there")), Ok(Arc::clone(&got[0])));
    }

    #[test]
    fn what_another_process_made_is_left_alone() {
        struct Threads(&'static str);
        impl Drop for Threads {
            fn drop(&mut self) {
                assert_eq!(self.0, "ours", "dropped");
            }
        }
        let value = PerProcess::new();
        let theirs = Made { process: std::process::id() + 1, value: Arc::new(Threads("theirs")) };
        value.0.store(Some(Arc::new(theirs)));
        assert!(value.made().is_none());
        let ours = value.get(|| Ok::<_, Infallible>(Threads("ours"))).unwrap();
        assert_eq!(ours.0, "ours");
        assert!(Arc::ptr_eq(&value.made().unwrap(), &ours));
    }

    #[test]
    fn a_failure_is_tried_again() {
        let value = PerProcess::new();
        assert!(matches!(value.get(|| Err("no threads")), Err("no threads")));
        assert_eq!(*value.get(|| Ok::<_, Infallible>(1)).unwrap(), 1);
    }
}
