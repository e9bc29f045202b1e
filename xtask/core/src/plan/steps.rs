//! A plan as the list of steps that the engine executes, one after the other. Printed by `--print-plan`.

use std::fmt;

use serde::Serialize;

use super::{BuildPlan, Input, PlannedCrate, PlannedFile, PlannedSource, PlannedWorkspace};
use crate::base::name::{Phase, PkgName};

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Unpacks a verified source.
    Unpack(PlannedSource),
    /// Unpacks a verified file with patches, of which these are applied, or copies it when it is the patch.
    Patches(PlannedSource),
    /// Unpacks a verified crate into the vendor directory.
    Vendor(PlannedCrate),
    /// Lays the workspace of the package's crate into the source tree.
    Workspace(PlannedWorkspace),
    /// Copies the package's own files, for `/files` and, in style `cargo`, as the start of the source tree.
    Files {
        /// Every file but the recipe and the patches.
        files: Vec<PlannedFile>,
        /// Also into the source tree.
        as_source: bool,
    },
    /// Unpacks verified package layers on top of each other.
    Compose {
        /// `/sysroot` or `/tools`.
        into: &'static str,
        /// Packages in order.
        packages: Vec<Input>,
    },
    /// Writes a file of `/toolchain`.
    Toolchain {
        /// File name.
        name: String,
    },
    /// Runs a script in the container, without network.
    Run {
        /// Name of script and log: `patch`, a phase, or `test-<n>`.
        name: String,
        /// What it is called in the recipe, when that is not `name`.
        title: Option<String>,
        /// The phase it belongs to, for progress.
        phase: Phase,
        /// The script.
        script: String,
    },
    /// Takes a package out of the staging tree: normalised layer, manifest, checks.
    Collect {
        /// Package name.
        package: PkgName,
        /// Globs of a split package; everything else for the package itself.
        files: Vec<String>,
    },
}

/// The steps of a plan, in order.
pub fn steps(plan: &BuildPlan) -> Vec<Step> {
    let mut steps: Vec<Step> = plan.sources.iter().cloned().map(Step::Unpack).collect();
    steps.extend(plan.patch_files.iter().cloned().map(Step::Patches));
    steps.extend(plan.crates.iter().cloned().map(Step::Vendor));
    steps.extend(plan.workspace.clone().map(Step::Workspace));
    steps.push(Step::Files { files: plan.files.clone(), as_source: plan.files_are_source });
    for (into, packages) in [("/sysroot", &plan.libs), ("/tools", &plan.tools)] {
        if !packages.is_empty() {
            steps.push(Step::Compose { into, packages: packages.clone() });
        }
    }
    steps.extend(plan.toolchain.keys().map(|name| Step::Toolchain { name: name.clone() }));
    let of_others = plan.patch_files.iter().flat_map(PlannedSource::members);
    let patches: Vec<String> = of_others.chain(plan.patches.iter().map(|patch| patch.path.clone())).collect();
    if !patches.is_empty() {
        let apply = |patch: &String| {
            // A patch that does not apply names the file it was for, not itself.
            let file = crate::base::command::quote(&format!("/patches/{patch}"));
            format!("echo {file}:\npatch --batch --forward -p1 -i {file}")
        };
        let script = patches.iter().map(apply).collect::<Vec<_>>().join("\n");
        steps.push(Step::Run { name: "patch".to_owned(), title: None, phase: Phase::Prepare, script });
    }
    let run = |(phase, script): (&Phase, &String)| Step::Run {
        name: phase.to_string(),
        title: None,
        phase: *phase,
        script: script.clone(),
    };
    steps.extend(plan.phases.iter().map(run));
    let test = |(number, (title, script)): (usize, &(String, String))| Step::Run {
        name: format!("test-{}", number + 1),
        title: Some(title.clone()),
        phase: Phase::Check,
        script: script.clone(),
    };
    steps.extend(plan.tests.iter().enumerate().map(test));
    let globs = |name: &PkgName| {
        plan.outputs.iter().find(|(output, _)| output == name).map(|(_, globs)| globs.clone()).unwrap_or_default()
    };
    steps.extend(plan.package_names().map(|name| Step::Collect { package: name.clone(), files: globs(name) }));
    steps
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpack(source) => {
                write!(f, "unpack    {} ({}) to $SRC/{}", source.file, source.sha256.short(), source.to)?;
                if source.include.is_empty() { Ok(()) } else { write!(f, ", only {}", source.include.join(" ")) }
            }
            Self::Patches(source) => {
                write!(f, "patches   {} ({}) to /patches/{}", source.file, source.sha256.short(), source.to)?;
                if source.include.is_empty() { Ok(()) } else { write!(f, ", only {}", source.include.join(" ")) }
            }
            Self::Vendor(krate) => write!(f, "vendor    {} {} ({})", krate.name, krate.version, krate.sha256.short()),
            Self::Workspace(workspace) => {
                write!(f, "workspace Cargo.toml, Cargo.lock and {} files to $SRC/..", workspace.files.len())
            }
            Self::Files { files, as_source } => {
                let also = if *as_source { " and $SRC" } else { "" };
                write!(f, "files     {} to /files{also}", files.len())
            }
            Self::Compose { into, packages } => {
                write!(f, "compose   {into} from")?;
                packages.iter().try_for_each(|input| write!(f, " {}@{}", input.name, input.diff_id.short()))
            }
            Self::Toolchain { name } => write!(f, "write     /toolchain/{name}"),
            Self::Run { name, script, .. } => {
                write!(f, "run       {name}")?;
                script.trim().lines().try_for_each(|line| write!(f, "\n          | {line}"))
            }
            Self::Collect { package, files } if files.is_empty() => write!(f, "collect   {package}"),
            Self::Collect { package, files } => write!(f, "collect   {package} from {}", files.join(" ")),
        }
    }
}
