//! The command line as clap types; no behaviour.

mod machines;
mod measure;
mod signing;
mod verify;

use camino::Utf8PathBuf;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};

use ashlar_core::base::name::PkgName;
use ashlar_core::model::hardening::Layer;
use ashlar_core::model::recipe::{Style, style};
use ashlar_core::model::seed::SeedName;

pub use self::machines::{BootTestArgs, GRADERS, GradeArgs, RunArgs, ScreenshotArgs};
pub use self::measure::{BenchArgs, Benchmark, OracleArgs, System};
pub use self::signing::{KeysCommand, SignArgs};
pub use self::verify::VerifyReproArgs;
use crate::compose::iso::Stage;
use crate::report::{Detail, Format};

/// Builds Ashlar: packages from source, container images, a bootable ISO; and proves that they reproduce.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// `human`: progress and errors on standard error; `json`: everything on standard output, one JSON object a line.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub message_format: Format,
    /// Only errors and results.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also every package that was cached, and the command lines of what is started.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Fetch nothing; works whenever the store holds what is needed.
    #[arg(long, global = true)]
    pub offline: bool,
    /// The store's directory [default: $ASHLAR_STORE, else ashlar in the user's cache directory].
    #[arg(long, global = true)]
    pub store: Option<Utf8PathBuf>,
    /// Jobs at once, over all packages [default: number of processors].
    #[arg(long, short, global = true)]
    pub jobs: Option<usize>,
    /// Draw when each package was built and how busy the processors were, as SVG.
    #[arg(long, global = true, value_name = "FILE")]
    pub timings: Option<Utf8PathBuf>,
    /// Also run the checks of packages whose bytes the ledger has. Those of packages that you name always run.
    #[arg(long, global = true)]
    pub all_checks: bool,
    /// Leave a failed build in place; `cargo xtask shell PKG` opens a shell in it.
    #[arg(long, global = true)]
    pub keep: bool,
}

impl Global {
    /// How much is said.
    pub fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Verbose,
            (false, false) => Detail::Usual,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Names host tools that are missing or too old, and tests whether containers work here.
    Doctor,
    /// Installs missing host tools (Debian), or prints the commands (Fedora, Arch, Alpine).
    Setup,
    /// Validates recipes, images, profiles and the ledger; needs no container and no network.
    Check,
    /// Fetches sources into the store.
    Fetch {
        /// Packages; all with --all.
        packages: Vec<PkgName>,
        /// Sources of all packages, and the seed.
        #[arg(long)]
        all: bool,
        /// Keep nothing; say of each file which of its locations have the right bytes.
        #[arg(long)]
        check_locations: bool,
    },
    /// The pinned binary packages that the first compiler comes from.
    Seed {
        /// What to do.
        #[command(subcommand)]
        command: SeedCommand,
    },
    /// Builds packages and everything below them.
    BuildPkg {
        /// Packages; all with --all.
        packages: Vec<PkgName>,
        /// All packages.
        #[arg(long)]
        all: bool,
        /// Print what would be done, and stop: steps as text, or the whole plan as JSON.
        #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "text")]
        print_plan: Option<PlanForm>,
        #[command(flatten)]
        seed: SeedArg,
    },
    /// Composes a container image.
    Image {
        /// Name of a folder below images/ or tests/images/.
        name: String,
        /// Write the OCI layout here [default: out/<name>].
        #[arg(long)]
        output: Option<Utf8PathBuf>,
        #[command(flatten)]
        seed: SeedArg,
        /// Print what would be done, and stop: steps as text, or the whole plan as JSON.
        #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "text")]
        print_plan: Option<StageForm>,
    },
    /// Builds the bootable ISO.
    Iso {
        /// Name of a folder below iso/ or tests/iso/.
        #[arg(default_value = "minimal")]
        profile: String,
        /// Leave out this layer of defence, for comparison.
        #[arg(long, value_name = "LAYER", value_parser = PossibleValuesParser::new(Layer::ALL.map(Layer::folder)))]
        without: Vec<String>,
        #[command(flatten)]
        sign: SignArgs,
        /// Run only up to this stage.
        #[arg(long, value_enum, default_value_t = Stage::Iso)]
        stage: Stage,
        /// Write the ISO here [default: out/ashlar-<profile>-x86_64.iso].
        #[arg(long)]
        output: Option<Utf8PathBuf>,
        #[command(flatten)]
        seed: SeedArg,
        /// Print what each stage would do, and stop: steps as text, or the plans as JSON.
        #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "text")]
        print_plan: Option<StageForm>,
    },
    /// Keys of Secure Boot.
    Keys {
        /// What to do.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Starts the ISO in QEMU.
    Run(RunArgs),
    /// Starts the ISO in QEMU in many ways and looks at facts, over SSH and on its serial console.
    BootTest(BootTestArgs),
    /// Builds again from nothing with variations (directory, host name, time zone and so on) and compares.
    VerifyRepro(VerifyReproArgs),
    /// The committed digests of all outputs.
    Ledger {
        /// What to do.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Writes the generated pages of docs/: hardening.md, provenance.md, cli.md, recipe.md, recipe.schema.json.
    Docs {
        /// Only says whether they are current.
        #[arg(long)]
        check: bool,
    },
    /// Writes what images hold and open, digests/inventory-<profile>.txt: programs, services, accounts, ports.
    Inventory {
        /// Names of folders below iso/ or tests/iso/; all that are published when absent.
        profiles: Vec<String>,
        /// Only says whether they are current.
        #[arg(long)]
        check: bool,
    },
    /// Says of each ELF file of an image how it is hardened; fails when one lacks something.
    Elf {
        /// Name of a folder below iso/ or tests/iso/.
        #[arg(default_value = "minimal")]
        profile: String,
    },
    /// Starts the ISO in QEMU and runs graders on it: ashlar-audit, exposure, ssh-audit, Lynis.
    Grade(GradeArgs),
    /// Measures claims: ratios in one run.
    Bench(BenchArgs),
    /// Compares `rc` with real OpenRC (Debian's package) over generated service graphs and the package's scripts.
    Oracle(OracleArgs),
    /// Opens a shell in a kept build, or in a fresh one prepared up to its phases.
    Shell {
        /// Package.
        package: PkgName,
    },
    /// Prints the logs of a package's last build.
    Log {
        /// Package.
        package: PkgName,
        /// Only this phase.
        phase: Option<String>,
    },
    /// Explains which inputs changed since the last build of packages, an image or an ISO; builds nothing.
    Why {
        /// `PKG…`, `image NAME`, `iso [PROFILE]`.
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
    },
    /// Prints the dependency graph in dot.
    Graph,
    /// Writes the skeleton of a recipe.
    NewPkg(NewPkgArgs),
    /// Lays recipes, images and profiles out in one way; values and comments stay.
    Fmt {
        /// Only says which files are laid out otherwise.
        #[arg(long)]
        check: bool,
    },
    /// Writes another version into a recipe: version, locations, and the hashes of the new files.
    Bump(BumpArgs),
    /// Lists recipes that are behind what Debian's archive has, and where each newer version can be had.
    Outdated,
    /// Prints the manual page of all commands, or of one.
    Man {
        /// Command.
        command: Option<String>,
    },
    /// Prints the completion script of a shell, for a program called `xtask`.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
    /// Starts the ISO in QEMU, logs in on its screen, runs commands there, and keeps a picture of it.
    Screenshot(ScreenshotArgs),
    /// Removes what nothing current needs from the store.
    Gc {
        /// Also remove distfiles.
        #[arg(long)]
        distfiles: bool,
    },
    /// Writes a package's OCI layout to a directory.
    Export {
        /// Package, or `seed`.
        package: PkgName,
        /// Directory.
        to: Utf8PathBuf,
    },
}

/// Options of `new-pkg`.
#[derive(Debug, Clone, Args)]
pub struct NewPkgArgs {
    /// Package name.
    pub name: PkgName,
    /// Build style.
    #[arg(long, default_value = "autotools", value_parser = PossibleValuesParser::new(style::ALL.map(|style| style.name)).try_map(style))]
    pub style: Style,
    /// Upstream location of the source.
    #[arg(long)]
    pub url: Option<String>,
    /// Pool path of the source.
    #[arg(long)]
    pub debian: Option<String>,
}

/// Options of `bump`.
#[derive(Debug, Clone, Args)]
pub struct BumpArgs {
    /// Package; recipes that are built from the same file are changed with it.
    pub package: PkgName,
    /// The new version.
    pub version: String,
    /// Path in Debian's pool of the new file, where it does not follow from the old one by the version.
    #[arg(long, value_name = "PATH")]
    pub debian: Option<String>,
}

fn style(name: String) -> Result<Style, &'static str> {
    style::named(&name).ok_or("no build style")
}

/// The option `--seed`.
#[derive(Debug, Clone, Args)]
pub struct SeedArg {
    /// Build in the env of this seed, a folder below toolchain/seeds: another compiler, and the same bytes.
    #[arg(long, value_name = "NAME", default_value_t)]
    pub seed: SeedName,
}

/// Forms of `--print-plan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PlanForm {
    /// One step a line.
    Text,
    /// The canonical plan that is hashed.
    Json,
    /// The Containerfile for stock tools.
    Containerfile,
}

/// Forms of `--print-plan` for images and ISOs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StageForm {
    /// One step a line.
    Text,
    /// The canonical plans that are hashed, by what they make.
    Json,
}

/// `seed` commands.
#[derive(Debug, Subcommand)]
pub enum SeedCommand {
    /// Resolves a seed's definition, toolchain/seeds/<name>/seed.toml, against the signed package index and writes seed.lock beside it.
    Lock {
        #[command(flatten)]
        seed: SeedArg,
        /// Only say whether the lock is current.
        #[arg(long)]
        check: bool,
    },
}

/// `ledger` commands.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Writes digests/x86_64.txt from what is built now.
    Update,
    /// Fails when the ledger is out of date.
    Check,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_lab::scenario;

    #[test]
    fn names_that_are_not_there_are_refused_with_those_that_are() {
        for (args, near) in [
            (&["iso", "--without", "4-shh"][..], "4-ssh"),
            (&["boot-test", "no-such-scenario"][..], scenario::NAMES[0]),
            (&["grade", "lynx"][..], "lynis"),
            (&["bench", "mallok"][..], "malloc"),
            (&["bench", "boot", "--firmware", "uef"][..], "uefi"),
            (&["iso", "--stage", "overlays"][..], "overlay"),
            (&["new-pkg", "x", "--style", "autotool"][..], "autotools"),
        ] {
            let error = Cli::try_parse_from(std::iter::once(&"xtask").chain(args)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(near), "{error}");
        }
        let known = Layer::ALL.map(|layer| format!("--without={}", layer.folder()));
        let args = ["xtask", "iso"].into_iter().chain(known.iter().map(String::as_str));
        assert!(Cli::try_parse_from(args).is_ok());
    }

    #[test]
    fn the_help_of_boot_test_names_every_scenario() {
        let help = Cli::try_parse_from(["xtask", "boot-test", "--help"]).unwrap_err().to_string();
        assert!(scenario::NAMES.iter().all(|name| help.contains(name)), "{help}");
    }
}
