//! Whether a request is tried again, and after how long.

use crate::web::error::{BadAnswer, RemoteProblem};

/// No server makes anybody wait longer, in milliseconds.
const LONGEST_WAIT: u32 = 30_000;

/// Nor do pauses grow longer.
const LONGEST_BACK_OFF: u32 = 10_000;

/// Milliseconds to wait before the next try; `None` when there is none. `chance` is between 0 and 1.
pub(super) fn wait_before_retry(
    problem: &RemoteProblem,
    retry_after: Option<u32>,
    tries: u32,
    (retries, delay): (u32, u32),
    chance: f64,
) -> Option<u32> {
    if tries >= retries {
        return None;
    }
    match problem {
        // A cache may be to blame, or chance: one more try tells.
        RemoteProblem::Cors
        | RemoteProblem::BadAnswer(BadAnswer::AnotherPart | BadAnswer::TooMuch) => {
            (tries == 0).then_some(0)
        }
        RemoteProblem::Connect(_)
        | RemoteProblem::Timeout(_)
        | RemoteProblem::TooSlow(_)
        | RemoteProblem::BadAnswer(BadAnswer::BrokenOff) => Some(back_off(tries, delay, chance)),
        RemoteProblem::Status(501 | 505) => None,
        RemoteProblem::Status(408 | 429 | 500..) => match retry_after {
            Some(wait) => Some(wait.min(LONGEST_WAIT)),
            None => Some(back_off(tries, delay, chance)),
        },
        _ => None,
    }
}

/// Whether a cache on the way may have made this of a good answer.
pub(super) fn blames_cache(problem: &RemoteProblem) -> bool {
    let bad = [BadAnswer::BrokenOff, BadAnswer::AnotherPart, BadAnswer::TooMuch];
    matches!(problem, RemoteProblem::BadAnswer(answer) if bad.contains(answer))
}

fn back_off(tries: u32, delay: u32, chance: f64) -> u32 {
    let grown = delay.saturating_mul(1 << tries.min(16)).min(LONGEST_BACK_OFF);
    (f64::from(grown) * (0.5 + chance / 2.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let wait = |problem: RemoteProblem, after, tries| {
            wait_before_retry(&problem, after, tries, (4, 250), 1.0)
        };
        let broken = || RemoteProblem::BadAnswer(BadAnswer::BrokenOff);
        let waits: Vec<_> = (0..5).map(|tries| wait(broken(), None, tries)).collect();
        assert_eq!(waits, [Some(250), Some(500), Some(1000), Some(2000), None]);
        assert_eq!(wait(RemoteProblem::Status(429), Some(700), 0), Some(700));
        assert_eq!(wait(RemoteProblem::Status(503), Some(u32::MAX), 0), Some(LONGEST_WAIT));
        assert_eq!(wait(RemoteProblem::Cors, None, 0), Some(0));
        assert_eq!(wait(RemoteProblem::Cors, None, 1), None);
        for last in
            [RemoteProblem::Changed, RemoteProblem::NotFound(404), RemoteProblem::Status(501)]
        {
            assert_eq!(wait(last, None, 0), None);
        }
        assert_eq!(wait_before_retry(&broken(), None, 20, (99, 250), 0.0), Some(5000));
    }
}
