//! JSON strings.

use std::fmt::Write as _;

/// The text as a JSON string, in quotes. All control characters are escaped, so printing it is safe on a terminal.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            // Writing to a String cannot fail.
            control if control.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_and_controls_are_escaped() {
        assert_eq!(super::quoted("a \"b\" \\ \n\u{7f}\u{9b}ä"), r#""a \"b\" \\ \u000a\u007f\u009bä""#);
    }
}
