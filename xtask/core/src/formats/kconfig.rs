//! Kernel-style configuration fragments (Linux, BusyBox): reading and merging. `pkgs/linux/survived.sh` looks whether the requests
//! are in the final configuration.
//!
//! A fragment holds `CONFIG_X=<value>` and `# CONFIG_X is not set`; other comments and empty lines are for people. What the
//! options mean is Kconfig's business; here they are names and values.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::diag::Diagnostic;

/// A value of an option, as Kconfig writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `# CONFIG_X is not set` or `=n`.
    No,
    /// `=y`.
    Yes,
    /// `=m`.
    Module,
    /// `=42`, `=-1` or `=0x1f`, as written.
    Number(String),
    /// `="text"`, with the quotes and escapes of the file.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "n",
            Self::Yes => "y",
            Self::Module => "m",
            Self::Number(text) | Self::Text(text) => text,
        })
    }
}

/// Where an option was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionPlace {
    /// The fragment, relative to the repository.
    pub file: Utf8PathBuf,
    /// The line's byte range.
    pub span: Range<usize>,
}

/// Options with their values and places: one fragment, or several merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment {
    options: BTreeMap<String, (Value, OptionPlace)>,
}

impl Fragment {
    /// Reads one fragment.
    ///
    /// # Errors
    /// As [`merge`].
    pub fn parse(text: &str, file: &Utf8Path) -> Result<Self, Vec<Diagnostic>> {
        merge([(file, text)])
    }

    /// The value of an option (with its `CONFIG_`), if the configuration mentions it.
    pub fn get(&self, option: &str) -> Option<&Value> {
        self.options.get(option).map(|(value, _)| value)
    }

    /// Options (with their `CONFIG_`) and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.options.iter().map(|(option, (value, _))| (option.as_str(), value))
    }

    /// The number of options mentioned.
    pub fn len(&self) -> usize {
        self.options.len()
    }

    /// True when no option is mentioned.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// The same requests without comments, sorted by name: equal requests give equal text.
    pub fn canonical(&self) -> String {
        let line = |(option, (value, _)): (&String, &(Value, OptionPlace))| match value {
            Value::No => format!("# {option} is not set\n"),
            value => format!("{option}={value}\n"),
        };
        self.options.iter().map(line).collect()
    }
}

/// Reads fragments (path and text each) as one configuration.
///
/// # Errors
/// Every malformed line, and every option requested with two different values.
pub fn merge<'a>(fragments: impl IntoIterator<Item = (&'a Utf8Path, &'a str)>) -> Result<Fragment, Vec<Diagnostic>> {
    let mut config = Fragment::default();
    let mut found = Vec::new();
    for (file, text) in fragments {
        for (span, line) in lines(text) {
            match option(line) {
                Ok(None) => {}
                Ok(Some((name, value))) => found.extend(insert(&mut config, name, value, file, span)),
                Err(fault) => found.push(
                    Diagnostic::error("kconfig::malformed", fault)
                        .in_file(file)
                        .at(span)
                        .label("cannot be read")
                        .help("lines are `CONFIG_X=y`, `=m`, `=n`, `=42`, `=\"text\"` or `# CONFIG_X is not set`"),
                ),
            }
        }
    }
    if found.is_empty() { Ok(config) } else { Err(found) }
}

fn insert(config: &mut Fragment, name: &str, value: Value, file: &Utf8Path, span: Range<usize>) -> Option<Diagnostic> {
    let message = match config.options.get(name) {
        Some((other, place)) if *other != value => {
            format!("`{name}` is `{value}` here and `{other}` in {}", place.file)
        }
        _ => {
            config.options.insert(name.to_owned(), (value, OptionPlace { file: file.to_owned(), span }));
            return None;
        }
    };
    let finding = Diagnostic::error("kconfig::contradiction", message).in_file(file).at(span);
    Some(finding.label("contradicts the earlier line").help("decide for one of them and delete the other"))
}

fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let begin = start;
        start += line.len();
        let line = line.trim_end();
        (begin..begin + line.len(), line)
    })
}

/// The option and value of a line; `None` for comments and empty lines.
fn option(line: &str) -> Result<Option<(&str, Value)>, String> {
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        let unset = comment.trim().strip_suffix(" is not set").filter(|rest| rest.starts_with("CONFIG_"));
        return unset.map(|name| Ok((checked_name(name.trim())?, Value::No))).transpose();
    }
    let Some((name, value)) = line.split_once('=') else {
        return Err(format!("`{line}` is not an option line"));
    };
    Ok(Some((checked_name(name)?, parse_value(value)?)))
}

fn checked_name(name: &str) -> Result<&str, String> {
    let rest = name.strip_prefix("CONFIG_").unwrap_or_default();
    if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(name)
    } else {
        Err(format!("`{name}` is not an option: options are named `CONFIG_` and letters, digits, `_`"))
    }
}

fn parse_value(text: &str) -> Result<Value, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let decimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let hex =
        text.strip_prefix("0x").is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit()));
    match text {
        "y" => Ok(Value::Yes),
        "m" => Ok(Value::Module),
        "n" => Ok(Value::No),
        _ if decimal || hex => Ok(Value::Number(text.to_owned())),
        _ if quoted(text) => Ok(Value::Text(text.to_owned())),
        _ => Err(format!("`{text}` is not a value")),
    }
}

/// One text in double quotes, with `\"` and `\\` as its only escapes.
fn quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for c in inner.chars() {
        match (escaped, c) {
            (false, '"') => return false,
            (false, '\\') => escaped = true,
            (_, _) => escaped = false,
        }
    }
    !escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(found: &[Diagnostic], text: &str) -> String {
        found.iter().map(|finding| finding.render(Some(text))).collect()
    }

    #[test]
    fn merges_to_canonical_text() {
        let base = "# Kernel\nCONFIG_B=y\n\nCONFIG_A=\"x \\\" y\"\r\nCONFIG_N=-4\n";
        let more = "CONFIG_B=y # no comment here\n";
        assert!(merge([(Utf8Path::new("more"), more)]).is_err());
        let more = "CONFIG_B=y\n# CONFIG_C is not set\nCONFIG_D=n\nCONFIG_H=0x1F\nCONFIG_M=m\n";
        let config = merge([(Utf8Path::new("base"), base), (Utf8Path::new("more"), more)]).unwrap();
        insta::assert_snapshot!(config.canonical(), @r#"
        CONFIG_A="x \" y"
        CONFIG_B=y
        # CONFIG_C is not set
        # CONFIG_D is not set
        CONFIG_H=0x1F
        CONFIG_M=m
        CONFIG_N=-4
        "#);
        let again = merge([(Utf8Path::new("c"), config.canonical().as_str())]).unwrap();
        assert_eq!(again.canonical(), config.canonical());
        assert_eq!((config.len(), config.is_empty()), (7, false));
    }

    #[test]
    fn complains_about_lines() {
        let text = "CONFIG_A\nFOO=y\nCONFIG_=y\nCONFIG_A=yes\nCONFIG_A=\"\\\"\nCONFIG_A=\"a\"b\"\n# CONFIG_a-b is not set\nCONFIG_A=\n CONFIG_A=y\n";
        insta::assert_snapshot!(render(&merge([(Utf8Path::new("f"), text)]).unwrap_err(), text));
    }

    #[test]
    fn complains_about_contradictions() {
        let (one, two) = ("CONFIG_A=y\n", "CONFIG_A=y\nCONFIG_A=n\n");
        let found = merge([(Utf8Path::new("one"), one), (Utf8Path::new("two"), two)]).unwrap_err();
        insta::assert_snapshot!(render(&found, two), @r"
        error[kconfig::contradiction]: `CONFIG_A` is `n` here and `y` in two
          --> two:2:1
          |
        2 | CONFIG_A=n
          | ^^^^^^^^^^ contradicts the earlier line
        help: decide for one of them and delete the other
        ");
    }
}
