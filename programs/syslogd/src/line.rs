//! From a datagram to a line of the log: parsed, checked, written. No effects.
//!
//! Only root's own claims are believed. The line of any other user has the UID and PID from the kernel; its facility
//! becomes `user` if it claims one of the system's, and its claimed PID is ignored. A line is one line, whatever is in
//! it.

use std::fmt::Write as _;

use sys::socket::Sender;

/// The largest datagram; the rest of a longer one is counted.
pub const MAX_BYTES: usize = 8192;

/// UIDs of users begin here, and end at `nobody`.
const PEOPLE: u32 = 1000;

/// Facility names by number, as in syslog.h.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
/// Facilities of the system: kern, daemon, auth, syslog, authpriv, ntp, audit, alert, clock.
const RESERVED: [u8; 9] = [0, 3, 4, 5, 10, 12, 13, 14, 15];
const USER: u8 = 1;
const NOTICE: u8 = 5;

/// The file of a line. Users' lines cannot push out the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Lines of root and of services.
    System,
    /// Lines of users.
    People,
}

/// The file for a sender.
pub fn place_of(sender: Sender) -> Place {
    if sender.uid < PEOPLE { Place::System } else { Place::People }
}

/// A checked line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    facility: u8,
    level: u8,
    text: String,
}

impl Line {
    /// From a datagram of `length` bytes, of which `bytes` were received.
    pub fn read(bytes: &[u8], length: usize, sender: Sender) -> Line {
        let (priority, rest) = priority(bytes);
        let rest = without_time(rest);
        let (claimed, level) = (priority / 8, priority % 8);
        let cut = length.saturating_sub(bytes.len());
        let more = if cut > 0 { format!(" [{cut} bytes cut]") } else { String::new() };
        if sender.uid == 0 {
            return Line { facility: claimed, level, text: escaped(trimmed(rest)) + &more };
        }
        let facility = if RESERVED.contains(&claimed) { USER } else { claimed };
        let (tag, said) = tag(trimmed(rest));
        let text = format!("{}[{}] uid={}: {}{more}", escaped(tag), sender.pid, sender.uid, escaped(said));
        Line { facility, level, text }
    }

    /// A line of this program itself.
    pub fn own(text: &str) -> Line {
        Line { facility: 5, level: NOTICE, text: format!("syslogd: {}", escaped(text.as_bytes())) }
    }

    /// The line as written, with its line end.
    pub fn render(&self, time: &str, host: &str) -> String {
        let facility = FACILITIES.get(usize::from(self.facility)).unwrap_or(&"user");
        let level = LEVELS.get(usize::from(self.level)).unwrap_or(&"notice");
        format!("{time} {} {facility}.{level} {}\n", escaped(host.as_bytes()), self.text)
    }
}

/// `<N>` at the beginning, with N up to 191; default user.notice.
fn priority(bytes: &[u8]) -> (u8, &[u8]) {
    let otherwise = (USER * 8 + NOTICE, bytes);
    let Some(inside) = bytes.strip_prefix(b"<") else { return otherwise };
    let Some(end) = inside.iter().take(4).position(|byte| *byte == b'>') else { return otherwise };
    let digits = &inside[..end];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return otherwise;
    }
    let number = digits.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    match u8::try_from(number) {
        Ok(number) if number < 192 => (number, &inside[end + 1..]),
        _ => (USER * 8 + NOTICE, &inside[end + 1..]),
    }
}

/// Without the sender's `Mmm dd hh:mm:ss `: the local clock decides.
fn without_time(bytes: &[u8]) -> &[u8] {
    let is_time = bytes.len() >= 16
        && [(3, b' '), (6, b' '), (9, b':'), (12, b':'), (15, b' ')].iter().all(|(at, byte)| bytes[*at] == *byte)
        && bytes[..3].iter().all(u8::is_ascii_alphabetic);
    if is_time { &bytes[16..] } else { bytes }
}

/// Without the final bytes of C programs.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b'\n' | b'\r')).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// `TAG: text` or `TAG[number]: text`, in two parts; a text without a tag has the tag `-`.
fn tag(bytes: &[u8]) -> (&[u8], &[u8]) {
    let in_tag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let length = bytes.iter().take_while(|byte| in_tag(byte)).count();
    let (name, mut rest) = bytes.split_at(length);
    if let Some(inside) = rest.strip_prefix(b"[") {
        match inside.iter().position(|byte| !byte.is_ascii_digit()) {
            Some(end) if inside[end] == b']' => rest = &inside[end + 1..],
            _ => return (b"-", bytes),
        }
    }
    match rest.strip_prefix(b":") {
        Some(said) if (1..=32).contains(&length) => (name, said.strip_prefix(b" ").unwrap_or(said)),
        _ => (b"-", bytes),
    }
}

/// Text without characters that end a line, move a cursor, or reorder text.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\t' => text.push(' '),
                char if char.is_control() || reorders(char) => {
                    // Writing to a String cannot fail.
                    let _written = write!(text, "\\x{:02x}", u32::from(char));
                }
                char => text.push(char),
            }
        }
        for byte in chunk.invalid() {
            let _written = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn reorders(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Sender = Sender { uid: 0, pid: 77 };
    const BOB: Sender = Sender { uid: 1001, pid: 4242 };

    fn line(text: &str, sender: Sender) -> String {
        Line::read(text.as_bytes(), text.len(), sender).render("Nov 29 12:00:00", "stone")
    }

    #[test]
    fn root_is_believed() {
        assert_eq!(
            line("<85>become: ada (1000) as root: [\"id\"]", ROOT),
            "Nov 29 12:00:00 stone authpriv.notice become: ada (1000) as root: [\"id\"]\n"
        );
        assert_eq!(line("<4>kernel: nft in: \n", ROOT), "Nov 29 12:00:00 stone kern.warn kernel: nft in: \n");
        assert_eq!(line("<38>Jan  1 00:00:00 sshd[9]: x\0", ROOT), "Nov 29 12:00:00 stone auth.info sshd[9]: x\n");
    }

    /// A user's line cannot pass as one of `become` or sshd.
    #[test]
    fn nobody_else_speaks_as_the_system() {
        for (forged, shown) in [
            (
                "<85>become: ada (1000) as root: [\"rm\"]",
                "user.notice become[4242] uid=1001: ada (1000) as root: [\"rm\"]",
            ),
            ("<85>become[1]: x", "user.notice become[4242] uid=1001: x"),
            ("<38>sshd[9]: Accepted publickey for ada", "user.info sshd[4242] uid=1001: Accepted publickey for ada"),
            ("<0>kernel: Kernel panic", "user.emerg kernel[4242] uid=1001: Kernel panic"),
            ("<30>x: y", "user.info x[4242] uid=1001: y"),
            ("become[77] uid=0: x", "user.notice -[4242] uid=1001: become[77] uid=0: x"),
            ("<134>app: x", "local0.info app[4242] uid=1001: x"),
            ("<999>x", "user.notice -[4242] uid=1001: x"),
            ("", "user.notice -[4242] uid=1001: "),
        ] {
            assert_eq!(line(forged, BOB), format!("Nov 29 12:00:00 stone {shown}\n"), "{forged}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        let forged = "<13>x: a\nNov 29 12:00:00 stone authpriv.notice become: b\u{1b}[2J\u{202e}\u{9b}";
        assert_eq!(
            line(forged, BOB),
            "Nov 29 12:00:00 stone user.notice x[4242] uid=1001: a\\x0aNov 29 12:00:00 stone authpriv.notice become: \
             b\\x1b[2J\\x202e\\x9b\n"
        );
        let bytes = b"<13>x: \xff\xfe";
        let shown = Line::read(bytes, bytes.len() + 5, ROOT).render("t", "h");
        assert_eq!(shown, "t h user.notice x: \\xff\\xfe [5 bytes cut]\n");
    }

    #[test]
    fn people_write_apart() {
        assert_eq!(place_of(Sender { uid: 123, pid: 1 }), Place::System);
        assert_eq!((place_of(ROOT), place_of(BOB)), (Place::System, Place::People));
        assert_eq!(place_of(Sender { uid: 65534, pid: 1 }), Place::People);
    }

    /// Any datagram becomes one printable line, with a facility of the system only from root.
    #[test]
    fn hostile_datagrams() {
        let seconds = std::env::var("ASHLAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let end = std::time::Instant::now() + std::time::Duration::from_secs_f64(seconds);
        let pieces: [&[u8]; 16] = [
            b"<",
            b">",
            b"85",
            b"191",
            b"[",
            b"]",
            b":",
            b" ",
            b"\n",
            b"\0",
            b"become",
            b"uid=0",
            b"\x1b",
            b"\xc2\x85",
            b"\xff",
            b"Nov 29 12:00:00 ",
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as usize
        };
        let mut count = 0;
        while count < 50_000 || std::time::Instant::now() < end {
            let mut bytes = Vec::new();
            for _ in 0..next() % 12 {
                let piece = next() % 20;
                match pieces.get(piece) {
                    Some(piece) => bytes.extend_from_slice(piece),
                    None => bytes.push(next() as u8),
                }
            }
            let shown = Line::read(&bytes, bytes.len(), BOB).render("t", "h");
            let (head, body) = shown.strip_suffix('\n').unwrap().split_once(' ').unwrap().1.split_once(' ').unwrap();
            assert_eq!(head, "h");
            assert!(!body.chars().any(char::is_control), "{bytes:?}");
            let (facility, text) = body.split_once('.').unwrap();
            assert!(!RESERVED.iter().any(|reserved| FACILITIES[usize::from(*reserved)] == facility), "{bytes:?}");
            assert!(text.contains("[4242] uid=1001: "), "{bytes:?}");
            count += 1;
        }
    }
}
