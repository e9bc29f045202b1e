//! The automaton of the dialogue: a line goes in, what to say and what to do next comes out.

use super::answers::Answers;
use super::questions::{ORDER, Question};
use crate::config::{Config, Facts};
use crate::types::{PasswordHash, SshKey};

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

    /// What is said at the beginning.
    pub fn greeting(&self) -> Vec<String> {
        let again = self.answers != Answers::default();
        let mut lines = vec![
            "This machine is not configured. The following questions make one account and the basic settings.".to_owned(),
            "Enter takes what stands in [brackets]. `back` goes to the question before, `quit` leaves; answers are kept.".to_owned(),
        ];
        if again {
            lines.push("This goes on where it was left.".to_owned());
        }
        lines
    }

    /// The first question that has no answer.
    fn open(&self) -> Question {
        ORDER
            .into_iter()
            .find(|question| question.applies(&self.answers) && !question.answered(&self.answers))
            .unwrap_or(Question::Confirm)
    }

    /// The question that is asked now.
    pub fn turn(&self) -> Turn {
        Turn::Ask { prompt: self.at.prompt(self), hidden: matches!(self.at, Question::Password | Question::Repeat) }
    }

    /// What to say before the question.
    pub fn introduction(&self) -> Vec<String> {
        match self.at {
            Question::Confirm => super::questions::summary(self),
            _ => Vec::new(),
        }
    }

    /// Takes a line; what is to be said goes to `say`.
    pub fn answer(&mut self, line: &str, say: &mut Vec<String>) -> Turn {
        // A password may have any character and any spaces.
        let hidden = matches!(self.at, Question::Password | Question::Repeat);
        let text = if hidden { line.trim_end_matches(['\r', '\n']) } else { line.trim() };
        match text {
            "back" => self.back(),
            "quit" => return Turn::Leave,
            _ => match self.at.take(text, self) {
                Ok(None) => {}
                Ok(Some(turn)) => return turn,
                Err(message) => say.push(message),
            },
        }
        self.turn()
    }

    /// The next question in the order, that applies.
    pub fn forward(&mut self) {
        self.at = self.open();
    }

    /// To the question before; its answer is forgotten, so that it is asked.
    fn back(&mut self) {
        if self.at == Question::Repeat {
            self.first = None;
            self.at = Question::Password;
            return;
        }
        self.typed.clear();
        let before = ORDER.into_iter().take_while(|question| *question != self.at);
        if let Some(question) = before.filter(|question| question.applies(&self.answers)).last() {
            self.ask_again(question);
        }
    }

    /// Forgets the answer to `question` and asks it.
    pub fn ask_again(&mut self, question: Question) {
        question.forget(&mut self.answers);
        self.first = None;
        self.typed.clear();
        self.at = question;
    }

    /// The file of a volume, or why there is none.
    pub fn keys(&mut self, text: Result<String, String>, say: &mut Vec<String>) -> Turn {
        match text {
            Ok(text) => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                for line in lines {
                    match SshKey::read(line) {
                        Ok(key) => super::questions::add_key(self, key, say),
                        Err(message) => say.push(message),
                    }
                }
            }
            Err(message) => say.push(message),
        }
        self.turn()
    }

    /// The hash of the password, or why there is none.
    pub fn hashed(&mut self, hash: Result<PasswordHash, String>, say: &mut Vec<String>) -> Turn {
        self.first = None;
        match hash {
            Ok(hash) => {
                self.answers.password = Some(Some(hash));
                self.forward();
            }
            Err(message) => {
                say.push(message);
                self.at = Question::Password;
            }
        }
        self.turn()
    }
}
