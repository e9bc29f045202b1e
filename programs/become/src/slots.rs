//! How many commands run at a time: some for all together, fewer for one user, and always one for who has none.

use std::collections::BTreeMap;

/// All together.
const MOST: usize = 64;
/// Of one user.
const MOST_OF_ONE: usize = 16;

/// Who has how many. No effects.
#[derive(Debug, Default)]
pub struct Slots(BTreeMap<u32, usize>);

impl Slots {
    /// Takes one for a user; the error says why there is none.
    pub fn take(&mut self, uid: u32) -> Result<(), String> {
        let all: usize = self.0.values().sum();
        let own = self.0.entry(uid).or_default();
        if *own >= MOST_OF_ONE {
            return Err(format!("user {uid} has {MOST_OF_ONE} commands at a time already; one more was turned away"));
        }
        // Whoever fills all places together keeps out nobody who has none: somebody must be able to end that.
        if all >= MOST && *own > 0 {
            return Err(format!("{MOST} commands at a time are there already; another of user {uid} was turned away"));
        }
        *own += 1;
        Ok(())
    }

    /// Gives one back.
    pub fn give(&mut self, uid: u32) {
        match self.0.get_mut(&uid) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(self.0.remove(&uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_takes_no_place_from_another() {
        let mut slots = Slots::default();
        let taken = (0..1_000).filter(|_| slots.take(1000).is_ok()).count();
        assert_eq!(taken, MOST_OF_ONE);
        assert!(slots.take(1001).is_ok());
        slots.give(1000);
        assert!(slots.take(1000).is_ok() && slots.take(1000).is_err());
    }

    #[test]
    fn many_users_leave_one_for_each_newcomer() {
        let mut slots = Slots::default();
        for uid in 1000..1010 {
            (0..MOST_OF_ONE).for_each(|_| drop(slots.take(uid)));
        }
        let all: usize = slots.0.values().sum();
        assert_eq!(all, MOST + 6);
        assert!(slots.take(1010).is_ok() && slots.take(1010).is_err());
        for uid in 1000..1011 {
            (0..MOST_OF_ONE).for_each(|_| slots.give(uid));
        }
        assert!(slots.0.is_empty());
    }
}
