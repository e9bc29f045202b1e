//! One script, and what is done with it.

/// The service's name; there is one in each case.
pub const SERVICE: &str = "web";

/// One script, and what is done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Its number; with the seed it names the case.
    pub number: u32,
    /// What it is about.
    pub theme: &'static str,
    /// Variables of the script; the values as the shell reads them.
    pub variables: Vec<(&'static str, String)>,
    /// Words for the stand-in daemon, as they are written into `command_args` and its like.
    pub arguments: Vec<String>,
    /// Which variable the words go to.
    pub arguments_in: &'static str,
    /// Functions of the script.
    pub functions: Vec<String>,
    /// Lines of its file in `conf.d`.
    pub conf: Vec<String>,
    /// Command lines, in order.
    pub steps: Vec<String>,
}

impl Case {
    /// Sets a variable, in the place of what it was.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
    }

    /// The value of a variable, as written.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Adds words for the daemon.
    pub fn argue(&mut self, words: impl Into<String>) {
        self.arguments.push(words.into());
    }

    /// Adds a command line.
    pub fn step(&mut self, command: impl Into<String>) {
        self.steps.push(command.into());
    }

    /// Adds a command of the service.
    pub fn service(&mut self, command: &str) {
        self.step(format!("rc-service {SERVICE} {command}"));
    }

    /// What can be said about the case, for the list of differences: its theme, and each variable with its value.
    pub fn facts(&self) -> Vec<String> {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let arguments = self.arguments.iter().map(|words| format!("argument {words}"));
        std::iter::once(self.theme.to_owned()).chain(variables).chain(arguments).collect()
    }
}
