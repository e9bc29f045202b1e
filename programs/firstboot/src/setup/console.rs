//! The dialogue's terminal, and its effects.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::answers::Answers;
use super::dialogue::{Dialogue, Turn};
use crate::types::PasswordHash;
use crate::{apply, facts, plan, report, volume};

const FOLDER: &str = "/run/ashlar";
const KEPT: &str = "/run/ashlar/setup";
const LOCK: &str = "/run/ashlar/setup.lock";

/// The end of a dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The machine is configured.
    Configured,
    /// The user left, or applying failed.
    Left,
}

/// Runs the dialogue on standard input.
pub fn run() -> io::Result<Outcome> {
    sys::line_mode(io::stdin(), true)?;
    write("\nPress Enter to configure this machine.\n")?;
    if read_line()?.is_none() {
        return Ok(Outcome::Left);
    }
    fs::create_dir_all(FOLDER)?;
    let lock = File::create(LOCK)?;
    if !sys::try_lock(&lock)? {
        write("The questions are being answered on another console.\n")?;
        return Ok(Outcome::Left);
    }
    if Path::new(plan::MARKER).exists() {
        write("The machine has been configured in the meantime.\n")?;
        return Ok(Outcome::Configured);
    }
    let facts = facts::read()?;
    // Without readable answers the dialogue starts at the beginning.
    let kept = fs::read_to_string(KEPT).unwrap_or_default();
    let answers = Answers::from_text(&kept, &facts);
    converse(Dialogue::new(facts, answers))
}

fn converse(mut dialogue: Dialogue) -> io::Result<Outcome> {
    let mut say = dialogue.greeting();
    let mut turn = dialogue.turn();
    loop {
        let asking = matches!(turn, Turn::Ask { .. });
        say.extend(if asking { dialogue.introduction() } else { Vec::new() });
        write(&say.drain(..).map(|line| format!("{line}\n")).collect::<String>())?;
        turn = match turn {
            Turn::Ask { prompt, hidden } => {
                write(&prompt)?;
                sys::line_mode(io::stdin(), !hidden)?;
                let line = read_line();
                sys::line_mode(io::stdin(), true)?;
                match line? {
                    Some(line) => dialogue.answer(&line, &mut say),
                    None => Turn::Leave,
                }
            }
            Turn::ReadKeys => dialogue.keys(keys_from_volume(), &mut say),
            Turn::Hash(password) => dialogue.hashed(hash(&password), &mut say),
            Turn::Apply(config) => {
                let steps = plan::plan(&config, &dialogue.facts).map_err(io::Error::other)?;
                return finish(&steps);
            }
            Turn::Leave => {
                write("\nLeft. The answers are kept until the machine is switched off.\n")?;
                return Ok(Outcome::Left);
            }
        };
        keep(&dialogue.answers)?;
    }
}

/// The answers contain a password hash, so only root may read them.
fn keep(answers: &Answers) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(KEPT)?;
    file.write_all(answers.to_text().as_bytes())
}

fn finish(steps: &[plan::Step]) -> io::Result<Outcome> {
    report::plan(steps);
    if let Err(failed) = apply::apply(steps, Path::new("/"), &mut |line| report::line(&line)) {
        report::line(&failed.to_string());
        return Ok(Outcome::Left);
    }
    fs::remove_file(KEPT)?;
    write("The machine is configured. Services are starting.\n")?;
    start_services();
    Ok(Outcome::Configured)
}

/// Starts the services that waited for the configuration.
fn start_services() {
    // In OpenRC this says that the awaited event has happened: without it, an inactive service counts as started
    // already.
    carry_out(Command::new("rc-service").args(["firstboot", "start"]).env("IN_BACKGROUND", "YES"));
    carry_out(Command::new("openrc").arg("default"));
}

/// Runs a command, and reports a failure.
fn carry_out(command: &mut Command) {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => report::line(&format!("`{command:?}` ended with {status}")),
        Err(error) => report::line(&format!("`{command:?}` was not started: {error}; restart the machine")),
    }
}

fn keys_from_volume() -> Result<String, String> {
    match volume::find(Duration::ZERO) {
        Ok(Some(found)) => volume::authorized_keys(&found).map_err(|error| error.to_string()),
        Ok(None) => Err("No volume is labelled CIDATA. Plug it in, wait a moment, and answer `usb` again.".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Hashes `password` with BusyBox (sha512-crypt). The password goes through a pipe: everybody can see arguments.
fn hash(password: &str) -> Result<PasswordHash, String> {
    let made = salt().and_then(|salt| {
        let mut child = Command::new("cryptpw")
            .args(["-m", "sha512", "-P", "0", "-S", &format!("rounds=100000${salt}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(format!("{password}\n").as_bytes())?;
        }
        let output = child.wait_with_output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    });
    let text = made.map_err(|error| format!("The password could not be hashed by cryptpw: {error}. Use a key."))?;
    PasswordHash::read(&text)
        .map_err(|_| "The password could not be hashed: cryptpw gave no hash. Use a key.".to_owned())
}

fn salt() -> io::Result<String> {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 64))).map(|byte| char::from(*byte)).collect())
}

/// A line of standard input; `None` at the end. At most as long as a terminal's.
fn read_line() -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(8192).read_until(b'\n', &mut bytes)?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned()))
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
