//! Reads the project's tree: recipes with their folders, toolchain policy, ledger. The core validates them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use ashlar_core::base::diag::Diagnostic;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::formats::cargo_lock;
use ashlar_core::formats::kconfig;
use ashlar_core::formats::ledger::Ledger;
use ashlar_core::model::graph::Graph;
use ashlar_core::model::recipe::Recipe;
use ashlar_core::model::toolchain::Toolchain;
use ashlar_core::model::tree::broken::{self, Broken};
use ashlar_core::model::tree::{self, PACKAGES, PackageFolder, Read, SHARED, Tree};
use ashlar_core::plan::{PackageFiles, PlannedCrate, PlannedFile, PlannedWorkspace};
use camino::{Utf8Path, Utf8PathBuf};

use super::checkout;
use super::invalid::{Invalid, invalid};
use super::parallel;
use crate::exit::Exit;

/// The project's tree: its valid part, and what is wrong with the rest.
#[derive(Debug)]
pub struct Repository {
    /// Root directory.
    pub root: Utf8PathBuf,
    /// Recipes by package name.
    pub recipes: BTreeMap<PkgName, Recipe>,
    /// Who needs whom.
    pub graph: Graph,
    /// Flags.
    pub toolchain: Toolchain,
    /// Recipes that cannot be built, and why.
    pub broken: Broken,
}

/// The project's root: the directory above that holds `toolchain/` and `pkgs/`, from the working directory upwards.
pub fn find_root() -> Result<Utf8PathBuf> {
    let start = match std::env::var("CARGO_MANIFEST_DIR") {
        Ok(dir) => Utf8PathBuf::from(dir),
        Err(_) => Utf8PathBuf::from_path_buf(std::env::current_dir()?)
            .map_err(|p| anyhow::anyhow!("{} is not UTF-8", p.display()))?,
    };
    start
        .ancestors()
        .find(|dir| dir.join("toolchain/hardening.toml").is_file() && dir.join("pkgs").is_dir())
        .map(Utf8Path::to_owned)
        .with_context(|| format!("{start} is not inside an Ashlar checkout (no pkgs/ and toolchain/ above it)"))
}

/// The folders of packages as they are read.
struct Folders {
    packages: Vec<Read>,
    /// What is wrong with files, by the folder's name.
    refused: Vec<(String, Diagnostic)>,
}

impl Folders {
    fn read(root: &Utf8Path, flags: &BTreeSet<String>) -> Result<Self> {
        let (mut paths, others) = checkout::folders_of(root, &PACKAGES)?;
        paths.retain(|path| path != SHARED);
        let name = |path: &Utf8Path| path.file_name().unwrap_or_default().to_owned();
        let beside = others.into_iter().map(|finding| (finding.file.as_deref().map(name).unwrap_or_default(), finding));
        let (mut packages, mut refused): (_, Vec<_>) = (Vec::with_capacity(paths.len()), beside.collect());
        for (path, folder) in paths.iter().zip(parallel::map(&paths, |path| folder(root, path, flags))) {
            let (package, findings) = folder?;
            packages.extend(package);
            refused.extend(findings.into_iter().map(|finding| (name(path), finding)));
        }
        Ok(Self { packages, refused })
    }
}

/// A folder, if it has a recipe, and what is wrong with its files.
fn folder(root: &Utf8Path, path: &Utf8Path, flags: &BTreeSet<String>) -> Result<(Option<Read>, Vec<Diagnostic>)> {
    let listing = checkout::list(root, path)?;
    let missing = (!listing.names.contains("pkg.toml")).then(|| no_recipe(path));
    let package = if listing.has_file("pkg.toml") {
        let text = checkout::read_to_string(&root.join(path).join("pkg.toml"))?;
        Some(tree::read(&PackageFolder { path: path.to_owned(), text, files: listing.names }, flags))
    } else {
        None
    };
    Ok((package, missing.into_iter().chain(listing.refused.into_values()).collect()))
}

/// The policy, or what is wrong with it.
fn toolchain(root: &Utf8Path) -> Result<Result<Toolchain, Vec<Diagnostic>>> {
    let policy = Utf8Path::new("toolchain/hardening.toml");
    Ok(Toolchain::parse(&checkout::read_to_string(&root.join(policy))?, policy))
}

/// The error of a command that names something of a kind that is not there: the nearest name, or all when they are few.
pub fn unknown<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> anyhow::Error {
    let known: Vec<&str> = known.into_iter().collect();
    let rest = match ashlar_core::base::diag::suggest(name, known.iter().copied()) {
        Some(close) => format!("; did you mean `{close}`?"),
        None if known.len() <= 20 => format!("; there are: {}", known.join(", ")),
        None => "; `ls pkgs` shows what there is".to_owned(),
    };
    Exit::Usage.error(format!("there is no {kind} `{name}`{rest}"))
}

impl Repository {
    /// Reads and validates the whole tree; every finding at once.
    pub fn load(root: &Utf8Path) -> Result<Self> {
        let toolchain = toolchain(root)?;
        let flags = toolchain.as_ref().map(Toolchain::flag_names).unwrap_or_default();
        let Folders { packages, refused } = Folders::read(root, &flags)?;
        let mut refused: Vec<Diagnostic> = refused.into_iter().map(|(_, finding)| finding).collect();
        match (toolchain, tree::load(packages)) {
            (Ok(toolchain), Ok(Tree { recipes, graph })) if refused.is_empty() => {
                Ok(Self { root: root.to_owned(), recipes, graph, toolchain, broken: Broken::default() })
            }
            (toolchain, tree) => {
                refused.extend(toolchain.err().into_iter().flatten());
                refused.extend(tree.err().into_iter().flatten());
                Err(invalid(root, &refused))
            }
        }
    }

    /// Reads the tree, and leaves out recipes with findings and what needs them.
    pub fn load_good(root: &Utf8Path) -> Result<Self> {
        let toolchain = toolchain(root)?.map_err(|found| invalid(root, &found))?;
        let Folders { packages, refused } = Folders::read(root, &toolchain.flag_names())?;
        let (Tree { recipes, graph }, broken) = broken::sort(packages, refused);
        Ok(Self { root: root.to_owned(), recipes, graph, toolchain, broken })
    }

    /// The recipe that makes a package.
    pub fn recipe_of(&self, package: &PkgName) -> Result<&Recipe> {
        self.graph.maker(package).and_then(|maker| self.recipes.get(maker)).ok_or_else(|| {
            let obstacle = self.broken.obstacle(package.as_str());
            if !obstacle.is_empty() {
                return invalid(&self.root, obstacle);
            }
            let names = self.recipes.values().flat_map(Recipe::package_names).map(PkgName::as_str);
            unknown("package", package.as_str(), names)
        })
    }

    /// Packages with everything they need, in the order they are unpacked on top of each other.
    pub fn closure(&self, packages: &[PkgName]) -> Result<Vec<&PkgName>> {
        self.graph.closure(packages).map_err(|unknown| invalid(&self.root, &unknown))
    }

    /// The file of the ledger, relative to the root.
    pub fn ledger_file(&self, arch: Arch) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("digests/{}.txt", arch.as_str()))
    }

    /// The file of the ledger.
    pub fn ledger_path(&self, arch: Arch) -> Utf8PathBuf {
        self.root.join(self.ledger_file(arch))
    }

    /// The committed ledger; empty when there is none.
    pub fn ledger(&self, arch: Arch) -> Result<Ledger> {
        let path = self.ledger_path(arch);
        if !path.exists() {
            return Ok(Ledger::default());
        }
        Ledger::parse(&checkout::read_to_string(&path)?, &self.ledger_file(arch))
            .map_err(|found| invalid(&self.root, &found))
    }

    /// The texts that the layers are rendered from.
    pub fn hardening_texts(&self) -> Result<ashlar_core::model::hardening::Texts> {
        let mut texts = ashlar_core::model::hardening::Texts::new();
        for folder in ["hardening", "pkgs/linux/config"] {
            for path in checkout::files_below(&self.root, Utf8Path::new(folder))? {
                let path = Utf8Path::new(folder).join(path);
                texts.insert(path.clone(), checkout::read_to_string(&self.root.join(path))?);
            }
        }
        Ok(texts)
    }

    /// The folder of a recipe.
    pub fn folder(&self, recipe: &Recipe) -> Utf8PathBuf {
        self.root.join(&recipe.folder)
    }

    /// Hashes what a build of `recipe` reads out of its folder.
    pub fn package_files(&self, recipe: &Recipe) -> Result<PackageFiles> {
        let patches = recipe.folder.join("patches");
        let patches = recipe.patches.iter().map(|name| self.planned(&patches, name)).collect::<Result<_>>()?;
        let files = checkout::files_below(&self.root, &recipe.folder)?;
        let own = files.iter().filter(|path| *path != "pkg.toml" && !path.starts_with("patches/"));
        let files = own.map(|path| self.planned(&recipe.folder, path)).collect::<Result<_>>()?;
        let (crates, workspace) = match (&recipe.cargo_lock, &recipe.workspace) {
            (Some(lock), _) => {
                let shown = recipe.folder.join(lock);
                let text = checkout::read_to_string(&self.root.join(&shown))?;
                (cargo_lock::parse(&text, &shown).map_err(|found| invalid(&self.root, &found))?, None)
            }
            (None, Some(shared)) => {
                let (crates, workspace) = self.workspace(recipe, shared)?;
                (crates, Some(workspace))
            }
            (None, None) => (Vec::new(), None),
        };
        let crates = crates.into_iter().map(PlannedCrate::from).collect();
        Ok(PackageFiles { patches, files, crates, workspace })
    }

    /// What the build of a member sees of its workspace: the manifest, the member's part of the lock, and `shared` crates.
    fn workspace(&self, recipe: &Recipe, shared: &[String]) -> Result<(Vec<cargo_lock::Crate>, PlannedWorkspace)> {
        let above = recipe.folder.parent().context("a package lies in a folder")?;
        let lock = above.join("Cargo.lock");
        let text = checkout::read_to_string(&self.root.join(&lock))?;
        let member = cargo_lock::member::of_member(&text, &lock, recipe.name.as_str())
            .map_err(|found| invalid(&self.root, &found))?;
        let named = shared.iter().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
        if named.collect::<BTreeSet<_>>() != member.members {
            return Err(invalid(&self.root, &[shared_crates(recipe, &member.members)]));
        }
        let file = above.join("Cargo.toml");
        let text = checkout::read_to_string(&self.root.join(&file))?;
        let members: Vec<String> = std::iter::once(recipe.name.to_string()).chain(shared.iter().cloned()).collect();
        let manifest = member.manifest(&text, &file, &members).map_err(|found| invalid(&self.root, &found))?;
        let mut files = Vec::new();
        for folder in shared {
            for path in checkout::files_below(&self.root, &above.join(folder))? {
                files.push(self.planned(above, &format!("{folder}/{path}"))?);
            }
        }
        Ok((member.crates, PlannedWorkspace { manifest, lock: member.text, files }))
    }

    /// A file below `folder`, which is relative to the repository.
    fn planned(&self, folder: &Utf8Path, path: &str) -> Result<PlannedFile> {
        let file = self.root.join(folder).join(path);
        let (bytes, mode) = checkout::read_with_mode(&file)?;
        let sha256 = Digest::of(canonical(&file, bytes)?);
        Ok(PlannedFile { path: path.to_owned(), sha256, executable: mode & 0o100 != 0 })
    }
}

/// The finding that a recipe's `workspace` is not what its crate depends on.
fn shared_crates(recipe: &Recipe, members: &BTreeSet<String>) -> Diagnostic {
    let shared = Utf8Path::new(SHARED).file_name().unwrap_or_default();
    let list: Vec<String> = members.iter().map(|name| format!("\"{shared}/{name}\"")).collect();
    Diagnostic::error("recipe::bad-workspace", "`workspace` does not name the shared crates that this crate depends on")
        .in_file(recipe.file())
        .help(format!("by Cargo.lock, they are: workspace = [{}]", list.join(", ")))
}

/// The bytes a build gets for a file of its folder: kernel-style configuration fragments without comments and in canonical
/// order, so that an edited comment rebuilds nothing; everything else as it is.
pub fn seen_by_build(file: &Utf8Path) -> Result<Vec<u8>> {
    canonical(file, checkout::read(file)?)
}

fn canonical(file: &Utf8Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if file.extension() != Some("config") {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{file} is not UTF-8"))?;
    match kconfig::Fragment::parse(&text, file) {
        Ok(fragment) => Ok(fragment.canonical().into_bytes()),
        Err(found) => Err(Invalid::of(&text, &found).into()),
    }
}

fn no_recipe(folder: &Utf8Path) -> Diagnostic {
    let help = match folder.strip_prefix("pkgs") {
        Ok(name) => format!("start one with `cargo xtask new-pkg {name}`, or remove the folder"),
        Err(_) => "write one, or remove the folder".to_owned(),
    };
    Diagnostic::error("recipe::missing", format!("{folder} has no pkg.toml")).help(help)
}
