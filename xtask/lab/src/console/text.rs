//! What a serial console prints, as plain text: escape sequences and control characters removed, byte by byte.

/// Removes what only a terminal understands. Keeps its state between chunks, so a sequence may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, as in `ESC ( B`.
    Intermediate,
    /// After `ESC [`.
    Control,
    /// After `ESC ]` and the other introducers of strings.
    Str,
    /// After ESC within such a string.
    StrEscape,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

impl Cleaner {
    /// The byte, when it is text: line feed, tab, printable ASCII, or part of a longer character.
    pub fn push(&mut self, byte: u8) -> Option<u8> {
        // A new line ends whatever an earlier program left unfinished; otherwise one stray ESC could hide the rest.
        if byte == b'\n' {
            self.state = State::Text;
            return Some(byte);
        }
        let (next, text) = match (self.state, byte) {
            (State::Str, ESC) => (State::StrEscape, None),
            (State::Str, BEL) | (State::StrEscape, b'\\') => (State::Text, None),
            (State::Str, _) => (State::Str, None),
            (_, ESC) => (State::Escape, None),
            (State::StrEscape | State::Escape, b'[') => (State::Control, None),
            (State::StrEscape | State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => (State::Str, None),
            (State::StrEscape | State::Escape | State::Intermediate, 0x20..=0x2f) => (State::Intermediate, None),
            (State::StrEscape | State::Escape | State::Intermediate, _) => (State::Text, None),
            // Parameters and intermediates; then one final byte.
            (State::Control, 0x20..=0x3f) => (State::Control, None),
            (State::Control, _) => (State::Text, None),
            (State::Text, b'\t' | 0x20..=0x7e | 0x80..) => (State::Text, Some(byte)),
            (State::Text, _) => (State::Text, None),
        };
        self.state = next;
        text
    }

    /// The text of a chunk.
    pub fn clean(&mut self, chunk: &[u8]) -> Vec<u8> {
        chunk.iter().filter_map(|byte| self.push(*byte)).collect()
    }
}

/// Whether a line is a message of the kernel: `[    1.234567] …`.
pub fn is_kernel_message(line: &str) -> bool {
    let stamp = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    stamp.and_then(|(stamp, _)| stamp.trim_start().split_once('.')).is_some_and(|(seconds, fraction)| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(seconds) && digits(fraction) && fraction.len() == 6
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(bytes: &[u8]) -> String {
        String::from_utf8_lossy(&Cleaner::default().clean(bytes)).into_owned()
    }

    #[test]
    fn removes_what_terminals_understand() {
        for (bytes, text) in [
            (&b"a\r\nb\tc"[..], "a\nb\tc"),
            (b"\x1b[2J\x1b[01;01H\x1b[=3h\x1b[31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07x\x1b]8;;u\x1b\\y", "xy"),
            (b"\x1b(B\x1b)0\x1b7\x1bcz", "z"),
            (b"a\x07\x08\x00\x7fb", "ab"),
            ("é".as_bytes(), "é"),
            (b"cut\x1b[\nnext", "cut\nnext"),
            (b"\x1b]never ended\nnext", "\nnext"),
            (b"\x1b]a\x1b[31mred", "red"),
            (b"\x1b\x1b[mx", "x"),
        ] {
            assert_eq!(clean(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn knows_kernel_messages() {
        for line in ["[    0.000000] Linux version", "[12345.678901] x"] {
            assert!(is_kernel_message(line), "{line}");
        }
        for line in
            ["[none] integrity [confidentiality]", "[1.2] x", "[    1.234567]", "x [ 1.234567] y", "", "[.000000] x"]
        {
            assert!(!is_kernel_message(line), "{line}");
        }
    }
}
