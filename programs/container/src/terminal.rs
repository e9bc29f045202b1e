//! Untrusted bytes as text that is safe to print on a terminal. Pure.
//!
//! Control sequences could change a terminal's title, clear it, hide lines, send input as if the user had typed it, or
//! display other text.

/// The text, with `\x1b` for a control character. Keeps line ends and tabs.
pub fn harmless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\t' => text.push(letter),
                _ if letter.is_control() || is_direction(letter) => text += &escaped(letter.into()),
                _ => text.push(letter),
            }
        }
        // Some terminals read single bytes from 0x80 to 0x9f as commands.
        for byte in chunk.invalid() {
            text += &escaped((*byte).into());
        }
    }
    text
}

fn escaped(number: u32) -> String {
    if number < 256 { format!("\\x{number:02x}") } else { format!("\\u{{{number:x}}}") }
}

/// Marks that change the order in which text is shown.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown() {
        for (bytes, shown) in [
            (&b"\x1b]0;root@elsewhere\x07"[..], "\\x1b]0;root@elsewhere\\x07"),
            (b"\x1b[2J\x1b[H$ ", "\\x1b[2J\\x1b[H$ "),
            (b"hidden\rshown\r\n", "hidden\\x0dshown\\x0d\n"),
            (b"\x9b2J", "\\x9b2J"),
            ("\u{9b}2J".as_bytes(), "\\x9b2J"),
            ("\u{202e}txt".as_bytes(), "\\u{202e}txt"),
            (b"a\tb\x7f\x08\0\n", "a\tb\\x7f\\x08\\x00\n"),
            ("größer 漢字".as_bytes(), "größer 漢字"),
        ] {
            assert_eq!(harmless(bytes), shown);
        }
    }

    #[test]
    fn no_command_is_left_whatever_comes() {
        testkit::fuzz::repeat(31, crate::FUZZ_ALPHABET, |random| {
            let bytes: Vec<u8> = (0..random.below(64)).map(|_| random.below(256) as u8).collect();
            let text = harmless(&bytes);
            assert!(text.chars().all(|letter| !letter.is_control() || "\n\t".contains(letter)), "{bytes:?}");
        });
    }
}
