//! The dialogue as a state machine: a line goes in; output and the next action come out.

use super::answers::Answers;
use super::question::{ORDER, Question};
use super::questions;
use crate::types::{PasswordHash, SshKey};

pub use super::state::{Dialogue, Turn};

impl Dialogue {
    /// The introduction.
    pub fn greeting(&self) -> Vec<String> {
        let again = self.answers != Answers::default();
        let mut lines = vec![
            "This machine is not configured. The following questions make one account and the basic settings.".to_owned(),
            "Enter accepts the value in [brackets]. `back` returns to the previous question, `quit` leaves and keeps the answers.".to_owned(),
        ];
        if again {
            lines.push("The setup continues where it stopped.".to_owned());
        }
        lines
    }

    /// The present question.
    pub fn turn(&self) -> Turn {
        Turn::Ask { prompt: self.at.prompt(self), hidden: matches!(self.at, Question::Password | Question::Repeat) }
    }

    /// The text before the question.
    pub fn introduction(&self) -> Vec<String> {
        match self.at {
            Question::Confirm => questions::summary(self),
            _ => Vec::new(),
        }
    }

    /// Takes a line; output goes to `say`.
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

    /// Goes back to the previous question, and forgets its answer.
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

    /// The file from a volume, or why there is none.
    pub fn keys(&mut self, text: Result<String, String>, say: &mut Vec<String>) -> Turn {
        match text {
            Ok(text) => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                for line in lines {
                    match SshKey::read(line) {
                        Ok(key) => questions::add_key(self, key, say),
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
