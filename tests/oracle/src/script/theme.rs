//! What a script can be about. Each theme gives an empty case a daemon, settings and steps.
//!
//! Words and places are in [`words`], who runs with what rights in [`rights`], what comes out of a daemon in [`output`], how it
//! begins and ends in [`life`], and being started again in [`supervised`].

mod life;
mod output;
mod parts;
mod rights;
mod supervised;
mod words;

use crate::random::Random;
use crate::script::case::Case;

/// A theme: it fills a case.
pub type Theme = fn(&mut Case, &mut Random);

/// All themes, by name.
pub const ALL: [(&str, Theme); 16] = [
    ("words", words::words),
    ("options over lines", words::options),
    ("users", rights::users),
    ("places", words::places),
    ("jail", rights::jail),
    ("logs", output::logs),
    ("pid files", life::pid_files),
    ("stopping", life::stopping),
    ("rights", rights::rights),
    ("limits", rights::limits),
    ("requirements", life::requirements),
    ("functions", life::functions),
    ("supervised", supervised::supervised),
    ("respawning", supervised::respawning),
    ("by hand", life::by_hand),
    ("own start", life::own_start),
];
