//! A conversation: what was answered, what is asked, and what the console is to do.

use super::answers::Answers;
use super::question::{ORDER, Question};
use crate::config::{Config, Facts};
use crate::words::SshKey;

/// What the console does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Show the prompt and read a line; the line is not shown if `hidden`.
    Ask {
        /// With its default in brackets.
        prompt: String,
        /// A password is typed.
        hidden: bool,
    },
    /// Read `authorized_keys` from a volume; then [`Dialogue::keys`].
    ReadKeys,
    /// Hash this password; then [`Dialogue::hashed`].
    Hash(String),
    /// Carry it out.
    Apply(Box<Config>),
    /// The person left; the answers are kept.
    Leave,
}

/// A conversation.
#[derive(Debug)]
pub struct Dialogue {
    /// What is known of the machine.
    pub facts: Facts,
    /// What was answered.
    pub answers: Answers,
    /// The password that was typed once.
    pub first: Option<String>,
    /// Keys typed so far, while the question for them is open.
    pub typed: Vec<SshKey>,
    /// What is asked now.
    pub at: Question,
}

impl Dialogue {
    /// Goes on with the first question that has no answer yet.
    pub fn new(facts: Facts, answers: Answers) -> Self {
        let mut dialogue = Self { facts, answers, first: None, typed: Vec::new(), at: Question::Host };
        dialogue.at = dialogue.open();
        dialogue
    }

    /// The first question that has no answer.
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
