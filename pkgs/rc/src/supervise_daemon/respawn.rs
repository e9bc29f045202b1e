//! When to start a daemon again, and when to give up. Pure: times are given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pause before each new start.
    pub delay: Duration,
    /// Added to the pause for each further start.
    pub step: Duration,
    /// The pause never gets longer than this.
    pub cap: Option<Duration>,
    /// Give up after so many new starts; 0 never.
    pub most: usize,
    /// Only ends within this time count; without it all do.
    pub period: Option<Duration>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it after this pause.
    Again(Duration),
    /// It ended too often.
    GiveUp,
}

/// The ends so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    ends: VecDeque<Instant>,
}

impl History {
    /// Judges an end of the daemon.
    pub fn ended(&mut self, policy: &Policy, now: Instant) -> Verdict {
        self.ends.push_back(now);
        if let Some(period) = policy.period {
            while self.ends.front().is_some_and(|first| now.duration_since(*first) > period) {
                self.ends.pop_front();
            }
        }
        if policy.most > 0 && self.ends.len() > policy.most {
            return Verdict::GiveUp;
        }
        if policy.most == 0 && self.ends.len() > 1000 {
            self.ends.pop_front(); // their number matters no more
        }
        let steps = u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX);
        let pause = policy.delay.saturating_add(policy.step.saturating_mul(steps));
        Verdict::Again(policy.cap.map_or(pause, |cap| pause.min(cap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn verdicts(policy: Policy, every: Duration, count: u32) -> Vec<Verdict> {
        let (begin, mut history) = (Instant::now(), History::default());
        (0..count).map(|n| history.ended(&policy, begin + every * n)).collect()
    }

    fn policy(most: usize, period: Option<Duration>) -> Policy {
        Policy { delay: SECOND, step: Duration::ZERO, cap: None, most, period }
    }

    #[test]
    fn gives_up_after_the_limit() {
        let again = Verdict::Again(SECOND);
        assert_eq!(verdicts(policy(2, None), SECOND, 3), [again, again, Verdict::GiveUp]);
        assert_eq!(verdicts(policy(0, None), SECOND, 50), [again; 50]);
    }

    #[test]
    fn only_ends_within_the_period_count() {
        let again = Verdict::Again(SECOND);
        assert_eq!(verdicts(policy(2, Some(3 * SECOND)), 2 * SECOND, 9), [again; 9]);
        assert_eq!(verdicts(policy(2, Some(10 * SECOND)), 2 * SECOND, 3)[2], Verdict::GiveUp);
    }

    #[test]
    fn pauses_grow_up_to_the_cap() {
        let growing = Policy { step: 2 * SECOND, cap: Some(4 * SECOND), ..policy(0, None) };
        let pauses: Vec<Verdict> = [1, 3, 4, 4].map(|n| Verdict::Again(n * SECOND)).into();
        assert_eq!(verdicts(growing, SECOND, 4), pauses);
    }
}
