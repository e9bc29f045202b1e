//! `einfo`, `ebegin`, `eend` and their family as programs, for scripts that do not run under openrc-run.

use crate::conf::is_yes;
use crate::message::{self, Kind};
use std::env;

use base::syslog;

/// Runs one of them. `None`: no such program.
pub fn run(name: &str, args: &[String]) -> Option<u8> {
    let quiet_unless_verbose = matches!(name.strip_prefix('v'), Some(rest) if rest.starts_with('e'));
    let base = if quiet_unless_verbose { &name[1..] } else { name };
    let shows = !quiet_unless_verbose || message::is_verbose();
    let text = args.join(" ");
    let say = |line: fn(&str), code: u8| {
        if shows {
            line(&text);
        }
        Some(code)
    };
    match base {
        "einfo" => say(message::einfo, 0),
        "ewarn" => say(message::ewarn, 0),
        "eerror" => say(message::eerror, 1),
        "ebegin" => say(message::ebegin, 0),
        "einfon" => say(|text| message::open_line(Kind::Info, text), 0),
        "ewarnn" => say(|text| message::open_line(Kind::Warn, text), 0),
        "eerrorn" => say(|text| message::open_line(Kind::Error, text), 1),
        // A program cannot change the indentation of its caller; the shell functions can.
        "eindent" | "eoutdent" => Some(0),
        "eend" | "ewend" => Some(end(base, args, shows)),
        "esyslog" => Some(esyslog(args)),
        "eval_ecolors" => {
            eval_ecolors();
            Some(0)
        }
        "ewaitfile" => Some(wait_for_files(args)),
        _ => None,
    }
}

fn end(base: &str, args: &[String], shows: bool) -> u8 {
    let code = args.first().map_or(Some(0), |text| text.parse::<i64>().ok());
    let Some(code) = code else {
        message::eerror(&format!("{base}: the first argument must be a number, not `{}`", args[0]));
        return 1;
    };
    let code = if code == 0 { 0 } else { u8::try_from(code).unwrap_or(1).max(1) };
    if shows {
        let kind = if base == "eend" { Kind::Error } else { Kind::Warn };
        message::eend(code, kind, &args.get(1..).unwrap_or_default().join(" "));
    }
    code
}

fn esyslog(args: &[String]) -> u8 {
    let [priority, tag, words @ ..] = args else {
        message::eerror("esyslog: usage: esyslog FACILITY.LEVEL TAG TEXT");
        return 1;
    };
    if !env::var("EINFO_QUIET").is_ok_and(|value| is_yes(&value)) && !words.is_empty() {
        syslog(priority, tag, &words.join(" "));
    }
    0
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Writes to the system's log. Without a log daemon the line is lost; nobody waits for it.
pub fn syslog(priority: &str, tag: &str, text: &str) {
    drop(try_syslog(priority, tag, text));
}

/// The same, for a caller with another place for a lost line.
pub fn try_syslog(priority: &str, tag: &str, text: &str) -> std::io::Result<()> {
    let number = priority_number(priority);
    let tag = format!("{tag}[{}]", std::process::id());
    syslog::send(&syslog::line(number, &tag, &text.replace('\n', " ")), None)
}

/// `daemon.info` as a number; unknown words count as `user` and `notice`.
fn priority_number(priority: &str) -> u8 {
    let (facility, level) = priority.split_once('.').unwrap_or(("user", priority));
    let level = match level {
        "warn" => "warning",
        "error" => "err",
        "panic" => "emerg",
        other => other,
    };
    let facility = FACILITIES.iter().position(|name| *name == facility).unwrap_or(1);
    let level = LEVELS.iter().position(|name| *name == level).unwrap_or(usize::from(syslog::NOTICE));
    syslog::priority(facility as u8, level as u8)
}

fn eval_ecolors() {
    let colours =
        [("GOOD", "1", "32"), ("WARN", "1", "33"), ("BAD", "1", "31"), ("HILITE", "1", "36"), ("BRACKET", "1", "34")];
    let has_colours = !env::var("RC_NOCOLOR").is_ok_and(|value| is_yes(&value));
    for (name, bright, colour) in colours {
        let value = if has_colours { format!("\u{1b}[{bright}m\u{1b}[{colour}m") } else { String::new() };
        message::print(&format!("{name}='{value}'"));
    }
    message::print(if has_colours { "NORMAL='\u{1b}[m'" } else { "NORMAL=''" });
}

fn wait_for_files(args: &[String]) -> u8 {
    let limit = args.first().and_then(|text| text.parse::<i64>().ok());
    let (Some(limit), [_, files @ ..]) = (limit, args) else {
        message::eerror("ewaitfile: usage: ewaitfile SECONDS FILE...");
        return 1;
    };
    let begun = std::time::Instant::now();
    while !files.iter().all(|file| std::path::Path::new(file).exists()) {
        if limit >= 1 && begun.elapsed().as_secs() >= limit.unsigned_abs() {
            return 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities() {
        for (text, number) in [("daemon.info", 30), ("user.warn", 12), ("kern.emerg", 0), ("x.y", 13), ("err", 11)] {
            assert_eq!(priority_number(text), number, "{text}");
        }
    }
}
