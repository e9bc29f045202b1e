//! `screenshot`: a picture of the screen of a booted system with a user logged in.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use ashlar_lab::cloud::Volume;
use ashlar_lab::qemu::{Firmware, Machine, Medium, Network, Start};
use ashlar_lab::qmp;
use ashlar_lab::scenario::{PASSWORD, PASSWORD_HASH};
use camino::{Utf8Path, Utf8PathBuf};

use super::machine::{flash, write_volume};
use super::run::{USER, begin, power_off};
use crate::app::App;
use crate::cli::ScreenshotArgs;
use crate::compose::Variant;
use crate::exit::Exit;
use crate::host::qmp::Control;
use crate::host::ssh::SshClient;
use crate::host::{tools, vm};

/// The default commands: which system this is, what runs, and whether its checks pass.
const COMMANDS: [&str; 4] =
    ["clear", "uname -srm; free -m | head -n 2", "become rc-status default", "become ashlar-audit | tail -n 1"];
/// Memory in MiB.
const MEMORY: u32 = 1024;
/// How long the login, and each command before the last, may take: an emulated processor is slow.
const PAUSE: Duration = Duration::from_secs(15);

/// Starts the machine, waits until it can be logged into, types on its screen, and keeps the picture.
pub fn run(app: &App, args: &ScreenshotArgs) -> Result<Exit> {
    tools::require("run")?;
    let commands: Vec<&str> = match args.commands.as_slice() {
        [] => COMMANDS.to_vec(),
        commands => commands.iter().map(String::as_str).collect(),
    };
    let keys = keys(&commands, Duration::from_secs(args.settle))?;
    let iso = match &args.iso {
        Some(iso) if !iso.is_file() => return Err(Exit::Usage.error(format!("there is no file {iso}"))),
        Some(iso) => iso.clone(),
        None => super::iso::build(app, &Variant::plain("minimal"))?,
    };
    // Its sockets obey whoever reaches them.
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let scratch = tempfile::Builder::new().permissions(private).tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let client = SshClient::make(None, scratch)?;
    let control = scratch.join("qmp");
    let machine = machine(args, iso, &client, scratch, &control)?;
    let logs = app.store()?.root().join("logs/boot");
    let (log, messages) = (logs.join("screenshot.log"), logs.join("screenshot.qemu.log"));
    let machine = begin(app, &machine.command(), &client, (&log, &messages))?;
    let picture = scratch.join("screen.png");
    let done = photograph(&control, &keys, &picture);
    vm::after(done, power_off(app, machine, &client))?;
    if let Some(folder) = args.file.parent().filter(|folder| !folder.as_str().is_empty()) {
        fs_err::create_dir_all(folder)?;
    }
    // Read and written, not renamed: the scratch directory may be another file system.
    fs_err::write(&args.file, fs_err::read(&picture)?)?;
    app.reporter.say(&args.file);
    Ok(Exit::Good)
}

fn machine(
    args: &ScreenshotArgs,
    iso: Utf8PathBuf,
    client: &SshClient,
    scratch: &Utf8Path,
    control: &Utf8Path,
) -> Result<Machine> {
    let volume = Volume {
        host: "ashlar".to_owned(),
        user: USER.to_owned(),
        key: client.public_key()?,
        password: Some(PASSWORD_HASH.to_owned()),
        host_key: Some(client.host_key()?.clone()),
    };
    let network = Network::User { port: client.port(), web: None, restricted: true, pcap: client.pcap(), frames: None };
    Ok(Machine {
        flash: flash(if args.uefi { Firmware::Uefi } else { Firmware::Bios }, scratch)?,
        memory: MEMORY,
        volume: Some(write_volume(&volume, &scratch.join("volume"))?),
        restarts: true,
        control: Some(control.to_owned()),
        ..Machine::of(Start::Iso { file: iso, medium: Medium::Cd }, network)
    })
}

/// What is typed, each part with the time that it is given.
type Keys = Vec<(Vec<String>, Duration)>;

/// The login and the commands as keys.
fn keys(commands: &[&str], settle: Duration) -> Result<Keys> {
    let lines: Vec<&str> = [USER, PASSWORD].into_iter().chain(commands.iter().copied()).collect();
    let last = lines.len() - 1;
    let typed = |(at, text): (usize, &&str)| match qmp::typed(text) {
        Ok(keys) => Ok((keys, if at == last { settle } else { PAUSE })),
        Err(letter) => Err(Exit::Usage.error(format!("`{letter}` of `{text}` is on no key of this keyboard"))),
    };
    lines.iter().enumerate().map(typed).collect()
}

fn photograph(socket: &Utf8Path, keys: &Keys, picture: &Utf8Path) -> Result<()> {
    let mut control = Control::connect(socket)?;
    for (keys, wait) in keys {
        keys.iter().try_for_each(|key| control.say(key))?;
        std::thread::sleep(*wait);
    }
    control.say(&qmp::screendump(picture))?;
    if picture.is_file() { Ok(()) } else { Err(anyhow!("QEMU says that it made the picture, and there is none")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_typed_before_the_commands() {
        let settle = Duration::from_secs(9);
        let keys = keys(&["ls"], settle).unwrap();
        let lengths: Vec<usize> = keys.iter().map(|(keys, _)| keys.len()).collect();
        assert_eq!(lengths, [USER.len() + 1, PASSWORD.len() + 1, 3]);
        assert_eq!(keys.iter().map(|(_, wait)| *wait).collect::<Vec<_>>(), [PAUSE, PAUSE, settle]);
    }

    #[test]
    fn what_no_key_types_is_a_wrong_command_line() {
        let error = keys(&["ls ü"], PAUSE).unwrap_err();
        assert_eq!(crate::report::failure::exit(&error), Exit::Usage);
    }
}
