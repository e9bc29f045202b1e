//! The answer of a machine to a step.

/// What a command printed (standard error included) and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Trimmed, without messages of the kernel that came in between.
    pub text: String,
    /// Exit status.
    pub status: u8,
}
