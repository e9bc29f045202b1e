//! `run`: the ISO in QEMU, for a person: at its console, or logged in over SSH.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::command::Command;
use ashlar_lab::cloud::Volume;
use ashlar_lab::console::facts::BECOME;
use ashlar_lab::console::task::Task;
use ashlar_lab::qemu::{Display, Extra, Firmware, Machine, Medium, Network, Start};
use camino::{Utf8Path, Utf8PathBuf};

use super::machine::{flash, write_volume};
use crate::app::App;
use crate::cli::RunArgs;
use crate::compose::Variant;
use crate::exit::Exit;
use crate::host::ssh::SshClient;
use crate::host::vm::{self, Running};
use crate::host::{exec, tools};

/// The administrator of the volume made on the fly.
pub(super) const USER: &str = "dev";
/// How long the machine may take to greet.
const GREETING: Duration = Duration::from_secs(300);
/// How long it may take to power off.
const GOODBYE: Duration = Duration::from_secs(60);

/// Starts the given ISO, or the one of profile `minimal`, and stays until the machine powers off or the login ends.
pub fn run(app: &App, args: &RunArgs) -> Result<Exit> {
    tools::require("run")?;
    let iso = match &args.iso {
        Some(iso) if !iso.is_file() => return Err(Exit::Usage.error(format!("there is no file {iso}"))),
        Some(iso) => iso.clone(),
        None => super::iso::build(app, &Variant::plain("minimal"))?,
    };
    // Its sockets obey whoever reaches them.
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let scratch = tempfile::Builder::new().prefix("ashlar-").permissions(private).tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let client = SshClient::make(args.port, scratch)?;
    let logs = app.store()?.root().join("logs/boot");
    fs_err::create_dir_all(&logs)?;
    let log = logs.join("run.log");
    let network =
        Network::User { port: client.port(), web: None, restricted: !args.network, pcap: client.pcap(), frames: None };
    let machine = Machine {
        flash: flash(if args.bios { Firmware::Bios } else { Firmware::Uefi }, scratch)?,
        display: match (args.graphic, args.ssh) {
            (true, _) => Display::Window(log.clone()),
            (false, true) => Display::Harness,
            (false, false) => Display::Terminal(log.clone()),
        },
        memory: args.memory,
        volume: volume(args, &client, scratch)?,
        extra: args.data.clone().map(|file| Extra { file, keep: !args.snapshot }),
        restarts: true,
        debugger: args.gdb.then(|| scratch.join("gdb")),
        ..Machine::of(Start::Iso { file: iso, medium: if args.disk { Medium::Disk } else { Medium::Cd } }, network)
    };
    let command = machine.command();
    app.reporter.detail(|| command.to_string());
    let script = logs.join("run.sh");
    fs_err::write(&script, format!("{command}\n"))?;
    let hint = announce(app, args, &machine, &client)?;
    if args.ssh {
        return log_in(app, args, &command, &client, &logs);
    }
    match at_console(&command, &log, &hint)? {
        0 => Ok(Exit::Good),
        code => bail!("QEMU ended with exit code {code}; its messages are above, its command line is in {script}"),
    }
}

/// Leaves the terminal to the machine, and shows `hint` when that asks for a login: what was said before has scrolled off by then.
fn at_console(command: &Command, log: &Utf8Path, hint: &str) -> Result<i32> {
    fs_err::write(log, "")?;
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !hint.is_empty() && !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(200));
                // Not there, or not readable: then there is no hint, which is shown above as well.
                let said = fs_err::read(log).unwrap_or_default();
                if asks_for_login(&said) {
                    eprint!("\r\n{}\r\n", hint.replace('\n', "\r\n"));
                    return;
                }
            }
        });
        let code = exec::interactive(command);
        ended.store(true, Ordering::SeqCst);
        code
    })
}

/// Whether a console says nothing more than that it waits for a login.
fn asks_for_login(said: &[u8]) -> bool {
    said.trim_ascii_end().ends_with(b" login:")
}

/// The directory of the NoCloud volume: the user's own, ours, or none.
fn volume(args: &RunArgs, client: &SshClient, scratch: &Utf8Path) -> Result<Option<Utf8PathBuf>> {
    match &args.cidata {
        _ if args.no_cidata => Ok(None),
        Some(dir) if !dir.join("user-data").is_file() => {
            bail!("{dir} holds no `user-data`; a NoCloud volume has `meta-data` and `user-data`")
        }
        Some(dir) => Ok(Some(dir.clone())),
        None => {
            let (host, user) = ("ashlar".to_owned(), USER.to_owned());
            let volume = Volume {
                host,
                user,
                key: client.public_key()?,
                password: None,
                host_key: Some(client.host_key()?.clone()),
            };
            write_volume(&volume, &scratch.join("volume")).map(Some)
        }
    }
}

/// Says what a person can do with the machine. Gives what to say again at its login prompt.
fn announce(app: &App, args: &RunArgs, machine: &Machine, client: &SshClient) -> Result<String> {
    if let Some(socket) = &machine.debugger {
        app.reporter.note(format!("it waits for a debugger: gdb -ex 'target remote {socket}'"));
    }
    let ours = args.cidata.is_none() && !args.no_cidata;
    let ssh = client.short(USER)?;
    let hint = if ours {
        app.reporter.detail(|| client.for_person(USER, &[]).to_string());
        app.reporter.note(format!("user {USER} logs in by key only; from another terminal: {ssh}"));
        app.reporter.note(format!("`{BECOME} COMMAND` runs a command as root, `{BECOME} poweroff` ends the machine"));
        format!(
            "(No password opens this console. From another terminal: {ssh}\n\
             Or end it with Ctrl-A X, and let `cargo xtask run --ssh` log you in.)"
        )
    } else {
        app.reporter.note(format!("port {} of 127.0.0.1 leads to its port 22", client.port()));
        String::new()
    };
    if !args.ssh {
        app.reporter.note("Ctrl-A X ends the machine at once; Ctrl-A C opens QEMU's monitor");
    }
    Ok(hint)
}

/// Starts the machine in the background, logs in, and ends it when the login does.
fn log_in(app: &App, args: &RunArgs, command: &Command, client: &SshClient, logs: &Utf8Path) -> Result<Exit> {
    let (log, messages) = (logs.join("run.log"), logs.join("run.qemu.log"));
    let machine = begin(app, command, client, (&log, &messages))?;
    let code = exec::interactive(&client.for_person(USER, &args.command));
    let code = vm::after(code, power_off(app, machine, client))?;
    // A command's own status is the answer of a run that was for this command.
    match code {
        0 => Ok(Exit::Good),
        _ if args.command.is_empty() => Ok(Exit::Good),
        code => bail!("the command ended with exit code {code}"),
    }
}

/// Starts the machine in the background and waits until it can be logged into; its console goes to the first file, what QEMU
/// says to the second.
pub(super) fn begin(app: &App, command: &Command, client: &SshClient, logs: (&Utf8Path, &Utf8Path)) -> Result<Running> {
    let (log, messages) = logs;
    let mut machine = vm::start(command, log, messages)?;
    let _waiting = app.reporter.wait(format!("waiting for SSH, console in {log}"));
    if let Err(error) = greeted(&mut machine, client) {
        let ended = machine.end();
        let tail: String = exec::tail_of(log)?.lines().map(|line| format!("\n  | {line}")).collect();
        let words: String = exec::tail_of(messages)?.lines().map(|line| format!("\n  QEMU: {line}")).collect();
        let error = anyhow::anyhow!("{error}; the console's last lines ({log}):{tail}{words}");
        return vm::after(Err(error), ended);
    }
    Ok(machine)
}

/// Asks it to power off, and ends it when it does not.
pub(super) fn power_off(app: &App, mut machine: Running, client: &SshClient) -> Result<()> {
    let leave = Task::Leave { user: USER.to_owned(), command: format!("{BECOME} poweroff") };
    let now = Instant::now();
    let asked = client.perform(&leave, now, now + GOODBYE, &AtomicBool::new(false));
    if asked.is_err() || machine.wait(GOODBYE)?.is_none() {
        app.reporter.note("it did not power off, so it is ended");
    }
    machine.end()
}

/// Waits for the SSH banner, while the machine lives, and until a login works.
fn greeted(machine: &mut Running, client: &SshClient) -> Result<()> {
    let until = machine.started + GREETING;
    let flag = AtomicBool::new(false);
    loop {
        if let Some(status) = machine.wait(Duration::ZERO)? {
            bail!("the machine ended with {status} before it could be logged into");
        }
        let slice = until.min(Instant::now() + Duration::from_secs(5));
        if client.perform(&Task::Banner, machine.started, slice, &flag).is_ok() {
            return client.admitted(USER, until).map_err(anyhow::Error::msg);
        }
        if Instant::now() >= until {
            bail!("no SSH banner came within {} s", GREETING.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_comes_with_the_prompt_and_not_before() {
        assert!(asks_for_login(b"Welcome\r\nashlar login: "));
        for said in ["", "ashlar login: dev\r\nPassword: ", "sshd: the login: is next", "login:x"] {
            assert!(!asks_for_login(said.as_bytes()), "{said}");
        }
    }

    #[test]
    fn a_console_that_asks_gets_the_hint_while_the_machine_runs() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("log")).unwrap();
        let machine = Command::new("sh").args(["-c", &format!("printf 'x login: ' >> {log}; sleep 0.5; exit 7")]);
        assert_eq!(at_console(&machine, &log, "hint").unwrap(), 7);
    }
}
