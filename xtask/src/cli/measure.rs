//! Options of `bench`, which compares figures, and of `oracle`, which compares answers.

use ashlar_lab::qemu::Firmware;
use camino::Utf8PathBuf;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

/// Options of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Benchmarks; all when absent.
    #[arg(value_enum)]
    pub names: Vec<Benchmark>,
    /// Starts of each system in `boot` and `layers`, builds of each sort in `sandbox` and `seeds`, checks in `check`, turns in `malloc`.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// The firmware of both systems in `boot`; both when absent.
    #[arg(long, value_parser = PossibleValuesParser::new(["bios", "uefi"]).map(firmware))]
    pub firmware: Option<Firmware>,
    /// Only this system in `boot`.
    #[arg(long, value_enum)]
    pub system: Option<System>,
    /// The ISO for `boot` [default: builds profile `minimal`].
    #[arg(long)]
    pub iso: Option<Utf8PathBuf>,
    /// Another checkout of the repository, whose C library takes its turn in `malloc`.
    #[arg(long, value_name = "CHECKOUT")]
    pub beside: Option<Utf8PathBuf>,
}

/// Options of `oracle`.
#[derive(Debug, Args)]
pub struct OracleArgs {
    /// Generated graphs.
    #[arg(long, default_value_t = 208, conflicts_with = "scripts")]
    pub graphs: u32,
    /// Service scripts and their daemons instead of graphs, so many.
    #[arg(long, num_args = 0..=1, default_missing_value = "48")]
    pub scripts: Option<u32>,
    /// The generator's seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The short form, for every change.
    #[arg(long)]
    pub short: bool,
    /// Only the graph or script of this number; 100000 is the graph of the shipped scripts.
    #[arg(long)]
    pub only: Option<u32>,
    /// Test this program instead of compiling programs/rc.
    #[arg(long)]
    pub rc: Option<Utf8PathBuf>,
    /// Write each graph or script and what both sides made of it into this directory.
    #[arg(long)]
    pub outcomes: Option<Utf8PathBuf>,
}

/// Benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Benchmark {
    /// A build with nothing to do, beside `make`.
    Noop,
    /// Checking 10,000 generated recipes, and planning them.
    Check,
    /// Allocators under threads.
    Malloc,
    /// Packages with and without the build's sandbox.
    Sandbox,
    /// Packages built with the compiler of the seed `zig`, and with the usual one.
    Seeds,
    /// Time to the login prompt, beside Debian.
    Boot,
    /// What each layer of defence costs.
    Layers,
}

/// Systems of the benchmark `boot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// Ours.
    Ashlar,
    /// Debian, with the same services.
    Debian,
}

fn firmware(name: String) -> Firmware {
    if name == "bios" { Firmware::Bios } else { Firmware::Uefi }
}
