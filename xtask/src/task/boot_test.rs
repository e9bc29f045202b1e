//! `boot-test`: starts the ISO in every way it must start, and looks at facts on the running system, over SSH and on the
//! console. What is tested is data: `ashlar_lab::scenario`.

mod report;
mod secure_boot;
mod slot_disk;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::model::hosttools::{OVMF, SECURE_BOOT_OVMF};
use ashlar_lab::cloud::Volume;
use ashlar_lab::qemu::{Display, Extra, Firmware, Machine, Network, PROGRAM, Start};
use ashlar_lab::scenario::{self, ADMIN, HOST, NetLink, PASSWORD_HASH, Scenario, SecureBoot, Setup, Target};
use ashlar_lab::ssh;
use camino::{Utf8Path, Utf8PathBuf};

use self::report::ScenarioVerdict;
use super::machine::{flash, write_volume};
use crate::app::App;
use crate::cli::BootTestArgs;
use crate::compose::Variant;
use crate::exit::Exit;
use crate::host::cpu_stress::CpuStress;
use crate::host::rsa::OPENSSL;
use crate::host::ssh::SshClient;
use crate::host::{exec, parallel, tools, vm};
use crate::report::Format;

/// What a machine must make do with, in MiB.
const MEMORY: u32 = 512;

/// Bytes of an empty disk: the least that an installed system has.
const DISK: u64 = 1 << 30;

/// What the scenarios have in common.
struct Subject<'a> {
    app: &'a App,
    isos: BTreeMap<Variant, Utf8PathBuf>,
    /// Limit of a scenario.
    limit: Duration,
    /// Where logs go.
    logs: &'a Utf8Path,
}

/// Tests the named scenarios, or all, as often as asked.
pub fn run(app: &App, args: &BootTestArgs) -> Result<Exit> {
    let repository = app.repository()?;
    let linux: PkgName = "linux".parse()?;
    let release = &repository.recipe_of(&linux)?.version;
    let names: Vec<&str> = match args.scenarios.as_slice() {
        [] => scenario::names(if args.short { Target::Test } else { Target::TestAll }),
        named => named.iter().map(String::as_str).collect(),
    };
    let scenarios = names.into_iter().map(|name| Ok(scenario::named(name, release)?)).collect::<Result<Vec<_>>>()?;
    if let Some(reason) = lacking(&scenarios) {
        eprintln!("skipped: {reason}; `cargo xtask setup` installs it");
        return Ok(Exit::Unchecked);
    }
    let mut isos = BTreeMap::new();
    for Scenario { setup, .. } in &scenarios {
        if let Entry::Vacant(place) = isos.entry(variant(setup)) {
            let given = args.iso.as_ref().filter(|_| *place.key() == Variant::plain("minimal"));
            let iso = given.map_or_else(|| super::iso::build(app, place.key()), |iso| Ok(iso.clone()))?;
            place.insert(iso);
        }
    }
    let logs = app.store()?.root().join("logs/boot");
    fs_err::create_dir_all(&logs)?;
    let subject = Subject { app, isos, limit: Duration::from_secs(args.timeout), logs: &logs };
    let load = CpuStress::begin(args.load)?;
    let starts = starts(&scenarios, args.repeat);
    let verdicts =
        parallel::queue(&starts, args.machines.into(), |(scenario, name)| subject.test(scenario, name.clone()))?;
    drop(load);
    if app.global.message_format == Format::Human {
        app.reporter.say(report::table(&verdicts));
        app.reporter.say(report::spread(&verdicts));
    }
    Ok(if verdicts.iter().all(|verdict| verdict.ok) { Exit::Good } else { Exit::Boot })
}

/// The starts to make, each under a name of its own.
fn starts(scenarios: &[Scenario], rounds: u32) -> Vec<(&Scenario, String)> {
    let named = |round: u32, scenario: &Scenario| match rounds {
        1 => scenario.name.to_owned(),
        _ => format!("{}.{round}", scenario.name),
    };
    (1..=rounds).flat_map(|round| scenarios.iter().map(move |scenario| (scenario, named(round, scenario)))).collect()
}

/// The ISO that a machine starts.
fn variant(setup: &Setup) -> Variant {
    let without = setup.without.iter().map(|layer| layer.folder().to_owned()).collect();
    Variant { profile: setup.profile.to_owned(), without }
}

/// The first thing without which these scenarios cannot be tested here.
fn lacking(scenarios: &[Scenario]) -> Option<String> {
    if let Some(missing) =
        [PROGRAM, ssh::SSH, ssh::SCP, ssh::KEYGEN].into_iter().find(|name| tools::find(name).is_none())
    {
        return Some(format!("{missing} is not installed"));
    }
    let uefi = scenarios.iter().any(|scenario| scenario.setup.firmware == Firmware::Uefi);
    let secure_boot = scenarios.iter().any(|scenario| scenario.setup.secure_boot.is_some());
    if secure_boot && tools::find(OPENSSL).is_none() {
        return Some(format!("{OPENSSL} is not installed"));
    }
    let firmware = [(uefi, OVMF), (secure_boot, SECURE_BOOT_OVMF)];
    let missing = firmware.into_iter().find(|(wanted, name)| *wanted && tools::ovmf(name).is_err());
    missing.map(|(_, name)| format!("the UEFI firmware {name} is not installed"))
}

impl Subject<'_> {
    /// Tests one scenario under a name of its own, and prints how it went.
    fn test(&self, scenario: &Scenario, name: String) -> Result<ScenarioVerdict> {
        self.app.reporter.note(format!("starting {name}: {}", scenario.summary));
        let log = self.logs.join(format!("{name}.log"));
        let verdict = self.hold(scenario, name, log).with_context(|| format!("boot scenario {}", scenario.name))?;
        // Results go out as they come: the next scenario may take minutes.
        let text = match self.app.global.message_format {
            Format::Json => serde_json::to_string(&verdict)? + "\n",
            Format::Human if verdict.ok => verdict.lines(),
            Format::Human => verdict.lines() + &report::tail(&exec::tail_of(&verdict.log)?),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(verdict)
    }

    /// Holds the scenario's conversation with a machine that lives no longer than it.
    fn hold(&self, scenario: &Scenario, name: String, log: Utf8PathBuf) -> Result<ScenarioVerdict> {
        let scratch = tempfile::tempdir()?;
        let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
        let client = Arc::new(SshClient::make(None, scratch)?);
        let machine = self.machine(scenario, &client, scratch)?;
        let messages = self.logs.join(format!("{name}.qemu.log"));
        let script = scenario.script(self.limit, &client.public_key()?);
        let console = vm::converse(&machine.command(), script, Some(&client), &log, &messages)?;
        let facts = scenario.evaluate(console.answers());
        let failure = match console.outcome() {
            Some(Err(failure)) => Some(failure.to_string()),
            _ => None,
        };
        let seconds = |time: Option<&Duration>| time.map(Duration::as_secs_f64);
        Ok(ScenarioVerdict {
            scenario: scenario.name,
            name,
            ok: failure.is_none() && facts.iter().all(|seen| seen.ok),
            seconds_to_answer: seconds(console.passed().first()),
            seconds: seconds(console.passed().last()).filter(|_| failure.is_none()),
            facts,
            failure,
            log,
        })
    }

    fn machine(&self, scenario: &Scenario, client: &SshClient, scratch: &Utf8Path) -> Result<Machine> {
        let setup = &scenario.setup;
        let volume = Volume {
            host: HOST.to_owned(),
            user: ADMIN.to_owned(),
            key: client.public_key()?,
            password: Some(PASSWORD_HASH.to_owned()),
            host_key: if setup.configured { Some(client.host_key()?.clone()) } else { None },
        };
        let mut file = self.isos.get(&variant(setup)).context("its ISO was not built")?.clone();
        let (mut flash, mut tried_first) = (flash(setup.firmware, scratch)?, Vec::new());
        let given = setup.configured.then(|| write_volume(&volume, &scratch.join("volume"))).transpose()?;
        if let Some(wanted) = setup.secure_boot {
            let prepared = secure_boot::prepare(self.app, wanted, &variant(setup), &file, scratch)?;
            (file, flash, tried_first) = (prepared.medium, Some(prepared.flash), prepared.refused);
            if let (Some(update), Some(volume)) = (prepared.update, &given) {
                fs_err::write(volume.join("update.efi"), update)?;
            }
        }
        Ok(Machine {
            flash,
            tried_first,
            start: Start::Iso { file, medium: setup.medium },
            display: Display::Harness,
            memory: MEMORY,
            processors: 2,
            network: match setup.link {
                NetLink::Silent => Network::Silent,
                NetLink::User | NetLink::Shared => Network::User {
                    port: client.port(),
                    web: None,
                    restricted: true,
                    pcap: client.pcap(),
                    frames: (setup.link == NetLink::Shared).then(|| client.frame_sockets()),
                },
            },
            volume: given,
            extra: setup.empty_disk.then(|| empty_disk(&scratch.join("empty.disk"))).transpose()?,
            clock: setup.clock.map(|clock| clock.text.to_owned()),
            restarts: setup.restarts,
            watchdog: setup.empty_disk,
            ordered: setup.secure_boot != Some(SecureBoot::Install),
            debugger: None,
            control: None,
        })
    }
}

/// A disk with nothing on it. What is not written takes no room.
fn empty_disk(file: &Utf8Path) -> Result<Extra> {
    fs_err::File::create(file)?.set_len(DISK)?;
    Ok(Extra { file: file.to_owned(), keep: true })
}
