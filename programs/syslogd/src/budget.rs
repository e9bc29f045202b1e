//! Rate limits per user: a burst, and a little more each second. Root is not limited. No effects.

use std::collections::BTreeMap;
use std::time::Duration;

/// Burst in bytes.
const MAX_BURST: u64 = 64 * 1024;
/// Bytes per second.
const RATE: u64 = 1024;
/// The interval between reports of dropped lines.
const TELL: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Account {
    left: u64,
    at: Duration,
    dropped: u64,
    reported: Option<Duration>,
}

/// The remaining budget of each user. Times are relative to a fixed moment.
#[derive(Debug, Default)]
pub struct Budgets(BTreeMap<u32, Account>);

impl Budgets {
    /// Whether a user may write that many bytes now; counts a dropped line.
    pub fn take(&mut self, uid: u32, bytes: usize, now: Duration) -> bool {
        if uid == 0 {
            return true;
        }
        let account = self.0.entry(uid).or_insert(Account { left: MAX_BURST, at: now, dropped: 0, reported: None });
        account.refill(now);
        match account.left.checked_sub(bytes as u64) {
            Some(left) => {
                account.left = left;
                true
            }
            None => {
                account.dropped += 1;
                false
            }
        }
    }

    /// Users with dropped lines, and their number since the last report; each user at most once per interval.
    pub fn dropped(&mut self, now: Duration) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        self.0.retain(|uid, account| {
            account.refill(now);
            let is_due = account.reported.is_none_or(|reported| now.saturating_sub(reported) >= TELL);
            if account.dropped > 0 && is_due {
                found.push((*uid, account.dropped));
                account.dropped = 0;
                account.reported = Some(now);
            }
            // A user with the full budget needs no entry.
            account.left < MAX_BURST || account.dropped > 0 || !is_due
        });
        found
    }
}

impl Account {
    fn refill(&mut self, now: Duration) {
        let millis = now.saturating_sub(self.at).as_millis() as u64;
        let more = millis.saturating_mul(RATE) / 1000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(MAX_BURST);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A user who floods the log takes nothing from another, and the losses are reported.
    #[test]
    fn a_flood_is_its_authors_loss() {
        let mut budgets = Budgets::default();
        let kept = (0..10_000).filter(|_| budgets.take(1001, 100, Duration::ZERO)).count();
        assert_eq!(kept, 655);
        assert!(budgets.take(1002, 100, Duration::ZERO) && budgets.take(0, 1_000_000, Duration::ZERO));
        assert_eq!(budgets.dropped(Duration::ZERO), [(1001, 9_345)]);
        assert!(!budgets.take(1001, 100, Duration::ZERO));
        assert_eq!(budgets.dropped(SECOND), []);
        assert!(budgets.take(1001, 100, SECOND));
        assert_eq!(budgets.dropped(SECOND * 10), [(1001, 1)]);
    }

    #[test]
    fn who_is_quiet_is_forgotten() {
        let mut budgets = Budgets::default();
        for uid in 1..1_000 {
            budgets.take(uid, 100, Duration::ZERO);
        }
        assert_eq!(budgets.0.len(), 999);
        assert_eq!(budgets.dropped(SECOND), []);
        assert!(budgets.0.is_empty());
    }

    #[test]
    fn an_hour_is_worth_what_it_says() {
        let mut budgets = Budgets::default();
        let mut kept = 0;
        for second in 0..3_600 {
            kept += (0..100).filter(|_| budgets.take(7, 512, SECOND * second)).count() as u64 * 512;
        }
        assert!((MAX_BURST + 3_599 * RATE - 1_024..=MAX_BURST + 3_600 * RATE).contains(&kept), "{kept}");
    }
}
