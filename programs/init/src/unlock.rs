//! Asks on all consoles at once for the passphrase or the recovery key of the state, and opens it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::plan::ENVIRONMENT;
use crate::report;
use crate::state::CRYPTSETUP;

/// The kernel's list of consoles.
const CONSOLES: &str = "/sys/class/tty/console/active";
/// After this many wrong answers there is a pause.
const TRIES: u32 = 3;
/// The pause: somebody who guesses gets four thousand tries a day.
const PAUSE: Duration = Duration::from_secs(30);
/// The name of the opened state below `/dev/mapper`.
const NAME: &str = "state";
/// How `cryptsetup` ends when nothing opens with what it was given.
const WRONG: i32 = 2;

/// Opens the state in this partition. Returns when it is open.
pub fn unlock(partition: &Path) -> io::Result<()> {
    let mut consoles = Consoles::open()?;
    consoles.say(&format!("\nThe state of this machine, in {}, is encrypted.\n", partition.display()));
    let mut wrong = 0;
    loop {
        let answer = consoles.ask("Passphrase or recovery key: ")?;
        if answer.is_empty() {
            continue;
        }
        consoles.say("Opening the state ...\n");
        for key in keys(&answer) {
            match open(partition, &key)? {
                Opened::Yes => {
                    consoles.say("The state is open.\n");
                    return Ok(());
                }
                Opened::No => {}
                Opened::Failed(why) => consoles.say(&format!("It cannot be opened: {why}\n")),
            }
        }
        wrong += 1;
        report::note(&format!("what was typed does not open {} ({wrong})", partition.display()));
        consoles.say("That does not open it.\n");
        if wrong % TRIES == 0 {
            consoles.say(&format!("The next try is possible in {} seconds.\n", PAUSE.as_secs()));
            thread::sleep(PAUSE);
        }
    }
}

/// What an answer may mean: itself; and a recovery key without the marks between its groups.
fn keys(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = vec![answer.to_vec()];
    keys.extend(std::str::from_utf8(answer).ok().and_then(slots::recovery::read).map(String::into_bytes));
    keys.dedup();
    keys
}

/// What became of a try.
enum Opened {
    /// The state is open.
    Yes,
    /// The key is wrong.
    No,
    /// It did not come to that.
    Failed(String),
}

fn open(partition: &Path, key: &[u8]) -> io::Result<Opened> {
    let mut child = Command::new(CRYPTSETUP)
        .args(["open", "--type", "luks2", "--disable-external-tokens", "--key-file", "-"])
        .args([partition, Path::new(NAME)])
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(disks::about(Path::new(CRYPTSETUP)))?;
    if let Some(mut to) = child.stdin.take() {
        // A program that ends without reading says why in its status.
        let _written = to.write_all(key);
    }
    let answer = child.wait_with_output()?;
    Ok(match answer.status.code() {
        Some(0) => Opened::Yes,
        Some(WRONG) => Opened::No,
        _ => Opened::Failed(String::from_utf8_lossy(&answer.stderr).trim().to_owned()),
    })
}

/// The terminals of the machine.
struct Consoles(Vec<File>);

impl Consoles {
    fn open() -> io::Result<Self> {
        let names = std::fs::read_to_string(CONSOLES).map_err(disks::about(Path::new(CONSOLES)))?;
        let open = |name: &str| {
            let path = format!("/dev/{name}");
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).ok()
        };
        let files: Vec<File> = names.split_whitespace().filter_map(open).collect();
        if files.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no console can be opened to ask on"));
        }
        Ok(Self(files))
    }

    fn say(&mut self, text: &str) {
        for console in &mut self.0 {
            // One that is gone must not keep the others from being used.
            let _written = console.write_all(text.as_bytes());
        }
    }

    /// The first line that is typed on one of them; nobody sees it. Nothing there any more is an error.
    fn ask(&mut self, prompt: &str) -> io::Result<Vec<u8>> {
        for console in &self.0 {
            sys::line_mode(console, false)?;
        }
        self.say(prompt);
        loop {
            let ready = sys::poll(&self.0.iter().map(|console| console.as_fd()).collect::<Vec<_>>(), None)?;
            let Some(at) = ready.iter().position(|ready| *ready) else { continue };
            let mut line = vec![0; 4096];
            match self.0[at].read(&mut line) {
                Ok(length @ 1..) => {
                    line.truncate(length);
                    let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    line.truncate(end.unwrap_or(length));
                    return Ok(line);
                }
                _ if self.0.len() > 1 => drop(self.0.remove(at)),
                Ok(_) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the last console is gone")),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Consoles {
    fn drop(&mut self) {
        for console in &self.0 {
            // The system's init sets its terminals itself.
            let _set = sys::line_mode(console, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_key_may_be_typed_with_and_without_its_marks() {
        let key = slots::recovery::Key::of([7; 32]);
        let whole = key.secret();
        assert_eq!(keys(whole.as_bytes()), [whole.clone().into_bytes()]);
        let shown = key.to_string().to_uppercase();
        assert_eq!(keys(shown.as_bytes()), [shown.clone().into_bytes(), whole.into_bytes()]);
        assert_eq!(keys(b"correct horse"), [b"correct horse".to_vec()]);
    }
}
