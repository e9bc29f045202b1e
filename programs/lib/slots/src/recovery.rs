//! The recovery key of a state: 256 random bits, in letters that lie in the same places on all keyboards.

use std::fmt;

/// Modhex, as one-time passwords have it: sixteen letters that every layout has where the others have them.
const LETTERS: &[u8; 16] = b"cbdefghijklnrtuv";
/// Letters of a group.
const GROUP: usize = 8;
/// Letters of a key.
const LENGTH: usize = 64;

/// A recovery key. It is shown in groups, and opens the state without the marks between them.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of 32 random bytes.
    pub const fn of(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// What opens the state.
    pub fn secret(&self) -> String {
        let letters = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        letters.map(|number| char::from(LETTERS[usize::from(number)])).collect()
    }
}

/// In groups of eight letters.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, letter) in self.secret().chars().enumerate() {
            let dash = if number > 0 && number % GROUP == 0 { "-" } else { "" };
            write!(f, "{dash}{letter}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What opens the state, of a key as a person types it: in any case, with any spaces and marks between letters. `None`: no key.
pub fn read(text: &str) -> Option<String> {
    let letters = text.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '.' | '_'));
    let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let whole = letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter));
    whole.then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        let key = Key::of(std::array::from_fn(|at| at as u8 * 8));
        let shown = key.to_string();
        assert_eq!(shown.len(), 64 + 7);
        assert_eq!(read(&shown), Some(key.secret()));
        assert_eq!(read(&shown.to_uppercase().replace('-', " ")), Some(key.secret()));
        assert_eq!(read(&shown[..70]), None);
        assert_eq!(read(&format!("a{}", &shown[1..])), None);
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(Key::of([0x1f; 32]).secret(), "bv".repeat(32));
    }
}
