//! `boot-test`: starts the ISO in every way it must start, and looks at facts on the running system.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ashlar_core::console::Script;
use ashlar_core::console::facts::{self, Seen};
use ashlar_core::name::PkgName;
use ashlar_core::qemu::{Case, Firmware, Flash, Machine, PROGRAM, Seat};
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::App;
use crate::exit::Exit;
use crate::host::{tools, vm};
use crate::report::Format;

/// What a machine must make do with, in MiB.
const MEMORY: u32 = 512;

/// How one case went. As JSON: one object a line; fields as here.
#[derive(Debug, Serialize)]
struct Verdict {
    case: Case,
    ok: bool,
    /// From the start of QEMU to the login prompt; absent when there was none.
    seconds_to_login: Option<f64>,
    /// From the start of QEMU to its end.
    seconds: Option<f64>,
    facts: Vec<Seen>,
    /// Why the conversation ended early, if it did.
    failure: Option<String>,
    /// The console log.
    log: Utf8PathBuf,
}

/// What the cases have in common.
struct Subject<'a> {
    app: &'a App,
    iso: &'a Utf8Path,
    /// The kernel's version.
    release: &'a str,
    /// Limit of a case.
    limit: Duration,
    /// Where logs go.
    logs: &'a Utf8Path,
}

/// Tests the named cases, or all. Each may take `timeout` seconds.
pub fn run(app: &App, cases: &[String], timeout: u64) -> Result<Exit> {
    let mut cases = cases.iter().map(|name| Ok(name.parse()?)).collect::<Result<Vec<Case>>>()?;
    if cases.is_empty() {
        cases = Case::ALL.to_vec();
    }
    if let Some(reason) = lacking(&cases) {
        eprintln!("skipped: {reason}; `cargo xtask setup` installs it");
        return Ok(Exit::Unchecked);
    }
    let iso = super::iso::build(app, "minimal")?;
    let repository = app.repository()?;
    let linux: PkgName = "linux".parse()?;
    let logs = app.store()?.root().join("logs/boot");
    fs_err::create_dir_all(&logs)?;
    let subject = Subject {
        app,
        iso: &iso,
        release: &repository.recipe_of(&linux)?.version,
        limit: Duration::from_secs(timeout),
        logs: &logs,
    };
    let verdicts = cases.iter().map(|case| subject.test(*case)).collect::<Result<Vec<_>>>()?;
    if app.global.message_format == Format::Human {
        print!("{}", table(&verdicts));
    }
    Ok(if verdicts.iter().all(|verdict| verdict.ok) { Exit::Good } else { Exit::Boot })
}

/// The first thing without which these cases cannot be tested here.
fn lacking(cases: &[Case]) -> Option<String> {
    if tools::find(PROGRAM).is_none() {
        return Some(format!("{PROGRAM} is not installed"));
    }
    let uefi = cases.iter().any(|case| case.firmware == Firmware::Uefi);
    (uefi && tools::ovmf().is_err()).then(|| "the UEFI firmware OVMF is not installed".to_owned())
}

impl Subject<'_> {
    fn test(&self, case: Case) -> Result<Verdict> {
        self.app.reporter.note(format!("starting {case}"));
        let log = self.logs.join(format!("{case}.log"));
        let facts = facts::minimal(case.firmware, self.release);
        let script = facts::script(&facts, "root", self.limit);
        let verdict = self.converse(case, script, &facts, log).with_context(|| format!("boot test {case}"))?;
        // Results go out as they come: the next case may take minutes.
        let text = match self.app.global.message_format {
            Format::Json => serde_json::to_string(&verdict)? + "\n",
            Format::Human => verdict.lines(),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(verdict)
    }

    fn converse(&self, case: Case, script: Script, facts: &[facts::Fact], log: Utf8PathBuf) -> Result<Verdict> {
        let scratch = tempfile::tempdir()?;
        let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
        let machine = Machine {
            flash: flash(case.firmware, scratch)?,
            medium: case.medium,
            iso: self.iso.to_owned(),
            seat: Seat::Harness,
            memory: MEMORY,
            processors: 2,
        };
        let messages = self.logs.join(format!("{case}.qemu.log"));
        let console = vm::converse(&machine.command(), script, &log, &messages)?;
        let facts = facts::judge(facts, console.answers());
        let failure = match console.outcome() {
            Some(Err(failure)) => Some(failure.to_string()),
            _ => None,
        };
        let seconds = |time: Option<&Duration>| time.map(Duration::as_secs_f64);
        Ok(Verdict {
            case,
            ok: failure.is_none() && facts.iter().all(|seen| seen.ok),
            seconds_to_login: seconds(console.passed().first()),
            seconds: seconds(console.passed().last()).filter(|_| failure.is_none()),
            facts,
            failure,
            log,
        })
    }
}

/// The flash of a machine with this firmware: code as installed, variables as a fresh copy in `scratch`.
pub fn flash(firmware: Firmware, scratch: &Utf8Path) -> Result<Option<Flash>> {
    if firmware == Firmware::Bios {
        return Ok(None);
    }
    let (code, template) = tools::ovmf()?;
    let variables = scratch.join("variables.fd");
    // Read and written, not copied: the template may be read-only, the copy must not be.
    fs_err::write(&variables, fs_err::read(&template)?)?;
    Ok(Some(Flash { code, variables }))
}

impl Verdict {
    fn lines(&self) -> String {
        let mut lines: Vec<String> = self.facts.iter().map(Seen::line).collect();
        let end = match (&self.failure, self.seconds) {
            (Some(failure), _) => format!("FAILED  {:<22} {failure}", "conversation"),
            (None, seconds) => format!("ok      {:<22} {:.1} s after the start", "powers off", seconds.unwrap_or(0.0)),
        };
        lines.push(end);
        if !self.ok {
            lines.push(format!("log     {}", self.log));
        }
        lines.iter().map(|line| format!("{}: {line}\n", self.case)).collect()
    }
}

fn table(verdicts: &[Verdict]) -> String {
    let mut out = format!("\n{:<10} {:>16}  verdict\n", "case", "seconds to login");
    for verdict in verdicts {
        let login = verdict.seconds_to_login.map_or("never".to_owned(), |seconds| format!("{seconds:.1}"));
        let word = if verdict.ok { "ok" } else { "FAILED" };
        out.push_str(&format!("{:<10} {login:>16}  {word}\n", verdict.case));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ok: bool) -> Verdict {
        let seen = Seen { name: "PID 1", ok: true, expected: "init".to_owned(), found: "init".to_owned() };
        Verdict {
            case: Case::ALL[0],
            ok,
            seconds_to_login: ok.then_some(12.34),
            seconds: ok.then_some(20.0),
            facts: vec![seen],
            failure: (!ok).then(|| "waited 60 s for x".to_owned()),
            log: "/logs/uefi-cd.log".into(),
        }
    }

    #[test]
    fn says_how_it_went() {
        let text = verdict(true).lines() + &verdict(false).lines();
        assert_eq!(
            text,
            "uefi-cd: ok      PID 1                  init\n\
             uefi-cd: ok      powers off             20.0 s after the start\n\
             uefi-cd: ok      PID 1                  init\n\
             uefi-cd: FAILED  conversation           waited 60 s for x\n\
             uefi-cd: log     /logs/uefi-cd.log\n"
        );
        let table = table(&[verdict(true), verdict(false)]);
        assert!(table.contains("uefi-cd                12.3  ok\n"), "{table}");
        assert!(table.contains("uefi-cd               never  FAILED\n"), "{table}");
    }

    #[test]
    fn bios_needs_no_flash() {
        assert_eq!(flash(Firmware::Bios, Utf8Path::new("/")).unwrap(), None);
        assert_eq!(lacking(&[]).is_some(), tools::find(PROGRAM).is_none());
    }
}
