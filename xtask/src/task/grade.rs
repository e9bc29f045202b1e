//! `grade`: starts the ISO and runs graders on it, our own inside and others from outside. `ashlar_lab::grade` reads their
//! reports.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::model::hardening::{docs, measured};
use ashlar_core::plan::Input;
use ashlar_lab::cloud::Volume;
use ashlar_lab::console::Answer;
use ashlar_lab::console::facts::{BECOME, Expected, Fact};
use ashlar_lab::console::task::Task;
use ashlar_lab::grade::{Grade, GradeVerdict, audit, exposure, lynis, ssh_audit};
use ashlar_lab::qemu::{Firmware, Machine, Medium, Network, Start};
use ashlar_lab::ssh;
use camino::{Utf8Path, Utf8PathBuf};

use super::machine::{flash, write_volume};
use super::run::{USER, begin, power_off};
use crate::app::App;
use crate::cli::{GRADERS, GradeArgs};
use crate::compose::{Variant, root};
use crate::exit::Exit;
use crate::host::invalid::invalid;
use crate::host::repository::Repository;
use crate::host::ssh::SshClient;
use crate::host::{clock, exec, graders, tools, vm};
use crate::report::failure;

/// This program cannot run it, so it is always skipped.
const BY_HAND: &str = "kernel-hardening-checker";
/// Why a third-party grader is skipped; all other failures end the command.
const FORBIDDEN: &str =
    "it is not in the store, and `--offline` forbids fetching it; the same command without `--offline` does";
/// Memory in MiB, as `run` gives.
const MEMORY: u32 = 1024;
/// How long our own graders may take.
const SOON: Duration = Duration::from_secs(180);
/// How long Lynis may take; it is some thousand programs, started one after the other.
const LONG: Duration = Duration::from_secs(1200);
/// Before new connections the machine is left alone for this long: above ten, it takes three a minute from one address.
const REST: Duration = Duration::from_secs(61);

/// Runs the named graders, or all, and writes down what they say.
pub fn run(app: &App, args: &GradeArgs) -> Result<Exit> {
    let is_named = |name: &&str| args.graders.is_empty() || args.graders.iter().any(|given| given == name);
    let names: Vec<&str> = GRADERS.into_iter().filter(is_named).collect();
    match tools::require("grade") {
        Err(error) if failure::exit(&error) == Exit::Host => {
            eprintln!("skipped: {error:#}");
            return Ok(Exit::Unchecked);
        }
        found => found?,
    }
    let repository = app.repository()?;
    let iso = match &args.iso {
        Some(iso) if !iso.is_file() => return Err(Exit::Usage.error(format!("there is no file {iso}"))),
        Some(iso) => iso.clone(),
        None => super::iso::build(app, &Variant::plain("minimal"))?,
    };
    let grades = with_machine(app, iso, |client| {
        let visit = Visit { app, repository: &repository, client };
        let mut grades = Vec::new();
        for name in names {
            for grade in visit.grade(name).with_context(|| format!("running the grader {name}"))? {
                // One grade at once: the next may take minutes.
                app.reporter.show(&grade, || grade.lines());
                grades.push(grade);
            }
        }
        Ok(grades)
    })?;
    if args.write {
        write(app, &repository, &grades)?;
    }
    Ok(outcome(&grades))
}

/// A target that was missed counts before a grader that could not be asked.
fn outcome(grades: &[Grade]) -> Exit {
    let any = |is: fn(&Grade) -> bool| grades.iter().any(is);
    if any(|grade| grade.verdict == GradeVerdict::Missed) {
        Exit::Boot
    } else if any(|grade| grade.verdict == GradeVerdict::Skipped && grade.grader != BY_HAND) {
        Exit::Unchecked
    } else {
        Exit::Good
    }
}

/// Takes the results over into the data that pages are written from, and writes those.
fn write(app: &App, repository: &Repository, grades: &[Grade]) -> Result<()> {
    let texts = repository.hardening_texts()?;
    let mut measured = docs::measured(&texts).map_err(|found| invalid(&repository.root, &found))?;
    let day = measured::day(clock::now());
    grades.iter().filter_map(|grade| grade.measured(&day)).for_each(|score| measured.record(score));
    fs_err::write(app.root.join(docs::MEASURED), measured.render())?;
    app.reporter.say(format!("wrote {}", docs::MEASURED));
    super::docs::run(app, false).map(drop)
}

/// A machine with `iso` that lives as long as `work`, which also ends it when it fails.
fn with_machine<T>(app: &App, iso: Utf8PathBuf, work: impl FnOnce(&SshClient) -> Result<T>) -> Result<T> {
    let scratch = tempfile::tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let client = SshClient::make(None, scratch)?;
    let volume = Volume {
        host: "ashlar".to_owned(),
        user: USER.to_owned(),
        key: client.public_key()?,
        password: None,
        host_key: Some(client.host_key()?.clone()),
    };
    let network =
        Network::User { port: client.port(), web: None, restricted: false, pcap: client.pcap(), frames: None };
    let machine = Machine {
        flash: flash(Firmware::Uefi, scratch)?,
        memory: MEMORY,
        volume: Some(write_volume(&volume, &scratch.join("volume"))?),
        restarts: true,
        ..Machine::of(Start::Iso { file: iso, medium: Medium::Cd }, network)
    };
    let logs = app.store()?.root().join("logs/boot");
    let machine = begin(app, &machine.command(), &client, (&logs.join("grade.log"), &logs.join("grade.qemu.log")))?;
    let done = work(&client);
    vm::after(done, power_off(app, machine, &client))
}

/// A machine that can be logged into.
struct Visit<'a> {
    app: &'a App,
    repository: &'a Repository,
    client: &'a SshClient,
}

impl Visit<'_> {
    fn grade(&self, name: &str) -> Result<Vec<Grade>> {
        match name {
            "ashlar-audit" => {
                let answers = self.as_root(&[audit::RUN], SOON)?;
                Ok(vec![audit::grade(&self.version("ashlar-audit")?, text(&answers, 0)).map_err(anyhow::Error::msg)?])
            }
            "exposure" => {
                let answers = self.as_root(&[exposure::RUN], SOON)?;
                Ok(vec![exposure::grade(&self.version("confine")?, text(&answers, 0)).map_err(anyhow::Error::msg)?])
            }
            "ssh-audit" => self.ssh_audit(),
            "lynis" => Ok(vec![self.lynis()?]),
            _ => Ok(vec![Grade::skipped(
                BY_HAND,
                "0.6.17.1",
                "its project publishes no package; its list is followed by hand, hardening/findings.toml has the deviations",
            )]),
        }
    }

    /// The version of one of our own packages.
    fn version(&self, package: &str) -> Result<String> {
        let package: PkgName = package.parse()?;
        Ok(self.repository.recipe_of(&package)?.version.clone())
    }

    fn accepted(&self, grader: &str) -> Result<BTreeMap<String, String>> {
        let texts = self.repository.hardening_texts()?;
        docs::accepted(&texts, grader).map_err(|found| invalid(&self.repository.root, &found))
    }

    /// Runs commands as root, in one session.
    fn as_root(&self, commands: &[&str], within: Duration) -> Result<Vec<Answer>> {
        let line = |command: &&str| Fact::as_root("", command, Expected::Has("")).line();
        let task = Task::Commands { user: USER.to_owned(), commands: commands.iter().map(line).collect() };
        let now = Instant::now();
        let answers =
            self.client.perform(&task, now, now + within, &AtomicBool::new(false)).map_err(anyhow::Error::msg)?;
        for (command, answer) in commands.iter().zip(&answers) {
            if answer.status != 0 {
                let tail: String = answer.text.lines().rev().take(20).map(|line| format!("\n  | {line}")).collect();
                anyhow::bail!(
                    "`{BECOME} sh -c '{command}'` ended with status {}; its last lines first:{tail}",
                    answer.status
                );
            }
        }
        Ok(answers)
    }

    fn lynis(&self) -> Result<Grade> {
        let store = self.app.store()?;
        let (offline, reporter) = (self.app.global.offline, &self.app.reporter);
        let Some(archive) = graders::lynis(&self.app.root, store.root(), offline, reporter)? else {
            return Ok(Grade::skipped("Lynis", lynis::VERSION, FORBIDDEN));
        };
        let receive = self.client.for_person(USER, &[lynis::RECEIVE.to_owned()]);
        exec::read_with_input(&receive, &archive).context("sending Lynis to the machine")?;
        self.app.reporter.note("Lynis takes some minutes");
        let answers = self.as_root(&[lynis::RUN, lynis::LOG, lynis::REPORT, lynis::REMOVE], LONG)?;
        let log = store.root().join("logs/grade");
        fs_err::create_dir_all(&log)?;
        for (name, at) in [("lynis.log", 1), ("lynis-report.dat", 2)] {
            fs_err::write(log.join(name), text(&answers, at))?;
        }
        self.app.reporter.note(format!("its log and report are in {log}"));
        let report = lynis::Report::read(text(&answers, 1), text(&answers, 2)).map_err(anyhow::Error::msg)?;
        Ok(report.grade(&self.accepted("Lynis")?))
    }

    /// From outside: what the server offers, whether that is what was decided, and what a client agrees on with it.
    fn ssh_audit(&self) -> Result<Vec<Grade>> {
        let (app, port) = (self.app, self.client.port());
        let mut grades = Vec::new();
        match graders::ssh_audit(app.store()?.root(), app.global.offline, &app.reporter)? {
            Some(program) => {
                self.rest();
                let report = exec::read(&ssh_audit::audit(&program, port))?;
                grades.push(ssh_audit::grade(&report, &self.accepted("ssh-audit")?).map_err(anyhow::Error::msg)?);
                self.rest();
                let judged = exec::read(&ssh_audit::policy(&program, &app.root.join(ssh_audit::POLICY), port))?;
                grades.push(ssh_audit::grade_policy(&judged).map_err(anyhow::Error::msg)?);
            }
            None => grades.push(Grade::skipped("ssh-audit", ssh_audit::VERSION, FORBIDDEN)),
        }
        let place = tempfile::tempdir()?;
        let client =
            self.own_client(Utf8Path::from_path(place.path()).context("the temporary directory is not UTF-8")?)?;
        let version = exec::read(&ssh_audit::version(&client))?;
        self.rest();
        grades.push(ssh_audit::grade_agreement(&version, &exec::read(&ssh_audit::agree(&client, port))?));
        Ok(grades)
    }

    /// Our own client, unpacked into an empty directory.
    fn own_client(&self, into: &Utf8Path) -> Result<Utf8PathBuf> {
        let store = self.app.store()?;
        let session = self.app.session(self.repository, &store)?;
        let name: PkgName = ssh_audit::CLIENT.parse()?;
        let built = session.build(std::slice::from_ref(&name))?;
        let diff_id = built.get(&name).with_context(|| format!("{name} was not built"))?.diff_id;
        root::compose(&store, &[Input { name, diff_id }], into)?;
        Ok(into.join("usr/bin").join(ssh::SSH))
    }

    fn rest(&self) {
        self.app.reporter.note(format!("{} s without new connections, as the machine wants", REST.as_secs()));
        std::thread::sleep(REST);
    }
}

fn text(answers: &[Answer], at: usize) -> &str {
    answers.get(at).map_or("", |answer| answer.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grader_that_was_not_asked_leaves_it_open() {
        let met = Grade::new("Lynis", "1", String::new(), String::new(), Vec::new());
        let missed = Grade::new("Lynis", "1", String::new(), String::new(), vec!["x".to_owned()]);
        let [skipped, by_hand] = ["ssh-audit", BY_HAND].map(|name| Grade::skipped(name, "1", FORBIDDEN));
        assert_eq!(outcome(&[met.clone(), by_hand.clone()]), Exit::Good);
        assert_eq!(outcome(&[met, by_hand, skipped.clone()]), Exit::Unchecked);
        assert_eq!(outcome(&[skipped, missed]), Exit::Boot);
    }
}
