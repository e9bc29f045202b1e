//! Looks at a test root from inside: waits until nothing more happens, then prints processes and files, a fact a line.
//!
//! The format is that of `capture.rs` in the crate `ashlar-oracle`: `P` a process by its program, `A` an attribute of it, `F` a
//! file, `W` a word of warning that it did not come to rest. Backslash and control characters are escaped as in Rust.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Where files are looked at. State of the service manager itself has a format of its own on either side.
const PLACES: [&str; 5] = ["/run", "/var", "/tmp", "/srv", "/home"];
const NOT_COMPARED: [&str; 4] = ["/run/openrc", "/run/lock", "/var/log/rc.log", "/srv/jail/usr"];

/// The name of the process that watches over a step.
const WATCHER: &str = "timeout";
/// Programs that stay.
const SUPERVISOR: &str = "supervise-daemo";
const DAEMONS: [&str; 2] = ["stand-in", "other"];

/// A look each hundredth of a second, and so many of them at most.
const LOOKS: u32 = 1500;
/// Nothing has happened when so many looks showed the same.
const ALIKE: u32 = 3;

/// A line of `/proc/PID/stat` and what else is needed to tell one process from another.
#[derive(Clone, PartialEq, Eq)]
struct Process {
    pid: u32,
    name: String,
    parent: u32,
    state: char,
    /// Process group, session, nice value, scheduling policy.
    group: u32,
    session: u32,
    nice: i32,
    policy: u32,
    status: BTreeMap<String, String>,
}

fn main() {
    let own = std::process::id();
    let mut last = Vec::new();
    let mut alike = 0;
    let mut restless = true;
    for _ in 0..LOOKS {
        let now = processes(own);
        let at_rest = !now.iter().any(|process| is_busy(process, &now));
        alike = if at_rest && now == last { alike + 1 } else { 0 };
        last = now;
        if alike >= ALIKE {
            restless = false;
            break;
        }
        sleep(Duration::from_millis(10));
    }
    if restless {
        println!("Wnot at rest");
    }
    print_processes(&last);
    for place in PLACES {
        print_files(Path::new(place), &last);
    }
}

/// All that live, except process 1, what watches over the step, and this one.
fn processes(own: u32) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<Process> = numbers.filter(|pid| *pid != 1 && *pid != own).filter_map(read).collect();
    found.retain(|process| !matches!(process.state, 'Z' | 'X') && process.name != WATCHER);
    found.sort_by_key(|process| process.pid);
    found
}

fn read(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<i64>().ok();
    let text = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/status")).ok()?).into_owned();
    let kept = |line: &str| {
        let (key, value) = line.split_once(':')?;
        let kept =
            ["Umask", "Uid", "Gid", "Groups", "Sig", "Shd", "Cap", "NoNew"].iter().any(|start| key.starts_with(start));
        kept.then(|| (key.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    Some(Process {
        pid,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: u32::try_from(field(4)?).ok()?,
        group: u32::try_from(field(5)?).ok()?,
        session: u32::try_from(field(6)?).ok()?,
        nice: i32::try_from(field(19)?).ok()?,
        policy: u32::try_from(field(41)?).ok()?,
        status: text.lines().filter_map(kept).collect(),
    })
}

/// Something is still going on: a command runs, a daemon is not ready or has yet to notice a signal, or a supervisor is about
/// to start its daemon.
fn is_busy(process: &Process, all: &[Process]) -> bool {
    let mask = |key: &str| process.status.get(key).and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    const TERM: u64 = 1 << 14;
    match process.name.as_str() {
        name if DAEMONS.contains(&name) => {
            let ready = mask("SigCgt") & TERM != 0 || mask("SigIgn") & TERM != 0;
            !ready || process.state != 'S' || mask("SigPnd") != 0 || mask("ShdPnd") != 0
        }
        SUPERVISOR => !all.iter().any(|child| child.parent == process.pid),
        // Loggers wait for what their daemon says.
        "cat" => process.state != 'S',
        "sh" => !all.iter().any(|child| child.parent == process.pid && child.name == "cat"),
        _ => true,
    }
}

fn print_processes(all: &[Process]) {
    let mut sorted: Vec<(String, &Process)> =
        all.iter().map(|process| (words(process.pid, "cmdline"), process)).collect();
    // By what they are: numbers differ between the sides.
    sorted.sort_by(|a, b| (&a.1.name, &a.0, a.1.parent).cmp(&(&b.1.name, &b.0, b.1.parent)));
    for (argv, process) in sorted {
        println!("P{}", escaped(&process.name));
        if process.name == SUPERVISOR {
            continue;
        }
        let attribute = |name: &str, value: &str| println!("A{name}={}", escaped(value));
        attribute("argv", &argv);
        for link in ["exe", "cwd", "root"] {
            attribute(link, &target(process.pid, link));
        }
        attribute("parent", &parent(process, all));
        let leads = |number: u32| if number == process.pid { "own" } else { "another's" };
        attribute("group", leads(process.group));
        attribute("session", leads(process.session));
        attribute("nice", &process.nice.to_string());
        attribute("policy", &process.policy.to_string());
        attribute("oom", fs::read_to_string(format!("/proc/{}/oom_score_adj", process.pid)).unwrap_or_default().trim());
        // What it catches and has yet to notice is its own affair.
        let own = ["SigCgt", "SigPnd", "ShdPnd", "SigQ"];
        process
            .status
            .iter()
            .filter(|(key, _)| !own.contains(&key.as_str()))
            .for_each(|(key, value)| attribute(key, value));
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap_or_default();
        for line in limits.lines().skip(1) {
            let (name, values) = line.split_at(line.len().min(26));
            let values: Vec<&str> = values.split_whitespace().take(2).collect();
            attribute(&format!("limit {}", name.trim_end()), &values.join(" "));
        }
        let text = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        for variable in text.split(|byte| *byte == 0).filter(|variable| !variable.is_empty()) {
            let variable = String::from_utf8_lossy(variable).into_owned();
            let (name, value) = variable.split_once('=').unwrap_or((&variable, "(no value)"));
            attribute(&format!("env {name}"), value);
        }
        descriptors(process.pid);
    }
}

/// Standard input, output and error, and whether it holds more than it should.
fn descriptors(pid: u32) {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return };
    let mut numbers: Vec<u32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    for number in numbers {
        let target = target(pid, &format!("fd/{number}"));
        // What it opened itself to learn of signals is no heritage.
        if number > 2 && (target.starts_with("socket:") || target.starts_with("anon_inode:")) {
            continue;
        }
        let target = target.split(":[").next().unwrap_or_default();
        println!("Afd {number}={}", escaped(target));
    }
}

fn words(pid: u32, file: &str) -> String {
    let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let words = text.split(|byte| *byte == 0).map(|word| format!("[{}]", String::from_utf8_lossy(word)));
    let mut words: Vec<String> = words.collect();
    // After the last word comes a zero byte as well.
    words.pop();
    words.join(" ")
}

fn target(pid: u32, link: &str) -> String {
    let target = fs::read_link(format!("/proc/{pid}/{link}"));
    target.map_or_else(|_| "(unknown)".to_owned(), |target| target.to_string_lossy().into_owned())
}

fn parent(process: &Process, all: &[Process]) -> String {
    let found = all.iter().find(|other| other.pid == process.parent);
    found.map_or_else(|| "process 1".to_owned(), |parent| parent.name.clone())
}

fn print_files(path: &Path, all: &[Process]) {
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if NOT_COMPARED.iter().any(|kept| path == Path::new(kept)) {
            continue;
        }
        let Ok(about) = path.symlink_metadata() else { continue };
        let kind = about.file_type();
        let (kind, content) = if kind.is_dir() {
            ("directory", String::new())
        } else if kind.is_symlink() {
            ("link", fs::read_link(&path).map(|target| target.to_string_lossy().into_owned()).unwrap_or_default())
        } else if kind.is_file() {
            ("file", content(&path, all))
        } else if kind.is_fifo() {
            ("pipe", String::new())
        } else {
            ("other", String::new())
        };
        let rights = format!("{:o} {}:{}", about.mode() & 0o7777, about.uid(), about.gid());
        println!("F{}={kind} {rights} {}", escaped(&path.to_string_lossy()), escaped(&content));
        if kind == "directory" {
            print_files(&path, all);
        }
    }
}

/// Numbers of processes differ between the sides; what is meant does not.
fn content(path: &Path, all: &[Process]) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let Ok(pid) = text.trim().parse::<u32>() else { return text };
    let ending = if text.ends_with('\n') { "" } else { " without an end of line" };
    let meant = match pid {
        0 | 1 => pid.to_string(),
        _ => {
            all.iter().find(|process| process.pid == pid).map_or_else(|| "gone".to_owned(), |found| found.name.clone())
        }
    };
    format!("(number of {meant}){ending}")
}

fn escaped(text: &str) -> String {
    text.escape_debug().to_string()
}
