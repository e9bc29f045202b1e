//! `[phases]`: the recipe's scripts merged over the style's.

use std::collections::BTreeMap;
use std::ops::Range;

use super::build::Build;
use super::findings::Findings;
use super::identity::Identity;
use super::install;
use super::text::within;
use crate::base::diag::Diagnostic;
use crate::base::name::Phase;
use crate::model::recipe::install::STRIP;
use crate::model::recipe::raw::{RawRecipe, Text};
use crate::model::recipe::style::{self, StyleInputs};

/// The scripts that run. A script of comments only switches the style's phase off, the comment being the reason.
pub(super) fn check(
    raw: &RawRecipe,
    identity: &Identity,
    build: &Build,
    found: &mut Findings,
) -> BTreeMap<Phase, String> {
    let mut defaults = match (&identity.name, build.style) {
        // An argument that cannot be quoted was found in `[build]` already.
        (Some(name), Some(style)) => {
            let Build { args, targets, check_targets, .. } = build;
            style::phases(style, StyleInputs { name, args, targets, check_targets }).unwrap_or_default()
        }
        _ => BTreeMap::new(),
    };
    if let (Some(table), Some(style)) = (install::check(raw, found), build.style) {
        defaults.insert(Phase::Install, table.script(style));
    }
    if build.workspace.is_some()
        && let Some(prepare) = defaults.get_mut(&Phase::Prepare)
    {
        prepare.push_str(style::MEMBER_PREPARE);
    }
    let mut phases = defaults.clone();
    let written = raw.phases.all();
    for (phase, text) in &written {
        network(text, found);
        let script = text.get_ref();
        let idle = script.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if script.trim().is_empty() || (idle && build.style.is_some() && !defaults.contains_key(phase)) {
            found.add(
                Diagnostic::error("recipe::empty-phase", format!("the phase `{phase}` does nothing"))
                    .at(text.span())
                    .label("remove it")
                    .help("to switch off a phase of the style, write its reason as a comment: `# why`"),
            );
        } else if idle {
            phases.remove(phase);
        } else {
            phases.insert(*phase, ended(script));
        }
    }
    let install = written.iter().any(|(phase, _)| *phase == Phase::Install) || defaults.contains_key(&Phase::Install);
    if let Some(style) = build.style.filter(|_| !install && identity.name.is_some()) {
        found.add(
            Diagnostic::error(
                "recipe::no-install",
                format!("nothing is installed: style `{}` has no phase `install`", style.name),
            )
            .help("add `install = '''…'''` to `[phases]`, writing the files below $DESTDIR, or a table `[install]`"),
        );
    }
    if let (Some(name), Some(style), Some(script)) = (&identity.name, build.style, phases.get_mut(&Phase::Install)) {
        finish(script, &install::licenses(name, &raw.license_files, found));
        // Of what has neither source nor crate, no file is a program to be stripped: they are ours, or the build root's.
        if style.strip && (!raw.source.is_empty() || style.is_crate) {
            finish(script, STRIP);
        }
    }
    license_text(raw, &phases, found);
    phases
}

/// What others wrote is given away with its license. A script that names the directory of these texts is believed: the build says
/// when nothing is in it.
fn license_text(raw: &RawRecipe, phases: &BTreeMap<Phase, String>, found: &mut Findings) {
    let copied = !raw.license_files.is_empty() || phases.values().any(|script| script.contains("share/licenses"));
    if raw.source.is_empty() || copied {
        return;
    }
    let finding = Diagnostic::error("recipe::no-license-text", "the package has no text of its license");
    let finding = match &raw.license {
        Some(license) => finding.at(license.span()).label("no file with this license is installed"),
        None => finding,
    };
    found.add(finding.help("`license_files = [\"COPYING\"]` copies files below $SRC to usr/share/licenses/NAME"));
}

/// A script as it runs: its last line ends, whether the recipe writes it on one line or as a block.
pub(super) fn ended(script: &str) -> String {
    format!("{}{}", script, if script.ends_with('\n') { "" } else { "\n" })
}

/// Appends to a script, which may have left the directory.
fn finish(script: &mut String, more: &str) {
    if !more.is_empty() {
        *script = ended(script) + more;
    }
}

/// Programs that fetch, and the subcommands that do (empty: all).
const FETCHERS: [(&str, &[&str]); 12] = [
    ("curl", &[]),
    ("wget", &[]),
    ("ftp", &[]),
    ("ssh", &[]),
    ("scp", &[]),
    ("git", &["clone", "fetch", "pull", "submodule", "ls-remote"]),
    ("cargo", &["fetch", "install", "update", "add", "search"]),
    ("pip", &["install", "download"]),
    ("pip3", &["install", "download"]),
    ("npm", &["install", "ci"]),
    ("go", &["get", "install", "mod"]),
    ("apt-get", &[]),
];

/// How absolute paths of what packages have built begin. Other paths are those of the system, but for relative ones and those in a
/// variable of the build.
const BUILT: [&str; 3] = ["/dest/", "/build/", "/tools/"];

/// Whether a path, or a search path, leads to programs of packages first.
fn is_built(path: &str) -> bool {
    let path = path.trim_start_matches(['"', '\'']);
    path.starts_with('$') || BUILT.iter().any(|root| path.starts_with(root))
}

/// Whether a script has set `PATH` so that programs of packages come first.
fn finds_built(script: &str) -> bool {
    let whole = |at: usize| !script[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    script.match_indices("PATH=").any(|(at, name)| {
        let value = &script[at + name.len()..];
        let system = ["$PATH", "${PATH}"].iter().any(|path| value.trim_start_matches('"').starts_with(path));
        whole(at) && is_built(value) && !system
    })
}

/// Finds commands that need the network, which no phase has: the program is the first word of a command, and is no program of a
/// package.
pub(super) fn network(script: &Text, found: &mut Findings) {
    for (range, command) in commands(script.get_ref()) {
        let mut words = command.split_whitespace();
        let path = words.next().unwrap_or_default().trim_matches(['"', '\'']);
        // What a package has built may be called as it likes; a test starts it.
        let built = path.contains('/') && (!path.starts_with('/') || is_built(path));
        if built || finds_built(&script.get_ref()[..range.start]) {
            continue;
        }
        let program = path.rsplit('/').next().unwrap_or_default();
        let Some((_, subcommands)) = FETCHERS.iter().find(|(name, _)| *name == program) else { continue };
        let sub = words.find(|word| !word.starts_with(['-', '+']));
        if !subcommands.is_empty() && !sub.is_some_and(|sub| subcommands.contains(&sub)) {
            continue;
        }
        found.add(
            Diagnostic::error("recipe::network-tool", format!("`{program}` needs the network, and builds have none"))
                .at(within(script, range))
                .label("cannot work here")
                .help("declare what it fetches as `[[source]]` with its sha256; it is unpacked below $SRC"),
        );
    }
}

/// The simple commands of a shell script with their ranges: what stands where a command can begin. Comments and here
/// documents are left out. A reading for hints, not a shell parser.
fn commands(script: &str) -> Vec<(Range<usize>, &str)> {
    let mut list = Vec::new();
    let mut heredoc: Option<String> = None;
    let mut start = 0;
    for line in script.split_inclusive('\n') {
        let begin = start;
        start += line.len();
        let line = line.trim_end();
        if let Some(end) = &heredoc {
            if line.trim_start_matches('\t') == end {
                heredoc = None;
            }
            continue;
        }
        heredoc = heredoc_end(line);
        let code = without_comment(line);
        let mut at = begin;
        let (mut before, mut in_variable) = (' ', false);
        let ends = |c: char| {
            let ends = match c {
                ';' | '&' | '|' | '(' | ')' | '`' => true,
                '{' | '}' if in_variable || before == '$' => {
                    in_variable = c == '{';
                    false
                }
                '{' | '}' => true,
                _ => false,
            };
            before = c;
            ends
        };
        for piece in code.split(ends) {
            let command = strip_prefixes(piece);
            if !command.is_empty() {
                let from = at + (piece.len() - piece.trim_start().len()) + (piece.trim_start().len() - command.len());
                let to = from + command.trim_end().len();
                list.push((from..to, command.trim_end()));
            }
            at += piece.len() + 1;
        }
    }
    list
}

/// Drops what may stand before a command: keywords and assignments.
fn strip_prefixes(piece: &str) -> &str {
    const KEYWORDS: [&str; 9] = ["if", "then", "else", "elif", "do", "while", "until", "!", "exec"];
    let mut rest = piece.trim_start();
    loop {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let assignment = word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        if word.is_empty() || !(assignment || KEYWORDS.contains(&word)) {
            return rest;
        }
        rest = rest[word.len()..].trim_start();
    }
}

fn without_comment(line: &str) -> &str {
    let hash =
        line.char_indices().find(|(at, c)| *c == '#' && line[..*at].chars().last().is_none_or(char::is_whitespace));
    hash.map_or(line, |(at, _)| &line[..at])
}

/// The word that ends the here document begun on `line`, if one is.
fn heredoc_end(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("<<")?;
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    let word: String = rest
        .trim_start_matches(['\'', '"', '\\'])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit())).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_commands_where_they_can_begin() {
        let script = "make # curl\n\tif FOO=1 curl -O x; then wget y; fi\ncat <<'END' > f\ncurl z\nEND\nx=$(git -C d clone u) && (exec /usr/bin/curl v)\necho curl\n";
        let list: Vec<&str> = commands(script)
            .into_iter()
            .map(|(range, text)| {
                assert_eq!(&script[range], text);
                text
            })
            .collect();
        assert_eq!(
            list,
            [
                "make",
                "curl -O x",
                "wget y",
                "fi",
                "cat <<'END' > f",
                "git -C d clone u",
                "/usr/bin/curl v",
                "echo curl"
            ]
        );
    }

    #[test]
    fn only_programs_that_fetch_are_refused_and_not_the_packages_own() {
        let refused = |script: &str| {
            let mut found = Findings { file: "pkg.toml".into(), list: Vec::new() };
            network(&Text::new(0..script.len() + 2, script.to_owned()), &mut found);
            found.list.len()
        };
        for good in [
            "/dest/usr/bin/curl --version",
            "\"$DESTDIR/usr/bin/curl\" --version | grep -q 'curl 8'",
            "${DESTDIR}/usr/bin/wget --help",
            "out=$(/dest/usr/bin/git clone --help)",
            "\"$DESTDIR\"/usr/bin/ssh -V",
            "make curl",
            "cd curl && ./configure --with-curl",
            "install -m 755 wget \"$DESTDIR/usr/bin/wget\"",
            "git apply fix.diff",
            "cargo test --offline",
            "test -x /dest/usr/bin/curl",
            "./src/curl --version",
            "src/curl --version",
            "\"$OBJ/src/curl\" --version",
            "$TOOLS/usr/bin/curl --version",
            "/build/src/curl --version",
            "PATH=/dest/usr/bin:$PATH curl --version",
            "export PATH=\"$DESTDIR/usr/bin:$PATH\"\ncurl --version",
        ] {
            assert_eq!(refused(good), 0, "{good}");
        }
        for bad in [
            "curl -O https://example.org/x",
            "/usr/bin/curl -O x",
            "true && wget x",
            "if ! git clone x; then true; fi",
            "HOME=/tmp cargo install ripgrep",
            "\"/usr/bin/wget\" x",
            "/destination/curl x",
            "PATH=$PATH:/dest/usr/bin curl x",
            "MANPATH=/dest/usr/share/man curl x",
            "PATH=/usr/bin curl x",
        ] {
            assert_eq!(refused(bad), 1, "{bad}");
        }
    }

    #[test]
    fn heredocs() {
        assert_eq!(heredoc_end("cat > x <<-EOF"), Some("EOF".to_owned()));
        assert_eq!(heredoc_end("cat <<\"A_1\" | sh"), Some("A_1".to_owned()));
        assert_eq!(heredoc_end("echo $((1 << 2))"), None);
        assert_eq!(heredoc_end("cat < x"), None);
    }
}
