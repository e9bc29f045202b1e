//! Questions on the terminal, for what the command line leaves open.

use std::io::{self, BufRead as _, Write as _};

use slots::recovery;

use crate::plan::{self, Facts, LEAST_PASSPHRASE};

fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
}

/// A line. The end of input is the end of the dialogue, before anything was written.
fn ask(prompt: &str, hidden: bool) -> io::Result<String> {
    say(prompt)?;
    sys::line_mode(io::stdin(), !hidden)?;
    let mut line = String::new();
    let length = io::stdin().lock().read_line(&mut line);
    sys::line_mode(io::stdin(), true)?;
    match length? {
        0 => Err(left()),
        _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

fn left() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "left; nothing was written")
}

/// The disk's name.
pub fn disk(facts: &Facts) -> io::Result<String> {
    say(&format!("Disks of this machine:\n{}", plan::list(facts)))?;
    let name = ask("Disk to install on, or nothing to leave: ", false)?;
    if name.is_empty() { Err(left()) } else { Ok(name.trim_start_matches("/dev/").to_owned()) }
}

/// The passphrase, twice the same.
pub fn passphrase() -> io::Result<Vec<u8>> {
    loop {
        let first = ask("Passphrase that opens the state at each start: ", true)?;
        if first.len() < LEAST_PASSPHRASE {
            say(&format!("It needs {LEAST_PASSPHRASE} characters.\n"))?;
            continue;
        }
        if ask("The same again: ", true)? == first {
            return Ok(first.into_bytes());
        }
        say("The two differ.\n")?;
    }
}

/// Shows the recovery key until it was typed back.
pub fn recovery_key(key: &recovery::Key) -> io::Result<()> {
    say(&format!(
        "\nThe recovery key opens the state when the passphrase is lost. Write it down; it is shown only now.\n\n  {key}\n\n"
    ))?;
    while recovery::read(&ask("Type it back: ", false)?).as_deref() != Some(&key.secret()) {
        say("That is another one. Capitals, spaces and dashes do not matter.\n")?;
    }
    Ok(())
}

/// The last question.
pub fn confirm(name: &str) -> io::Result<()> {
    if ask(&format!("Everything on {name} will be lost. Type {name} to go on: "), false)? == name {
        Ok(())
    } else {
        Err(left())
    }
}
