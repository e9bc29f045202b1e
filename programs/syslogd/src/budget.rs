//! How much each user may write: a share at once, and a little more each second. Root is not limited. No effects.

use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes at once.
const MOST: u64 = 64 * 1024;
/// Bytes for each second.
const RATE: u64 = 1024;
/// What was left out is told this often.
const TELL: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Account {
    left: u64,
    at: Duration,
    dropped: u64,
    told: Option<Duration>,
}

/// What each user has left. Times are since any one moment.
#[derive(Debug, Default)]
pub struct Budgets(BTreeMap<u32, Account>);

impl Budgets {
    /// Whether a user may write so many bytes now; what he may not is counted.
    pub fn take(&mut self, uid: u32, bytes: usize, now: Duration) -> bool {
        if uid == 0 {
            return true;
        }
        let account = self.0.entry(uid).or_insert(Account { left: MOST, at: now, dropped: 0, told: None });
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

    /// Users of whom lines were left out, and how many, since this was last told; each at most every so often.
    pub fn dropped(&mut self, now: Duration) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        self.0.retain(|uid, account| {
            account.refill(now);
            let is_due = account.told.is_none_or(|told| now.saturating_sub(told) >= TELL);
            if account.dropped > 0 && is_due {
                found.push((*uid, account.dropped));
                account.dropped = 0;
                account.told = Some(now);
            }
            // Who has his whole share is as good as new.
            account.left < MOST || account.dropped > 0 || !is_due
        });
        found
    }
}

impl Account {
    fn refill(&mut self, now: Duration) {
        let millis = now.saturating_sub(self.at).as_millis() as u64;
        let more = millis.saturating_mul(RATE) / 1000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(MOST);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A user who writes as fast as he can takes nothing from another, and it is told how much he lost.
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
        assert!((MOST + 3_599 * RATE - 1_024..=MOST + 3_600 * RATE).contains(&kept), "{kept}");
    }
}
