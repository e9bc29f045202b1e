//! Daemons under supervise-daemon: what they are, and when they are started again.

use super::parts::{CRASH, Form, course, daemon, one};
use crate::random::Random;
use crate::script::case::Case;

pub fn supervised(case: &mut Case, random: &mut Random) {
    daemon(case, Form::Supervised);
    if random.chance(30) {
        case.set("pidfile", one(random, &["/run/web.pid", "/run/none/web.pid"]));
    }
    if random.chance(40) {
        case.set("command_user", one(random, &["web", "\"db:ssl\"", "nosuch"]));
    }
    if random.chance(30) {
        case.set("directory", one(random, &["/srv/www", "/srv/none"]));
    }
    if random.chance(30) {
        case.set("output_log", one(random, &["/tmp/web.log", "/tmp/web.log", "/var/log/none/web.log"]));
    }
    if random.chance(40) {
        let delay = one(random, &["1", "1", "1sec", "2sec", "nonsense", "-1"]);
        case.set("respawn_delay", delay);
    }
    if random.chance(30) {
        case.set("respawn_period", one(random, &["5", "10", "1min", "nonsense"]));
    }
    if random.chance(30) {
        case.set("retry", one(random, &["TERM/1/KILL/1", "1", "INT/1"]));
        case.argue(one(random, &["--ignore TERM", "--linger 200"]));
    }
    if random.chance(20) {
        case.set(
            "supervise_daemon_args",
            one(random, &["\"--umask 027\"", "\"-e A=b -d /tmp\"", "\"\"", "\"--respawn-max 1\""]),
        );
    }
    let between = one(
        random,
        &[
            CRASH,
            "rc-service web restart",
            "killall -HUP stand-in",
            "killall -TERM stand-in",
            "killall supervise-daemon",
            "killall -9 supervise-daemon",
            "supervise-daemon web --signal HUP --pidfile /run/supervise-web.pid",
            "openrc default",
        ],
    );
    case.step("touch /tmp/web.log; chmod 666 /tmp/web.log");
    course(case, &[between, "rc-service web status"]);
    case.service("start");
}

pub fn respawning(case: &mut Case, random: &mut Random) {
    daemon(case, Form::Supervised);
    // With a pause, so that it gives up only after its start is over.
    let fails = random.below(3);
    case.argue(format!("--fail-until {fails} --count /tmp/count"));
    case.set("respawn_max", one(random, &["0", "1", "2", "3", "10"]));
    case.set("respawn_delay", one(random, &["1", "1", "1sec"]));
    if random.chance(40) {
        case.set("respawn_period", one(random, &["1", "30"]));
    }
    if random.chance(30) {
        case.set("command_user", "web");
    }
    if random.chance(30) {
        case.set("output_log", "/tmp/web.log");
    }
    case.step("touch /tmp/web.log; chmod 666 /tmp/web.log");
    case.service("start");
    case.service("status");
    if random.chance(40) {
        case.step(CRASH);
        case.service("status");
    }
    case.service("stop");
    case.service("status");
    if random.chance(30) {
        case.service("start");
    }
}
