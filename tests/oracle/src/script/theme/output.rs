//! What a daemon says, and where it goes.

use super::course;
use crate::random::Random;
use crate::script::Case;
use crate::script::generate::{Form, any_daemon, one};

const LOGS: [&str; 7] = [
    "/var/log/web.log",
    "/var/log/web.log",
    "/var/log/old.log",
    "/var/log/web/out.log",
    "/var/log",
    "/var/log/pipe",
    "\"\"",
];

pub fn logs(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    if matches!(form, Form::Forks | Form::Bare) && random.chance(70) {
        // Both say that redirecting takes --background; once in a while that is enough.
        case.set("command_background", "yes");
        case.set("pidfile", "/run/web.pid");
        case.arguments.clear();
    }
    if random.chance(15) {
        let logger = "\"cat >>/var/log/said\"";
        case.set(one(random, &["output_logger", "error_logger"]), logger);
    } else {
        case.set("output_log", one(random, &LOGS));
    }
    if random.chance(60) {
        case.set("error_log", one(random, &LOGS));
    }
    if random.chance(60) {
        case.set("command_user", one(random, &["web", "\"db:ssl\"", "root"]));
    }
    if random.chance(30) {
        case.set("umask", one(random, &["077", "027", "0"]));
    }
    case.step("echo before >/var/log/old.log; chmod 600 /var/log/old.log");
    if random.chance(50) {
        case.step("mkdir -p /var/log/web && chown 33:33 /var/log/web && umask 077");
    }
    if case.variables.iter().any(|(_, value)| value == "/var/log/pipe") {
        case.step("mkfifo /var/log/pipe");
    }
    let between: &[&str] = match random.below(3) {
        0 => &["rc-service web restart"],
        1 => &["rm -f /var/log/web.log", "rc-service web restart"],
        _ => &["killall -HUP stand-in"],
    };
    course(case, between);
}
