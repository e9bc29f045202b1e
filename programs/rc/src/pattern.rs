//! Shell patterns in lists of rc.conf: `rc_hotplug`, `rc_env_allow`.

/// Whether a name matches a shell pattern: `*`, `?`, and sets like `[a-c]` or `[!x]`.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut done) = (0, 0);
    // The position after the last `*`, and how far it reaches in the name so far.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, done));
                at += 1;
                continue;
            }
            Some(_) => name.get(done).and_then(|c| one(&pattern[at..], *c)),
            None if done == name.len() => return true,
            None => None,
        };
        match (step, star) {
            (Some(length), _) => (at, done) = (at + length, done + 1),
            (None, Some((behind, reach))) if reach < name.len() => {
                star = Some((behind, reach + 1));
                (at, done) = (behind, reach + 1);
            }
            (None, _) => return false,
        }
    }
}

/// The length of the part of the pattern that matches this character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match rest.iter().skip(1).position(|c| *c == ']') {
            Some(end) => is_in(&rest[..=end], c).then_some(end + 3),
            // A set that is not closed is an ordinary character.
            None => (c == '[').then_some(1),
        },
        [own, ..] => (*own == c).then_some(1),
        [] => None,
    }
}

fn is_in(set: &[char], c: char) -> bool {
    let (inverted, mut set) = match set {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    loop {
        set = match set {
            [] => return found != inverted,
            [from, '-', to, rest @ ..] => {
                found |= (*from..=*to).contains(&c);
                rest
            }
            [own, rest @ ..] => {
                found |= *own == c;
                rest
            }
        };
    }
}

/// The decision of a list of patterns about a name: the first match decides, `!` before it means no.
pub fn allows(list: &str, name: &str) -> Option<bool> {
    list.split_whitespace().find_map(|word| match word.strip_prefix('!') {
        Some(pattern) => fits(pattern, name).then_some(false),
        None => fits(word, name).then_some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("net.*", "net.eth0", true),
            ("net.*", "network", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("?", "é", true),
            ("e[0-2]", "e1", true),
            ("e[!0-2]", "e1", false),
            ("e[!0-2]x", "e7x", true),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("*.*.*", "a.b", false),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_word_that_fits_decides() {
        let list = "net.wlan !net.* sshd";
        for (name, want) in [("net.wlan", Some(true)), ("net.eth0", Some(false)), ("sshd", Some(true)), ("x", None)] {
            assert_eq!(allows(list, name), want, "{name}");
        }
    }

    #[test]
    fn no_pattern_makes_it_panic_or_loop() {
        crate::testing::for_texts(|text| {
            let (pattern, name) =
                text.split_at(text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at));
            assert_eq!(
                allows(pattern, name).is_some(),
                pattern.split_whitespace().any(|one| { fits(one.strip_prefix('!').unwrap_or(one), name) })
            );
            assert!(fits("*", text));
        });
    }
}
