//! The cost of the six layers: the same machine with all of them and with none, in one run.
//!
//! Without layers the same service runs as a plain process instead of in a container. The kernel is the same on both: its
//! configuration cannot be left out, so what that costs is not in the figures.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::model::hardening::Layer;
use ashlar_lab::boot_timing::Memory;
use ashlar_lab::cloud::Volume;
use ashlar_lab::console::facts::{Expected, Fact};
use ashlar_lab::console::task::Task;
use ashlar_lab::overhead::{self, Cost};
use ashlar_lab::qemu::{self, Machine, Medium, Network, Start};
use ashlar_lab::scenario::{ADMIN, HOST};
use ashlar_lab::ssh;
use camino::Utf8Path;

use super::median::median;
use crate::app::App;
use crate::compose::Variant;
use crate::host::ssh::{SshClient, free_port};
use crate::host::{tools, vm};
use crate::task::machine::write_volume;

/// The profile with a service that can run in a container and without.
const PROFILE: &str = "test-containers";
const LIMIT: Duration = Duration::from_secs(300);
/// What starts after sshd is not measured.
const SETTLE: Duration = Duration::from_secs(10);
const LOGINS: u32 = 10;
const REQUESTS: u32 = 300;

/// Starts both in turn, as often as asked, and prints medians.
pub fn run(app: &App, runs: u32) -> Result<()> {
    if let Some(missing) = [qemu::PROGRAM, ssh::SSH, ssh::KEYGEN].into_iter().find(|name| tools::find(name).is_none()) {
        app.reporter.say(format!("skipped: {missing} is not installed; `cargo xtask setup` installs it"));
        return Ok(());
    }
    let all = Layer::ALL.iter().map(|layer| layer.folder().to_owned()).collect();
    let variants = [Variant::plain(PROFILE), Variant { profile: PROFILE.to_owned(), without: all }];
    let isos = [super::super::iso::build(app, &variants[0])?, super::super::iso::build(app, &variants[1])?];
    let logs = app.store()?.root().join("logs/bench");
    fs_err::create_dir_all(&logs)?;
    let mut seen = [Vec::new(), Vec::new()];
    for round in 1..=runs {
        for (at, iso) in isos.iter().enumerate() {
            app.reporter.note(format!("round {round} of {runs}: {}", if at == 0 { "six layers" } else { "none" }));
            let log = logs.join(if at == 0 { "with.log" } else { "without.log" });
            seen[at].push(measure(iso, at == 0, &log).with_context(|| format!("its console is in {log}"))?);
        }
    }
    app.reporter.say(format!("\nthe six layers' cost, emulated, medians of {runs}"));
    app.reporter.say(overhead::table(&middle(&seen[0]), &middle(&seen[1])));
    Ok(())
}

fn middle(costs: &[Cost]) -> Cost {
    let of = |value: fn(&Cost) -> f64| median(costs.iter().map(value).collect());
    Cost {
        boot_seconds: of(|cost| cost.boot_seconds),
        memory_kib: of(|cost| cost.memory_kib as f64) as u64,
        logins_per_second: of(|cost| cost.logins_per_second),
        requests_per_second: of(|cost| cost.requests_per_second),
        writes_per_second: of(|cost| cost.writes_per_second),
    }
}

fn measure(iso: &Utf8Path, layers: bool, log: &Utf8Path) -> Result<Cost> {
    let scratch = tempfile::tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let client = SshClient::make(None, scratch)?;
    let web = free_port()?;
    let (host, user) = (HOST.to_owned(), ADMIN.to_owned());
    let volume =
        Volume { host, user, key: client.public_key()?, password: None, host_key: Some(client.host_key()?.clone()) };
    let network =
        Network::User { port: client.port(), web: Some(web), restricted: true, pcap: client.pcap(), frames: None };
    let machine = Machine {
        volume: Some(write_volume(&volume, &scratch.join("volume"))?),
        ..Machine::of(Start::Iso { file: iso.to_owned(), medium: Medium::Virtio }, network)
    };
    let running = vm::start(&machine.command(), log, &log.with_extension("qemu.log"))?;
    let cost = costs(&client, running.started, layers, web);
    vm::after(cost, running.end())
}

fn costs(client: &SshClient, started: Instant, layers: bool, web: u16) -> Result<Cost> {
    let perform = |task: &Task| {
        let done = client.perform(task, started, Instant::now() + LIMIT, &AtomicBool::new(false));
        done.map_err(anyhow::Error::msg)
    };
    let ask = |command: String| {
        let answers = perform(&Task::Commands { user: ADMIN.to_owned(), commands: vec![command.clone()] })?;
        let answer = answers.into_iter().next().context("there was no answer")?;
        anyhow::ensure!(answer.status == 0, "`{command}` ended with status {}: {}", answer.status, answer.text);
        Ok(answer.text)
    };
    let as_root = |command: &str| ask(Fact::as_root("", command, Expected::Has("")).line());
    perform(&Task::Banner)?;
    let boot_seconds = started.elapsed().as_secs_f64();
    if !layers {
        // In place of the container that the profile starts, so that both machines run one service.
        as_root("rc-service plain-hello start")?;
    }
    std::thread::sleep(SETTLE);
    let memory =
        Memory::parse(&ask("cat /proc/meminfo".to_owned())?).context("/proc/meminfo says nothing of memory")?;
    let writes = ask(overhead::WRITES.to_owned())?;
    if layers {
        as_root(overhead::OPEN)?;
        // Beside the one that the profile starts, which has no network.
        as_root("container run -d --name bench --network host /srv/hello")?;
    }
    let login_seconds = client.fresh_logins(ADMIN, LOGINS, Instant::now() + LIMIT).map_err(anyhow::Error::msg)?;
    Ok(Cost {
        boot_seconds,
        memory_kib: memory.used,
        logins_per_second: f64::from(LOGINS) / login_seconds.as_secs_f64(),
        requests_per_second: f64::from(REQUESTS) / requests(web)?.as_secs_f64(),
        writes_per_second: overhead::writes_per_second(&writes).with_context(|| format!("`{writes}` is not a time"))?,
    })
}

/// How long the requests take, the first one aside: it may come before the service listens.
fn requests(port: u16) -> Result<Duration> {
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = request(port) {
        anyhow::ensure!(Instant::now() < until, "the service did not answer: {error:#}");
        std::thread::sleep(Duration::from_millis(250));
    }
    let started = Instant::now();
    (0..REQUESTS).try_for_each(|_| request(port))?;
    Ok(started.elapsed())
}

fn request(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "it answered {:?}", String::from_utf8_lossy(&answer));
    Ok(())
}
