//! How a daemon begins and ends, and what a script does about it.

use super::parts::{CRASH, Form, PIDFILE, PROGRAM, any_daemon, course, daemon, one};
use crate::random::Random;
use crate::script::case::Case;

pub fn pid_files(case: &mut Case, random: &mut Random) {
    let form = *random.pick(&[Form::Background, Form::Forks, Form::Forks, Form::Supervised]).unwrap_or(&Form::Forks);
    daemon(case, form);
    if form == Form::Forks && random.chance(40) {
        // It writes what is not true, or somewhere else.
        let lie = one(
            random,
            &["--lie 99999", "--lie nonsense", "--lie 1", "--lie ''", "--lie -5", "--pidfile /run/elsewhere.pid"],
        );
        case.argue(lie);
    }
    if random.chance(25) {
        case.set("procname", one(random, &["stand-in", "other"]));
    }
    case.step("other & sleep 0.1");
    case.service("start");
    case.service("status");
    let lies = [
        format!("rm {PIDFILE}"),
        format!("echo 99999 >{PIDFILE}"),
        format!("pidof other >{PIDFILE}"),
        format!("echo nonsense >{PIDFILE}"),
        format!(": >{PIDFILE}"),
        format!("echo 1 >{PIDFILE}"),
        format!("chmod 666 {PIDFILE}"),
        format!("mv {PIDFILE} /run/true.pid; ln -s /run/true.pid {PIDFILE}"),
        CRASH.to_owned(),
    ];
    if let Some(lie) = random.pick(&lies) {
        case.step(lie.as_str());
    }
    case.service("status");
    match random.below(3) {
        0 => case.service("restart"),
        1 => case.step("openrc default"),
        _ => {}
    }
    case.service("stop");
    case.service("status");
    case.service("start");
}

pub fn stopping(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    let behaviour = one(
        random,
        &["", "--ignore TERM", "--ignore TERM", "--linger 300", "--linger 4000", "--ignore INT", "--worker"],
    );
    if !behaviour.is_empty() {
        case.argue(behaviour);
    }
    // One second at most: most of the time of a run is waiting here.
    let stubborn = behaviour == "--ignore TERM";
    if stubborn || random.chance(60) {
        let schedule = one(
            random,
            &[
                "1",
                "TERM/1",
                "TERM/1/KILL/1",
                "\"SIGTERM/1/SIGKILL/5\"",
                "INT/1/KILL/1",
                "TERM/5",
                "HUP/1/TERM/1",
                "1/1",
                "nonsense",
                "-9/1",
            ],
        );
        case.set("retry", schedule);
    }
    if random.chance(40) {
        case.set("stopsig", one(random, &["INT", "SIGINT", "2", "USR1", "KILL", "nonsense"]));
    }
    if form != Form::Supervised && random.chance(10) {
        case.set("command_progress", "yes");
    }
    course(case, &[]);
    if random.chance(50) {
        case.service("start");
    }
}

pub fn requirements(case: &mut Case, random: &mut Random) {
    any_daemon(case, random);
    match random.below(4) {
        0 => {
            let files = one(
                random,
                &["/etc/passwd", "/etc/none", "\"/etc/passwd /etc/none\"", "\"/etc/passwd\n\t/etc/group\"", "/etc"],
            );
            case.set("required_files", files);
        }
        1 => {
            let folders =
                one(random, &["/etc", "/etc/none", "\"/etc\n\t/etc/none\"", "\"/etc /srv/closed\"", "/etc/passwd"]);
            case.set("required_dirs", folders);
        }
        2 => {
            case.set("required_files", "\"/etc/passwd /etc/group\"");
            case.set("required_dirs", "\"/etc /run\"");
        }
        _ => case.set("command", one(random, &["/usr/sbin/none", "\"\"", "none", "/etc/passwd", "/srv/www"])),
    }
    case.service("start");
    case.service("status");
    case.step(one(random, &["rm /etc/passwd", "touch /etc/none", "mkdir /etc/none"]));
    case.service("stop");
    case.service("start");
    case.service("status");
    case.service("describe");
}

/// Functions around the daemon's start and stop.
const FUNCTIONS: [&str; 12] = [
    "start_pre() { checkpath -d -m 0750 -o web:ssl /run/web; }",
    "start_pre() { return 3; }",
    "start_post() { return 4; }",
    "stop_pre() { return 5; }",
    "stop_post() { return 6; }",
    "start_pre() { checkpath -f -m 0640 -o db /run/web.state && echo made >/run/web.state; }",
    "start_post() { ewaitfile 1 /run/web.pid; }",
    "stop_post() { rm -f /run/web.state; }",
    "start_pre() { [ \"$RC_CMD\" = restart ] || export FIRST=1; }",
    "status() { return 9; }",
    "start_post() { service_set_value port 80; }\nstop_pre() { [ \"$(service_get_value port)\" = 80 ] && echo 80 >/run/port; }",
    "reload() { start-stop-daemon --signal HUP --pidfile \"$pidfile\"; }\nextra_started_commands=reload",
];

pub fn functions(case: &mut Case, random: &mut Random) {
    any_daemon(case, random);
    let mut taken: Vec<&str> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let function = one(random, &FUNCTIONS);
        let name = function.split("()").next().unwrap_or_default();
        // Of two with the same name the shell would keep the second.
        if !taken.contains(&name) {
            taken.push(name);
            case.functions.push(function.to_owned());
        }
    }
    case.service("start");
    case.service("status");
    case.service(one(random, &["reload", "restart", "start", "nonsense"]));
    case.service("stop");
    case.service("status");
    case.service("start");
}

pub fn by_hand(case: &mut Case, random: &mut Random) {
    let form = any_daemon(case, random);
    if form == Form::Background && random.chance(30) {
        // Long enough to notice a daemon that ends.
        case.set("start_stop_daemon_args", "\"--wait 500\"");
        if random.chance(50) {
            case.argue("--die 100 --code 2");
        }
    }
    case.service("start");
    for _ in 0..5 {
        let step = one(
            random,
            &[
                "rc-service web start",
                "rc-service web stop",
                "rc-service web restart",
                "rc-service web zap",
                "rc-service web status",
                "rc-service -c web restart",
                "rc-service -s web restart",
                "rc-service -i web stop",
                "openrc default",
                "rc-service web zap && rc-service web start",
                "/etc/init.d/web stop start status",
                "killall -9 stand-in",
            ],
        );
        case.step(step);
    }
    case.service("status");
}

/// `start()` and `stop()` written out, as older scripts have them.
const OWN: [(&str, &str); 12] = [
    (
        "start-stop-daemon --start --exec $command --background --make-pidfile --pidfile /run/web.pid",
        "start-stop-daemon --stop --pidfile /run/web.pid",
    ),
    (
        "start-stop-daemon -S -x $command -b -m -p /run/web.pid -u web -- --one",
        "start-stop-daemon -K -x $command -p /run/web.pid -R TERM/1/KILL/1",
    ),
    ("start-stop-daemon -S -x $command -- --fork", "start-stop-daemon -K -x $command"),
    (
        "start-stop-daemon --start --exec $command --startas /usr/sbin/other --background --make-pidfile --pidfile /run/web.pid",
        "start-stop-daemon --stop --name other --pidfile /run/web.pid",
    ),
    (
        "start-stop-daemon --start --name stand-in --exec $command -- --fork",
        "start-stop-daemon --stop --name stand-in --oknodo",
    ),
    ("start-stop-daemon --start --test --exec $command -- --fork", "start-stop-daemon --stop --test --exec $command"),
    (
        "start-stop-daemon --start --oknodo --exec $command -- --fork",
        "start-stop-daemon --stop --oknodo --exec $command",
    ),
    ("$command --fork --pidfile /run/web.pid", "kill $(cat /run/web.pid) && rm /run/web.pid"),
    (
        "start-stop-daemon --start --exec /usr/sbin/script-daemon --interpreted -- --fork",
        "start-stop-daemon --stop --exec /usr/sbin/script-daemon --interpreted",
    ),
    ("default_start", "default_stop"),
    (
        "start-stop-daemon --start --background --exec $command --user db:ssl --chdir /srv/www --umask 027 --env A=b --nicelevel 3",
        "start-stop-daemon --stop --user db",
    ),
    (
        "start-stop-daemon --start --exec $command --pidfile /run/web.pid --wait 50 -- --fork --pidfile /run/web.pid",
        "start-stop-daemon --stop --signal INT --pidfile /run/web.pid",
    ),
];

pub fn own_start(case: &mut Case, random: &mut Random) {
    case.set("command", PROGRAM);
    let (start, stop) = *random.pick(&OWN).unwrap_or(&OWN[0]);
    case.functions.push(format!("start() {{\n\tebegin \"Starting\"\n\t{start}\n\teend $?\n}}"));
    case.functions.push(format!("stop() {{\n\tebegin \"Stopping\"\n\t{stop}\n\teend $?\n}}"));
    if start == "default_start" {
        case.set("command_background", "yes");
        case.set("pidfile", PIDFILE);
    }
    case.service("start");
    case.service("status");
    case.service("start");
    case.step(one(
        random,
        &[CRASH, "rc-service web restart", "rc-service web zap && rc-service web start", "openrc default"],
    ));
    case.service("status");
    case.service("stop");
    case.service("stop");
    case.service("status");
}
