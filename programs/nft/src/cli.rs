//! The command line, and the course of each command.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use crate::closed;
use crate::facts::Facts;
use crate::kernel::{Kernel, Refusal};
use crate::list;
use crate::netlink::write;
use crate::parse;
use crate::resolve;
use crate::show::{self, Style};
use crate::source::{Findings, Source};

const USAGE: &str = "\
usage: nft [-c] -f FILE                       load a ruleset, all of it or nothing; with -c, only try it
       nft [-s] [-t] [-j] list ruleset        print what the kernel has
       nft close                              let nothing pass but what stays on this machine

  -f, --file FILE   - is the standard input
  -c, --check       the kernel judges it, too, if it may be asked, and forgets it
  -j, --json        in nftables' JSON
  -s, --stateless   without counters and other state
  -t, --terse       without the elements of named sets
  -h, --help        this
  -v, --version     the version

The language is a part of nftables' own; what is not understood is refused with its place.
Exit status: 0 done, 1 not done and why is said, 2 the command line is wrong.";

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Load { file: String, check: bool },
    List(Listing),
    Close,
    Help,
    Version,
}

/// How to list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Listing {
    json: bool,
    stateless: bool,
    terse: bool,
}

fn parse_words(words: &[String]) -> Result<Request, String> {
    let (mut file, mut check, mut listing) = (None, false, Listing::default());
    let mut commands: Vec<&str> = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-f" | "--file" => {
                let value = rest.next().ok_or("-f needs the name of a file")?;
                if file.replace(value.clone()).is_some() {
                    return Err("one file at a time".to_owned());
                }
            }
            "-c" | "--check" => check = true,
            "-j" | "--json" => listing.json = true,
            "-s" | "--stateless" => listing.stateless = true,
            "-t" | "--terse" => listing.terse = true,
            "-h" | "--help" => return Ok(Request::Help),
            "-v" | "--version" => return Ok(Request::Version),
            option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
            command => commands.push(command),
        }
    }
    let plain = listing == Listing::default();
    match (commands.as_slice(), file) {
        ([], Some(file)) if plain => Ok(Request::Load { file, check }),
        ([], Some(_)) => Err("-j, -s and -t are for listing".to_owned()),
        (["list", "ruleset"], None) if !check => Ok(Request::List(listing)),
        (["close"], None) if !check && plain => Ok(Request::Close),
        ([], None) => Err("nothing to do".to_owned()),
        (commands, _) => Err(format!("`{}` is not understood", commands.join(" "))),
    }
}

/// Runs it.
pub fn run(words: &[String]) -> ExitCode {
    let request = match parse_words(words) {
        Ok(request) => request,
        Err(message) => return complain(&format!("nft: {message}\n{USAGE}\n"), 2),
    };
    let done = match request {
        Request::Help => Ok(Answer::from(format!("{USAGE}\n"))),
        Request::Version => Ok(Answer::from(format!("nft {} (Ashlar)\n", env!("CARGO_PKG_VERSION")))),
        Request::Load { file, check } => load_file(&file, check),
        // It names nothing that only this machine knows, so that nothing of this machine can keep it from being closed.
        Request::Close => load(Source { file: "closed", text: closed::TEXT }, &Facts::default(), false),
        Request::List(listing) => list(listing).map(Answer::from),
    };
    let Answer { text, remark } = match done {
        Ok(answer) => answer,
        Err(text) => return complain(&text, 1),
    };
    let code = complain(&remark, 0);
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => code,
        Err(error) => complain(&format!("nft: cannot write the answer: {error}\n"), 1),
    }
}

/// What a command that was done has to say.
#[derive(Default)]
struct Answer {
    /// For the standard output.
    text: String,
    /// For whoever watches: the standard error.
    remark: String,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    // Without a standard error there is nobody to tell, but the exit status.
    let _said = io::stderr().write_all(text.as_bytes());
    code.into()
}

fn load_file(file: &str, check: bool) -> Result<Answer, String> {
    let text = read(file).map_err(|error| format!("nft: {file}: {error}\n"))?;
    let name = if file == "-" { "standard input" } else { file };
    load(Source { file: name, text: &text }, &facts()?, check)
}

/// A whole file; one larger than a ruleset can be is not read to its end.
fn read(file: &str) -> io::Result<String> {
    let most = parse::LARGEST as u64 + 1;
    let mut text = String::new();
    match file {
        "-" => io::stdin().take(most).read_to_string(&mut text)?,
        file => fs::File::open(file)?.take(most).read_to_string(&mut text)?,
    };
    Ok(text)
}

/// What the ruleset can name of this machine.
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
    let file = parse::parse(source).map_err(|findings| source.show(&findings))?;
    let tables = resolve::resolve(&file, facts).map_err(|findings| source.show(&findings))?;
    let mut batch = write::ruleset(&tables, file.flush);
    if batch.about.is_empty() {
        // As with the original this is no mistake; but whoever wrote to the wrong file should hear of it.
        let remark = "neither a table nor `flush ruleset` is in it: what the kernel has stays as it is";
        return Ok(Answer { remark: format!("nft: {}: {remark}\n", source.file), ..Answer::default() });
    }
    batch.acknowledge();
    if !check {
        batch.commit();
    }
    let unreachable = |error: io::Error| format!("nft: {}: the kernel cannot be asked: {error}\n", source.file);
    let refused = Kernel::open().and_then(|kernel| kernel.batch(&batch)).map_err(unreachable)?;
    if refused.is_empty() {
        return Ok(Answer::default());
    }
    // Whoever may not load can still have read what was to be checked.
    if check && refused.iter().all(|refusal| refusal.error.raw_os_error() == Some(libc::EPERM)) {
        let text = "understood; the kernel was not asked, which needs the right to administer the network";
        return Ok(Answer::from(format!("{}: {text}\n", source.file)));
    }
    let shown = refused.iter().take(Findings::MOST);
    let mut said: String = shown.map(|refusal| refusal_text(source.file, refusal)).collect();
    if let Some(more @ 1..) = refused.len().checked_sub(Findings::MOST) {
        said.push_str(&format!("nft: {}: {more} more are refused\n", source.file));
    }
    Err(format!("{said}nothing of {} was loaded\n", source.file))
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
