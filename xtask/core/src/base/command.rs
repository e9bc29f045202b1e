//! A command as a value: printed ready to paste, compared in tests, run by `host::exec`.

use std::collections::BTreeMap;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

/// A program with its arguments, extra environment and working directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// Program name, looked up in PATH, or a path.
    pub program: String,
    /// Arguments, never split or expanded.
    pub args: Vec<String>,
    /// Variables set in addition to the inherited environment.
    pub env: BTreeMap<String, String>,
    /// Working directory; the caller's when absent.
    pub cwd: Option<Utf8PathBuf>,
}

impl Command {
    /// A command without arguments.
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: BTreeMap::new(), cwd: None }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory.
    pub fn cwd(mut self, dir: &Utf8Path) -> Self {
        self.cwd = Some(dir.to_owned());
        self
    }
}

/// One shell word, quoted only when needed.
pub fn quote(word: &str) -> String {
    // A NUL cannot reach a process anyway; show it as the replacement character instead of refusing to print.
    shlex::try_quote(&word.replace('\0', "\u{fffd}")).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dir) = &self.cwd {
            write!(f, "cd {} && ", quote(dir.as_str()))?;
        }
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quote(value))?;
        }
        write!(f, "{}", quote(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quote(arg)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_to_paste() {
        let command = Command::new("tool")
            .arg("-v")
            .args(["/a b:/c:ro", "x=$(id)", "", "it's"])
            .env("A", "1 2")
            .cwd(Utf8Path::new("/some dir"));
        assert_eq!(command.to_string(), r#"cd '/some dir' && A='1 2' tool -v '/a b:/c:ro' 'x=$(id)' '' "it's""#);
        let words = shlex::split(&command.to_string()).unwrap();
        assert_eq!(words[words.len() - 5..], ["-v", "/a b:/c:ro", "x=$(id)", "", "it's"]);
        assert_eq!(quote("a\0b"), "'a\u{fffd}b'");
    }
}
