//! Command lines, which programs read with `lexopt`: how they say that one is wrong.

use lexopt::Error;

/// What is wrong with a command line, and its usage: in the same line, or from the next one if it has several.
pub fn wrong(error: &Error, usage: &str) -> String {
    let what = match error {
        Error::UnexpectedOption(option) => format!("unknown option `{option}`"),
        Error::UnexpectedArgument(word) => format!("unexpected argument `{}`", word.to_string_lossy()),
        Error::MissingValue { option: Some(option) } => format!("{option} needs a value"),
        Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
        Error::NonUnicodeValue(word) => format!("`{}` is not UTF-8", word.to_string_lossy()),
        // In the program's own words, or nothing that these programs ask for.
        Error::Custom(_) | Error::ParsingFailed { .. } | Error::MissingValue { option: None } => error.to_string(),
    };
    let between = if usage.contains('\n') { "\n" } else { "; " };
    format!("{what}{between}{usage}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lexopt::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    /// A command line with `--json` and `-s KIB`.
    fn read(words: &[OsString]) -> Result<(), Error> {
        let mut parser = lexopt::Parser::from_args(words);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("json") => {}
                Short('s') => {
                    if parser.value()?.string()? == "0" {
                        return Err("-s: `0` is not a size".into());
                    }
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named_as_it_was_written() {
        for (line, what) in [
            ("--jsn", "unknown option `--jsn`"),
            ("--jsn=1", "unknown option `--jsn`"),
            ("--json -xs1", "unknown option `-x`"),
            ("--json a", "unexpected argument `a`"),
            ("-s", "-s needs a value"),
            ("--json=1", "--json takes no value"),
            ("-s0", "-s: `0` is not a size"),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(wrong(&read(&words).unwrap_err(), "usage: a"), format!("{what}; usage: a"), "{line}");
        }
        let bytes = ["-s".into(), OsString::from_vec(vec![b'a', 0xff])];
        assert_eq!(
            wrong(&read(&bytes).unwrap_err(), "usage: a\n       b"),
            "`a\u{fffd}` is not UTF-8\nusage: a\n       b"
        );
    }
}
