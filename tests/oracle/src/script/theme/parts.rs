//! What themes share: the form of the daemon, and the course of most cases.

use crate::random::Random;
use crate::script::case::Case;

/// How a daemon comes to be in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// start-stop-daemon puts it there and writes the pid file.
    Background,
    /// It does so itself and writes its pid file.
    Forks,
    /// It does so itself and writes none.
    Bare,
    /// supervise-daemon runs it in the foreground.
    Supervised,
}

/// Where the pid file of a daemon is, unless a theme says otherwise.
pub const PIDFILE: &str = "/run/web.pid";

/// The program.
pub const PROGRAM: &str = "/usr/sbin/stand-in";

/// Gives the case a daemon.
pub fn daemon(case: &mut Case, form: Form) {
    case.set("command", PROGRAM);
    match form {
        Form::Background => {
            case.set("command_background", "yes");
            case.set("pidfile", PIDFILE);
        }
        Form::Forks => {
            case.set("pidfile", PIDFILE);
            case.argue(format!("--fork --pidfile {PIDFILE}"));
        }
        Form::Bare => case.argue("--fork"),
        Form::Supervised => case.set("supervisor", "supervise-daemon"),
    }
}

/// Gives the case a daemon of any form.
pub fn any_daemon(case: &mut Case, random: &mut Random) -> Form {
    let form = *random
        .pick(&[Form::Background, Form::Background, Form::Forks, Form::Bare, Form::Supervised])
        .unwrap_or(&Form::Background);
    daemon(case, form);
    form
}

/// One of the texts.
pub fn one<'a>(random: &mut Random, texts: &[&'a str]) -> &'a str {
    random.pick(texts).copied().unwrap_or_default()
}

/// Start, look, stop, look: how most cases go. What happens between is the theme's.
pub fn course(case: &mut Case, between: &[&str]) {
    case.service("start");
    case.service("status");
    between.iter().for_each(|step| case.step(*step));
    case.service("stop");
    case.service("status");
}

/// Ends every daemon at once, as a crash does.
pub const CRASH: &str = "killall -9 stand-in";
