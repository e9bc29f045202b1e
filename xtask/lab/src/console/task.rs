//! Actions on a machine beside its console: over the forwarded port, with the host's SSH client, and by a prober on its network.
//!
//! Values only; `xtask/src/host/ssh.rs` does them and hands back [`Answer`]s.

use std::fmt;
use std::time::Duration;

use super::answer::Answer;
use crate::probe::Try;

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// This user with the key that the volume names.
    Key(String),
    /// This user with another key.
    StrangeKey(String),
    /// This user with a password only.
    Password(String),
}

/// Something done beside the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Waits until an SSH server greets; its greeting is the answer.
    Banner,
    /// Listens for this long; the answer is what was heard, or `silence`.
    Silence {
        /// For how long.
        lasting: Duration,
    },
    /// Logs in once and runs each command in a shell: an answer for each.
    Commands {
        /// As this user, with the right key.
        user: String,
        /// Lines of shell.
        commands: Vec<String>,
    },
    /// Tries to log in; the answer is the client's last word, with status 0 when the server refused.
    Refusal {
        /// In this way.
        login: Login,
    },
    /// Copies a file of this many bytes there and back; the answer is `same` or says what differs.
    Copy {
        /// As this user.
        user: String,
        /// Size of the file.
        bytes: usize,
    },
    /// Compares clocks; the answer is the seconds by which the machine's is ahead of what it should show.
    Clock {
        /// As this user.
        user: String,
        /// What it showed at the start, in seconds since 1970; the host's clock when absent.
        base: Option<u64>,
    },
    /// Logs in by a connection of its own and runs a command; the answer is how many milliseconds all of it took.
    Timed {
        /// As this user.
        user: String,
        /// The command, which must succeed.
        command: String,
    },
    /// Runs a command that may end the session it came by; the answer is what it printed last, or `the session ended`.
    Attack {
        /// As this user.
        user: String,
        /// The command.
        command: String,
    },
    /// Opens connections that stay until the machine ends; the answer is how many were let in.
    Crowd {
        /// As this user.
        user: String,
        /// How many are tried.
        connections: u32,
    },
    /// Runs a command that ends the connection, so the way it ends says nothing.
    Leave {
        /// As this user.
        user: String,
        /// The command.
        command: String,
    },
    /// Connects so many times at once; the answer is on how many of these connections an SSH server greets within ten seconds.
    Greetings {
        /// How many times.
        count: u16,
    },
    /// Sends probes from the machine's own network; the answer is what came of them.
    Probe(Try),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banner => f.write_str("the SSH banner"),
            Self::Silence { lasting } => write!(f, "{} s of silence on port 22", lasting.as_secs()),
            Self::Commands { user, commands } => write!(f, "{} commands as {user} over SSH", commands.len()),
            Self::Refusal { login: Login::Key(user) } => write!(f, "the refusal of {user} with the key"),
            Self::Refusal { login: Login::StrangeKey(user) } => write!(f, "the refusal of {user} with a strange key"),
            Self::Refusal { login: Login::Password(user) } => write!(f, "the refusal of {user} with a password"),
            Self::Copy { user, .. } => write!(f, "copying a file as {user}"),
            Self::Clock { user, .. } => write!(f, "the clock as {user}"),
            Self::Timed { user, .. } => write!(f, "a login of {user}, timed"),
            Self::Attack { user, command } => write!(f, "`{command}` as {user} over SSH"),
            Self::Crowd { user, connections } => write!(f, "{connections} connections of {user}"),
            Self::Leave { command, .. } => write!(f, "`{command}` over SSH"),
            Self::Greetings { count } => write!(f, "{count} connections to SSH at once"),
            Self::Probe(what) => write!(f, "a probe from the network: {what}"),
        }
    }
}

/// A command between two markers. The quotes within a marker are gone from what the shell prints, and present in what a
/// terminal echoes, so an echo is never taken for output.
pub fn framed(command: &str, number: usize) -> String {
    format!("echo @''@b{number}@@; {command}; echo @''@e{number}=$?@@")
}

/// Text of a shell's standard input that runs every command, also after one that fails.
pub fn frames(commands: &[String]) -> String {
    // Each in a subshell without input: a command must not read, or leave, the shell that the others need.
    let line = |(number, command): (usize, &String)| framed(&format!("( {command}\n) </dev/null 2>&1"), number) + "\n";
    commands.iter().enumerate().map(line).collect()
}

/// The answers in what such a shell printed: those of the first commands, up to one that has no whole frame.
pub fn unframe(printed: &str, count: usize) -> Vec<Answer> {
    let mut rest = printed;
    let mut answers = Vec::new();
    for number in 0..count {
        let Some((_, after)) = rest.split_once(&format!("@@b{number}@@")) else { break };
        let Some((text, after)) = after.split_once(&format!("@@e{number}=")) else { break };
        let Some((status, after)) = after.split_once("@@") else { break };
        let Ok(status) = status.parse() else { break };
        answers.push(Answer { text: text.trim().to_owned(), status });
        rest = after;
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_command_has_its_answer() {
        let commands = ["echo a".to_owned(), "exit 3".to_owned()];
        assert_eq!(
            frames(&commands),
            "echo @''@b0@@; ( echo a\n) </dev/null 2>&1; echo @''@e0=$?@@\n\
             echo @''@b1@@; ( exit 3\n) </dev/null 2>&1; echo @''@e1=$?@@\n"
        );
        let printed = "motd\n@@b0@@\na\nb\n@@e0=0@@\n@@b1@@\n@@e1=3@@\n@@b2@@\nhalf";
        let answer = |text: &str, status| Answer { text: text.to_owned(), status };
        assert_eq!(unframe(printed, 3), [answer("a\nb", 0), answer("", 3)]);
        assert_eq!(unframe(printed, 1), [answer("a\nb", 0)]);
        assert_eq!(unframe("", 2), []);
    }

    #[test]
    fn tasks_have_words() {
        let user = || "admin".to_owned();
        let tasks = [
            (Task::Banner, "the SSH banner"),
            (Task::Silence { lasting: Duration::from_secs(9) }, "9 s of silence on port 22"),
            (Task::Commands { user: user(), commands: vec![user(), user()] }, "2 commands as admin over SSH"),
            (Task::Refusal { login: Login::Password(user()) }, "the refusal of admin with a password"),
            (Task::Leave { user: user(), command: "x".to_owned() }, "`x` over SSH"),
            (Task::Timed { user: user(), command: "x".to_owned() }, "a login of admin, timed"),
            (Task::Attack { user: user(), command: "x".to_owned() }, "`x` as admin over SSH"),
            (Task::Crowd { user: user(), connections: 3 }, "3 connections of admin"),
        ];
        for (task, words) in tasks {
            assert_eq!(task.to_string(), words);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_printed_gives_no_more_answers_than_commands(printed in "(@@[be][01](=[0-9]*)?@@|.|\n){0,40}", count in 0..4_usize) {
            prop_assert!(unframe(&printed, count).len() <= count);
        }
    }
}
