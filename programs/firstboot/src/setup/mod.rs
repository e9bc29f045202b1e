//! `ashlar-setup`: the first configuration, asked on a console.
//!
//! Plain lines in and out, so that it is the same on a screen and on a serial line. The conversation is an automaton without
//! effects; whatever it needs from outside (a hash, keys from a volume) it asks for by a value.
//!
//! * [`answers`]: what was answered so far, and its text form.
//! * [`question`]: the questions and their order; [`state`]: the conversation.
//! * [`questions`]: what each question says, and what it does with an answer.
//! * [`dialogue`]: the automaton.
//! * [`console`]: the terminal and the effects.

mod answers;
mod console;
mod dialogue;
mod question;
mod questions;
mod state;
#[cfg(test)]
mod tests;

pub use console::{Outcome, run};
