//! Attacks of a user on the system's log: to write as the system, to push out the lines of others, to fill its disk, and to occupy all
//! slots of `become`.

use crate::console::facts::{Expected, Fact};

// In a pattern `[x]` is for `x`: each use of `become` is in the log with its words, which are not what is looked for.
fn is(text: &str) -> Expected {
    Expected::Is(text.to_owned())
}

/// Lines that claim another sender, and one that hides its end.
pub(super) fn written() -> Vec<Fact> {
    vec![
        Fact::new(
            "a forged line is its author's",
            "logger -p authpriv.notice -t become 'root (0) as root: forged-line'; sleep 1; \
             become grep -c 'forg[e]d-line' /var/log/messages; \
             become grep -c 'user.notice become.[0-9]*. uid=[1-9][0-9]*: root (0) as root: forg[e]d-line' /var/log/users",
            is("0\n1"),
        ),
        Fact::new(
            "and stays one line",
            "logger -t x \"$(printf 'a\\nNov 29 12:00:00 host authpriv.notice become: second-line')\"; sleep 1; \
             become grep -c '^Nov 29 12:00:00 host authpriv.notice become: secon[d]-line' /var/log/users || true",
            is("0"),
        ),
        Fact::new(
            "a long command is counted",
            "become true $(printf %0900d 0) hidden-end; sleep 1; become grep -c 'characters cut, sha25[6] of all [0-9a-f]*' /var/log/messages",
            is("1"),
        ),
    ]
}

/// A user who writes as many lines as possible. The scenario `exhaustion` has one who fills /home.
pub(super) fn flooded() -> Vec<Fact> {
    vec![Fact::new(
        "a flood is its author's loss",
        "n=0; while [ $n -lt 2000 ]; do echo flood-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; \
             n=$((n+1)); done | logger -t flood; sleep 8; become grep -c 'floo[d]-xx' /var/log/messages; \
             become grep -c 'dropped [0-9]* lines of user' /var/log/messages >/dev/null && echo told",
        is("0\ntold"),
    )]
}

/// A user who has `become` wait for as many commands as it will.
pub(super) fn places() -> Vec<Fact> {
    vec![Fact::new(
        "one user has a part of the places",
        "n=0; while [ $n -lt 20 ]; do become sleep 15 >/dev/null 2>&1 & n=$((n+1)); done; wait; become id -u; \
             become grep -c 'commands, the limit; refuse[d] another' /var/log/messages",
        Expected::Has("0\n"),
    )]
}
