//! A conversation: what was answered, what is asked, and what the console is to do.

use super::answers::Answers;
use super::question::{ORDER, Question};
use crate::config::{Config, Facts};
use crate::types::SshKey;

/// The console's next action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Print the prompt and read a line; `hidden` turns echo off.
    Ask {
        /// With its default in brackets.
        prompt: String,
        /// The user types a password.
        hidden: bool,
    },
    /// Read `authorized_keys` from a volume; then [`Dialogue::keys`].
    ReadKeys,
    /// Hash this password; then [`Dialogue::hashed`].
    Hash(String),
    /// Apply the configuration.
    Apply(Box<Config>),
    /// The user left; the answers are kept.
    Leave,
}

/// A conversation.
#[derive(Debug)]
pub struct Dialogue {
    /// Facts about the machine.
    pub facts: Facts,
    /// The answers.
    pub answers: Answers,
    /// The password after it was typed once.
    pub first: Option<String>,
    /// Keys so far, while their question is open.
    pub typed: Vec<SshKey>,
    /// The present question.
    pub at: Question,
}

impl Dialogue {
    /// Continues with the first open question.
    pub fn new(facts: Facts, answers: Answers) -> Self {
        let mut dialogue = Self { facts, answers, first: None, typed: Vec::new(), at: Question::Host };
        dialogue.at = dialogue.open();
        dialogue
    }

    /// The first open question.
    fn open(&self) -> Question {
        ORDER
            .into_iter()
            .find(|question| question.applies(&self.answers) && !question.answered(&self.answers))
            .unwrap_or(Question::Confirm)
    }

    /// The next question in the order, that applies.
    pub fn forward(&mut self) {
        self.at = self.open();
    }

    /// Forgets the answer to `question` and asks it.
    pub fn ask_again(&mut self, question: Question) {
        question.forget(&mut self.answers);
        self.first = None;
        self.typed.clear();
        self.at = question;
    }
}
