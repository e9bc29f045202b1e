//! Virtual machines as values: which firmware, which medium, and the QEMU command line that follows.
//!
//! Starting one is `xtask/src/host/vm.rs`; what is expected of it is `console.rs`.

use std::fmt;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Serialize, Serializer};

use crate::command::Command;
use crate::diag::suggest;

/// The emulator's program name.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// What starts the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Firmware {
    /// OVMF.
    Uefi,
    /// SeaBIOS, built into QEMU.
    Bios,
}

/// How the ISO is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    /// As a CD.
    Cd,
    /// As a disk, as after writing it to a USB stick.
    Disk,
}

/// One way to start the ISO. Written `uefi-cd`, `bios-disk` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// What starts it.
    pub firmware: Firmware,
    /// How it is attached.
    pub medium: Medium,
}

impl Case {
    /// Every case, in the order in which they are tested.
    pub const ALL: [Self; 4] = [
        Self { firmware: Firmware::Uefi, medium: Medium::Cd },
        Self { firmware: Firmware::Uefi, medium: Medium::Disk },
        Self { firmware: Firmware::Bios, medium: Medium::Cd },
        Self { firmware: Firmware::Bios, medium: Medium::Disk },
    ];

    /// The name used on the command line and in log file names.
    pub fn as_str(self) -> &'static str {
        match (self.firmware, self.medium) {
            (Firmware::Uefi, Medium::Cd) => "uefi-cd",
            (Firmware::Uefi, Medium::Disk) => "uefi-disk",
            (Firmware::Bios, Medium::Cd) => "bios-cd",
            (Firmware::Bios, Medium::Disk) => "bios-disk",
        }
    }
}

/// Why a text is not a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no boot case `{text}`{} (cases: {})",
    .suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default(),
    Case::ALL.map(Case::as_str).join(", ")
)]
pub struct ParseCaseError {
    text: String,
    suggestion: Option<&'static str>,
}

impl FromStr for Case {
    type Err = ParseCaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|case| case.as_str() == text).ok_or_else(|| ParseCaseError {
            text: text.to_owned(),
            suggestion: suggest(text, Self::ALL.map(Self::as_str)),
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Who sits at the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// A program: serial port on standard input and output, nothing else.
    Harness,
    /// A person at a terminal: serial port and QEMU's monitor share it (Ctrl-A C switches, Ctrl-A X ends).
    Terminal,
    /// A person with a window; the serial port stays on the terminal.
    Window,
}

/// The flash of UEFI firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// The firmware's code; never written.
    pub code: Utf8PathBuf,
    /// The machine's own copy of the variables; written.
    pub variables: Utf8PathBuf,
}

/// A machine with the ISO in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// UEFI firmware; BIOS when absent.
    pub flash: Option<Flash>,
    /// How the ISO is attached.
    pub medium: Medium,
    /// The ISO; never written.
    pub iso: Utf8PathBuf,
    /// Who sits at it.
    pub seat: Seat,
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
}

impl Machine {
    /// The command that starts it. It ends when the guest powers off or restarts.
    pub fn command(&self) -> Command {
        let command = Command::new(PROGRAM)
            // Emulated: the same on every host. A /dev/kvm may be there and hang the machine without a word, as it does
            // inside virtual machines that do not pass virtualisation on.
            .args(["-machine", "q35,accel=tcg", "-cpu", "max"])
            .args(["-m", &self.memory.to_string(), "-smp", &self.processors.to_string()])
            // Nothing that the lines below do not name: no network card, no floppy, no second serial port.
            .args(["-nodefaults", "-vga", "std", "-no-reboot"]);
        let command = match self.seat {
            // Without signal=off QEMU would take Ctrl-C for itself; there is no terminal here to press it on.
            Seat::Harness => command.args(["-display", "none", "-monitor", "none"]).args([
                "-chardev",
                "stdio,id=console,signal=off",
                "-serial",
                "chardev:console",
            ]),
            Seat::Terminal => command.args(["-display", "none", "-serial", "mon:stdio"]),
            Seat::Window => command.args(["-serial", "mon:stdio"]),
        };
        let command = match &self.flash {
            Some(Flash { code, variables }) => command
                .args(["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={}", value(code))])
                .args(["-drive", &format!("if=pflash,unit=1,format=raw,file={}", value(variables))]),
            None => command,
        };
        let iso = value(&self.iso);
        match self.medium {
            Medium::Cd => command
                .args(["-drive", &format!("if=none,id=medium,format=raw,media=cdrom,readonly=on,file={iso}")])
                .args(["-device", "ide-cd,drive=medium,bootindex=0"]),
            // A disk must be writable; what the guest writes goes to a temporary file and is forgotten.
            Medium::Disk => command
                .args(["-drive", &format!("if=none,id=medium,format=raw,snapshot=on,file={iso}")])
                .args(["-device", "ide-hd,drive=medium,bootindex=0"]),
        }
    }
}

/// A path as the value of one of QEMU's comma-separated options.
fn value(path: &Utf8Path) -> String {
    path.as_str().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(case: Case) -> Machine {
        let flash = Flash { code: "/fw/CODE.fd".into(), variables: "/run/vars.fd".into() };
        Machine {
            flash: (case.firmware == Firmware::Uefi).then_some(flash),
            medium: case.medium,
            iso: "/out/a,b.iso".into(),
            seat: Seat::Harness,
            memory: 512,
            processors: 2,
        }
    }

    #[test]
    fn commands_of_every_case() {
        let lines = Case::ALL.map(|case| format!("{case}: {}", machine(case).command())).join("\n");
        insta::assert_snapshot!(lines);
    }

    #[test]
    fn a_person_gets_a_monitor_and_maybe_a_window() {
        let at = |seat| Machine { seat, ..machine(Case::ALL[2]) }.command().args.join(" ");
        assert!(at(Seat::Terminal).contains("-display none -serial mon:stdio"));
        let window = at(Seat::Window);
        assert!(!window.contains("-display") && window.contains("-serial mon:stdio"), "{window}");
    }

    #[test]
    fn cases_have_names() {
        for case in Case::ALL {
            assert_eq!(case.as_str().parse(), Ok(case));
        }
        assert_eq!(serde_json::to_string(&Case::ALL[0]).unwrap(), "\"uefi-cd\"");
        let error = "uefi-cdrom".parse::<Case>().unwrap_err().to_string();
        assert!(error.contains("did you mean `uefi-cd`?") && error.contains("bios-disk"), "{error}");
        assert!(!"x".parse::<Case>().unwrap_err().to_string().contains("did you mean"));
    }
}
