//! Why nothing, or not everything, was done.

use std::fmt;
use std::io;

use slots::carry_out;
use slots::fat::FatError;
use slots::pe::NoProgram;
use slots::update::Refusal;

/// A reason. Each has an exit status, which `--help` lists.
#[derive(Debug)]
pub enum Failure {
    /// The command line.
    Usage(String),
    /// There is nothing to do.
    Nothing(String),
    /// What was asked for is refused.
    Refused(String),
    /// It is older than what may run.
    Floor(String),
    /// A slot could not be written.
    Slot(String),
    /// The firmware refused a variable.
    Variable(String),
    /// Something else failed.
    Effect(io::Error),
}

impl Failure {
    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Effect(_) => 1,
            Self::Usage(_) => 2,
            Self::Nothing(_) => 3,
            Self::Refused(_) => 4,
            Self::Floor(_) => 5,
            Self::Slot(_) => 6,
            Self::Variable(_) => 7,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Nothing(text) | Self::Refused(text) | Self::Floor(text) => f.write_str(text),
            Self::Slot(text) | Self::Variable(text) => f.write_str(text),
            Self::Effect(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Effect(error)
    }
}

impl From<NoProgram> for Failure {
    fn from(error: NoProgram) -> Self {
        Self::Refused(format!("this is no image of Ashlar: {error}"))
    }
}

impl From<FatError> for Failure {
    fn from(error: FatError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Nothing(_) => Self::Nothing(text),
            Refusal::Floor { .. } => Self::Floor(text),
            Refusal::OnTrial | Refusal::Empty(_) => Self::Refused(text),
        }
    }
}

impl From<carry_out::Failure<io::Error>> for Failure {
    fn from(failure: carry_out::Failure<io::Error>) -> Self {
        let text = failure.to_string();
        match failure {
            carry_out::Failure::Machine(error) => Self::Effect(error),
            carry_out::Failure::Size(_) => Self::Refused(text),
            carry_out::Failure::Differs { .. } => Self::Slot(text),
            carry_out::Failure::Variable(_) => Self::Variable(text),
        }
    }
}
