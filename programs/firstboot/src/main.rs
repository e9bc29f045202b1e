//! The first configuration of a machine: `ashlar-firstboot`, `ashlar-setup`, `ashlar-console`, one program by its name.
//!
//! An image contains no key, no password and no user account. The service `ashlar-firstboot` takes them from a volume
//! labelled CIDATA. `ashlar-setup` asks for them on a console. getty starts `ashlar-console` there, which runs the
//! setup on an unconfigured machine, and `login` afterwards. The first person at a console, or with a volume before the
//! first start, owns the machine.
//!
//! Both ways produce a [`config::Config`], which becomes a list of steps ([`plan`]), which [`apply`] carries out.
//!
//! * [`types`], [`host_key`], [`yaml`], [`fat`], [`nocloud`], [`accounts`], [`plan`], the dialogue in [`setup`]: decisions, without effects.
//! * [`volume`], [`facts`], [`apply`], [`report`], the console in [`setup`]: effects.

mod accounts;
mod apply;
mod config;
mod facts;
mod fat;
mod finding;
mod host_key;
mod nocloud;
mod plan;
mod report;
mod setup;
mod types;
mod volume;
mod yaml;

/// Bytes with a meaning in a configuration.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"abn:-#'\"\\[]{},|>&*!%@ \n\n  \t:- ~?.\xff\xc3\xa4";

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use base::options;
use lexopt::Parser;

const USAGE: &str = "usage: ashlar-firstboot [--wait SECONDS]";

/// The profile of a login on a console.
const CONSOLES: &str = "/usr/lib/confine/consoles.toml";

/// Exit status: no volume and no configuration.
const NOTHING: u8 = 3;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let result = match name.to_string_lossy().rsplit('/').next() {
        Some("ashlar-setup") => set_up(),
        Some("ashlar-console") => console(&arguments),
        _ => first_boot(Parser::from_args(arguments)),
    };
    result.unwrap_or_else(|error| {
        report::line(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn is_configured() -> bool {
    Path::new(plan::MARKER).exists()
}

fn set_up() -> io::Result<ExitCode> {
    if is_configured() {
        report::line("This machine is configured already. To change it, edit the files in /etc.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(match setup::run()? {
        setup::Outcome::Configured => ExitCode::SUCCESS,
        setup::Outcome::Left => ExitCode::FAILURE,
    })
}

/// The text before the first question: /etc/issue, and the files that services put into /run/issue.d, as in agetty(8).
/// getty prints it only when it asks for the name itself. Empty if the image has none.
fn greeting(root: &Path) -> String {
    let mut texts = vec![root.join("etc/issue")];
    let notes = std::fs::read_dir(root.join("run/issue.d")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut notes: Vec<_> = notes.filter(|path| path.extension().is_some_and(|end| end == "issue")).collect();
    notes.sort();
    texts.append(&mut notes);
    let texts = texts.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    format!("\n{}", texts.collect::<String>())
}

/// Lines longer than the screen go on in the next one: firmware may leave a serial terminal cutting them off.
const WRAP: &str = "\u{1b}[?7h";

/// Becomes `login` as soon as somebody can log in.
fn console(arguments: &[OsString]) -> io::Result<ExitCode> {
    io::stdout().write_all(format!("{WRAP}{}", greeting(Path::new("/"))).as_bytes())?;
    if !is_configured() && setup::run()? == setup::Outcome::Left {
        return Ok(ExitCode::FAILURE); // init starts getty again
    }
    let words = login(Path::new(CONSOLES).exists());
    let Some((program, first)) = words.split_first() else { return Ok(ExitCode::FAILURE) };
    Err(Command::new(program).args(first).args(arguments).exec())
}

/// The login command. `confined`: the image has layer 6, so a console session is as confined as one over SSH.
fn login(confined: bool) -> Vec<&'static str> {
    let within = ["/usr/bin/confine", "--profile", CONSOLES, "--service", "consoles", "--group", "consoles", "--"];
    let within = within.into_iter().filter(|_| confined);
    within.chain(["/bin/login"]).collect()
}

/// How long to wait for a volume.
fn patience(mut parser: Parser) -> Result<Duration, lexopt::Error> {
    use lexopt::prelude::*;
    let mut seconds = 0;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("wait") => seconds = parser.value()?.parse().map_err(|_| "--wait needs a number of seconds")?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Duration::from_secs(seconds))
}

fn first_boot(parser: Parser) -> io::Result<ExitCode> {
    let wait = patience(parser).map_err(|error| io::Error::other(options::wrong(&error, USAGE)))?;
    if is_configured() {
        return Ok(ExitCode::SUCCESS);
    }
    let Some(volume) = volume::find(wait)? else {
        report::line("No volume is labelled CIDATA.");
        return Ok(ExitCode::from(NOTHING));
    };
    report::line(&format!("Reading the first configuration from {}.", volume.device.display()));
    let (documents, facts) = (volume::documents(&volume)?, facts::read()?);
    let (config, findings) = nocloud::resolve(&documents, &facts);
    for finding in &findings {
        report::line(&finding.to_string());
    }
    let Some(config) = config else {
        report::line(
            "Nothing from the volume was used. Correct it and start again, or answer the questions on a console.",
        );
        return Ok(ExitCode::FAILURE);
    };
    let steps = plan::plan(&config, &facts).map_err(io::Error::other)?;
    report::plan(&steps);
    apply::apply(&steps, Path::new("/"), &mut |line| report::line(&line))
        .map_err(|failed| io::Error::other(failed.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_shows_the_issue_and_then_the_notes_of_services() {
        let root = testkit::TempDir::new("ashlar-console");
        assert_eq!(greeting(&root), "\n");
        for (name, text) in [
            ("etc/issue", "Hello\n"),
            ("run/issue.d/b.issue", "b\n"),
            ("run/issue.d/a.issue", "a\n"),
            ("run/issue.d/c", "c\n"),
        ] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        assert_eq!(greeting(&root), "\nHello\na\nb\n");
    }

    #[test]
    fn a_login_on_a_console_is_confined_where_the_image_has_the_profile() {
        assert_eq!(login(false), ["/bin/login"]);
        let words = login(true);
        assert_eq!(words.first(), Some(&"/usr/bin/confine"));
        assert!(words.ends_with(&["--group", "consoles", "--", "/bin/login"]), "{words:?}");
    }
}
