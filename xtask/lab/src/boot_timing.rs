//! The time that each part of a start takes, and the memory of a started system: figures from the output of commands, and a chart.

use std::collections::BTreeMap;

use crate::console::facts::BECOME;
use ashlar_core::base::command::quote;

/// Commands that run over SSH on every started system, in this order. They work with BusyBox's tools and GNU's.
pub const QUESTIONS: [&str; 3] = [
    "cat /proc/meminfo",
    // Process, parent, name; processes of the kernel have no command line. Then our own shell.
    r#"for p in /proc/[0-9]*; do [ -z "$(tr -d '\0' <$p/cmdline 2>/dev/null)" ] || cat $p/stat 2>/dev/null; done; echo self $$"#,
    "cat /proc/uptime",
];

/// Commands that run on Ashlar only, before [`QUESTIONS`]. They show when `/init` began and when each service did.
pub const OWN_QUESTIONS: [&str; 3] =
    ["become dmesg | grep -m 1 'Run /init'", "cat /run/openrc/timing", "rc-status --timing"];

/// Commands that run on the Ashlar guest. Only root sees every process in `/proc`, so that command runs through `become`. The last
/// `self` line names the login's own shell, which [`programs`] leaves out.
pub fn of_ours() -> Vec<String> {
    let [memory, processes, uptime] = QUESTIONS;
    let processes = format!("{BECOME} sh -c {}; echo self $$", quote(processes));
    let shared = [memory.to_owned(), processes, uptime.to_owned()];
    OWN_QUESTIONS.iter().map(|line| (*line).to_owned()).chain(shared).collect()
}

/// Memory in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In use, without caches that can be dropped.
    pub used: u64,
    /// Page cache; files in memory file systems count here.
    pub cached: u64,
}

impl Memory {
    /// From `/proc/meminfo`.
    pub fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let cached = value("Cached")? + value("Buffers")? + value("SReclaimable")?;
        Some(Self { used: value("MemTotal")?.checked_sub(value("MemFree")?)?.checked_sub(cached)?, cached })
    }
}

/// The names of the programs that run, without those of the logins that asked.
pub fn programs(text: &str) -> Vec<String> {
    let mut processes = BTreeMap::new();
    let mut own = Vec::new();
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("self ") {
            own.extend(number.trim().parse::<u32>());
        } else if let Some((number, name, parent)) = process(line) {
            processes.insert(number, (parent, name));
        }
    }
    let logins: Vec<u32> = own.into_iter().map(|shell| login(&processes, shell)).collect();
    let asked = |mut number: u32| {
        // As many steps as there are processes: a text can name a circle.
        for _ in 0..=processes.len() {
            if logins.contains(&number) {
                return true;
            }
            match processes.get(&number) {
                Some((parent, _)) => number = *parent,
                None => return false,
            }
        }
        false
    };
    processes.iter().filter(|(number, _)| !asked(**number)).map(|(_, (_, name))| name.clone()).collect()
}

/// The top of a login: what descends from a server that listens, whose parent is process 1, on the way to the shell.
fn login(processes: &BTreeMap<u32, (u32, String)>, shell: u32) -> u32 {
    let mut top = shell;
    // As many steps as there are processes: a text can name a circle.
    for _ in 0..=processes.len() {
        match processes.get(&top) {
            Some((parent, _)) if processes.get(parent).is_some_and(|(grand, _)| *grand > 1) => top = *parent,
            _ => break,
        }
    }
    match processes.get(&top) {
        // `top` is the listening server's child now; everything at and below it is the login.
        Some((parent, _)) if processes.get(parent).is_some_and(|(grand, _)| *grand <= 1) && *parent != 1 => top,
        _ => shell,
    }
}

/// Number, name and parent, from `/proc/N/stat`: the name is in parentheses and may hold anything.
fn process(line: &str) -> Option<(u32, String, u32)> {
    let (head, rest) = line.rsplit_once(')')?;
    let (number, name) = head.split_once(" (")?;
    let parent = rest.split_whitespace().nth(1)?;
    Some((number.parse().ok()?, name.to_owned(), parent.parse().ok()?))
}

/// The first number of `/proc/uptime`.
pub fn uptime(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|seconds: &f64| seconds.is_finite())
}

/// The time of a line of the kernel's log.
pub fn stamp(line: &str) -> Option<f64> {
    let (stamp, _) = line.strip_prefix('[')?.split_once(']')?;
    stamp.trim().parse().ok()
}

/// When the first service began and when sshd had started, from `/run/openrc/timing`: lines of action, runlevel, service,
/// times of planning, begin and end, outcome, whom it waited for.
pub fn services(text: &str) -> (Option<f64>, Option<f64>) {
    let mut first: Option<f64> = None;
    let mut sshd = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let time = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok());
        if words.first() != Some(&"start") {
            continue;
        }
        if let Some(planned) = time(3) {
            first = Some(first.map_or(planned, |first| first.min(planned)));
        }
        if words.get(2) == Some(&"sshd") {
            sshd = time(5);
        }
    }
    (first, sshd)
}

/// A stretch of a start, by its end in seconds since power-on.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// What the machine did.
    pub name: &'static str,
    /// Until when.
    pub until: f64,
}

/// The stretches of a start of ours. `kernel` is when the kernel's clock began, in seconds since power-on; `banner` when
/// the banner came. Times that are not known join the stretch after them.
pub fn stretches(kernel: f64, init: Option<f64>, first: Option<f64>, sshd: Option<f64>, banner: f64) -> Vec<Stretch> {
    let marks = [
        ("firmware, loader, unpacking of the kernel", Some(kernel)),
        ("kernel, to /init", init.map(|time| kernel + time)),
        ("/init and process 1, to openrc", first.map(|time| kernel + time)),
        ("services, to sshd started", sshd.map(|time| kernel + time)),
        ("sshd, to its banner", Some(banner)),
    ];
    let mut last = 0.0_f64;
    let mut stretches = Vec::new();
    for (name, until) in marks {
        if let Some(until) = until.filter(|until| until.is_finite()) {
            // The kernel's clock is read over the network, so its zero may be off by a moment.
            last = until.clamp(last, banner.max(last));
            stretches.push(Stretch { name, until: last });
        }
    }
    stretches
}

/// The chart: a row for each stretch, `#` where it lies.
pub fn chart(stretches: &[Stretch], width: usize) -> String {
    let Some(end) = stretches.last().map(|stretch| stretch.until).filter(|end| *end > 0.0) else {
        return "no times are known\n".to_owned();
    };
    let column = |seconds: f64| (seconds / end * width as f64).round() as usize;
    let name = stretches.iter().map(|stretch| stretch.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut from = 0.0;
    for Stretch { name: label, until } in stretches {
        let (start, stop) = (column(from), column(*until));
        let bar = " ".repeat(start) + &"#".repeat(stop - start);
        out.push_str(&format!("{label:<name$} {:>6.2} s |{bar:<width$}|\n", until - from));
        from = *until;
    }
    out.push_str(&format!("{:<name$} {end:>6.2} s\n", "in all"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn memory_without_caches() {
        let text = "MemTotal:  474544 kB\nMemFree:  369216 kB\nMemAvailable: 409008 kB\nBuffers: 3212 kB\nCached: 43432 kB\n\
                    SwapCached: 0 kB\nSReclaimable: 5180 kB\n";
        assert_eq!(Memory::parse(text), Some(Memory { used: 53_504, cached: 51_824 }));
        assert_eq!(Memory::parse("MemTotal: 1 kB\n"), None);
        assert_eq!(Memory::parse(&text.replace("369216", "999999")), None);
    }

    #[test]
    fn programs_without_the_login() {
        let text = "1 (init) S 0 1\n90 (syslogd) S 1 90\n100 (sshd) S 1 100\n120 (getty) S 1 120\n\
                    200 (sshd-session) S 100 200\n201 (sshd-session) S 200 200\n202 (sh) S 201 202\n203 (sh) S 202 202\n\
                    130 ((sd pam)) S 90 1\nself 202\n";
        assert_eq!(programs(text), ["init", "syslogd", "sshd", "getty", "(sd pam)"]);
        assert_eq!(programs("1 (init) S 0 1\nself 7\n"), ["init"]);
        assert_eq!(programs(""), [""; 0]);
        // A circle, which no kernel prints, has an end as well.
        assert_eq!(programs("5 (a) S 6 5\n6 (b) S 5 6\n7 (c) S 1 7\nself 5\n"), ["c"]);
        // Asked as root: the service's own child is a login as well as the one that called it.
        let as_root = text.replace(
            "self 202\n",
            "150 (become) S 1 150\n300 (exe) S 150 300\n301 (sh) S 300 301\nself 301\nself 202\n",
        );
        assert_eq!(programs(&as_root), ["init", "syslogd", "sshd", "getty", "(sd pam)", "become"]);
    }

    #[test]
    fn the_processes_of_ours_are_asked_for_by_root() {
        let asked = of_ours();
        assert_eq!(asked.len(), OWN_QUESTIONS.len() + QUESTIONS.len());
        assert!(asked[4].starts_with("become sh -c '") && asked[4].ends_with("; echo self $$"), "{}", asked[4]);
    }

    #[test]
    fn times_of_a_start() {
        assert_eq!(uptime("12.34 20.00\n"), Some(12.34));
        assert_eq!(stamp("[    3.120000] Run /init as init process"), Some(3.12));
        assert_eq!(stamp("x"), None);
        let timing = "start sysinit sysctl 4.100 4.200 4.300 started -\nstart default sshd 5.000 6.000 6.500 started network\n\
                      stop default sshd 9.0 9.0 9.1 stopped -\nbroken\n";
        assert_eq!(services(timing), (Some(4.1), Some(6.5)));
        let whole = chart(&stretches(2.0, Some(3.0), Some(4.1), Some(6.5), 9.0), 40);
        insta::assert_snapshot!(whole);
        let some = stretches(2.0, None, None, Some(99.0), 9.0);
        assert_eq!(some.iter().map(|stretch| stretch.until).collect::<Vec<_>>(), [2.0, 9.0, 9.0]);
        assert_eq!(chart(&[], 40), "no times are known\n");
    }

    proptest! {
        #[test]
        fn whatever_a_machine_prints_is_read(text in "([0-9]{1,3} \\((a|b|\\)| )\\) S [0-9]{1,3} |self [0-9]{1,3}|start x sshd [0-9.]{1,4} |.|\n){0,60}") {
            programs(&text);
            services(&text);
            prop_assert!(Memory::parse(&text).is_none());
        }

        #[test]
        fn a_chart_has_no_holes(kernel in 0.0..1e3, init in -1e3..1e3, first in -1e3..1e3, sshd in -1e3..1e3, banner in 0.1..1e3) {
            let all = stretches(kernel, Some(init), Some(first), Some(sshd), banner);
            prop_assert!(all.windows(2).all(|pair| pair[0].until <= pair[1].until));
            prop_assert!(chart(&all, 40).lines().count() == 6);
        }
    }
}
