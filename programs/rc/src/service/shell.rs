//! Runs the script: one shell, in its own process group and control group, for a limited time.

use sys::{End, Fork, Pid, Signals};

use super::{Care, Service};
use crate::cgroup;
use crate::conf::Conf;
use crate::depend::load::system_type_by;
use crate::limits;
use crate::message::{eerror, ewarn};
use crate::pattern;
use crate::state;
use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// The result of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended(u8);

impl Ended {
    /// Exit code.
    pub(super) fn code(self) -> u8 {
        self.0
    }
}

/// Time between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

/// Variables that scripts may inherit; `rc_env_allow` in rc.conf names more.
fn may_inherit(name: &str, allowed: &str) -> bool {
    const NAMES: [&str; 17] = [
        "TERM",
        "LANG",
        "LC_MESSAGES",
        "TZ",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "IN_BACKGROUND",
        "IN_HOTPLUG",
        "IN_DRYRUN",
        "EERROR_QUIET",
        "NO_COLOR",
        "COLUMNS",
        "MAKELEVEL",
        "TERMINFO",
        "runlevel",
    ];
    NAMES.contains(&name)
        || ["RC_", "EINFO_", "SSD_"].iter().any(|start| name.starts_with(start))
        || pattern::allows(allowed, name) == Some(true)
}

impl Service {
    /// Runs a command of the script. The script sees `shown_as` in `RC_CMD`.
    pub(super) fn run_script(&self, words: &[String], shown_as: &str) -> Ended {
        let command = words[0].as_str();
        let limit = match (self.care, command) {
            (Care::Planned, _) => None,
            (_, "start") if self.waits_forever() => None,
            (_, "start" | "stop") => limits::limit(&self.paths, &Conf::general(&self.paths), &self.name, command),
            _ => None,
        };
        let on_terminal = self.care != Care::Planned && sys::is_foreground();
        // Processes already in the group were not started by this command: sessions that outlived their daemon.
        let was_empty = command == "start" && cgroup::is_empty(&self.paths, &self.name);
        let result = self
            .spawn(words, shown_as, on_terminal)
            .and_then(|(pid, signals)| self.attend(pid, &signals, command, limit));
        if on_terminal {
            sys::foreground(sys::group());
        }
        match result {
            Ok((code, was_ended)) => {
                if was_ended && was_empty {
                    let is_empty = cgroup::end_all(&self.paths, &self.name, &[], Duration::ZERO, true);
                    if !is_empty {
                        ewarn(&format!("{}: its start left processes that do not even end when killed", self.name));
                    }
                }
                Ended(code)
            }
            Err(error) => {
                eerror(&format!("{}: cannot run its script in {}: {error}", self.name, self.paths.shell.join(" ")));
                Ended(1)
            }
        }
    }

    /// Keyword `-timeout`. The graph is loaded already if we handle dependencies; else the limit holds.
    fn waits_forever(&self) -> bool {
        self.care == Care::Ours
            && crate::depend::Graph::load(&self.paths).is_ok_and(|graph| graph.has_keyword(&self.name, "-timeout"))
    }

    fn spawn(&self, words: &[String], shown_as: &str, on_terminal: bool) -> std::io::Result<(Pid, Signals)> {
        let mut shell = self.shell(words, shown_as);
        let signals = Signals::block(&[sys::SIGCHLD, sys::SIGTERM, sys::SIGINT, sys::SIGHUP, sys::SIGQUIT])?;
        let own_group = self.care != Care::Planned;
        match sys::fork()? {
            Fork::Parent(pid) => {
                if own_group {
                    // The child does the same; the second call fails, which is fine.
                    drop(sys::new_group(pid));
                }
                Ok((pid, signals))
            }
            Fork::Child => {
                if own_group {
                    drop(sys::new_group(0));
                }
                if on_terminal {
                    sys::foreground(sys::group());
                }
                if words[0] == "start" {
                    if let Err(error) = cgroup::enter(&self.paths, &self.name) {
                        ewarn(&format!("{}: runs without its own control group: {error}", self.name));
                    }
                }
                sys::reset_signals();
                let error = shell.exec();
                eerror(&format!("{}: cannot start {}: {error}", self.name, self.paths.shell.join(" ")));
                sys::exit_now(127)
            }
        }
    }

    fn shell(&self, words: &[String], shown_as: &str) -> Command {
        let paths = &self.paths;
        let mut command = Command::new(&paths.shell[0]);
        command.args(&paths.shell[1..]);
        command.arg(paths.lib.join("sh/openrc-run.sh")).args(words).env_clear();
        // Not in the caller's directory: a daemon would keep it and its mount busy.
        command.current_dir("/");
        let conf = Conf::general(paths);
        let allowed = conf.get("rc_env_allow").unwrap_or_default();
        command.envs(env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| may_inherit(name, allowed))));
        let level = env::var("RC_RUNLEVEL").ok().or_else(|| state::runlevel(paths)).unwrap_or_else(|| "sysinit".into());
        command
            .env("PATH", paths.search_path())
            .env("RC_SVCNAME", &self.name)
            .env("SVCNAME", &self.name)
            .env("RC_SERVICE", &self.script)
            .env("RC_SVCDIR", &paths.state)
            .env("RC_LIBEXECDIR", &paths.lib)
            .env("RC_CONF_D", &paths.conf_d)
            .env("RC_CONF", &paths.rc_conf)
            .env("RC_RUNLEVEL", level)
            .env("RC_CMD", shown_as)
            .env("RC_UNAME", "Linux")
            .env("RC_SYS", system_type_by(&conf, paths))
            .env("RC_OPENRC_PID", std::process::id().to_string());
        for (name, otherwise) in [("RC_BOOTLEVEL", "boot"), ("RC_DEFAULTLEVEL", "default")] {
            command.env(name, env::var(name).unwrap_or_else(|_| otherwise.to_owned()));
        }
        match sys::columns() {
            Some(columns) => command.env("RC_COLUMNS", columns.to_string()),
            None => command.env_remove("RC_COLUMNS"),
        };
        match cgroup::directory(paths, &self.name) {
            Some(group) if words[0] == "start" => command.env("RC_CGROUP_DIR", group),
            _ => command.env_remove("RC_CGROUP_DIR"),
        };
        command
    }

    /// Waits for the shell; forwards signals, and kills it at the time limit. Returns its exit code, and whether it was
    /// killed.
    fn attend(
        &self,
        pid: Pid,
        signals: &Signals,
        command: &str,
        limit: Option<Duration>,
    ) -> std::io::Result<(u8, bool)> {
        let begun = Instant::now();
        let mut deadline = limit.map(|limit| begun + limit);
        let mut sent = 0;
        let target = if self.care == Care::Planned { pid } else { -pid };
        let code = loop {
            if let Some((_, end)) = sys::wait(pid, false)? {
                break match end {
                    End::Code(code) if sent == 0 => code,
                    End::Code(code) => code.max(1),
                    End::Signal(signal) => {
                        eerror(&format!("{}: {command} was ended by {}", self.name, crate::schedule::name(signal)));
                        1
                    }
                };
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                if sent == 0 {
                    self.say_too_long(command, begun.elapsed());
                }
                // It may have just ended; then waiting for it shows that.
                drop(sys::kill(target, if sent == 0 { sys::SIGTERM } else { sys::SIGKILL }));
                sent += 1;
                deadline = Some(Instant::now() + GRACE);
            }
            let pause = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            sys::poll(&[signals.as_fd()], pause)?;
            while let Some((signal, _)) = signals.next() {
                if signal != sys::SIGCHLD {
                    drop(sys::kill(target, signal));
                    sent = sent.max(1);
                    deadline = Some(Instant::now() + GRACE);
                }
            }
        };
        Ok((code, sent > 0))
    }

    fn say_too_long(&self, command: &str, time: Duration) {
        eerror(&format!(
            "{}: {command} took longer than {} seconds and was killed. rc_timeout_{command}=SECONDS in {} gives it more time",
            self.name,
            time.as_secs(),
            self.paths.conf_d.join(&self.name).display()
        ));
    }
}
