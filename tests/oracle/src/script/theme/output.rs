//! What a daemon says, and where it goes.

use super::parts::{Form, course, daemon, one};
use crate::random::Random;
use crate::script::case::Case;

/// Most are where any user may write; supervise-daemon wants them to be there already.
const LOGS: [&str; 9] = [
    "/var/log/any/new.log",
    "/var/log/any/new.log",
    "/var/log/any/new.log",
    "/var/log/any/old.log",
    "/var/log/any/old.log",
    "/var/log/root.log",
    "/var/log/none/web.log",
    "/var/log",
    "/var/log/any/pipe",
];

pub fn logs(case: &mut Case, random: &mut Random) {
    let form =
        *random.pick(&[Form::Background, Form::Background, Form::Supervised, Form::Forks]).unwrap_or(&Form::Background);
    daemon(case, form);
    if random.chance(15) {
        let logger = "\"cat >>/var/log/any/said\"";
        case.set(one(random, &["output_logger", "error_logger"]), logger);
    } else {
        case.set("output_log", one(random, &LOGS));
    }
    if random.chance(50) {
        case.set("error_log", one(random, &LOGS));
    }
    if random.chance(60) {
        case.set("command_user", one(random, &["web", "\"db:ssl\"", "root"]));
    }
    if random.chance(30) {
        case.set("umask", one(random, &["077", "027", "0"]));
    }
    case.step("mkdir -m 777 /var/log/any; echo before >/var/log/any/old.log; chmod 666 /var/log/any/old.log; mkfifo -m 666 /var/log/any/pipe");
    if form == Form::Supervised {
        case.step("touch /var/log/any/new.log; chmod 666 /var/log/any/new.log");
    }
    let between: &[&str] = match random.below(3) {
        0 => &["rc-service web restart"],
        1 => &["rm -f /var/log/any/old.log", "rc-service web restart"],
        _ => &["killall -HUP stand-in"],
    };
    course(case, between);
}
