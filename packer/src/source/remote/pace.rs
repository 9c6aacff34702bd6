//! Whether an answer comes fast enough.

use super::Answered;
use crate::error::RemoteProblem;
use crate::source::options::RemoteOptions;
use std::future::Future;
use std::time::{Duration, Instant};

/// Watches the bytes of one answer.
#[derive(Debug)]
pub(super) struct Pace {
    timeout: Duration,
    least_speed: u64,
    /// When the part of the answer began that is looked at, and how much of it came.
    since: Instant,
    came: u64,
}

impl Pace {
    /// From now on.
    pub(super) fn new(options: &RemoteOptions) -> Pace {
        let RemoteOptions { timeout, least_speed, .. } = *options;
        Pace { timeout, least_speed, since: Instant::now(), came: 0 }
    }

    /// Takes note of bytes that came.
    pub(super) fn took(&mut self, bytes: usize) -> Answered<()> {
        self.took_by(bytes, self.since.elapsed())
    }

    fn took_by(&mut self, bytes: usize, elapsed: Duration) -> Answered<()> {
        self.came = self.came.saturating_add(bytes as u64);
        if elapsed < self.timeout {
            return Ok(());
        }
        let least = self.least_speed as f64 * elapsed.as_secs_f64();
        if (self.came as f64) < least {
            return Err(RemoteProblem::TooSlow(self.least_speed));
        }
        (self.since, self.came) = (Instant::now(), 0);
        Ok(())
    }
}

/// The head of an answer, for which so many requests may be sent. Each takes at most twice the time that may pass without a byte, for
/// it takes a connection, too.
pub(super) async fn head<T>(
    options: &RemoteOptions,
    requests: u32,
    answer: impl Future<Output = T>,
) -> Answered<T> {
    let limit = options.timeout.saturating_mul(2).saturating_mul(requests);
    let late = |_| RemoteProblem::Timeout(limit.as_secs());
    tokio::time::timeout(limit, answer).await.map_err(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_is_too_slow_and_a_stream_is_not() {
        let mut pace = Pace::new(&RemoteOptions::default());
        let seconds = Duration::from_secs;
        assert_eq!(pace.took_by(1, seconds(29)), Ok(()));
        assert_eq!(pace.took_by(1, seconds(30)), Err(RemoteProblem::TooSlow(1024)));
        let mut pace = Pace::new(&RemoteOptions::default());
        assert_eq!(pace.took_by(30 << 10, seconds(30)), Ok(()));
        // Each part of the answer counts for itself.
        assert_eq!(pace.took_by(1, seconds(31)), Err(RemoteProblem::TooSlow(1024)));
    }
}
