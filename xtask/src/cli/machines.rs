//! Options of the commands that start machines and look at them.

use ashlar_lab::scenario;
use camino::Utf8PathBuf;
use clap::Args;
use clap::builder::PossibleValuesParser;

/// Options of `boot-test`.
#[derive(Debug, Clone, Args)]
pub struct BootTestArgs {
    /// Scenarios by name [default: all].
    #[arg(value_parser = PossibleValuesParser::new(scenario::NAMES))]
    pub scenarios: Vec<String>,
    /// Only the scenarios that `./build.sh --target test` runs.
    #[arg(long, conflicts_with = "scenarios")]
    pub short: bool,
    /// Machines that run at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub machines: u8,
    /// Seconds before a scenario counts as failed.
    #[arg(long, default_value_t = 240)]
    pub timeout: u64,
    /// The ISO of the scenarios of profile `minimal` [default: builds it].
    #[arg(long)]
    pub iso: Option<Utf8PathBuf>,
    /// Starts of each scenario, one after the other.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Keep so many threads of this host busy meanwhile, with arithmetic and files.
    #[arg(long, default_value_t = 0)]
    pub load: usize,
}

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The ISO [default: builds profile `minimal`].
    pub iso: Option<Utf8PathBuf>,
    /// Start by UEFI; this is the default.
    #[arg(long, conflicts_with = "bios")]
    pub uefi: bool,
    /// Start by BIOS.
    #[arg(long)]
    pub bios: bool,
    /// Attach the ISO as a disk instead of a CD; what is written to it is forgotten.
    #[arg(long)]
    pub disk: bool,
    /// Open a window.
    #[arg(long)]
    pub graphic: bool,
    /// Log in over SSH once the machine greets, and power it off afterwards; its console goes to a log.
    #[arg(long)]
    pub ssh: bool,
    /// Attach this raw image as a second disk.
    #[arg(long, value_name = "FILE")]
    pub data: Option<Utf8PathBuf>,
    /// Forget what is written to the second disk.
    #[arg(long)]
    pub snapshot: bool,
    /// Wait for a debugger before the first instruction, on a socket that only you can reach.
    #[arg(long)]
    pub gdb: bool,
    /// Let it reach the network, and at 10.0.2.2 what listens on this host's loopback; otherwise only port 22 is forwarded to it.
    #[arg(long)]
    pub network: bool,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(128..))]
    pub memory: u32,
    /// Port of 127.0.0.1 that leads to the machine's port 22 [default: a free one].
    #[arg(long)]
    pub port: Option<u16>,
    /// Directory to give to the machine as its NoCloud volume [default: one with user `dev` and a throw-away key].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["no_cidata", "ssh"])]
    pub cidata: Option<Utf8PathBuf>,
    /// Give it no volume: the console asks.
    #[arg(long, conflicts_with = "ssh")]
    pub no_cidata: bool,
    /// With --ssh: run this command instead of a shell.
    #[arg(last = true, requires = "ssh")]
    pub command: Vec<String>,
}

/// Options of `screenshot`.
#[derive(Debug, Clone, Args)]
pub struct ScreenshotArgs {
    /// The picture, PNG.
    #[arg(default_value = "docs/console.png")]
    pub file: Utf8PathBuf,
    /// The ISO [default: builds profile `minimal`].
    #[arg(long)]
    pub iso: Option<Utf8PathBuf>,
    /// Start by UEFI: the screen is the firmware's frame buffer instead of VGA text.
    #[arg(long)]
    pub uefi: bool,
    /// Seconds that the last command is given before the picture is taken.
    #[arg(long, default_value_t = 60)]
    pub settle: u64,
    /// Commands to type once logged in, each in one argument [default: a summary of the system].
    #[arg(last = true)]
    pub commands: Vec<String>,
}

/// Options of `grade`.
#[derive(Debug, Clone, Args)]
pub struct GradeArgs {
    /// Graders [default: all].
    #[arg(value_parser = PossibleValuesParser::new(GRADERS))]
    pub graders: Vec<String>,
    /// Write what they say to hardening/measured.toml, and the pages that show it.
    #[arg(long)]
    pub write: bool,
    /// The ISO [default: builds profile `minimal`].
    #[arg(long)]
    pub iso: Option<Utf8PathBuf>,
}

/// Graders in the order in which they run: what needs a quiet machine comes before what keeps it busy.
pub const GRADERS: [&str; 5] = ["ashlar-audit", "exposure", "ssh-audit", "lynis", "kernel-hardening-checker"];
