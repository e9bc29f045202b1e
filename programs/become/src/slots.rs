//! Limits on concurrent commands: in all, and per user; a user without a command always gets one.

use std::collections::BTreeMap;

/// In all.
const MAX_COMMANDS: usize = 64;
/// Per user.
const MAX_PER_USER: usize = 16;

/// Counts the slots in use. No effects.
#[derive(Debug, Default)]
pub struct Slots(BTreeMap<u32, usize>);

impl Slots {
    /// Takes a slot for a user; the error says why there is none.
    pub fn take(&mut self, uid: u32) -> Result<(), String> {
        let all: usize = self.0.values().sum();
        let own = self.0.entry(uid).or_default();
        if *own >= MAX_PER_USER {
            return Err(format!("user {uid} already runs {MAX_PER_USER} commands, the limit; refused another"));
        }
        // Users who fill all slots cannot lock out one who has none: somebody must be able to stop them.
        if all >= MAX_COMMANDS && *own > 0 {
            return Err(format!("{MAX_COMMANDS} commands run already, the limit; refused another of user {uid}"));
        }
        *own += 1;
        Ok(())
    }

    /// Frees a slot.
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
        assert_eq!(taken, MAX_PER_USER);
        assert!(slots.take(1001).is_ok());
        slots.give(1000);
        assert!(slots.take(1000).is_ok() && slots.take(1000).is_err());
    }

    #[test]
    fn many_users_leave_one_for_each_newcomer() {
        let mut slots = Slots::default();
        for uid in 1000..1010 {
            (0..MAX_PER_USER).for_each(|_| drop(slots.take(uid)));
        }
        let all: usize = slots.0.values().sum();
        assert_eq!(all, MAX_COMMANDS + 6);
        assert!(slots.take(1010).is_ok() && slots.take(1010).is_err());
        for uid in 1000..1011 {
            (0..MAX_PER_USER).for_each(|_| slots.give(uid));
        }
        assert!(slots.0.is_empty());
    }
}
