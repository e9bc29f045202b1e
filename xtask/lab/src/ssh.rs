//! The host's SSH client as values: command lines that read nothing of the user's own configuration, agent or known hosts.
//!
//! Running them is `xtask/src/host/ssh.rs`.

use camino::Utf8PathBuf;

use crate::console::task::Login;
use ashlar_core::base::command::Command;

/// The client.
pub const SSH: &str = "ssh";
/// Copies files.
pub const SCP: &str = "scp";
/// Makes keys.
pub const KEYGEN: &str = "ssh-keygen";

/// How a machine is called in [`Access::config`].
pub const HOST_ALIAS: &str = "ashlar";

/// Exit status of the client when it could not connect or log in. A command's own status is handed on otherwise.
pub const NO_CONNECTION: i32 = 255;

/// A way into one machine of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Port on this host's loopback.
    pub port: u16,
    /// Private key that the machine accepts.
    pub key: Utf8PathBuf,
    /// Private key that the machine does not know.
    pub strange_key: Utf8PathBuf,
    /// The machine's host key, known before or as seen at the first connection: another one is refused.
    pub known_hosts: Utf8PathBuf,
    /// Where a client that is connected listens for others, which then need no connection of their own: the machine takes
    /// three new ones a minute from one source. With `-USER` after it, so it must be short: it names a socket.
    pub control: Utf8PathBuf,
}

/// Where the client's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A program: no question is asked.
    Program,
    /// A person at a terminal.
    Person,
}

impl Access {
    /// Logs in and runs `command`, or the user's shell when there is none.
    pub fn login(&self, login: &Login, reader: Reader, command: &[String]) -> Command {
        let (user, how) = self.credentials(login);
        let batch: &[&str] = match reader {
            Reader::Program => &["-T", "-o", "BatchMode=yes"],
            // Without a command the client asks for a terminal itself; with one, it must be told.
            Reader::Person if command.is_empty() => &[],
            Reader::Person => &["-t"],
        };
        Command::new(SSH)
            .args(self.options())
            .args(how)
            .args(batch.iter().copied())
            .args(["-p", &self.port.to_string(), &format!("{user}@127.0.0.1")])
            .args(command.iter().cloned())
    }

    /// Logs in over a connection of its own, and runs `command`.
    pub fn fresh(&self, user: &str, command: &str) -> Command {
        let login = self.login(&Login::Key(user.to_owned()), Reader::Program, &[command.to_owned()]);
        // Of two values of an option, the client takes the first.
        let Command { program, args, .. } = login;
        Command::new(program).args(["-S", "none"]).args(args)
    }

    /// Logs in the same way, runs nothing, and stays in the background until the machine ends.
    pub fn linger(&self, user: &str) -> Command {
        let Command { program, args, .. } = self.fresh(user, "sleep 3600");
        Command::new(program).arg("-f").args(args)
    }

    /// Copies a file into the machine, or out of it.
    pub fn copy(&self, user: &str, from: &str, to: &str) -> Command {
        let (_, how) = self.credentials(&Login::Key(user.to_owned()));
        Command::new(SCP).args(self.options()).args(how).args([
            "-o",
            "BatchMode=yes",
            "-P",
            &self.port.to_string(),
            from,
            to,
        ])
    }

    /// Ends the connection that a user's clients share.
    pub fn hang_up(&self, user: &str) -> Command {
        Command::new(SSH)
            .args(["-F", "none", "-o", &self.control_path(), "-O", "exit"])
            .arg(format!("{user}@127.0.0.1"))
    }

    /// A configuration of the client in which this machine is the host [`HOST_ALIAS`]: a person types no options then.
    pub fn config(&self, user: &str) -> String {
        let login = Login::Key(user.to_owned());
        let (_, how) = self.credentials(&login);
        let mut lines = vec![format!("Host {HOST_ALIAS}"), "HostName 127.0.0.1".to_owned()];
        lines.extend([format!("Port {}", self.port), format!("User {user}"), format!("IdentityFile \"{}\"", self.key)]);
        let options = self.options();
        let options = options.iter().chain(&how).filter_map(|option| option.split_once('='));
        lines.extend(options.map(|(name, value)| format!("{name} \"{value}\"")));
        lines.join("\n    ") + "\n"
    }

    /// The line of `known_hosts` for a machine with this public key.
    pub fn known_host(&self, public: &str) -> String {
        let words: Vec<&str> = public.split_whitespace().take(2).collect();
        format!("[127.0.0.1]:{} {}\n", self.port, words.join(" "))
    }

    fn control_path(&self) -> String {
        format!("ControlPath={}-%r", self.control)
    }

    fn options(&self) -> Vec<String> {
        let mut args = vec!["-F".to_owned(), "none".to_owned()];
        let known = format!("UserKnownHostsFile={}", self.known_hosts);
        for option in [
            known.as_str(),
            "GlobalKnownHostsFile=none",
            // Where the machine was given no key, the first connection pins the one that it made a moment ago.
            "StrictHostKeyChecking=accept-new",
            "IdentityAgent=none",
            "IdentitiesOnly=yes",
            // An emulated machine may need long for its part of the key exchange.
            "ConnectTimeout=60",
            "ServerAliveInterval=30",
            "LogLevel=ERROR",
        ] {
            args.extend(["-o".to_owned(), option.to_owned()]);
        }
        args
    }

    fn credentials<'a>(&self, login: &'a Login) -> (&'a str, Vec<String>) {
        let key = |path: &Utf8PathBuf| {
            vec!["-i".to_owned(), path.to_string(), "-o".to_owned(), "PreferredAuthentications=publickey".to_owned()]
        };
        match login {
            Login::Key(user) => {
                let mut options = key(&self.key);
                // The first client stays behind, until the machine ends or somebody hangs up.
                for option in ["ControlMaster=auto", "ControlPersist=yes", &self.control_path()] {
                    options.extend(["-o".to_owned(), option.to_owned()]);
                }
                (user, options)
            }
            Login::StrangeKey(user) => (user, key(&self.strange_key)),
            Login::Password(user) => {
                let options = ["PubkeyAuthentication=no", "PreferredAuthentications=password,keyboard-interactive"];
                (user, options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]).collect())
            }
        }
    }
}

/// Makes a key pair without a passphrase: `file` and `file.pub`.
pub fn keygen(file: &Utf8PathBuf, comment: &str) -> Command {
    Command::new(KEYGEN).args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file.as_str()])
}

/// The first line from port 22 of a machine, when that is the greeting of an SSH server.
pub fn greeting(heard: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(heard);
    let (line, _) = text.split_once('\n')?;
    line.starts_with("SSH-2.0-").then(|| line.trim_end().to_owned())
}

/// The client's last word.
pub fn last_word(printed: &str) -> String {
    printed.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it printed nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_pinned() {
        let access = Access {
            port: 2222,
            key: "/t/key".into(),
            strange_key: "/t/strange".into(),
            known_hosts: "/t/known_hosts".into(),
            control: "/t/control".into(),
        };
        let user = || "admin".to_owned();
        let words = ["ls".to_owned(), "-l /".to_owned()];
        let lines = [
            access.login(&Login::Key(user()), Reader::Program, &["sh".to_owned()]),
            access.login(&Login::Key(user()), Reader::Person, &[]),
            access.login(&Login::Key(user()), Reader::Person, &words),
            access.login(&Login::StrangeKey("root".to_owned()), Reader::Program, &words),
            access.login(&Login::Password(user()), Reader::Program, &words),
            access.copy("admin", "/t/a", "admin@127.0.0.1:a"),
            access.hang_up("admin"),
            access.fresh("admin", "true"),
            keygen(&"/t/key".into(), "ashlar"),
        ];
        insta::assert_snapshot!(lines.map(|line| line.to_string()).join("\n"));
        insta::assert_snapshot!(access.config("admin"), @r#"
        Host ashlar
            HostName 127.0.0.1
            Port 2222
            User admin
            IdentityFile "/t/key"
            UserKnownHostsFile "/t/known_hosts"
            GlobalKnownHostsFile "none"
            StrictHostKeyChecking "accept-new"
            IdentityAgent "none"
            IdentitiesOnly "yes"
            ConnectTimeout "60"
            ServerAliveInterval "30"
            LogLevel "ERROR"
            PreferredAuthentications "publickey"
            ControlMaster "auto"
            ControlPersist "yes"
            ControlPath "/t/control-%r"
        "#);
    }

    #[test]
    fn a_greeting_is_a_whole_line() {
        assert_eq!(greeting(b"SSH-2.0-OpenSSH_10.0\r\n\0\0"), Some("SSH-2.0-OpenSSH_10.0".to_owned()));
        for heard in [&b""[..], b"SSH-2.0-Open", b"HTTP/1.1 400\r\n", b"\xff\xff\n"] {
            assert_eq!(greeting(heard), None);
        }
        assert_eq!(last_word("a\nPermission denied (publickey).\r\n\n"), "Permission denied (publickey).");
        assert_eq!(last_word("\n"), "it printed nothing");
    }
}
