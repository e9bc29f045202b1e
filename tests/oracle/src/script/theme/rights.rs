//! Who a daemon is, and what it may do.

use super::parts::{CRASH, Form, any_daemon, course, daemon, one};
use crate::random::Random;
use crate::script::case::Case;

/// As `command_user` is written, with parts that are empty, unknown, or numbers.
const OWNERS: [&str; 20] = [
    "web",
    "web:ssl",
    "web:",
    ":web",
    "",
    ":",
    "33",
    "33:110",
    "33:db",
    "db",
    "db:adm",
    "odd",
    "nobody",
    "nosuch",
    "web:nosuch",
    "root",
    "root:web",
    "12345",
    "12345:33",
    "web:4242",
];

pub fn users(case: &mut Case, random: &mut Random) {
    any_daemon(case, random);
    let owner = one(random, &OWNERS);
    if random.chance(25) {
        // As scripts are written whose variables an administrator was to set.
        let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
        case.conf.push(format!("WEB_USER={user}"));
        case.conf.push(format!("WEB_GROUP={group}"));
        case.set("command_user", "\"${WEB_USER}:${WEB_GROUP}\"");
    } else {
        case.set("command_user", format!("\"{owner}\""));
    }
    if random.chance(30) {
        case.set("directory", one(random, &["/srv/www", "/srv/closed", "/"]));
    }
    if random.chance(30) {
        case.set("output_log", "/tmp/web.log");
        case.step("touch /tmp/web.log; chmod 666 /tmp/web.log");
    }
    if random.chance(20) {
        case.set("umask", "077");
    }
    course(case, &[]);
}

pub fn jail(case: &mut Case, random: &mut Random) {
    let form =
        *random.pick(&[Form::Background, Form::Background, Form::Forks, Form::Supervised]).unwrap_or(&Form::Background);
    daemon(case, form);
    case.set("chroot", one(random, &["/srv/jail", "/srv/jail", "/srv/jail", "/srv/none", "/etc/passwd"]));
    if random.chance(40) {
        case.set("command_user", one(random, &["web", "\"web:ssl\"", "db"]));
    }
    if random.chance(30) {
        case.set("directory", one(random, &["/run", "/var", "/srv/www"]));
    }
    if form == Form::Background && random.chance(30) {
        case.set("output_log", "/tmp/web.log");
        case.step("mkdir -m 777 /srv/jail/tmp");
    }
    case.service("start");
    case.service("status");
    case.step("openrc default");
    case.service("status");
    if random.chance(50) {
        case.step(CRASH);
        case.service("status");
    }
    case.service("restart");
    case.service("stop");
    case.service("status");
}

pub fn rights(case: &mut Case, random: &mut Random) {
    any_daemon(case, random);
    let with_user = random.chance(60);
    if with_user {
        case.set("command_user", one(random, &["web", "\"db:ssl\""]));
    }
    match random.below(5) {
        0 => case.set(
            "capabilities",
            one(random, &["\"^cap_net_bind_service\"", "\"cap_chown,^cap_kill\"", "\"^cap_nonsense\""]),
        ),
        1 => case.set("no_new_privs", one(random, &["yes", "1"])),
        2 => case.set("secbits", one(random, &["0x2f", "16", "nonsense"])),
        3 => {
            case.set("capabilities", "\"^cap_net_bind_service,^cap_net_raw\"");
            case.set("no_new_privs", "yes");
        }
        _ => {
            case.set("start_stop_daemon_args", one(random, &["\"--no-new-privs\"", "\"--capabilities ^cap_net_raw\""]))
        }
    }
    course(case, &[]);
}

pub fn limits(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    for _ in 0..1 + random.below(2) {
        match random.below(7) {
            0 | 1 => {
                let limit = one(
                    random,
                    &[
                        "\"-n 100\"",
                        "\"-c 0\"",
                        "\"-c 0 -n 200\"",
                        "\"-s 4096\"",
                        "\"-Sn 64\"",
                        "\"-n many\"",
                        "\"-n\"",
                    ],
                );
                case.set("rc_ulimit", limit);
            }
            2 => case.conf.push(format!("SSD_NICELEVEL={}", one(random, &["5", "-3", "19"]))),
            3 => case.conf.push(format!("SSD_OOM_SCORE_ADJ={}", one(random, &["500", "200"]))),
            4 => case
                .set("start_stop_daemon_args", one(random, &["\"--nicelevel 7\"", "\"-N -2\"", "\"--nicelevel x\""])),
            5 => {
                case.set("start_stop_daemon_args", one(random, &["\"--oom-score-adj 300\"", "\"--oom-score-adj 100\""]))
            }
            _ => {
                let scheduler = one(random, &["\"--scheduler batch\"", "\"--scheduler idle\"", "\"--scheduler none\""]);
                case.set("start_stop_daemon_args", scheduler);
            }
        }
    }
    if random.chance(30) {
        case.set("command_user", "web");
    }
    if form == Form::Supervised && random.chance(50) {
        return course(case, &[CRASH, "rc-service web status"]);
    }
    course(case, &[]);
}
