//! How arguments are written, and where a daemon finds itself.

use super::parts::{Form, PIDFILE, PROGRAM, any_daemon, course, daemon, one};
use crate::random::Random;
use crate::script::case::Case;

/// Words as they stand between double quotes in a script.
const WORDS: [&str; 26] = [
    "plain",
    "--option=value",
    "'single quoted'",
    "\\\"double quoted\\\"",
    "''",
    "back\\ slash",
    "\\$HOME",
    "'\\$HOME'",
    "$RC_SVCNAME",
    "$NOT_SET",
    "${NOT_SET:-otherwise}",
    "/etc/pass*",
    "'/etc/pass*'",
    "/no/such*",
    "~",
    "'#no comment'",
    "ä€",
    "-x",
    "--",
    "'a;b'",
    "'a|b&c'",
    "$(echo at once)",
    "\\$(echo later)",
    "=",
    "100%",
    "it\\'s",
];

/// What may be between words.
const GAPS: [&str; 6] = [" ", " ", "  ", "\n", "\n\t", "\t"];

fn sentence(random: &mut Random) -> String {
    let mut text = one(random, &["", "", "\n\t", " "]).to_owned();
    for _ in 0..2 + random.below(5) {
        text.push_str(one(random, &WORDS));
        text.push_str(one(random, &GAPS));
    }
    text
}

pub fn words(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    let text = sentence(random);
    case.argue(text);
    let variable = match form {
        Form::Supervised => Some("command_args_foreground"),
        Form::Forks | Form::Bare => Some("command_args_background"),
        Form::Background => None,
    };
    if let Some(variable) = variable.filter(|_| random.chance(50)) {
        let text = sentence(random);
        case.set(variable, format!("\"{text}\""));
    }
    if random.chance(25) {
        // Everything in conf.d, as administrators do.
        let lines = format!("more=\"{}\"", sentence(random));
        case.conf.push(lines);
        case.argue("$more");
    }
    course(case, &["rc-service web restart"]);
}

/// Options for start-stop-daemon and supervise-daemon in a variable, one a line.
const OPTIONS: [&str; 9] = [
    "--user=web",
    "--user web:ssl",
    "--umask 027",
    "--chdir /srv/www",
    "--env COLOUR=green",
    "--env=WORDS='two words'",
    "--nicelevel 4",
    "--group ssl",
    "--chdir=/tmp",
];

pub fn options(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    let text = sentence(random);
    if random.chance(60) {
        case.argue(text);
    }
    let mut lines = String::new();
    for _ in 0..1 + random.below(4) {
        lines.push_str(one(random, &["\n\t", "\n", " ", " "]));
        lines.push_str(one(random, &OPTIONS));
    }
    lines.push_str(one(random, &["", "\n"]));
    let variable = match form {
        Form::Supervised if random.chance(60) => "supervise_daemon_args",
        _ => "start_stop_daemon_args",
    };
    case.set(variable, format!("\"{lines}\""));
    course(case, &[]);
}

pub fn places(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    if random.chance(60) {
        let place =
            one(random, &["/srv/www", "/tmp", "/srv/closed", "/srv/none", "/etc/passwd", "\"/srv/www/../jail\""]);
        case.set("directory", place);
    }
    if random.chance(40) {
        case.set("umask", one(random, &["022", "077", "0027", "7", "0"]));
    }
    if random.chance(30) {
        case.set("command_user", one(random, &["web", "db", "\"web:ssl\""]));
    }
    if random.chance(40) {
        // The script may be in need of a place of its own.
        case.functions.push("start_pre() { cd /var/log; export FROM_PRE=1; umask 037; }".into());
    }
    if random.chance(40) {
        case.conf.push("export COLOUR=\"red and blue\"".into());
    }
    if random.chance(20) {
        let program = one(random, &["stand-in", "\"$HERE/stand-in\"", "/usr/sbin/none", "/etc/passwd", "/srv/www"]);
        case.set("command", program);
        case.conf.push("HERE=/usr/sbin".into());
    }
    case.step("cd /srv/www && COLOUR=green FOREIGN=1 LC_ALL=C umask=0 rc-service web start");
    case.service("status");
    case.step("cd /tmp && rc-service web stop");
    if form == Form::Background && random.chance(50) {
        case.step("cd /srv/www && /etc/init.d/web start");
        case.step(format!("cat {PIDFILE} >/tmp/number; cd /srv/www && /etc/init.d/web restart"));
        case.step("cd /srv/www && umask 077 && openrc default");
    }
    case.service("status");
    if random.chance(10) {
        daemon(case, Form::Background);
        case.set("command", PROGRAM);
    }
}
