//! What a started Ashlar must be able to show: one command and one expectation each.

use std::time::Duration;

use serde::Serialize;

use super::{Answer, Script, Step};
use crate::qemu::Firmware;

/// Something that holds on a running system, and how to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Short, for the report.
    pub name: &'static str,
    /// One line of shell that may run twice.
    pub command: String,
    /// What it must print; it must also end with status 0.
    pub expected: Expected,
}

/// What a command must print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this.
    Is(String),
    /// This among other things.
    Has(&'static str),
}

/// A fact that was looked at. As JSON: fields as here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The fact's name.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What was expected, in words.
    pub expected: String,
    /// What the command printed, and its exit status when not 0.
    pub found: String,
}

impl Fact {
    /// Compares a command's answer with what was expected.
    pub fn judge(&self, answer: &Answer) -> Seen {
        let (matches, expected) = match &self.expected {
            Expected::Is(text) => (answer.text == *text, text.clone()),
            Expected::Has(part) => (answer.text.contains(part), format!("… {part} …")),
        };
        let found = match answer.status {
            0 => answer.text.clone(),
            status => format!("{} (exit status {status})", answer.text).trim_start().to_owned(),
        };
        Seen { name: self.name, ok: matches && answer.status == 0, expected, found }
    }
}

impl Seen {
    /// One line: `ok` or `FAILED`, the fact, what was found and, when it differs, what was expected.
    pub fn line(&self) -> String {
        let found = self.found.replace('\n', " | ");
        match self.ok {
            true => format!("ok      {:<22} {found}", self.name),
            false => format!("FAILED  {:<22} expected `{}`, found `{found}`", self.name, self.expected),
        }
    }
}

/// The facts of a minimal system: `release` is the kernel's version, `firmware` what started it.
pub fn minimal(firmware: Firmware, release: &str) -> Vec<Fact> {
    let fact = |name, command: &str, expected| Fact { name, command: command.to_owned(), expected };
    let is = |text: &str| Expected::Is(text.to_owned());
    let started_by = match firmware {
        Firmware::Uefi => "uefi",
        Firmware::Bios => "bios",
    };
    vec![
        fact("firmware", "[ -d /sys/firmware/efi ] && echo uefi || echo bios", is(started_by)),
        fact("kernel release", "uname -r", is(release)),
        fact("a command's output", "echo $((6*7))", is("42")),
        fact("PID 1", "cat /proc/1/comm", is("init")),
        fact("program of PID 1", "readlink /proc/1/exe", Expected::Has("/busybox")),
        // Type and first option of what is mounted on the root; builtins only.
        fact(
            "root file system",
            r#"while read -r d p t o r; do [ "$p" != / ] || echo $t ${o%%,*}; done </proc/mounts"#,
            is("erofs ro"),
        ),
        // `!` makes success of the refusal; a root that can be written fails by its status.
        fact("root refuses writing", "! touch /boot-test 2>&1", Expected::Has("Read-only file system")),
        fact("/etc can be written", "echo 7 >/etc/boot-test && cat /etc/boot-test && rm /etc/boot-test", is("7")),
        fact("lockdown", "cat /sys/kernel/security/lockdown", Expected::Has("[confidentiality]")),
        // What the first virtual terminal shows right now.
        fact("login on the screen", "grep -o 'login:' /dev/vcs1", is("login:")),
    ]
}

/// What asks for a user on the console: host name and `login:`.
pub const PROMPT: &str = "ashlar login:";

/// Lines that no healthy start prints.
const ALARMS: [&str; 5] = [
    "Kernel panic",
    // Both the kernel's and init's words for a console that is not there.
    "unable to open an initial console",
    "can't open /dev/console",
    "can't access tty",
    "Login incorrect",
];

/// Logs in as `user`, asks for every fact, powers off. `limit` bounds the whole; the login alone may take all of it.
pub fn script(facts: &[Fact], user: &str, limit: Duration) -> Script {
    let within = Duration::from_secs(60);
    let ask = |command: &str| Step::Ask { command: command.to_owned(), within };
    let mut steps = vec![
        Step::Expect { pattern: PROMPT.to_owned(), within: limit },
        Step::Send { line: user.to_owned() },
        // Messages of the kernel must not land in the middle of an answer.
        ask("dmesg -n 1"),
    ];
    steps.extend(facts.iter().map(|fact| ask(&fact.command)));
    steps.push(Step::Send { line: "poweroff".to_owned() });
    steps.push(Step::End { within });
    Script { steps, limit, alarms: ALARMS.map(str::to_owned).to_vec() }
}

/// The facts with the answers that came, in order; those without an answer were not looked at and are left out.
pub fn judge(facts: &[Fact], answers: &[Answer]) -> Vec<Seen> {
    // The first answer is that of the preparation.
    facts.iter().zip(answers.iter().skip(1)).map(|(fact, answer)| fact.judge(answer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, status: u8) -> Answer {
        Answer { text: text.to_owned(), status }
    }

    #[test]
    fn every_fact_is_asked_between_login_and_power_off() {
        let facts = minimal(Firmware::Bios, "6.12.95");
        let script = script(&facts, "root", Duration::from_secs(180));
        let text: Vec<String> = script.steps.iter().map(|step| format!("{step:?}")).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn the_firmware_and_the_release_are_expected() {
        let text = |firmware| format!("{:?}", minimal(firmware, "1.2.3"));
        assert!(text(Firmware::Uefi).contains("Is(\"uefi\")") && text(Firmware::Bios).contains("Is(\"bios\")"));
        assert!(text(Firmware::Uefi).contains("Is(\"1.2.3\")"));
    }

    #[test]
    fn judges_text_and_status() {
        let facts = minimal(Firmware::Uefi, "6.12.95");
        let answers = [answer("", 0), answer("uefi", 0), answer("6.1.0", 0), answer("42", 3), answer("", 1)];
        let seen = judge(&facts, &answers);
        let lines: Vec<String> = seen.iter().map(Seen::line).collect();
        assert_eq!(
            lines,
            [
                "ok      firmware               uefi",
                "FAILED  kernel release         expected `6.12.95`, found `6.1.0`",
                "FAILED  a command's output     expected `42`, found `42 (exit status 3)`",
                "FAILED  PID 1                  expected `init`, found `(exit status 1)`",
            ]
        );
    }

    #[test]
    fn a_part_is_enough_where_it_is_asked_for() {
        let facts = minimal(Firmware::Uefi, "6.12.95");
        let lockdown = facts.iter().find(|fact| fact.name == "lockdown").unwrap();
        assert!(lockdown.judge(&answer("none integrity [confidentiality]", 0)).ok);
        let seen = lockdown.judge(&answer("[none]\nintegrity", 0));
        assert_eq!(
            seen.line(),
            "FAILED  lockdown               expected `… [confidentiality] …`, found `[none] | integrity`"
        );
    }
}
