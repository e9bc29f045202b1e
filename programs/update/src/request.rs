//! The command lines of both names.

use std::time::Duration;

use base::options;
use lexopt::Parser;

/// One line about `ashlar-update`.
pub const USAGE: &str = "usage: ashlar-update status [--json] | apply FILE [--restart] | rollback [--restart] | --help";

/// All of it.
pub const HELP: &str = "
  status         what runs, what the other slot holds, and what became of the last update; --json for programs
  apply FILE     write the image in FILE, or on standard input for `-`, into the other slot, and have it tried at the next start
  rollback       start the other slot from now on
  --restart      restart at once; otherwise the administrator does

An update is tried once. Healthy for a minute, it becomes the system that starts; otherwise the machine restarts into the one before.
Without a TPM somebody types the passphrase at each start, so also at that one.

Exit status: 0 done, 1 an effect failed, 2 the command line is wrong, 3 nothing to do, 4 refused, 5 older than what may run here,
6 a slot could not be written, 7 the firmware refused a variable.
";

/// One line about `ashlar-confirm`.
const CONFIRM_USAGE: &str = "usage: ashlar-confirm [--healthy-for SECONDS] [--deadline SECONDS]";

/// What `ashlar-update` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say what there is.
    Status {
        /// For programs.
        json: bool,
    },
    /// Write an image.
    Apply {
        /// Where it is; `-` for standard input.
        file: String,
        /// Restart at once.
        restart: bool,
    },
    /// Go back.
    Rollback {
        /// Restart at once.
        restart: bool,
    },
    /// Print the help.
    Help,
}

/// Reads the command line of `ashlar-update`.
pub fn parse(parser: Parser) -> Result<Command, String> {
    words(parser).map_err(|error| options::wrong(&error, USAGE))
}

fn words(mut parser: Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;
    let mut command = match parser.next()? {
        Some(Long("help") | Short('h')) => Command::Help,
        Some(Value(word)) => match word.string()?.as_str() {
            "status" => Command::Status { json: false },
            "apply" => {
                let file = parser.value().map_err(|_| "apply needs a FILE, or `-` for standard input")?.string()?;
                Command::Apply { file, restart: false }
            }
            "rollback" => Command::Rollback { restart: false },
            other => return Err(format!("unknown command `{other}`").into()),
        },
        Some(other) => return Err(other.unexpected()),
        None => return Err("a command is missing".into()),
    };
    while let Some(word) = parser.next()? {
        match (word, &mut command) {
            (Long("json"), Command::Status { json }) => *json = true,
            (Long("restart"), Command::Apply { restart, .. } | Command::Rollback { restart }) => *restart = true,
            (other, _) => return Err(other.unexpected()),
        }
    }
    Ok(command)
}

/// How long a trial is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Healthy without a break for this long, it is confirmed.
    pub healthy_for: Duration,
    /// Not confirmed by then, it has failed.
    pub deadline: Duration,
}

/// Reads the command line of `ashlar-confirm`.
pub fn patience(parser: Parser) -> Result<Patience, String> {
    seconds(parser).map_err(|error| options::wrong(&error, CONFIRM_USAGE))
}

fn seconds(mut parser: Parser) -> Result<Patience, lexopt::Error> {
    use lexopt::prelude::*;
    let mut patience = Patience { healthy_for: Duration::from_secs(60), deadline: Duration::from_secs(600) };
    while let Some(word) = parser.next()? {
        let place = match word {
            Long("healthy-for") => &mut patience.healthy_for,
            Long("deadline") => &mut patience.deadline,
            other => return Err(other.unexpected()),
        };
        *place = Duration::from_secs(parser.value()?.parse().map_err(|_| "a number of seconds is expected")?);
    }
    if patience.healthy_for >= patience.deadline {
        return Err("--deadline must be later than --healthy-for".into());
    }
    Ok(patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn commands_are_read() {
        assert_eq!(read("status --json"), Ok(Command::Status { json: true }));
        let file = "ashlar.efi".to_owned();
        assert_eq!(read("apply ashlar.efi --restart"), Ok(Command::Apply { file, restart: true }));
        assert_eq!(read("apply -"), Ok(Command::Apply { file: "-".to_owned(), restart: false }));
        assert_eq!(read("rollback"), Ok(Command::Rollback { restart: false }));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, what) in [
            ("", "a command is missing"),
            ("aply", "unknown command `aply`"),
            ("apply", "apply needs a FILE"),
            ("status --restart", "unknown option `--restart`"),
            ("rollback now", "unexpected argument `now`"),
        ] {
            assert!(read(line).unwrap_err().starts_with(what), "{line}");
        }
        let confirm = |line: &str| patience(Parser::from_args(line.split_whitespace()));
        assert_eq!(confirm("--healthy-for 5").unwrap().healthy_for, Duration::from_secs(5));
        assert!(confirm("--healthy-for 600").unwrap_err().starts_with("--deadline must be later"));
        assert!(confirm("--deadline x").unwrap_err().starts_with("a number of seconds"));
    }
}
