//! When to restart a daemon, and when to give up. Pure: times are arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pause before each restart.
    pub delay: Duration,
    /// Added to the pause after each restart.
    pub step: Duration,
    /// The longest pause.
    pub cap: Option<Duration>,
    /// Give up after this many restarts; 0 never.
    pub most: usize,
    /// Only ends within this time count; without it all do.
    pub period: Option<Duration>,
}

/// Parses a time of `respawn_delay` and the like: a whole number and an optional unit, by default seconds. At most a
/// year.
pub fn time(text: &str) -> Option<Duration> {
    const YEAR: u64 = 31_536_000;
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim_start() {
        "ms" | "miliseconds" | "milliseconds" => return Some(Duration::from_millis(number.min(YEAR * 1000))),
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.saturating_mul(seconds).min(YEAR)))
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Restart it after this pause.
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
    /// Decides after an end of the daemon.
    pub fn ended(&mut self, policy: &Policy, now: Instant) -> Verdict {
        self.ends.push_back(now);
        if let Some(period) = policy.period {
            // In whole seconds, as OpenRC counts: a pause as long as the period is within it.
            let is_over = |first: &Instant| Duration::from_secs(now.duration_since(*first).as_secs()) > period;
            while self.ends.front().is_some_and(is_over) {
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
    fn times_with_units() {
        for (text, milliseconds) in [
            ("2", 2000),
            ("0", 0),
            ("500ms", 500),
            ("2sec", 2000),
            ("3 seconds", 3000),
            ("1min", 60_000),
            ("2m", 120_000),
            ("1hour", 3_600_000),
            ("99999999999h", 31_536_000_000),
        ] {
            assert_eq!(time(text), Some(Duration::from_millis(milliseconds)), "{text:?}");
        }
        for text in ["", "s", "-1", "1.5s", "2 days", "1minx", "0x10", "99999999999999999999"] {
            assert_eq!(time(text), None, "{text:?}");
        }
        let year = Duration::from_secs(31_536_000);
        crate::testing::for_texts(|text| assert!(time(text).is_none_or(|time| time <= year)));
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
