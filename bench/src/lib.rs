//! What the timed programs share.

use std::time::Instant;

/// Whatever went wrong; nobody looks at its kind.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// What a program of this crate ends with.
pub type Outcome = Result<(), Problem>;

/// Numbers that look random, and are the same each time.
#[derive(Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// From the beginning.
    #[must_use]
    pub fn new() -> Numbers {
        Numbers(0x9e37_79b9_7f4a_7c15)
    }

    /// The next one below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    /// Every number below `end` once.
    pub fn shuffled(&mut self, end: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..end).collect();
        for last in (1..end).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::new()
    }
}

/// Seconds that it took.
///
/// # Errors
///
/// Those of `work`.
pub fn seconds<E>(work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}
