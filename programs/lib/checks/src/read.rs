//! Parses the text form. Anything unknown is a mistake of the build, and reported with its line.

use std::collections::BTreeMap;

use crate::check::{Check, Probe, Text, Wanted};

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// The mistake.
    pub message: String,
}

/// Parses the file.
///
/// # Errors
/// All mistakes.
pub fn parse(text: &str) -> Result<Vec<Check>, Vec<ParseError>> {
    let mut checks = Vec::new();
    let mut errors = Vec::new();
    let mut block: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            finish(block.take(), &mut checks, &mut errors);
            match head.split_once(' ').and_then(|(layer, id)| Some((layer.parse().ok()?, id))) {
                Some((layer, id)) if (1..=6).contains(&layer) => {
                    block = Some(Block { line: number, layer, id: id.to_owned(), keys: BTreeMap::new() });
                }
                _ => errors.push(ParseError { line: number, message: format!("`{line}` names no layer from 1 to 6") }),
            }
        } else {
            match (line.split_once('='), &mut block) {
                (Some((key, value)), Some(block)) => {
                    block.keys.entry(key.to_owned()).or_default().push(value.to_owned());
                }
                _ => errors.push(ParseError { line: number, message: format!("`{line}` belongs to no check") }),
            }
        }
    }
    finish(block, &mut checks, &mut errors);
    if errors.is_empty() { Ok(checks) } else { Err(errors) }
}

/// A block of the file.
struct Block {
    line: usize,
    layer: u8,
    id: String,
    keys: BTreeMap<String, Vec<String>>,
}

fn finish(block: Option<Block>, checks: &mut Vec<Check>, errors: &mut Vec<ParseError>) {
    let Some(mut block) = block else { return };
    let line = block.line;
    match block.check() {
        Ok(check) => checks.push(check),
        Err(message) => errors.push(ParseError { line, message }),
    }
}

impl Block {
    fn check(&mut self) -> Result<Check, String> {
        let (summary, reason, kind) = (self.one("summary")?, self.one("reason")?, self.one("kind")?);
        let probe = self.probe(&kind)?;
        match self.keys.keys().next() {
            Some(key) => Err(format!("`{}` has a key `{key}` that a {kind} check does not know", self.id)),
            None => Ok(Check { layer: self.layer, id: self.id.clone(), summary, reason, probe }),
        }
    }

    fn probe(&mut self, kind: &str) -> Result<Probe, String> {
        Ok(match kind {
            "sysctl" => Probe::Sysctl { key: self.one("key")?, value: self.one("value")? },
            "kconfig" => Probe::Kconfig { option: self.one("option")?, value: self.one("value")? },
            "cmdline" => Probe::Word { word: self.one("word")?, present: true },
            "cmdline-absent" => Probe::Word { word: self.one("word")?, present: false },
            "file-mode" => {
                let mode = self.one("mode")?;
                let mode = u32::from_str_radix(&mode, 8).map_err(|_| format!("`{mode}` is not octal"))?;
                let owner = self.maybe("owner")?.unwrap_or_else(|| "root:root".to_owned());
                Probe::Mode { path: self.one("path")?, mode, owner }
            }
            "file-contains" => Probe::Contains { path: self.one("path")?, want: self.texts() },
            "file-absent" => Probe::Absent { path: self.one("path")? },
            "mount" => {
                Probe::Mount { path: self.one("path")?, options: self.list("options"), fstype: self.maybe("fstype")? }
            }
            "process" => Probe::Process(self.wanted()?),
            "command" => {
                let exit = self.number("exit")?.unwrap_or(0);
                let argv = self.list("argv");
                if argv.is_empty() {
                    return Err(format!("`{}` has no argv", self.id));
                }
                Probe::Command { argv, want: self.texts(), exit }
            }
            "listening" => Probe::Listening { only: self.list("only") },
            "scan" => Probe::Scan { what: self.one("what")?, allowed: self.list("allowed") },
            "refused" => Probe::Refused { attempt: self.one("attempt")?, errno: self.list("errno") },
            other => return Err(format!("`{}` is of an unknown kind `{other}`", self.id)),
        })
    }

    fn wanted(&mut self) -> Result<Wanted, String> {
        let no_new_privs = match self.maybe("no_new_privs")?.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => return Err(format!("`{other}` is neither true nor false")),
        };
        let capabilities = self.keys.contains_key("capabilities").then(|| self.list("capabilities"));
        Ok(Wanted {
            name: self.one("name")?,
            user: self.maybe("user")?,
            apparmor: self.maybe("apparmor")?,
            no_new_privs,
            seccomp: self.number("seccomp")?,
            capabilities,
        })
    }

    fn texts(&mut self) -> Vec<Text> {
        let mut take = |key: &str, make: fn(String) -> Text| -> Vec<Text> {
            self.keys.remove(key).unwrap_or_default().into_iter().map(make).collect()
        };
        let kinds = [
            take("line", Text::Line),
            take("text", Text::Piece),
            take("contains", Text::Piece),
            take("lacks", Text::Lacks),
            take("equals", Text::Equals),
        ];
        kinds.concat()
    }

    fn list(&mut self, key: &str) -> Vec<String> {
        self.keys.remove(key).unwrap_or_default()
    }

    fn maybe(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.keys.remove(key) {
            None => Ok(None),
            Some(values) => match <[String; 1]>::try_from(values) {
                Ok([value]) => Ok(Some(value)),
                Err(_) => Err(format!("`{}` has `{key}` more than once", self.id)),
            },
        }
    }

    fn one(&mut self, key: &str) -> Result<String, String> {
        self.maybe(key)?.ok_or_else(|| format!("`{}` has no `{key}`", self.id))
    }

    fn number<T: std::str::FromStr>(&mut self, key: &str) -> Result<Option<T>, String> {
        let value = self.maybe(key)?;
        value.map(|text| text.parse().map_err(|_| format!("`{text}` is not a number"))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# Written.\n\n[1 kernel.panic]\nkind=sysctl\nkey=kernel.panic\nvalue=-1\nsummary=s\nreason=r=1\n\
        [2 tmp]\nkind=mount\npath=/tmp\noptions=noexec\noptions=nosuid\nsummary=s\nreason=r\n\
        [6 sshd]\nkind=process\nname=sshd\nseccomp=2\nno_new_privs=true\ncapabilities=chown\nsummary=s\nreason=r\n";

    #[test]
    fn blocks_become_checks() {
        let checks = parse(SAMPLE).unwrap();
        assert_eq!(checks[0].probe, Probe::Sysctl { key: "kernel.panic".into(), value: "-1".into() });
        assert_eq!(checks[0].reason, "r=1");
        let options = vec!["noexec".to_owned(), "nosuid".to_owned()];
        assert_eq!(checks[1].probe, Probe::Mount { path: "/tmp".into(), options, fstype: None });
        let Probe::Process(wanted) = &checks[2].probe else { panic!("{:?}", checks[2]) };
        assert_eq!((wanted.seccomp, wanted.no_new_privs), (Some(2), Some(true)));
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        let text = "x=1\n[9 a]\n[1 b]\nkind=sysctl\nkey=k\nsummary=s\nreason=r\n[1 c]\nkind=moon\nsummary=s\nreason=r\n\
                    [1 d]\nkind=file-absent\npath=/a\npath=/b\nsummary=s\nreason=r\n[1 e]\nkind=file-absent\npath=/a\nmode=1\nsummary=s\nreason=r\n";
        let told: Vec<String> =
            parse(text).unwrap_err().iter().map(|errors| format!("{}: {}", errors.line, errors.message)).collect();
        assert_eq!(
            told,
            [
                "1: `x=1` belongs to no check",
                "2: `[9 a]` names no layer from 1 to 6",
                "3: `b` has no `value`",
                "8: `c` is of an unknown kind `moon`",
                "12: `d` has `path` more than once",
                "18: `e` has a key `mode` that a file-absent check does not know",
            ]
        );
    }

    #[test]
    fn fuzz_damaged_checks_never_panic() {
        testkit::fuzz::repeat(1, b"[]=\"' \n", |random| {
            drop(parse(&String::from_utf8_lossy(&random.damaged(SAMPLE.as_bytes()))));
        });
    }
}
