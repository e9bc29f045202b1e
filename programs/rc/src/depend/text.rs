//! The output of the gathering shell: one line per call of a script's `depend()`.
//!
//! The same text is the body of the cache. It comes from scripts, so any bytes must be survived: a malformed line
//! becomes a remark and is dropped. `graph` decides what the words mean.
//!
//! ```text
//! service sshd
//! need net
//! after bootmisc *
//! end 0
//! ```

/// A kind of relation, as scripts and `rc-depend -t` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Must be up first; without it the service does not start.
    Need,
    /// Comes first if it is enabled or running.
    Use,
    /// Is started first if it exists; its failure does not matter.
    Want,
    /// Order only: this service comes before the other.
    Before,
    /// Order only: this service comes after the other.
    After,
    /// A virtual name that this service stands for.
    Provide,
    /// `-shutdown`, `-stop`, `-timeout`, `-lxc` and the like.
    Keyword,
    /// Files whose change makes the dependency data stale.
    Config,
}

/// A relation from the other end or after resolving; only queried, never written in scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backward {
    /// Services that need this one.
    NeedsMe,
    /// Services that use this one.
    UsesMe,
    /// Services that want this one.
    WantsMe,
    /// Services that provide this virtual name.
    ProvidedBy,
    /// Missing names that this service needs.
    Broken,
}

impl Kind {
    /// All kinds, in the order in which OpenRC applies them.
    pub const ALL: [Kind; 8] =
        [Kind::Config, Kind::Need, Kind::Use, Kind::Want, Kind::After, Kind::Before, Kind::Provide, Kind::Keyword];

    /// The function's name in `depend()`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Need => "need",
            Kind::Use => "use",
            Kind::Want => "want",
            Kind::Before => "before",
            Kind::After => "after",
            Kind::Provide => "provide",
            Kind::Keyword => "keyword",
            Kind::Config => "config",
        }
    }

    /// From `need` or OpenRC's inner name `ineed`.
    pub fn parse(word: &str) -> Option<Kind> {
        let of = |word: &str| Kind::ALL.into_iter().find(|kind| kind.name() == word);
        of(word).or_else(|| of(word.strip_prefix('i')?))
    }
}

impl Backward {
    /// From OpenRC's inner name.
    pub fn parse(word: &str) -> Option<Backward> {
        Some(match word {
            "needsme" => Backward::NeedsMe,
            "usesme" => Backward::UsesMe,
            "wantsme" => Backward::WantsMe,
            "providedby" => Backward::ProvidedBy,
            "broken" => Backward::Broken,
            _ => return None,
        })
    }
}

/// The dependencies of one script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The service's name.
    pub service: String,
    /// Its calls in order: kind and words, `!name` and `*` unchanged.
    pub calls: Vec<(Kind, Vec<String>)>,
    /// The script was read to its end without failure.
    pub complete: bool,
}

/// Everything read, and the dropped lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// One entry per script, in the order of the text.
    pub services: Vec<Written>,
    /// Malformed lines, for a person.
    pub remarks: Vec<String>,
}

/// Parses the text. Never fails: see the module documentation.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let mut open: Option<Written> = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        match (first, Kind::parse(first), open.as_mut()) {
            ("service", _, _) => {
                parsed.services.extend(open.take());
                match words.next().filter(|name| is_service_name(name)) {
                    Some(name) => open = Some(Written { service: name.to_owned(), ..Written::default() }),
                    None => parsed.remarks.push(format!("line {}: a service without a usable name", number + 1)),
                }
            }
            ("end", _, Some(written)) => {
                written.complete = words.next() == Some("0");
                parsed.services.extend(open.take());
            }
            (_, Some(kind), Some(written)) => {
                let (good, bad): (Vec<&str>, Vec<&str>) = words.partition(|word| is_word(kind, word));
                for word in bad {
                    parsed.remarks.push(format!("{}: `{first} {word}` names no service", written.service));
                }
                written.calls.push((kind, good.into_iter().map(str::to_owned).collect()));
            }
            _ => parsed.remarks.push(format!("line {}: `{}` is not understood", number + 1, clip(&line))),
        }
    }
    parsed.services.extend(open);
    parsed
}

/// Writes what `parse` reads.
pub fn render(services: &[Written]) -> String {
    let mut out = String::new();
    for written in services {
        out.push_str(&format!("service {}\n", written.service));
        for (kind, words) in &written.calls {
            out.push_str(&format!("{} {}\n", kind.name(), words.join(" ")));
        }
        out.push_str(if written.complete { "end 0\n" } else { "end 1\n" });
    }
    out
}

/// True for a valid file name in init.d and word in a dependency.
pub fn is_service_name(name: &str) -> bool {
    let first_ok = !name.starts_with(['.', '-', '!', '*', '#']);
    !name.is_empty()
        && name.len() <= 255
        && first_ok
        && !name.contains(|c: char| c == '/' || c == '*' || c.is_control())
}

fn is_word(kind: Kind, word: &str) -> bool {
    match kind {
        Kind::Keyword | Kind::Config => true,
        Kind::Before | Kind::After if word == "*" => true,
        _ => is_service_name(word.strip_prefix('!').unwrap_or(word)),
    }
}

fn clip(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let cases: [(&str, &str, usize); 9] = [
            ("service a\nneed b c\nend 0\n", "service a\nneed b c\nend 0\n", 0),
            ("service a\nneed b\nservice c\nend 0\n", "service a\nneed b\nend 1\nservice c\nend 0\n", 0),
            ("service a\nend 2", "service a\nend 1\n", 0),
            ("need b\n", "", 1),
            ("service ../x\nneed b\nend 0\nservice y\nend 0\n", "service y\nend 0\n", 3),
            ("service a\nafter *\nbefore !b\nend 0\n", "service a\nafter *\nbefore !b\nend 0\n", 0),
            ("service a\nneed * b/c d\nend 0\n", "service a\nneed d\nend 0\n", 2),
            (
                "service a\nkeyword -shutdown !stop\nconfig /etc/x\nend 0\n",
                "service a\nkeyword -shutdown !stop\nconfig /etc/x\nend 0\n",
                0,
            ),
            ("service a\nwat b\nend 0\n", "service a\nend 0\n", 1),
        ];
        for (text, want, remarks) in cases {
            let parsed = parse(text.as_bytes());
            assert_eq!(render(&parsed.services), want, "{text:?}");
            assert_eq!(parsed.remarks.len(), remarks, "{text:?}: {:?}", parsed.remarks);
        }
    }

    #[test]
    fn kinds_by_both_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
            assert_eq!(Kind::parse(&format!("i{}", kind.name())), Some(kind));
        }
        assert_eq!(Kind::parse("needsme"), None);
        assert_eq!(Backward::parse("needsme"), Some(Backward::NeedsMe));
    }

    #[test]
    fn whatever_scripts_say_is_read_and_what_was_understood_survives_writing() {
        crate::testing::for_texts(|text| {
            let parsed = parse(text.as_bytes());
            let again = parse(render(&parsed.services).as_bytes());
            assert_eq!(again.services, parsed.services, "{text:?}");
            drop(crate::depend::Graph::resolve(&parsed.services, ""));
        });
    }
}
