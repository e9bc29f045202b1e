//! Capabilities of a daemon, in the notation of `cap_iab(3)`: `^cap_net_bind_service,!cap_sys_admin`.
//!
//! A name alone is inheritable; `^` makes it ambient too, so that a program without file capabilities has it; `!`
//! removes it from the bounding set, so that no descendant can regain it.

use std::io;

use base::capability;

/// Sets of capabilities, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    inheritable: u64,
    ambient: u64,
    forbidden: u64,
}

impl Capabilities {
    /// Parses a list. An empty list is an error: it would keep capabilities that the script meant to remove.
    pub fn parse(text: &str) -> Result<Capabilities, String> {
        let mut sets = Capabilities::default();
        if text.chars().all(|c| c == ',' || c.is_whitespace()) {
            return Err("capabilities: the list is empty; write names like ^cap_net_bind_service".to_owned());
        }
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let name = item.trim_start_matches(['^', '!', '%']);
            let bit = 1u64 << number(name)?;
            let marks = &item[..item.len() - name.len()];
            if marks.contains('!') {
                sets.forbidden |= bit;
            }
            if marks.contains('^') {
                sets.ambient |= bit;
            }
            if marks.is_empty() || marks.contains(['^', '%']) {
                sets.inheritable |= bit;
            }
        }
        match sets.ambient & sets.forbidden {
            0 => Ok(sets),
            _ => Err(format!("capabilities: `{text}` grants and drops the same one")),
        }
    }

    /// The part that needs root: done before the user changes.
    pub fn limit(&self) -> io::Result<()> {
        for bit in bits(self.forbidden) {
            sys::drop_from_bounding_set(bit)?;
        }
        if self.inheritable != 0 {
            sys::keep_capabilities()?;
        }
        Ok(())
    }

    /// The part that the change of user would undo.
    pub fn raise(&self) -> io::Result<()> {
        if self.inheritable == 0 {
            return Ok(());
        }
        sys::add_inheritable(self.inheritable)?;
        bits(self.ambient).try_for_each(sys::raise_ambient)
    }
}

fn bits(set: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |bit| set >> bit & 1 == 1)
}

fn number(name: &str) -> Result<u32, String> {
    let lower = name.to_ascii_lowercase();
    let short = lower.strip_prefix("cap_").unwrap_or(&lower);
    let position = capability::bit(short).map(usize::from).or_else(|| short.parse().ok().filter(|n| *n < 64));
    position
        .map(|at| at as u32)
        .ok_or_else(|| format!("unknown capability `{name}`; write names like cap_net_bind_service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let of = |text: &str| Capabilities::parse(text).map(|sets| (sets.inheritable, sets.ambient, sets.forbidden));
        assert_eq!(of("^cap_net_bind_service,!cap_chown,CAP_KILL"), Ok((1 << 10 | 1 << 5, 1 << 10, 1)));
        assert_eq!(of("^cap_net_bind_service,\n!cap_chown\n"), Ok((1 << 10, 1 << 10, 1)));
        assert!(of("").is_err() && of(" ,\n").is_err());
        assert!(of("cap_flying").unwrap_err().contains("cap_flying"));
        assert!(of("^cap_kill,!cap_kill").is_err());
        crate::testing::for_texts(|text| drop(Capabilities::parse(text)));
    }
}
