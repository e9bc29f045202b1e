//! A scenario: its machine, and the conversation with it.

use std::time::Duration;

use super::accounts::ADMIN;
use super::machine::Setup;
use crate::console::facts::{Expected, Fact, Seen};
use crate::console::task::Task;
use crate::console::{Answer, Script, Step};

/// Lines that no healthy start prints.
const ALARMS: [&str; 5] = [
    "Kernel panic",
    // Both the kernel's and init's words for a console that is not there.
    "unable to open an initial console",
    "can't open /dev/console",
    "can't access tty",
    "Login incorrect",
];

/// One part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A step without an answer to evaluate.
    Step(Step),
    /// Types the administrator's public key.
    SendKey,
    /// Facts looked at over SSH, in one login as the administrator.
    OverSsh(Vec<Fact>),
    /// Facts looked at on the console, where the administrator is logged in.
    OnConsole(Vec<Fact>),
    /// A task with one answer.
    Check {
        /// Short, for the report.
        name: &'static str,
        /// What is done.
        task: Task,
        /// What it must give.
        expected: Expected,
        /// For how long; the scenario's limit when absent.
        within: Option<Duration>,
    },
}

/// One way to start Ashlar, and what must hold then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Name on the command line and in log file names.
    pub name: &'static str,
    /// What it shows, in one line.
    pub summary: &'static str,
    /// The machine.
    pub setup: Setup,
    /// How many times as long as another it may take.
    pub patience: u32,
    /// The conversation.
    pub items: Vec<Item>,
}

/// Limit of what takes a moment on a machine that is up.
pub(super) const MOMENT: Duration = Duration::from_secs(60);

impl Scenario {
    /// The conversation, in which waiting for the machine may take up to `limit` each time, and all of it too. `key` is the
    /// administrator's public key, a line.
    pub fn script(&self, limit: Duration, key: &str) -> Script {
        let limit = limit * self.patience;
        let mut steps = Vec::new();
        for item in &self.items {
            match item {
                Item::SendKey => steps.push(Step::Send { line: key.to_owned() }),
                Item::Step(step) => steps.push(bounded(step.clone(), limit)),
                Item::OverSsh(facts) => {
                    let commands = facts.iter().map(Fact::line).collect();
                    let task = Task::Commands { user: ADMIN.to_owned(), commands };
                    steps.push(Step::Outside { task, within: patience(MOMENT, limit) });
                }
                Item::OnConsole(facts) => {
                    let ask = |fact: &Fact| Step::Ask { command: fact.line(), within: patience(MOMENT, limit) };
                    steps.extend(facts.iter().map(ask));
                }
                Item::Check { task, within, .. } => {
                    steps.push(Step::Outside {
                        task: task.clone(),
                        within: patience(within.unwrap_or(Duration::MAX), limit),
                    });
                }
            }
        }
        Script { steps, limit, alarms: ALARMS.map(str::to_owned).to_vec() }
    }

    /// What was seen, from the answers that came, in order; what has no answer was not looked at and is left out.
    pub fn evaluate(&self, answers: &[Answer]) -> Vec<Seen> {
        let mut answers = answers.iter();
        let mut seen = Vec::new();
        for item in &self.items {
            match item {
                Item::Step(_) | Item::SendKey => {}
                Item::OverSsh(facts) | Item::OnConsole(facts) => {
                    seen.extend(
                        facts
                            .iter()
                            .zip(answers.by_ref().take(facts.len()))
                            .map(|(fact, answer)| fact.evaluate(answer)),
                    );
                }
                Item::Check { name, expected, .. } => {
                    seen.extend(answers.by_ref().take(1).map(|answer| Seen::new(name, expected, answer)));
                }
            }
        }
        seen
    }
}

/// The limit of a scenario for which the limits of single steps are made.
pub const USUAL: Duration = Duration::from_secs(240);

/// How long a step may take: the whole of it for [`Duration::MAX`]; on a machine that is given more time, more.
fn patience(within: Duration, limit: Duration) -> Duration {
    if within == Duration::MAX {
        return limit;
    }
    within.mul_f64((limit.as_secs_f64() / USUAL.as_secs_f64()).max(1.0)).min(limit)
}

/// The step, with a limit of [`Duration::MAX`] replaced by the scenario's.
fn bounded(mut step: Step, limit: Duration) -> Step {
    match &mut step {
        Step::Expect { within, .. }
        | Step::Ask { within, .. }
        | Step::Outside { within, .. }
        | Step::End { within } => {
            *within = patience(*within, limit);
        }
        Step::Send { .. } => {}
    }
    step
}
