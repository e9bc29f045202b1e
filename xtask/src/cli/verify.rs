//! Options of the command that verifies.

use ashlar_core::model::seed::SeedName;
use camino::Utf8PathBuf;
use clap::Args;

/// Options of `verify-repro`.
#[derive(Debug, Clone, Args)]
pub struct VerifyReproArgs {
    /// `PKG`, `image NAME`, `iso`, or `--all`.
    pub what: Vec<String>,
    /// Every package, image and the ISO.
    #[arg(long)]
    pub all: bool,
    /// Build the second time in the env of this seed, a folder below toolchain/seeds. `zig` has a compiler that shares no build
    /// with the usual one.
    #[arg(long, value_name = "NAME", default_value_t)]
    pub seed: SeedName,
    /// Verify a signed ISO instead of building again: without its signature it must be the ISO of this tree, whose digest it gives.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "seed", "all_cores", "second_store", "report"])]
    pub signed: Option<Utf8PathBuf>,
    /// Give each second build all processors and vary the number of jobs instead: half the time for the kernel.
    #[arg(long)]
    pub all_cores: bool,
    /// Directory of the second store [default: a temporary one].
    #[arg(long)]
    pub second_store: Option<Utf8PathBuf>,
    /// Where reports go: report.txt, report.json, and table.md with the digests of both builds.
    #[arg(long)]
    pub report: Option<Utf8PathBuf>,
}
