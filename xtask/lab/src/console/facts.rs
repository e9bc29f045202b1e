//! Facts that a started Ashlar must show: one command and one expectation each.

use serde::Serialize;

use super::answer::Answer;
use crate::qemu::Firmware;
use ashlar_core::base::command::quote;

/// Runs a command as root for a member of `wheel`.
pub const BECOME: &str = "become";

/// Something that holds on a running system, and how to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Short, for the report.
    pub name: &'static str,
    /// One line of shell that may run twice.
    pub command: String,
    /// Whether root must run it.
    pub root: bool,
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
    /// A whole number from the first to the second.
    Between(i64, i64),
}

impl Expected {
    /// Whether `answer` is as expected, and the expectation in words.
    fn evaluate(&self, answer: &str) -> (bool, String) {
        match self {
            Self::Is(text) => (answer == text, text.clone()),
            Self::Has(part) => (answer.contains(part), format!("… {part} …")),
            Self::Between(least, most) => {
                let number = answer.parse::<i64>();
                (number.is_ok_and(|number| (*least..=*most).contains(&number)), format!("{least} to {most}"))
            }
        }
    }
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
    /// A fact that anybody can see.
    pub fn new(name: &'static str, command: &str, expected: Expected) -> Self {
        Self { name, command: command.to_owned(), root: false, expected }
    }

    /// A fact that only root can see.
    pub fn as_root(name: &'static str, command: &str, expected: Expected) -> Self {
        Self { root: true, ..Self::new(name, command, expected) }
    }

    /// What the administrator types to see it.
    pub fn line(&self) -> String {
        if self.root { format!("{BECOME} sh -c {}", quote(&self.command)) } else { self.command.clone() }
    }

    /// Compares a command's answer with what was expected.
    pub fn evaluate(&self, answer: &Answer) -> Seen {
        Seen::new(self.name, &self.expected, answer)
    }
}

impl Seen {
    /// Compares an answer with what was expected.
    pub fn new(name: &'static str, expected: &Expected, answer: &Answer) -> Self {
        let (matches, expected) = expected.evaluate(&answer.text);
        let found = match answer.status {
            0 => answer.text.clone(),
            status => format!("{} (exit status {status})", answer.text).trim_start().to_owned(),
        };
        Self { name, ok: matches && answer.status == 0, expected, found }
    }

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
    let is = |text: &str| Expected::Is(text.to_owned());
    let started_by = match firmware {
        Firmware::Uefi => "uefi",
        Firmware::Bios => "bios",
    };
    vec![
        Fact::new("firmware", "[ -d /sys/firmware/efi ] && echo uefi || echo bios", is(started_by)),
        Fact::new("kernel release", "uname -r", is(release)),
        Fact::new("a command's output", "echo $((6*7))", is("42")),
        Fact::as_root("PID 1", "cat /proc/1/comm", is("init")),
        Fact::as_root("program of PID 1", "readlink /proc/1/exe", Expected::Has("/busybox")),
        // Type and first option of what is mounted on the root; builtins only.
        Fact::new(
            "root file system",
            r#"while read -r d p t o r; do [ "$p" != / ] || echo $t ${o%%,*}; done </proc/mounts"#,
            is("erofs ro"),
        ),
        // `!` makes success of the refusal; a root that can be written fails by its status.
        Fact::as_root("root refuses writing", "! touch /boot-test 2>&1", Expected::Has("Read-only file system")),
        Fact::as_root(
            "/etc can be written",
            "echo 7 >/etc/boot-test && cat /etc/boot-test && rm /etc/boot-test",
            is("7"),
        ),
        Fact::as_root("lockdown", "cat /sys/kernel/security/lockdown", Expected::Has("[confidentiality]")),
        // What the first virtual terminal shows right now.
        Fact::as_root("login on the screen", "grep -o 'login:' /dev/vcs1", is("login:")),
    ]
}

/// The facts of a system whose services are as they should be.
pub fn services() -> Vec<Fact> {
    let is = |text: &str| Expected::Is(text.to_owned());
    vec![
        Fact::new("runlevel", "cat /run/openrc/softlevel", is("default")),
        Fact::new("failed services", "ls /run/openrc/failed", is("")),
        Fact::as_root("sshd", "rc-service sshd status", Expected::Has("started")),
        // Its exit status says whether one is above 3.0.
        Fact::as_root("exposure of services", "exposure", Expected::Has("sshd")),
        // Ports of sockets in state 0A, listening, in hexadecimal; both protocols. Builtins only.
        Fact::new(
            "who listens",
            r#"while read -r n l r s x; do [ "$s" != 0A ] || echo ${l##*:}; done </proc/net/tcp; while read -r n l r s x; do [ "$s" != 0A ] || echo 6:${l##*:}; done </proc/net/tcp6"#,
            is("0016\n6:0016"),
        ),
        // Whoever asks has a port while it waits for an answer; these are those of servers: NTP and chrony's own commands.
        Fact::new(
            "no time server",
            "cat /proc/net/udp /proc/net/udp6 | grep -c -e ':007B ' -e ':0143 ' || true",
            is("0"),
        ),
    ]
}

/// The facts of a network that QEMU configures.
pub fn network() -> Vec<Fact> {
    // QEMU's closed network names neither a router nor a resolver in its answer, so only the address can be looked at.
    vec![
        Fact::new("address by DHCP", "ip -4 addr show scope global", Expected::Has("inet 10.0.2.15/24")),
        Fact::new("resolv.conf by DHCP", "head -n 1 /etc/resolv.conf", Expected::Has("dhcpcd")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, status: u8) -> Answer {
        Answer { text: text.to_owned(), status }
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
        let answers = [answer("uefi", 0), answer("6.1.0", 0), answer("42", 3), answer("", 1)];
        let lines: Vec<String> =
            facts.iter().zip(&answers).map(|(fact, answer)| fact.evaluate(answer).line()).collect();
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
    fn a_number_lies_between_two() {
        let fact = Fact::new("clock", "x", Expected::Between(-5, 5));
        for (text, ok) in [("-5", true), ("0", true), ("6", false), ("", false), ("5 s", false)] {
            assert_eq!(fact.evaluate(&answer(text, 0)).ok, ok, "{text}");
        }
        assert_eq!(
            fact.evaluate(&answer("9", 0)).line(),
            "FAILED  clock                  expected `-5 to 5`, found `9`"
        );
    }

    #[test]
    fn root_is_become() {
        let fact = Fact::as_root("x", "echo 'a b' >/etc/x", Expected::Has("x"));
        assert_eq!(fact.line(), r#"become sh -c "echo 'a b' >/etc/x""#);
        assert_eq!(Fact::new("x", "id", Expected::Has("x")).line(), "id");
    }

    #[test]
    fn a_part_is_enough_where_it_is_asked_for() {
        let facts = minimal(Firmware::Uefi, "6.12.95");
        let lockdown = facts.iter().find(|fact| fact.name == "lockdown").unwrap();
        assert!(lockdown.evaluate(&answer("none integrity [confidentiality]", 0)).ok);
        let seen = lockdown.evaluate(&answer("[none]\nintegrity", 0));
        assert_eq!(
            seen.line(),
            "FAILED  lockdown               expected `… [confidentiality] …`, found `[none] | integrity`"
        );
    }
}
