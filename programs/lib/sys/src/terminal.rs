//! The terminal.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::process::Pid as Number;
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, isatty, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
    tcsetpgrp,
};

use crate::process::Pid;

/// Columns of the terminal on standard output or error.
pub fn columns() -> Option<u16> {
    let size = tcgetwinsize(stdout()).or_else(|_| tcgetwinsize(stderr())).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

/// Gives the terminal on standard input to a process group, if this is the terminal's session.
pub fn foreground(group: Pid) {
    let Some(group) = Number::from_raw(group) else { return };
    // SAFETY: no memory is involved; who takes the terminal from behind would be stopped.
    unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
    // Not being on a terminal is not an error here.
    let _given = tcsetpgrp(stdin(), group);
    // SAFETY: no memory is involved.
    unsafe { libc::signal(libc::SIGTTOU, libc::SIG_DFL) };
}

/// Whether this process may read from the terminal on standard input.
pub fn is_foreground() -> bool {
    isatty(stdin()) && tcgetpgrp(stdin()) == Ok(rustix::process::getpgrp())
}

/// Sets a terminal to lines that a person can edit, with or without showing them. What is no terminal stays as it is.
pub fn line_mode(terminal: impl AsFd, echo: bool) -> io::Result<()> {
    let mut modes = match tcgetattr(&terminal) {
        Err(Errno::NOTTY) => return Ok(()),
        other => other?,
    };
    modes.input_modes |= InputModes::ICRNL | InputModes::IUTF8;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes |= LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.local_modes |= LocalModes::ECHOE | LocalModes::ECHOK;
    modes.local_modes.set(LocalModes::ECHO, echo);
    // The end of a line that does not show still does.
    modes.local_modes.set(LocalModes::ECHONL, !echo);
    Ok(tcsetattr(&terminal, OptionalActions::Now, &modes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_terminal_and_no_error() {
        line_mode(std::fs::File::open("/dev/null").unwrap(), true).unwrap();
    }
}
