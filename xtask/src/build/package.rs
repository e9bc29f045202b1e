//! Builds one package: executes the steps of its plan and stores what the staging tree holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::{Phase, PkgName};
use ashlar_core::plan::steps::{Step, steps};
use ashlar_core::plan::{BuildPlan, Input, PlannedFile, env};
use camino::{Utf8Path, Utf8PathBuf};

use crate::build::context::BuildContext;
use crate::build::{collect, compile_audit};
use crate::exit::Exit;
use crate::host::beneath::Beneath;
use crate::host::container::{Container, Mount, Wanted, write_skeleton};
use crate::host::exec::ExecError;
use crate::host::store::Store;
use crate::host::work::{self, Work};
use crate::host::{crates, tree, unpack};

/// A finished build.
#[derive(Debug)]
pub struct PackageBuild {
    /// Diff id of each package.
    pub outputs: BTreeMap<PkgName, Digest>,
    /// Seconds it took.
    pub seconds: u64,
    /// Bytes of all layers.
    pub bytes: u64,
}

/// Builds `plan` at `context`.
pub fn build(plan: &BuildPlan, context: BuildContext<'_>) -> Result<PackageBuild> {
    let started = Instant::now();
    let logs = context.store.logs(&plan.package);
    if logs.exists() {
        fs_err::remove_dir_all(&logs)?;
    }
    fs_err::create_dir_all(&logs)?;
    let parent = context.store.root().join("work");
    let mut work = Work::create(&parent, plan.package.as_str(), context.variations.tmpfs)?;
    let result = run(plan, context, &work, &logs).map_err(|error| context.store.explain_full(error));
    if result.is_err() {
        let files = logs.read_dir_utf8()?.filter_map(|entry| Some(entry.ok()?.into_path()));
        let log = files.filter(|path| path.extension() == Some("log")).max_by_key(|path| modified(path));
        context.reporter.emit(Event::Failed { package: plan.package.clone(), log });
        if context.keep {
            work::mark_kept(work.dir())?;
            work.keep();
            context.reporter.note(format!("kept; `cargo xtask shell {}` opens a shell where it failed", plan.package));
        }
    }
    let result = result.map_err(|error| with_remedy(error, plan, context.keep));
    let outputs = result.with_context(|| format!("cannot build {} {}", plan.package, plan.version))?;
    if !context.keep {
        work.remove()?;
    }
    let bytes = outputs
        .iter()
        .map(|(name, id)| Ok(fs_err::metadata(context.store.layer(name, id))?.len()))
        .sum::<Result<u64>>()?;
    Ok(PackageBuild { outputs, seconds: started.elapsed().as_secs(), bytes })
}

/// Says how to get at the build that failed, which is gone unless it is kept.
fn with_remedy(mut error: anyhow::Error, plan: &BuildPlan, kept: bool) -> anyhow::Error {
    if let Some(failed) = error.downcast_mut::<ExecError>().filter(|failed| failed.script.is_some() && !kept) {
        let name = &plan.package;
        failed.remedy = Some(format!(
            "that command needs the build's directory, which is gone: `cargo xtask build-pkg {name} --keep` leaves it there, \
             and `cargo xtask shell {name}` opens a shell in it"
        ));
    }
    error
}

fn modified(path: &Utf8Path) -> std::time::SystemTime {
    path.metadata().and_then(|meta| meta.modified()).unwrap_or(std::time::UNIX_EPOCH)
}

/// The directories of one work directory.
#[derive(Debug)]
pub struct BuildDirs<'a>(&'a Utf8Path);

impl<'a> BuildDirs<'a> {
    /// Those of the work directory `dir`.
    pub fn new(dir: &'a Utf8Path) -> Self {
        Self(dir)
    }

    const ALL: [&'static str; 12] = [
        "root/src",
        "root/obj",
        "root/home/.cargo",
        "root/vendor",
        "dest",
        "sysroot",
        "tools",
        "files",
        "toolchain",
        "patches",
        "scripts",
        "skeleton",
    ];

    fn dir(&self, name: &str) -> Utf8PathBuf {
        self.0.join(name)
    }

    /// Where `$SRC` is.
    fn source(&self, plan: &BuildPlan) -> Utf8PathBuf {
        self.0.join("root").join(plan.source_folder())
    }

    /// The build's pipe of job tokens.
    pub fn jobserver(&self) -> Utf8PathBuf {
        self.dir("jobserver")
    }

    /// What the container sees.
    pub fn mounts(&self, seed: &Utf8Path, root: &str) -> Vec<Mount> {
        let mut mounts = vec![
            Mount::input(seed.join("usr"), "/usr"),
            Mount::output(self.dir("root"), root),
            Mount::output(self.dir("dest"), "/dest"),
            Mount::output(self.jobserver(), "/jobserver"),
        ];
        for name in ["sysroot", "tools", "files", "toolchain", "patches", "scripts"] {
            mounts.push(Mount::input(self.dir(name), format!("/{name}")));
        }
        mounts
    }
}

fn run(plan: &BuildPlan, context: BuildContext<'_>, work: &Work, logs: &Utf8Path) -> Result<BTreeMap<PkgName, Digest>> {
    let dirs = BuildDirs(work.dir());
    for name in BuildDirs::ALL {
        fs_err::create_dir_all(dirs.dir(name))?;
    }
    write_skeleton(&dirs.dir("skeleton"))?;
    let _share = context.jobserver.share(&dirs.jobserver())?;
    let mounts = dirs.mounts(context.seed, &context.variations.root);
    let mut container = None;
    let mut outputs = BTreeMap::new();
    for step in steps(plan) {
        match step {
            Step::Run { phase: Phase::Check, .. } if context.skip_checks => {}
            Step::Run { name, title, phase, script } => {
                context.reporter.emit(Event::Phase { package: plan.package.clone(), phase });
                let container = match &container {
                    Some(container) => container,
                    None => container.insert(Container::create(
                        work.dir(),
                        Wanted {
                            hostname: &context.variations.hostname,
                            mounts: mounts.clone(),
                            builds: context.jobserver.jobs,
                            bare: context.bare,
                        },
                    )?),
                };
                let shown = title.map_or_else(|| format!("`{name}`"), |title| format!("the test `{title}`"));
                let before = container.own_files()?;
                run_script(plan, context, &dirs, container, (&name, phase), &script, logs)
                    .with_context(|| format!("{} failed in {shown}", plan.package))?;
                let after = container.own_files()?;
                match (phase, outside(&before, &after)) {
                    (_, None) | (Phase::Check, _) => {}
                    (Phase::Install, Some(files)) => return Err(lost(plan, &files)),
                    // What a later phase needs there, a test for one, may be; in the package it is not.
                    (_, Some(files)) => context.reporter.note(format!(
                        "`{name}` of {} wrote outside of $DESTDIR and /build, which is in no package:{files}",
                        plan.package
                    )),
                }
            }
            Step::Collect { package, .. } => {
                if outputs.is_empty() {
                    compile_audit::run(plan, &dirs.dir("root"), logs)?;
                }
                let id = collect::package(plan, &package, &dirs.dir("dest"), context)?;
                outputs.insert(package, id);
            }
            other => prepare(plan, context, &dirs, &other).with_context(|| format!("step `{other}`"))?,
        }
    }
    Ok(outputs)
}

/// What a phase wrote beside the staging tree and its own folders, a line each; it would be lost without a word.
fn outside(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<String> {
    let outside: Vec<&str> = after.difference(before).map(String::as_str).collect();
    let shown = outside.get(..outside.len().min(5)).filter(|shown| !shown.is_empty())?;
    let list = shown.iter().map(|path| format!("\n  /{path}")).collect::<String>();
    let more = if outside.len() > shown.len() {
        format!("\n  and {} more", outside.len() - shown.len())
    } else {
        String::new()
    };
    Some(list + &more)
}

fn lost(plan: &BuildPlan, files: &str) -> anyhow::Error {
    Exit::Build.error(format!(
        "`install` of {} wrote outside of $DESTDIR; these files would be lost:{files}\n\
         help: put $DESTDIR before the path; many makefiles take DESTDIR=\"$DESTDIR\"",
        plan.package
    ))
}

/// Executes the steps that happen before the container exists.
fn prepare(plan: &BuildPlan, context: BuildContext<'_>, dirs: &BuildDirs<'_>, step: &Step) -> Result<()> {
    let distfile = |digest: &Digest| context.store.root().join("distfiles/sha256").join(digest.to_string());
    match step {
        Step::Unpack(source) => {
            unpack::unpack_source(&distfile(&source.sha256), source, &dirs.source(plan)).map_err(of_archive)
        }
        Step::Patches(source) if source.include.is_empty() => {
            let folder = dirs.dir("patches").join(&source.to);
            fs_err::create_dir_all(&folder)?;
            Ok(fs_err::copy(distfile(&source.sha256), folder.join(&source.file)).map(drop)?)
        }
        // Where they go, the numbers in `to` stand.
        Step::Patches(source) => {
            unpack::unpack_source(&distfile(&source.sha256), source, &dirs.dir("patches")).map_err(of_archive)
        }
        Step::Vendor(krate) => {
            crates::unpack_crate(
                &distfile(&krate.sha256),
                &krate.name,
                &krate.version,
                &krate.sha256,
                &dirs.dir("root/vendor"),
            )?;
            let config = format!(
                "[source.crates-io]\nreplace-with = \"vendored-sources\"\n[source.vendored-sources]\ndirectory = \"{}/vendor\"\n",
                context.variations.root
            );
            Ok(fs_err::write(dirs.dir("root/home/.cargo/config.toml"), config)?)
        }
        Step::Workspace(workspace) => {
            let above = context.folder.parent().context("a member lies below its workspace")?;
            copy_files(above, &workspace.files, &dirs.dir("root/src"))?;
            fs_err::write(dirs.dir("root/src/Cargo.toml"), &workspace.manifest)?;
            Ok(fs_err::write(dirs.dir("root/src/Cargo.lock"), &workspace.lock)?)
        }
        Step::Files { files, as_source } => {
            copy_files(context.folder, files, &dirs.dir("files"))?;
            copy_files(&context.folder.join("patches"), &plan.patches, &dirs.dir("patches"))?;
            if *as_source { copy_files(context.folder, files, &dirs.source(plan)) } else { Ok(()) }
        }
        Step::Compose { into, packages } => compose(context.store, packages, &dirs.dir(into.trim_start_matches('/'))),
        Step::Toolchain { name } => {
            let files = env::toolchain_files(plan, context.variations);
            Ok(fs_err::write(dirs.dir("toolchain").join(name), files.get(name).map_or("", String::as_str))?)
        }
        Step::Run { .. } | Step::Collect { .. } => Ok(()),
    }
}

/// The error of a package whose archive cannot be unpacked, unless it is the machine's: then other packages would meet it, too.
fn of_archive(error: anyhow::Error) -> anyhow::Error {
    let of_machine = error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.raw_os_error().is_some());
        io || matches!(cause.downcast_ref(), Some(&rustix::io::Errno::NOSPC | &rustix::io::Errno::IO))
    });
    if of_machine { error } else { Exit::Build.error(format!("{error:#}")) }
}

/// Unpacks package layers on top of each other, each verified while it is read.
pub fn compose(store: &Store, packages: &[Input], into: &Utf8Path) -> Result<()> {
    for input in packages {
        tree::unpack_layer(&store.layer(&input.name, &input.diff_id), input.diff_id, into)
            .with_context(|| format!("composing {}", input.name))?;
    }
    Ok(())
}

/// Copies files of the package's folder. Where they go to, a source may have been unpacked before: its links are not followed.
fn copy_files(folder: &Utf8Path, files: &[PlannedFile], into: &Utf8Path) -> Result<()> {
    let mut into = Beneath::make(into)?;
    for file in files {
        let bytes = crate::host::repository::seen_by_build(&folder.join(&file.path))?;
        let path = Utf8Path::new(&file.path);
        into.create(path)?.write_all(&bytes).with_context(|| format!("copying {path}"))?;
        into.set_mode(path, if file.executable { 0o755 } else { 0o644 })?;
    }
    Ok(())
}

fn run_script(
    plan: &BuildPlan,
    context: BuildContext<'_>,
    dirs: &BuildDirs<'_>,
    container: &Container,
    (name, phase): (&str, Phase),
    script: &str,
    logs: &Utf8Path,
) -> Result<()> {
    fs_err::write(dirs.dir("scripts").join(name), env::script(script, phase, context.variations))?;
    let jobs = context.variations.cpus.as_ref().map_or(context.jobserver.jobs, Vec::len);
    let mut argv = vec!["/usr/bin/env".to_owned(), "-i".to_owned()];
    argv.extend(env::variables(plan, context.variations, jobs).iter().map(|(name, value)| format!("{name}={value}")));
    // A test mostly compares in silence: its log has each command, so that the last one is the one that failed.
    let options = if name.starts_with("test-") { "-eux" } else { "-eu" };
    argv.extend(["/bin/sh".to_owned(), options.to_owned(), format!("/scripts/{name}")]);
    let log = logs.join(format!("{name}.log"));
    context.reporter.follow(&plan.package, &log);
    container.run(&argv, &log, context.variations.cpus.as_deref()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source with links where the folder's files go: to a file of the host, and to a folder of it.
    #[test]
    fn files_of_the_folder_are_not_written_through_a_sources_links() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        for folder in ["folder/src", "host", "src"] {
            fs_err::create_dir_all(dir.join(folder)).unwrap();
        }
        for file in ["folder/Cargo.toml", "folder/src/main.rs"] {
            fs_err::write(dir.join(file), "ours").unwrap();
        }
        fs_err::write(dir.join("host/victim"), "theirs").unwrap();
        fs_err::os::unix::fs::symlink("../host/victim", dir.join("src/Cargo.toml")).unwrap();
        fs_err::os::unix::fs::symlink("../host", dir.join("src/src")).unwrap();
        let planned = |path: &str| PlannedFile { path: path.to_owned(), sha256: Digest::of("ours"), executable: false };
        let copy = |path: &str| copy_files(&dir.join("folder"), &[planned(path)], &dir.join("src"));
        copy("Cargo.toml").unwrap();
        assert!(format!("{:#}", copy("src/main.rs").unwrap_err()).contains("passes through a link"));
        assert_eq!(fs_err::read_to_string(dir.join("host/victim")).unwrap(), "theirs");
        assert_eq!(fs_err::read_to_string(dir.join("src/Cargo.toml")).unwrap(), "ours");
        assert!(!dir.join("host/main.rs").exists());
    }
}
