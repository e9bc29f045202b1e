//! From power-on to an SSH banner, beside a minimal Debian: the same QEMU, firmware, memory, processors and devices.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::model::hosttools::OVMF;
use ashlar_lab::boot_timing::{self, Memory, OWN_QUESTIONS, QUESTIONS};
use ashlar_lab::cloud::Volume;
use ashlar_lab::console::Answer;
use ashlar_lab::console::task::Task;
use ashlar_lab::qemu::{self, Firmware, Machine, Medium, Network, Start};
use ashlar_lab::reference;
use ashlar_lab::scenario::{ADMIN, HOST};
use ashlar_lab::ssh;
use camino::{Utf8Path, Utf8PathBuf};

use super::median::median;
use crate::app::App;
use crate::cli::{BenchArgs, System};
use crate::compose::Variant;
use crate::host::reference::ReferenceSystem;
use crate::host::ssh::SshClient;
use crate::host::{exec, tools, vm};
use crate::task::machine::{flash, write_volume};

const MEMORY: u32 = 512;
const PROCESSORS: u32 = 2;
/// Limit of a start, and of the questions after it.
const LIMIT: Duration = Duration::from_secs(600);
/// How long a system is left alone before its memory is looked at: what starts after sshd counts as well.
const SETTLE: Duration = Duration::from_secs(15);
/// Columns of the chart.
const WIDTH: usize = 60;

/// What is started.
struct Bench<'a> {
    iso: Option<Utf8PathBuf>,
    reference_system: Option<ReferenceSystem>,
    logs: &'a Utf8Path,
}

/// What one start gave.
struct Started {
    /// Seconds from the start of QEMU to the banner.
    banner: f64,
    /// Answers to the questions, when they were asked.
    answers: Vec<Answer>,
    /// Seconds from the start of QEMU to the last answer.
    asked: f64,
}

/// Starts both systems in turn and prints medians, memory, processes, and where our time goes.
pub fn run(app: &App, args: &BenchArgs) -> Result<()> {
    let firmwares = args.firmware.map_or_else(|| vec![Firmware::Bios, Firmware::Uefi], |one| vec![one]);
    if let Some(missing) = [qemu::PROGRAM, ssh::SSH, ssh::KEYGEN].into_iter().find(|name| tools::find(name).is_none()) {
        app.reporter.say(format!("skipped: {missing} is not installed; `cargo xtask setup` installs it"));
        return Ok(());
    }
    let logs = app.store()?.root().join("logs/bench");
    fs_err::create_dir_all(&logs)?;
    let wanted = |system| args.system.is_none_or(|only| only == system);
    let (ours, debians) = (wanted(System::Ashlar), wanted(System::Debian));
    let iso = match &args.iso {
        _ if !ours => None,
        Some(iso) => Some(iso.clone()),
        None => Some(crate::task::iso::build(app, &Variant::plain("minimal"))?),
    };
    let reference_system = if debians { debian(app, &logs)? } else { None };
    let bench = Bench { iso, reference_system, logs: &logs };
    let mut systems = Vec::new();
    systems.extend(bench.iso.is_some().then_some(System::Ashlar));
    systems.extend(bench.reference_system.is_some().then_some(System::Debian));
    for firmware in firmwares {
        if firmware == Firmware::Uefi && tools::ovmf(OVMF).is_err() {
            app.reporter.say("skipped: the UEFI firmware OVMF is not installed");
            continue;
        }
        let mut times = vec![Vec::new(); systems.len()];
        let mut last: Vec<Option<Started>> = systems.iter().map(|_| None).collect();
        for round in 1..=args.runs {
            for (at, system) in systems.iter().enumerate() {
                app.reporter.note(format!("{firmware:?}, round {round} of {}: {system:?}", args.runs));
                let started = bench.start(*system, firmware, round == args.runs)?;
                times[at].push(started.banner);
                last[at] = Some(started);
            }
        }
        report(app, firmware, &systems, &times, &last, args.runs);
    }
    Ok(())
}

/// The Debian image; without the tools that make one, a word about it.
fn debian(app: &App, logs: &Utf8Path) -> Result<Option<ReferenceSystem>> {
    if let Some(missing) = [reference::PROGRAM, "mke2fs"].into_iter().find(|name| tools::find(name).is_none()) {
        app.reporter.say(format!(
            "skipped: Debian beside it, because {missing} is not installed (packages mmdebstrap, e2fsprogs)"
        ));
        return Ok(None);
    }
    let log = logs.join("debian.log");
    app.reporter.note(format!("Debian's image: made anew when it is older than a day; log in {log}"));
    let reference_system = ReferenceSystem::obtain(app.store()?.root(), app.global.offline, &log)?;
    app.reporter.note(if reference_system.fresh {
        "Debian's image was made now"
    } else {
        "Debian's image is from the store"
    });
    Ok(Some(reference_system))
}

impl Bench<'_> {
    fn start(&self, system: System, firmware: Firmware, ask: bool) -> Result<Started> {
        let scratch = tempfile::tempdir()?;
        let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
        let client = match (system, &self.reference_system) {
            (System::Debian, Some(reference_system)) => SshClient::with_key(&reference_system.file("key"), scratch)?,
            _ => SshClient::make(None, scratch)?,
        };
        let machine = self.machine(system, firmware, &client, scratch)?;
        let (log, messages) =
            (self.logs.join(format!("{system:?}.log")), self.logs.join(format!("{system:?}.qemu.log")));
        let running = vm::start(&machine.command(), &log, &messages)?;
        let never = AtomicBool::new(false);
        let perform = |task: &Task| client.perform(task, running.started, Instant::now() + LIMIT, &never);
        let result = (|| -> Result<Started, String> {
            perform(&Task::Banner)?;
            let banner = running.started.elapsed().as_secs_f64();
            if !ask {
                return Ok(Started { banner, answers: Vec::new(), asked: banner });
            }
            std::thread::sleep(SETTLE);
            let user = if system == System::Ashlar { ADMIN } else { reference::USER }.to_owned();
            let commands = match system {
                System::Ashlar => boot_timing::of_ours(),
                System::Debian => QUESTIONS.map(str::to_owned).to_vec(),
            };
            let answers = perform(&Task::Commands { user, commands })?;
            Ok(Started { banner, answers, asked: running.started.elapsed().as_secs_f64() })
        })();
        let ended = running.end();
        let result = result.map_err(|reason| {
            let tail: String =
                exec::tail_of(&log).unwrap_or_default().lines().map(|line| format!("\n  | {line}")).collect();
            anyhow::anyhow!("{system:?} by {firmware:?}: {reason}; its console ({log}):{tail}")
        });
        vm::after(result, ended)
    }

    fn machine(&self, system: System, firmware: Firmware, client: &SshClient, scratch: &Utf8Path) -> Result<Machine> {
        let (start, volume) = match (system, &self.reference_system) {
            (System::Debian, Some(reference_system)) => {
                let [kernel, initrd, disk] = ["kernel", "initrd", "disk"].map(|name| reference_system.file(name));
                (Start::Kernel { kernel, initrd, cmdline: reference::CMDLINE.to_owned(), disk }, None)
            }
            _ => {
                let (host, user) = (HOST.to_owned(), ADMIN.to_owned());
                // Both systems come with the keys that they have: Debian made its own when it was installed, and so does ours now.
                let volume = Volume { host, user, key: client.public_key()?, password: None, host_key: None };
                let volume = write_volume(&volume, &scratch.join("volume"))?;
                let file = self.iso.clone().context("there is no ISO to start")?;
                (Start::Iso { file, medium: Medium::Virtio }, Some(volume))
            }
        };
        let network =
            Network::User { port: client.port(), web: None, restricted: true, pcap: client.pcap(), frames: None };
        Ok(Machine {
            flash: flash(firmware, scratch)?,
            memory: MEMORY,
            processors: PROCESSORS,
            volume,
            ..Machine::of(start, network)
        })
    }
}

fn report(app: &App, firmware: Firmware, systems: &[System], times: &[Vec<f64>], last: &[Option<Started>], runs: u32) {
    app.reporter.say(format!(
        "\npower-on to SSH banner, {firmware:?}, {MEMORY} MiB, {PROCESSORS} processors, emulated, median of {runs}"
    ));
    let medians: Vec<f64> = times.iter().cloned().map(median).collect();
    for (at, system) in systems.iter().enumerate() {
        let list: Vec<String> = times[at].iter().map(|seconds| format!("{seconds:.1}")).collect();
        let figures = last[at].as_ref().map_or(String::new(), |started| held(*system, started));
        app.reporter.say(format!(
            "  {:<7} {:>6.1} s   ({})   {figures}",
            format!("{system:?}"),
            medians[at],
            list.join(" ")
        ));
    }
    if let [ours, debian] = medians.as_slice() {
        app.reporter.say(format!("  ratio   {:>6.2}", ours / debian));
    }
    if systems.contains(&System::Debian) {
        app.reporter.say("  Debian's kernel and initrd are handed to the firmware by QEMU, past any boot loader: that is to its advantage.");
    }
    if let (Some(System::Ashlar), Some(Some(started))) = (systems.first(), last.first()) {
        app.reporter.say(format!("\nwhere Ashlar's time goes, in the last start\n{}", chart(started)));
    }
}

/// Memory and processes.
fn held(system: System, started: &Started) -> String {
    let skip = if system == System::Ashlar { OWN_QUESTIONS.len() } else { 0 };
    let text = |at: usize| started.answers.get(skip + at).map_or("", |answer| answer.text.as_str());
    let memory = Memory::parse(text(0)).map_or("memory unknown".to_owned(), |memory| {
        let mib = |kib: u64| kib as f64 / 1024.0;
        format!("{:.1} MiB used without page cache ({:.1} MiB cache)", mib(memory.used), mib(memory.cached))
    });
    let programs = boot_timing::programs(text(1));
    format!("{memory}, {} processes: {}", programs.len(), programs.join(" "))
}

/// The chart of a start of ours, and the services' own.
fn chart(started: &Started) -> String {
    let text = |at: usize| started.answers.get(at).map_or("", |answer| answer.text.as_str());
    let [init, timing, services] = [0, 1, 2].map(text);
    let Some(uptime) = boot_timing::uptime(text(OWN_QUESTIONS.len() + QUESTIONS.len() - 1)) else {
        return "the machine did not say how long it runs".to_owned();
    };
    let kernel = (started.asked - uptime).max(0.0);
    let (first, sshd) = boot_timing::services(timing);
    let stretches = boot_timing::stretches(kernel, boot_timing::stamp(init), first, sshd, started.banner);
    format!("{}\n{services}", boot_timing::chart(&stretches, WIDTH))
}
