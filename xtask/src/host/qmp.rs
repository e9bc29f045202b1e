//! A connection to a machine's control socket. `ashlar_lab::qmp` has its messages.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ashlar_lab::qmp::{self, Answer};
use camino::Utf8Path;

/// How long QEMU may take for one command.
const PATIENCE: Duration = Duration::from_secs(30);

/// A conversation with QEMU.
#[derive(Debug)]
pub struct Control {
    reader: BufReader<UnixStream>,
}

impl Control {
    /// Connects to the socket of a machine that runs.
    pub fn connect(socket: &Utf8Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| format!("connecting to QEMU's socket {socket}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut control = Self { reader: BufReader::new(stream) };
        control.say(&qmp::begin())?;
        Ok(control)
    }

    /// Says one command and waits until it is done.
    pub fn say(&mut self, command: &str) -> Result<()> {
        let asked = || format!("asking QEMU: {}", command.trim_end());
        self.reader.get_mut().write_all(command.as_bytes()).with_context(asked)?;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).with_context(asked)? == 0 {
                bail!("QEMU ended before it answered {}", command.trim_end());
            }
            match qmp::answer(&line) {
                Some(Answer::Done) => return Ok(()),
                Some(Answer::Refused(reason)) => bail!("QEMU refused {}: {reason}", command.trim_end()),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use camino::Utf8PathBuf;

    use super::*;

    /// A QEMU that greets, then answers each command with the next of these lines.
    fn conversation(answers: Vec<&'static str>, work: impl FnOnce(Result<Control>)) {
        let guard = tempfile::tempdir().unwrap();
        let socket = Utf8PathBuf::from_path_buf(guard.path().join("qmp")).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"{\"QMP\": {}}\n").unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for answer in answers {
                reader.read_line(&mut String::new()).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        work(Control::connect(&socket));
        other.join().unwrap();
    }

    #[test]
    fn answers_are_waited_for_and_refusals_told() {
        let refused = "{\"event\": \"RESET\"}\n{\"error\": {\"desc\": \"no screen\"}}\n";
        conversation(vec!["{\"return\": {}}\n", refused], |control| {
            let error = control.unwrap().say(&qmp::screendump("/x".into())).unwrap_err().to_string();
            assert!(error.contains("screendump") && error.ends_with("no screen"), "{error}");
        });
        conversation(vec!["{\"return\": {}}\n"], |control| {
            let error = format!("{:#}", control.unwrap().say(&qmp::begin()).unwrap_err());
            assert!(error.contains("QEMU ended before it answered") || error.contains("asking QEMU"), "{error}");
        });
    }
}
