//! From a seed to scripts. What makes a theme is in [`crate::script::theme`]; here is what all share: the form of the daemon.

use crate::random::Random;
use crate::script::{Case, theme};

/// The scripts `0..count` of a seed.
pub fn cases(seed: u64, count: u32) -> Vec<Case> {
    (0..count).map(|number| case(seed, number)).collect()
}

/// One script. Numbers go round the themes, so that any sixteen in a row show each theme once.
pub fn case(seed: u64, number: u32) -> Case {
    // Streams of their own: the same seed gives other numbers than to the graphs.
    let mut random = Random::new(seed, 0x1_0000_0000 + u64::from(number));
    let themes = theme::ALL;
    let (name, make) = themes[number as usize % themes.len()];
    let mut case = Case { number, theme: name, arguments_in: "command_args", ..Case::default() };
    make(&mut case, &mut random);
    case
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_scripts() {
        assert_eq!(cases(5, 48), cases(5, 48));
        assert_ne!(cases(5, 16), cases(6, 16));
        // A script does not depend on how many are asked for.
        assert_eq!(cases(5, 48)[17], case(5, 17));
    }

    #[test]
    fn three_hundred_scripts_show_what_the_manuals_allow() {
        let cases = cases(1, 300);
        let seen = |name: &str| cases.iter().filter(|case| case.value(name).is_some()).count();
        for variable in [
            "capabilities",
            "chroot",
            "command_background",
            "command_user",
            "directory",
            "error_log",
            "no_new_privs",
            "output_log",
            "pidfile",
            "procname",
            "rc_ulimit",
            "required_dirs",
            "required_files",
            "respawn_delay",
            "respawn_max",
            "retry",
            "start_stop_daemon_args",
            "stopsig",
            "supervise_daemon_args",
            "supervisor",
            "umask",
        ] {
            assert!(seen(variable) >= 4, "{variable} occurs {} times", seen(variable));
        }
        let text: String = cases.iter().map(|case| format!("{case}{}\n", case.steps.join("\n"))).collect();
        for part in [
            "start_pre()",
            "start_post()",
            "stop_pre()",
            "start() {",
            "kill",
            "restart",
            "zap",
            "rm ",
            "openrc default",
            "cd ",
        ] {
            assert!(text.matches(part).count() >= 4, "{part}");
        }
    }
}
