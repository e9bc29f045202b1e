//! Virtual machines as values: firmware, medium, network, clock, and the QEMU command line that follows.
//!
//! Starting one is `xtask/src/host/vm.rs`; what is expected of it is `scenario.rs`.

use camino::{Utf8Path, Utf8PathBuf};

use ashlar_core::base::command::Command;

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
    /// As a disk of a virtual machine: the bench gives both systems the same one.
    Virtio,
}

/// Where screen and console of the machine are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Display {
    /// A program: serial port on standard input and output, nothing else.
    Harness,
    /// A person at a terminal: serial port and QEMU's monitor share it (Ctrl-A C switches, Ctrl-A X ends). What the serial port says
    /// goes to this file as well.
    Terminal(Utf8PathBuf),
    /// A person with a window; the serial port stays on the terminal, and goes to this file as well.
    Window(Utf8PathBuf),
}

/// The flash of UEFI firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// The firmware's code; never written.
    pub code: Utf8PathBuf,
    /// The machine's own copy of the variables; written.
    pub variables: Utf8PathBuf,
    /// Whether the firmware enforces Secure Boot. Then system management mode alone can write the flash, so that the system cannot
    /// change the variables past the firmware.
    pub enforcing: bool,
}

/// What the firmware starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The ISO, which is never written.
    Iso {
        /// The file.
        file: Utf8PathBuf,
        /// How it is attached.
        medium: Medium,
    },
    /// A kernel handed to the firmware by QEMU, past any boot loader, with a disk of its own.
    Kernel {
        /// Kernel image.
        kernel: Utf8PathBuf,
        /// Initial file system.
        initrd: Utf8PathBuf,
        /// Command line.
        cmdline: String,
        /// Disk on virtio; what is written to it is forgotten.
        disk: Utf8PathBuf,
    },
}

/// What the network card is connected to. It is a virtio card in every case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// The machine has no network card.
    Absent,
    /// A link to an empty network: no DHCP, no router.
    Silent,
    /// QEMU's own network: DHCP gives 10.0.2.15, and connections to a port of this host's loopback reach port 22.
    User {
        /// Port of 127.0.0.1.
        port: u16,
        /// Another, which leads to port 8080.
        web: Option<u16>,
        /// Whether the guest reaches nothing but QEMU itself.
        restricted: bool,
        /// File in pcap's format for the packets that the guest and the prober send: by it one sees when the guest's
        /// network begins.
        pcap: Utf8PathBuf,
        /// Somebody else on the same network, frame by frame.
        frames: Option<FrameSockets>,
    },
}

/// Two sockets (UNIX, datagrams) between QEMU and a program that is on the machine's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameSockets {
    /// QEMU's.
    pub machine: Utf8PathBuf,
    /// The program's.
    pub prober: Utf8PathBuf,
}

/// A second disk of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Image, raw.
    pub file: Utf8PathBuf,
    /// Whether writes stay; otherwise they are forgotten.
    pub keep: bool,
}

/// A machine with a system in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// UEFI firmware; BIOS when absent.
    pub flash: Option<Flash>,
    /// What it starts.
    pub start: Start,
    /// Media that the firmware tries before, as disks; never written.
    pub tried_first: Vec<Utf8PathBuf>,
    /// Where its screen and console are shown.
    pub display: Display,
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// What its network card is connected to.
    pub network: Network,
    /// Directory given to it as a read-only volume with the label `CIDATA`.
    pub volume: Option<Utf8PathBuf>,
    /// A second disk.
    pub extra: Option<Extra>,
    /// What its clock shows at the start, `YYYY-MM-DDThh:mm:ss` in UTC; the host's time when absent.
    pub clock: Option<String>,
    /// Whether a guest that restarts comes back; otherwise the machine ends.
    pub restarts: bool,
    /// Whether it has a watchdog, which resets it.
    pub watchdog: bool,
    /// Whether the firmware is told what to start first; otherwise its own order decides, which the guest can change.
    pub ordered: bool,
    /// Where it waits for a debugger before its first instruction: a UNIX socket, in a directory that only its owner may
    /// enter. A debugger controls the machine, and every user of this host could reach a TCP port.
    pub debugger: Option<Utf8PathBuf>,
    /// Where it takes commands of QEMU's machine protocol ([`crate::qmp`]): a UNIX socket, in such a directory as well.
    pub control: Option<Utf8PathBuf>,
}

impl Machine {
    /// A machine with this system and this network, for a program: started by BIOS, with two processors, 512 MiB, and nothing else.
    pub fn of(start: Start, network: Network) -> Self {
        Self {
            flash: None,
            start,
            tried_first: Vec::new(),
            display: Display::Harness,
            memory: 512,
            processors: 2,
            network,
            volume: None,
            extra: None,
            clock: None,
            restarts: false,
            watchdog: false,
            ordered: true,
            debugger: None,
            control: None,
        }
    }

    /// The command that starts it. It ends when the guest powers off and, unless it `restarts`, when it restarts.
    pub fn command(&self) -> Command {
        let command = Command::new(PROGRAM)
            // Emulated: the same on every host. A /dev/kvm may be there and hang the machine without a word, as it does
            // inside virtual machines that do not pass virtualisation on.
            .args(["-machine", self.board(), "-cpu", "max"])
            .args(["-m", &self.memory.to_string(), "-smp", &self.processors.to_string()])
            // Nothing that the lines below do not name: no floppy, no second serial port.
            .args(["-nodefaults", "-vga", "std"])
            .args(["-sandbox", self.sandbox()]);
        let command = if self.restarts { command } else { command.arg("-no-reboot") };
        let command = self.display(command);
        let command = match &self.flash {
            Some(Flash { code, variables, enforcing }) => secured(command, *enforcing)
                .args(["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={}", value(code))])
                .args(["-drive", &format!("if=pflash,unit=1,format=raw,file={}", value(variables))]),
            None => command,
        };
        let command = self.started(command);
        let command = self.tried_first(command);
        let command = self.connected(command);
        let command = match &self.volume {
            // A FAT16 partition made by QEMU out of the directory.
            Some(dir) => command
                .args([
                    "-drive",
                    &format!("if=none,id=volume,read-only=on,driver=vvfat,label=CIDATA,dir={}", value(dir)),
                ])
                .args(["-device", "virtio-blk-pci,drive=volume"]),
            None => command,
        };
        let command = match &self.extra {
            Some(Extra { file, keep }) => command
                .args([
                    "-drive",
                    &format!("if=none,id=extra,format=raw,snapshot={},file={}", off_on(!keep), value(file)),
                ])
                .args(["-device", "virtio-blk-pci,drive=extra"]),
            None => command,
        };
        let command =
            if self.watchdog { command.args(["-device", "i6300esb", "-action", "watchdog=reset"]) } else { command };
        let command = match &self.clock {
            Some(base) => command.args(["-rtc", &format!("base={base}")]),
            None => command,
        };
        let command = match &self.control {
            Some(socket) => command.args(["-qmp", &format!("unix:{},server=on,wait=off", value(socket))]),
            None => command,
        };
        match &self.debugger {
            Some(socket) => command.args(["-gdb", &format!("unix:{},server=on,wait=off", value(socket)), "-S"]),
            None => command,
        }
    }

    fn board(&self) -> &'static str {
        match &self.flash {
            Some(Flash { enforcing: true, .. }) => "q35,accel=tcg,smm=on",
            _ => "q35,accel=tcg",
        }
    }

    /// System calls that QEMU gives up: a guest that breaks out of it starts no program. A window's libraries do start some.
    fn sandbox(&self) -> &'static str {
        match self.display {
            Display::Harness | Display::Terminal(_) => {
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
            }
            Display::Window(_) => "on,obsolete=deny,elevateprivileges=deny",
        }
    }

    fn display(&self, command: Command) -> Command {
        match &self.display {
            // Without signal=off QEMU would take Ctrl-C for itself; there is no terminal here to press it on.
            Display::Harness => command.args(["-display", "none", "-monitor", "none"]).args([
                "-chardev",
                "stdio,id=console,signal=off",
                "-serial",
                "chardev:console",
            ]),
            Display::Terminal(log) => shared_with_monitor(command.args(["-display", "none"]), log),
            Display::Window(log) => shared_with_monitor(command, log),
        }
    }

    fn started(&self, command: Command) -> Command {
        let (file, medium) = match &self.start {
            Start::Iso { file, medium } => (value(file), medium),
            Start::Kernel { kernel, initrd, cmdline, disk } => {
                return command
                    .args(["-kernel", kernel.as_str(), "-initrd", initrd.as_str(), "-append", cmdline])
                    .args(["-drive", &format!("if=none,id=medium,format=raw,snapshot=on,file={}", value(disk))])
                    .args(["-device", "virtio-blk-pci,drive=medium"]);
            }
        };
        // A disk must be writable; what the guest writes goes to a temporary file and is forgotten.
        let (drive, device) = match medium {
            Medium::Cd => ("media=cdrom,readonly=on", "ide-cd"),
            Medium::Disk => ("snapshot=on", "ide-hd"),
            Medium::Virtio => ("snapshot=on", "virtio-blk-pci"),
        };
        command
            .args(["-drive", &format!("if=none,id=medium,format=raw,{drive},file={file}")])
            .args(["-device", &format!("{device},drive=medium{}", self.boot_index(self.tried_first.len()))])
    }

    fn boot_index(&self, index: usize) -> String {
        if self.ordered { format!(",bootindex={index}") } else { String::new() }
    }

    fn tried_first(&self, command: Command) -> Command {
        self.tried_first.iter().enumerate().fold(command, |command, (at, file)| {
            let drive = format!("if=none,id=tried{at},format=raw,snapshot=on,file={}", value(file));
            let device = format!("virtio-blk-pci,drive=tried{at}{}", self.boot_index(at));
            command.args(["-drive", &drive, "-device", &device])
        })
    }

    /// With its network card, and a source of random numbers: without one, keys would wait for interrupts.
    fn connected(&self, command: Command) -> Command {
        let command = command.args(["-device", "virtio-rng-pci"]);
        let mut command = command;
        let netdev = match &self.network {
            Network::Absent => return command,
            Network::Silent => "hubport,id=net,hubid=0".to_owned(),
            Network::User { port, web, restricted, pcap, frames } => {
                let id = if frames.is_some() { "user" } else { "net" };
                let dump = format!("filter-dump,id=pcap,netdev={id},queue=rx,maxlen=64,file={}", value(pcap));
                command = command.args(["-object", &dump]);
                let web = web.map_or_else(String::new, |web| format!(",hostfwd=tcp:127.0.0.1:{web}-:8080"));
                // QEMU's own network refuses, in his name, what it sees go to the prober: it could make no connection. Over IPv6 it is
                // left out then.
                let family = if frames.is_some() { ",ipv6=off" } else { "" };
                let user = format!(
                    "user,id={id}{family},restrict={},hostfwd=tcp:127.0.0.1:{port}-:22{web}",
                    off_on(*restricted)
                );
                match frames {
                    None => user,
                    Some(sockets) => {
                        command = shared(command, &user, sockets);
                        "hubport,id=net,hubid=0".to_owned()
                    }
                }
            }
        };
        // No boot ROM: the firmware has nothing to try on the network.
        command.args(["-netdev", &netdev, "-device", "virtio-net-pci,netdev=net,romfile="])
    }
}

/// With flash that system management mode alone can write, for firmware that enforces Secure Boot.
fn secured(command: Command, enforcing: bool) -> Command {
    if enforcing { command.args(["-global", "driver=cfi.pflash01,property=secure,value=on"]) } else { command }
}

/// The serial port on the terminal, with QEMU's monitor; Ctrl-C is the guest's.
fn shared_with_monitor(command: Command, log: &Utf8Path) -> Command {
    let console = format!("stdio,id=console,mux=on,signal=off,logfile={},logappend=off", value(log));
    command.args(["-chardev", &console, "-serial", "chardev:console", "-mon", "chardev=console"])
}

/// A hub with QEMU's own network and the prober; the machine's card is at a third port of it.
fn shared(command: Command, user: &str, sockets: &FrameSockets) -> Command {
    let FrameSockets { machine, prober } = sockets;
    let sockets = format!(
        "dgram,id=prober,local.type=unix,local.path={},remote.type=unix,remote.path={}",
        value(machine),
        value(prober)
    );
    let ports = ["hubport,id=port-user,hubid=0,netdev=user", "hubport,id=port-prober,hubid=0,netdev=prober"];
    [user, &sockets, ports[0], ports[1]].into_iter().fold(command, |command, netdev| command.args(["-netdev", netdev]))
}

fn off_on(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A path as the value of one of QEMU's comma-separated options.
fn value(path: &Utf8Path) -> String {
    path.as_str().replace(',', ",,")
}

#[cfg(test)]
mod tests;
