//! The command line, and what each command does.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use base::findings::{Findings, Source};
use base::options;
use lexopt::Parser;

use crate::facts::Facts;
use crate::kernel::{Kernel, Refusal};
use crate::list;
use crate::lockdown;
use crate::netlink::write;
use crate::parse;
use crate::resolve;
use crate::show::{self, Style};

const USAGE: &str = "\
usage: nft [-c] -f FILE                       load a ruleset, all of it or nothing
       nft [-s] [-t] [-j] list ruleset        print the ruleset in the kernel
       nft lockdown                           drop everything but the loopback

  -f, --file FILE   read the ruleset from FILE; `-` is the standard input
  -c, --check       validate only, also with the kernel if permitted; apply nothing
  -j, --json        print nftables' JSON
  -s, --stateless   print no counters and no other state
  -t, --terse       print no elements of named sets
  -h, --help        print this text
  -v, --version     print the version

The language is a part of nftables' own. nft refuses what it does not know, with file, line and column.
Exit status: 0 success, 1 failure with a message, 2 wrong usage.";

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Load { file: String, check: bool },
    List(Listing),
    Lockdown,
    Help,
    Version,
}

/// The options of `list`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Listing {
    json: bool,
    stateless: bool,
    terse: bool,
}

fn parse_words(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut file, mut check, mut listing) = (None, false, Listing::default());
    let mut command = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('f') | Long("file") => {
                if file.replace(parser.value()?.string()?).is_some() {
                    return Err("-f is given twice; load one file at a time".into());
                }
            }
            Short('c') | Long("check") => check = true,
            Short('j') | Long("json") => listing.json = true,
            Short('s') | Long("stateless") => listing.stateless = true,
            Short('t') | Long("terse") => listing.terse = true,
            Short('h') | Long("help") => return Ok(Request::Help),
            Short('v') | Long("version") => return Ok(Request::Version),
            Value(word) => command.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let plain = listing == Listing::default();
    match (command.join(" ").as_str(), file) {
        ("", Some(file)) if plain => Ok(Request::Load { file, check }),
        ("", Some(_)) => Err("-j, -s and -t are for `list ruleset`".into()),
        ("list ruleset", None) if !check => Ok(Request::List(listing)),
        ("lockdown", None) if !check && plain => Ok(Request::Lockdown),
        ("", None) => Err("no command given".into()),
        (command, _) => Err(format!("unknown command `{command}`").into()),
    }
}

/// Runs it.
pub fn run(parser: Parser) -> ExitCode {
    let request = match parse_words(parser) {
        Ok(request) => request,
        Err(error) => return complain(&format!("nft: {}\n", options::wrong(&error, USAGE)), 2),
    };
    let done = match request {
        Request::Help => Ok(Answer::from(format!("{USAGE}\n"))),
        Request::Version => Ok(Answer::from(format!("nft {} (Ashlar)\n", env!("CARGO_PKG_VERSION")))),
        Request::Load { file, check } => load_file(&file, check),
        // It names no interface and no account, so no state of the machine can make it fail.
        Request::Lockdown => load(Source { file: "lockdown", text: lockdown::TEXT }, &Facts::default(), false),
        Request::List(listing) => list(listing).map(Answer::from),
    };
    let Answer { text, remark } = match done {
        Ok(answer) => answer,
        Err(text) => return complain(&text, 1),
    };
    let code = complain(&remark, 0);
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => code,
        Err(error) => complain(&format!("nft: cannot write the output: {error}\n"), 1),
    }
}

/// The output of a successful command.
#[derive(Default)]
struct Answer {
    /// For the standard output.
    text: String,
    /// For the standard error.
    remark: String,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    // Without a standard error only the exit status reports the failure.
    let _written = io::stderr().write_all(text.as_bytes());
    code.into()
}

fn load_file(file: &str, check: bool) -> Result<Answer, String> {
    let text = read(file).map_err(|error| format!("nft: {file}: {error}\n"))?;
    let name = if file == "-" { "standard input" } else { file };
    load(Source { file: name, text: &text }, &facts()?, check)
}

/// Reads a file, but no more of it than a ruleset may have.
fn read(file: &str) -> io::Result<String> {
    let limit = parse::MAX_FILE as u64 + 1;
    let mut text = String::new();
    match file {
        "-" => io::stdin().take(limit).read_to_string(&mut text)?,
        file => fs::File::open(file)?.take(limit).read_to_string(&mut text)?,
    };
    Ok(text)
}

/// Names that a ruleset may use: interfaces, users and groups of this machine.
fn facts() -> Result<Facts, String> {
    let interfaces =
        sys::netlink::interfaces().map_err(|error| format!("nft: cannot list the interfaces: {error}\n"))?;
    let accounts = |file: &str| match fs::read(file) {
        Ok(bytes) => Ok(Facts::accounts(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("nft: {file}: {error}\n")),
    };
    Ok(Facts { interfaces, users: accounts("/etc/passwd")?, groups: accounts("/etc/group")? })
}

fn load(source: Source<'_>, facts: &Facts, check: bool) -> Result<Answer, String> {
    let wrong = |findings| format!("{}\n", source.show(&findings));
    let file = parse::parse(source).map_err(wrong)?;
    let tables = resolve::resolve(&file, facts).map_err(wrong)?;
    let mut batch = write::ruleset(&tables, file.flush);
    if batch.about.is_empty() {
        // nftables accepts this silently, but it is probably the wrong file.
        let remark = "the file defines no table and does not flush; the ruleset is unchanged";
        return Ok(Answer { remark: format!("nft: {}: {remark}\n", source.file), ..Answer::default() });
    }
    batch.acknowledge();
    if !check {
        batch.commit();
    }
    let unreachable = |error: io::Error| format!("nft: {}: cannot reach the kernel: {error}\n", source.file);
    let refused = Kernel::open().and_then(|kernel| kernel.batch(&batch)).map_err(unreachable)?;
    if refused.is_empty() {
        return Ok(Answer::default());
    }
    // Without the right to load, the syntax was still checked.
    if check && refused.iter().all(|refusal| refusal.error.raw_os_error() == Some(libc::EPERM)) {
        let text = "valid; not checked with the kernel, which needs CAP_NET_ADMIN";
        return Ok(Answer::from(format!("{}: {text}\n", source.file)));
    }
    let shown = refused.iter().take(Findings::MAX);
    let mut message: String = shown.map(|refusal| refusal_text(source.file, refusal)).collect();
    if let Some(more @ 1..) = refused.len().checked_sub(Findings::MAX) {
        message.push_str(&format!("nft: {}: the kernel refuses {more} more\n", source.file));
    }
    Err(format!("{message}nothing from {} was loaded\n", source.file))
}

fn refusal_text(file: &str, refusal: &Refusal) -> String {
    let about = refusal.about.as_deref().unwrap_or("the whole ruleset");
    let detail = refusal.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("nft: {file}: the kernel refuses {about}: {}{detail}\n", refusal.error)
}

fn list(Listing { json, stateless, terse }: Listing) -> Result<String, String> {
    let mut ruleset = list::ruleset().map_err(|error| format!("nft: cannot list the ruleset: {error}\n"))?;
    if terse {
        ruleset.tables.iter_mut().flat_map(|table| &mut table.sets).for_each(|set| set.elements.clear());
    }
    let facts = facts()?;
    let style = Style { facts: &facts, stateless };
    Ok(match json {
        true => show::json::ruleset(style, &ruleset),
        false => show::text::ruleset(style, &ruleset),
    })
}
