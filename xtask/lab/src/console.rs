//! Conversations with a machine over its serial console, as data and as a pure automaton.
//!
//! A [`Script`] is a list of steps. A [`Console`] follows it: it is fed bytes as they arrive, and the time; it answers with
//! lines to type, tasks to begin and, at last, an outcome. It works byte by byte, so how the bytes were cut into chunks
//! never matters. It knows no process and no clock; `xtask/src/host/vm.rs` brings both. `facts.rs` has the questions to Ashlar.

mod answer;
pub mod facts;
pub mod task;
pub mod text;

use std::time::Duration;

pub use answer::Answer;

use task::{Task, framed};
use text::{Cleaner, is_kernel_message};

/// One step of a conversation. Every limit counts from the start of its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Waits until the machine prints `pattern` (plain text). What it printed while a task ran just before counts too.
    Expect {
        /// What to wait for.
        pattern: String,
        /// For how long.
        within: Duration,
    },
    /// Types a line.
    Send {
        /// Without its end.
        line: String,
    },
    /// Runs a command in the machine's shell and keeps its output and exit status as an [`Answer`].
    ///
    /// The command is typed again, under the same number, while nothing shows that the shell got it. So it must do no harm
    /// when run twice.
    Ask {
        /// One line of shell.
        command: String,
        /// For how long.
        within: Duration,
    },
    /// Has something done beside the console, and keeps its answers.
    Outside {
        /// What.
        task: Task,
        /// For how long.
        within: Duration,
    },
    /// Waits for the machine to end by itself.
    End {
        /// For how long.
        within: Duration,
    },
}

/// What to do, and what must not happen meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// In this order.
    pub steps: Vec<Step>,
    /// Limit of the whole conversation.
    pub limit: Duration,
    /// A printed line that contains one of these ends the conversation as failed.
    pub alarms: Vec<String>,
}

/// Why a conversation did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing came in time.
    #[error("waited {} s for {waiting}; {}", .after.as_secs(), last_words(.last))]
    Late {
        /// For what.
        waiting: String,
        /// For how long: the step's limit, or all the time there was.
        after: Duration,
        /// The last line that was not empty.
        last: String,
    },
    /// The machine printed what it must not.
    #[error("the machine printed `{0}`")]
    Alarm(String),
    /// The machine ended too early.
    #[error("the machine ended while waiting for {waiting}; {}", last_words(.last))]
    Ended {
        /// For what.
        waiting: String,
        /// The last line that was not empty.
        last: String,
    },
    /// What was to be done beside the console could not be done.
    #[error("{task}: {reason}; on the console, {}", last_words(.last))]
    Outside {
        /// What.
        task: String,
        /// Why not.
        reason: String,
        /// The last line that was not empty.
        last: String,
    },
    /// More text came within one step than any sane machine prints.
    #[error("the machine printed more than {} KiB while waiting for {waiting}", FLOOD / 1024)]
    Flood {
        /// For what.
        waiting: String,
    },
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The machine printed something.
    Bytes(&'a [u8]),
    /// Time went by.
    Tick,
    /// The task begun last is done: its answers, or why it could not be done.
    Done(Result<Vec<Answer>, String>),
    /// The machine ended.
    Ended,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Type this line and its end.
    Type(String),
    /// Begin this task; its result is an [`Input::Done`].
    Begin {
        /// What.
        task: Task,
        /// For how long; the console waits no longer.
        within: Duration,
    },
}

/// Bytes of text within one step above which the machine is taken to be in a loop.
const FLOOD: usize = 1 << 20;
/// After this time without a sign of the shell a command is typed again.
const AGAIN: Duration = Duration::from_secs(10);

/// A conversation under way.
#[derive(Debug)]
pub struct Console {
    script: Script,
    /// Index of the current step.
    at: usize,
    /// When it began.
    since: Duration,
    /// When something was last typed for it.
    typed: Duration,
    /// Text since it began.
    text: Vec<u8>,
    /// Where in `text` a command's output begins, once it has begun.
    output: Option<usize>,
    cleaner: Cleaner,
    /// The line being printed, and the last one that was not empty.
    line: Vec<u8>,
    last: String,
    answers: Vec<Answer>,
    passed: Vec<Duration>,
    outcome: Option<Result<(), Failure>>,
    actions: Vec<Action>,
}

impl Console {
    /// A conversation that begins at time zero.
    pub fn new(script: Script) -> Self {
        let mut console = Self {
            script,
            at: 0,
            since: Duration::ZERO,
            typed: Duration::ZERO,
            text: Vec::new(),
            output: None,
            cleaner: Cleaner::default(),
            line: Vec::new(),
            last: String::new(),
            answers: Vec::new(),
            passed: Vec::new(),
            outcome: None,
            actions: Vec::new(),
        };
        console.begin(Duration::ZERO);
        console
    }

    /// Takes in what happened at `now`, counted from the start; gives what is to be done.
    pub fn feed(&mut self, input: Input<'_>, now: Duration) -> Vec<Action> {
        match input {
            Input::Bytes(bytes) => bytes.iter().for_each(|byte| self.byte(*byte, now)),
            Input::Tick => {}
            Input::Done(result) => self.done(result, now),
            Input::Ended => self.ended(now),
        }
        self.tick(now);
        std::mem::take(&mut self.actions)
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<&Result<(), Failure>> {
        self.outcome.as_ref()
    }

    /// The answers so far, in the order of the script's steps that give some.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// When each step so far was passed, by index of the step.
    pub fn passed(&self) -> &[Duration] {
        &self.passed
    }

    fn byte(&mut self, byte: u8, now: Duration) {
        let Some(byte) = self.cleaner.push(byte).filter(|_| self.outcome.is_none()) else { return };
        self.text.push(byte);
        if byte == b'\n' {
            self.end_line();
        } else {
            self.line.push(byte);
        }
        if self.outcome.is_some() {
            return;
        }
        if self.is_met() {
            self.pass(now);
        } else if self.text.len() > FLOOD {
            self.fail(Failure::Flood { waiting: self.waiting() });
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim().to_owned();
        if self.script.alarms.iter().any(|alarm| line.contains(alarm.as_str())) {
            self.fail(Failure::Alarm(line.clone()));
        }
        if !line.is_empty() {
            self.last = line;
        }
    }

    /// Whether the byte just added completes the current step.
    fn is_met(&mut self) -> bool {
        match &self.script.steps[self.at] {
            Step::Expect { pattern, .. } => self.text.ends_with(pattern.as_bytes()),
            Step::Ask { .. } => self.is_answered(),
            Step::Send { .. } | Step::Outside { .. } | Step::End { .. } => false,
        }
    }

    fn done(&mut self, result: Result<Vec<Answer>, String>, now: Duration) {
        let Some(Step::Outside { task, .. }) = self.script.steps.get(self.at).filter(|_| self.outcome.is_none()) else {
            return;
        };
        match result {
            Ok(answers) => {
                self.answers.extend(answers);
                self.pass(now);
            }
            Err(reason) => {
                let task = task.to_string();
                self.fail(Failure::Outside { task, reason, last: self.last_line() });
            }
        }
    }

    fn is_answered(&mut self) -> bool {
        let number = self.answers.len();
        let Some(start) = self.output else {
            if self.text.ends_with(format!("@@b{number}@@").as_bytes()) {
                self.output = Some(self.text.len());
            }
            return false;
        };
        let Some(printed) = self.text[start..].strip_suffix(b"@@") else { return false };
        let printed = String::from_utf8_lossy(printed);
        let Some((text, status)) = printed.rsplit_once(&format!("@@e{number}=")) else { return false };
        let Ok(status) = status.parse() else { return false };
        let lines: Vec<&str> = text.lines().filter(|line| !is_kernel_message(line)).collect();
        self.answers.push(Answer { text: lines.join("\n").trim().to_owned(), status });
        true
    }

    fn pass(&mut self, now: Duration) {
        self.passed.push(now);
        self.at += 1;
        self.begin(now);
    }

    /// Begins the current step, and those after it that need no waiting.
    fn begin(&mut self, now: Duration) {
        (self.since, self.typed, self.output) = (now, now, None);
        let heard = std::mem::take(&mut self.text);
        let after_task = matches!(self.at.checked_sub(1).map(|at| &self.script.steps[at]), Some(Step::Outside { .. }));
        match self.script.steps.get(self.at) {
            None => self.outcome = Some(Ok(())),
            Some(Step::Send { line }) => {
                self.actions.push(Action::Type(line.clone()));
                self.pass(now);
            }
            Some(Step::Ask { command, .. }) => self.actions.push(Action::Type(framed(command, self.answers.len()))),
            Some(Step::Outside { task, within }) => {
                self.actions.push(Action::Begin { task: task.clone(), within: *within });
                // Two tasks in a row are one stretch of the console.
                self.text = if after_task { heard } else { Vec::new() };
            }
            Some(Step::Expect { pattern, .. }) if after_task => {
                if String::from_utf8_lossy(&heard).contains(pattern.as_str()) {
                    self.pass(now);
                } else {
                    self.text = heard;
                }
            }
            Some(Step::Expect { .. } | Step::End { .. }) => {}
        }
    }

    fn tick(&mut self, now: Duration) {
        let Some(step) = self.script.steps.get(self.at).filter(|_| self.outcome.is_none()) else { return };
        let within = match step {
            Step::Expect { within, .. }
            | Step::Ask { within, .. }
            | Step::Outside { within, .. }
            | Step::End { within } => *within,
            Step::Send { .. } => Duration::MAX,
        };
        let waited = now.saturating_sub(self.since);
        if waited >= within || now >= self.script.limit {
            let after = if waited >= within { within } else { self.script.limit };
            return self.fail(Failure::Late { waiting: self.waiting(), after, last: self.last_line() });
        }
        if let Step::Ask { command, .. } = step
            && self.output.is_none()
            && now.saturating_sub(self.typed) >= AGAIN
        {
            self.actions.push(Action::Type(framed(command, self.answers.len())));
            self.typed = now;
        }
    }

    fn ended(&mut self, now: Duration) {
        if self.outcome.is_some() {
            return;
        }
        self.end_line();
        match self.script.steps.get(self.at) {
            _ if self.outcome.is_some() => {}
            Some(Step::End { .. }) => self.pass(now),
            _ => self.fail(Failure::Ended { waiting: self.waiting(), last: self.last_line() }),
        }
        // Steps after the machine's end cannot be done.
        if self.outcome.is_none() {
            self.fail(Failure::Ended { waiting: self.waiting(), last: self.last_line() });
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.outcome.get_or_insert(Err(failure));
    }

    fn waiting(&self) -> String {
        match self.script.steps.get(self.at) {
            Some(Step::Expect { pattern, .. }) => format!("`{pattern}`"),
            Some(Step::Ask { command, .. }) => format!("the output of `{command}`"),
            Some(Step::Outside { task, .. }) => task.to_string(),
            Some(Step::End { .. }) => "the machine to power off".to_owned(),
            Some(Step::Send { .. }) | None => "nothing".to_owned(),
        }
    }

    fn last_line(&self) -> String {
        let line = String::from_utf8_lossy(&self.line).trim().to_owned();
        if line.is_empty() { self.last.clone() } else { line }
    }
}

fn last_words(line: &str) -> String {
    if line.is_empty() { "it printed nothing".to_owned() } else { format!("its last line was `{line}`") }
}

#[cfg(test)]
mod tests;
