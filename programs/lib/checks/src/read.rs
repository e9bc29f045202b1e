//! The kinds of check, and how each is read from the text form. Anything unknown is a mistake of the build, and reported
//! with its line.

use std::collections::BTreeMap;

use crate::check::{Check, Probe, Text, Wanted};

/// A kind of check.
#[derive(Debug)]
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// Keys that every check of the kind has.
    pub required: &'static [&'static str],
    /// Keys that it may have.
    pub optional: &'static [&'static str],
    read: Read,
}

/// Makes an observation of the keys of a block.
type Read = fn(&mut Block) -> Result<Probe, String>;

const fn kind(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    read: Read,
) -> Kind {
    Kind { name, required, optional, read }
}

/// Every kind of check, and the meaning of its keys.
pub const KINDS: &[Kind] = &[
    // A file of /proc/sys.
    kind("sysctl", &["key", "value"], &[], |b| Ok(Probe::Sysctl { key: b.one("key")?, value: b.one("value")? })),
    // An option of the running kernel's configuration; the value "n" means not set.
    kind("kconfig", &["option", "value"], &[], |b| {
        Ok(Probe::Kconfig { option: b.one("option")?, value: b.one("value")? })
    }),
    // A word of the kernel's command line, and one that must not be there.
    kind("cmdline", &["word"], &[], |b| Ok(Probe::Word { word: b.one("word")?, present: true })),
    kind("cmdline-absent", &["word"], &[], |b| Ok(Probe::Word { word: b.one("word")?, present: false })),
    // Permission bits (octal, exact) and owner (`root:root` unless given).
    kind("file-mode", &["path", "mode"], &["owner"], Block::mode),
    // A whole line, or a piece of one, or the exact text without surrounding white space.
    kind("file-contains", &["path"], &["line", "text", "equals"], |b| {
        Ok(Probe::Contains { path: b.one("path")?, want: b.texts() })
    }),
    kind("file-absent", &["path"], &[], |b| Ok(Probe::Absent { path: b.one("path")? })),
    // Options that a mount point must have.
    kind("mount", &["path", "options"], &["fstype"], |b| {
        Ok(Probe::Mount { path: b.one("path")?, options: b.list("options"), fstype: b.maybe("fstype")? })
    }),
    // Every process of that name, of which there must be one, unless it is optional: one that is there while somebody is logged in.
    kind("process", &["name"], &["user", "apparmor", "no_new_privs", "seccomp", "capabilities", "optional"], |b| {
        Ok(Probe::Process(b.wanted()?))
    }),
    // Exit status (0 unless given) and output of a program.
    kind("command", &["argv"], &["line", "contains", "lacks", "equals", "exit"], Block::command),
    // The complete list of ports that listen beyond loopback, as `tcp 22`.
    kind("listening", &["only"], &[], |b| Ok(Probe::Listening { only: b.list("only") })),
    // A search of the whole system: setuid, file-capability, world-writable, interpreter.
    kind("scan", &["what"], &["allowed"], |b| Ok(Probe::Scan { what: b.one("what")?, allowed: b.list("allowed") })),
    // An attempt that must fail, and the accepted errors.
    kind("refused", &["attempt", "errno"], &[], |b| {
        Ok(Probe::Refused { attempt: b.one("attempt")?, errno: b.list("errno") })
    }),
];

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
        let found = KINDS.iter().find(|known| known.name == kind);
        let known = found.ok_or_else(|| format!("`{}` is of an unknown kind `{kind}`", self.id))?;
        let probe = (known.read)(self)?;
        match self.keys.keys().next() {
            Some(key) => Err(format!("`{}` has a key `{key}` that a {kind} check does not know", self.id)),
            None => Ok(Check { layer: self.layer, id: self.id.clone(), summary, reason, probe }),
        }
    }

    fn mode(&mut self) -> Result<Probe, String> {
        let mode = self.one("mode")?;
        let mode = u32::from_str_radix(&mode, 8).map_err(|_| format!("`{mode}` is not octal"))?;
        let owner = self.maybe("owner")?.unwrap_or_else(|| "root:root".to_owned());
        Ok(Probe::Mode { path: self.one("path")?, mode, owner })
    }

    fn command(&mut self) -> Result<Probe, String> {
        let exit = self.number("exit")?.unwrap_or(0);
        let argv = self.list("argv");
        if argv.is_empty() {
            return Err(format!("`{}` has no argv", self.id));
        }
        Ok(Probe::Command { argv, want: self.texts(), exit })
    }

    fn wanted(&mut self) -> Result<Wanted, String> {
        let no_new_privs = self.truth("no_new_privs")?;
        let capabilities = self.keys.contains_key("capabilities").then(|| self.list("capabilities"));
        Ok(Wanted {
            name: self.one("name")?,
            user: self.maybe("user")?,
            apparmor: self.maybe("apparmor")?,
            no_new_privs,
            seccomp: self.number("seccomp")?,
            capabilities,
            optional: self.truth("optional")?.unwrap_or(false),
        })
    }

    fn truth(&mut self, key: &str) -> Result<Option<bool>, String> {
        match self.maybe(key)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(format!("`{other}` is neither true nor false")),
        }
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
