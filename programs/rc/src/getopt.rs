//! Command line options in the manner of `getopt_long`: bundled letters, `--name=value`, unambiguous prefixes of long
//! names, `--` ends them.
//!
//! Not `lexopt`, as in our other programs: scripts of services are written for OpenRC, which accepts prefixes of names. lexopt
//! hands out names one by one and knows no list of them.

/// A known option.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// One letter, if it has one.
    pub short: Option<char>,
    /// The long name.
    pub long: &'static str,
    /// Whether a value follows.
    pub has_value: bool,
}

/// An entry of a table of options; a blank for `short` means none.
pub const fn option(short: char, long: &'static str, has_value: bool) -> Known {
    Known { short: if short == ' ' { None } else { Some(short) }, long, has_value }
}

/// A parsed command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The options in their order: long name, value.
    pub options: Vec<(&'static str, Option<String>)>,
    /// The other words.
    pub rest: Vec<String>,
}

impl Parsed {
    /// Whether an option was given.
    pub fn has(&self, long: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == long)
    }

    /// How often an option was given.
    pub fn count(&self, long: &str) -> usize {
        self.options.iter().filter(|(name, _)| *name == long).count()
    }

    /// The last value given for an option.
    pub fn value(&self, long: &str) -> Option<&str> {
        self.options.iter().rev().find(|(name, _)| *name == long).and_then(|(_, value)| value.as_deref())
    }
}

/// Parses a command line. With `stop_early` the first word that is not an option ends the options.
pub fn parse(known: &[Known], args: &[String], stop_early: bool) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.rest.extend(args.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_owned())));
            let option = find_long(known, name)?;
            let value = match (option.has_value, value) {
                (true, None) => {
                    Some(args.next().ok_or_else(|| format!("option --{} needs a value", option.long))?.clone())
                }
                (true, value) => value,
                (false, None) => None,
                (false, Some(_)) => return Err(format!("option --{} takes no value", option.long)),
            };
            parsed.options.push((option.long, value));
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            bundle(known, letters, &mut args, &mut parsed)?;
        } else if stop_early {
            parsed.rest.push(arg.clone());
            parsed.rest.extend(args.cloned());
            break;
        } else {
            parsed.rest.push(arg.clone());
        }
    }
    Ok(parsed)
}

fn bundle<'a>(
    known: &[Known],
    letters: &str,
    args: &mut impl Iterator<Item = &'a String>,
    parsed: &mut Parsed,
) -> Result<(), String> {
    let mut letters = letters.chars();
    while let Some(letter) = letters.next() {
        let option =
            known.iter().find(|k| k.short == Some(letter)).ok_or_else(|| format!("unknown option -{letter}"))?;
        if !option.has_value {
            parsed.options.push((option.long, None));
            continue;
        }
        let joined = letters.as_str();
        let value = if joined.is_empty() {
            args.next().ok_or_else(|| format!("option -{letter} (--{}) needs a value", option.long))?.clone()
        } else {
            joined.to_owned()
        };
        parsed.options.push((option.long, Some(value)));
        break;
    }
    Ok(())
}

fn find_long(known: &[Known], name: &str) -> Result<Known, String> {
    if let Some(option) = known.iter().find(|k| k.long == name) {
        return Ok(*option);
    }
    let mut matches = known.iter().filter(|k| k.long.starts_with(name) && !name.is_empty());
    match (matches.next(), matches.next()) {
        (Some(option), None) => Ok(*option),
        (Some(first), Some(second)) => Err(format!("option --{name} could be --{} or --{}", first.long, second.long)),
        (None, _) => Err(format!("unknown option --{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Known; 4] = [
        option('q', "quiet", false),
        option('m', "mode", true),
        option('d', "directory", false),
        option(' ', "env", true),
    ];

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn forms_of_options() {
        let table = [
            ("-qm 644 a", "quiet mode=644 | a"),
            ("-m644 -- -q", "mode=644 | -q"),
            ("a --quiet b", "quiet | a b"),
            ("--mode=1 --mo 2", "mode=1 mode=2 | "),
            ("--env=A=b", "env=A=b | "),
            ("-", " | -"),
        ];
        for (line, expected) in table {
            let parsed = parse(&KNOWN, &words(line), false).unwrap();
            let options: Vec<_> = parsed
                .options
                .iter()
                .map(|(n, v)| v.as_ref().map_or((*n).to_owned(), |v| format!("{n}={v}")))
                .collect();
            assert_eq!(format!("{} | {}", options.join(" "), parsed.rest.join(" ")), expected, "{line}");
        }
    }

    #[test]
    fn wrong_options_are_named() {
        for (line, word) in
            [("-x", "-x"), ("--nope", "--nope"), ("-m", "--mode"), ("--quiet=1", "--quiet"), ("--env", "--env")]
        {
            let error = parse(&KNOWN, &words(line), false).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn the_rest_can_hold_options_of_another_program() {
        let parsed = parse(&KNOWN, &words("-q prog -x --y"), true).unwrap();
        assert_eq!(parsed.rest, words("prog -x --y"));
    }

    #[test]
    fn no_command_line_makes_it_panic() {
        crate::testing::for_texts(|text| drop(parse(&KNOWN, &words(text), false)));
    }
}
