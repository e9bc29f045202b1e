//! A daemon that stands in for real ones: it runs until it is told to end, and misbehaves as its arguments say.
//!
//! What it does not know is ignored: most arguments are there to be seen by whoever looks at the process.
//!
//! | argument | |
//! |---|---|
//! | `--fork` | puts itself into the background; the first process ends when the second is ready |
//! | `--pidfile FILE` | writes its number there |
//! | `--lie TEXT` | writes this there instead |
//! | `--ignore SIGNAL` | TERM, INT or HUP do nothing |
//! | `--linger MS` | ends so long after it was told to |
//! | `--die MS` | ends by itself after so long, with `--code N` |
//! | `--fail-until N --count FILE` | ends at once with code 1, until FILE says that it has started N times |
//! | `--worker` | starts one more process of itself, which does not end with it |
#![expect(clippy::disallowed_methods, reason = "puts itself into the background, which takes a second process")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it says is what ends in a log")]

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, exit};
use std::thread::sleep;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

/// Says to a process that it is the one in the background, or a worker.
const ROLE: &str = "STAND_IN_ROLE";

/// What the arguments say.
#[derive(Default)]
struct Orders {
    fork: bool,
    pidfile: Option<String>,
    lie: Option<String>,
    ignored: Vec<i32>,
    linger: u64,
    die: Option<u64>,
    code: i32,
    fail_until: usize,
    count: Option<String>,
    worker: bool,
}

impl Orders {
    fn read(args: &[OsString]) -> Self {
        let mut orders = Self::default();
        let mut words = args.iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            match word.as_str() {
                "--fork" => orders.fork = true,
                "--worker" => orders.worker = true,
                "--pidfile" => orders.pidfile = Some(value()),
                "--lie" => orders.lie = Some(value()),
                "--ignore" => orders.ignored.extend(signal(&value())),
                "--linger" => orders.linger = value().parse().unwrap_or(0),
                "--die" => orders.die = value().parse().ok(),
                "--code" => orders.code = value().parse().unwrap_or(0),
                "--fail-until" => orders.fail_until = value().parse().unwrap_or(0),
                "--count" => orders.count = Some(value()),
                _ => {}
            }
        }
        orders
    }
}

fn signal(name: &str) -> Option<i32> {
    [("TERM", SIGTERM), ("INT", SIGINT), ("HUP", SIGHUP)].into_iter().find(|known| known.0 == name).map(|known| known.1)
}

fn main() -> io::Result<()> {
    let args: Vec<OsString> = std::env::args_os().collect();
    let orders = Orders::read(&args);
    let role = std::env::var(ROLE).unwrap_or_default();
    if orders.fork && role.is_empty() {
        return go_into_the_background(&args, orders.pidfile.as_deref());
    }
    if role == "background" {
        // Whoever looks sees whether it leads a session.
        let _result = rustix::process::setsid();
    }
    // Before anybody can know of this process by its pid file.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
    if role != "worker" {
        begin(&args, &orders)?;
    }
    if let Some(after) = orders.die {
        std::thread::spawn(move || {
            sleep(Duration::from_millis(after));
            exit(orders.code);
        });
    }
    for signal in signals.forever() {
        match signal {
            _ if orders.ignored.contains(&signal) => {}
            SIGHUP | SIGUSR1 => println!("stand-in: signal {signal}"),
            _ => {
                sleep(Duration::from_millis(orders.linger));
                exit(0);
            }
        }
    }
    Ok(())
}

/// What a daemon does before it is ready.
fn begin(args: &[OsString], orders: &Orders) -> io::Result<()> {
    // A closed output is no reason to end.
    drop(writeln!(io::stdout(), "stand-in: ready"));
    drop(writeln!(io::stderr(), "stand-in: a warning"));
    if let Some(count) = &orders.count {
        let before = std::fs::read_to_string(count).unwrap_or_default();
        std::fs::write(count, format!("{before}."))?;
        if before.len() < orders.fail_until {
            exit(1);
        }
    }
    if orders.worker {
        again(args, "worker")?;
    }
    if let Some(pidfile) = &orders.pidfile {
        let text = orders.lie.clone().unwrap_or_else(|| std::process::id().to_string());
        if let Err(error) = std::fs::write(pidfile, format!("{text}\n")) {
            eprintln!("stand-in: cannot write its pid file: {error}");
            exit(1);
        }
    }
    Ok(())
}

/// The first process ends well as soon as the second is ready, which its pid file shows; without one, when it is there.
fn go_into_the_background(args: &[OsString], pidfile: Option<&str>) -> io::Result<()> {
    let own = |path: &str| std::fs::read_to_string(path).ok();
    let before = pidfile.and_then(own);
    let mut second = again(args, "background")?;
    for _ in 0..500 {
        if second.try_wait()?.is_some_and(|status| !status.success()) {
            exit(1);
        }
        match pidfile {
            Some(path) if own(path) == before || own(path).is_none_or(|text| !text.ends_with('\n')) => {}
            _ => break,
        }
        sleep(Duration::from_millis(4));
    }
    Ok(())
}

/// One more process of the same program with the same arguments.
fn again(args: &[OsString], role: &str) -> io::Result<Child> {
    // In a chroot there is no /proc.
    let program = std::env::current_exe().unwrap_or_else(|_| Path::new("/usr/sbin/stand-in").to_owned());
    let (name, rest) = args.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.arg0(name).args(rest).env(ROLE, role);
    if role == "background" {
        command.process_group(0);
    }
    command.spawn()
}
