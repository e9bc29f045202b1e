//! Reads the tree that a package was built in, before it goes: its units still show how they were compiled.
//!
//! `ashlar_core::verify::lint::units` evaluates them. It leaves out the tree of a package without `libs`, which is not linked with the
//! sysroot: kernel, EFI stub and GRUB have flags of their own. The lints still look at the files that such a package installs, and so
//! at the units of compiler-rt: they are its libraries.

use anyhow::{Context as _, Result};
use ashlar_core::plan::BuildPlan;
use ashlar_core::verify::lint::object_files::{ExpectedNotes, Trace};
use camino::Utf8Path;

use crate::exit::Exit;

/// Larger files are neither object files nor texts of sources.
const MAX_FILE: u64 = 64 << 20;

/// Judges the trees of sources and objects below `root`, and writes how many units there were into the package's logs.
///
/// # Errors
/// When a unit went past the configuration, or something could switch the stack protector off; all of it at once.
pub fn run(plan: &BuildPlan, root: &Utf8Path, logs: &Utf8Path) -> Result<()> {
    if plan.libs.is_empty() {
        return Ok(());
    }
    let mut trace = Trace::default();
    for name in ["src", "obj"] {
        walk(root, &root.join(name), &mut trace).with_context(|| format!("looking at {name} of {}", plan.package))?;
    }
    for (phase, script) in &plan.phases {
        trace.add(&format!("phase {phase} of the recipe"), script.as_bytes());
    }
    for (name, value) in &plan.env {
        trace.add(&format!("{name} in [build.env] of the recipe"), value.as_bytes());
    }
    let (units, guarded) = trace.counts();
    if units > 0 {
        let text = format!("{units} units of C and C++, {guarded} with a guarded function\n");
        fs_err::write(logs.join("units.log"), text)?;
    }
    let findings = trace.findings(plan.package.as_str(), expected(plan)?);
    if findings.is_empty() {
        return Ok(());
    }
    let list: String = findings.iter().map(|finding| format!("\n  {finding}")).collect();
    let help = "compile through $CC and $CXX; where a source must switch a flag off, say so and why in `KNOWN` of \
                xtask/core/src/verify/lint/object_files.rs";
    Err(Exit::Build
        .error(format!("{} was not compiled as toolchain/hardening.toml says:{list}\nhelp: {help}", plan.package)))
}

/// The flags of the compilers, with the recipe's opt-outs.
pub fn expected(plan: &BuildPlan) -> Result<ExpectedNotes> {
    Ok(ExpectedNotes::by(plan.toolchain.get("cc.cfg").context("the plan has no cc.cfg")?))
}

/// Adds every file below `dir`; links are not followed.
fn walk(root: &Utf8Path, dir: &Utf8Path, trace: &mut Trace) -> Result<()> {
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        // Names that are not UTF-8 are test data of upstream.
        let Some(path) = Utf8Path::from_path(&entry.path()).map(Utf8Path::to_owned) else { continue };
        if kind.is_dir() {
            walk(root, &path, trace)?;
        } else if kind.is_file() && entry.metadata()?.len() <= MAX_FILE {
            trace.add(path.strip_prefix(root).unwrap_or(&path).as_str(), &fs_err::read(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_walked_and_its_faults_are_named() {
        let guard = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(guard.path()).unwrap();
        for (path, text) in [("src/a/Makefile", "CFLAGS += -fno-stack-protector\n"), ("obj/x.c", "int x;\n")] {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        // Not followed: it leads out of the tree.
        std::os::unix::fs::symlink("/proc/self", root.join("obj/link")).unwrap();
        let mut trace = Trace::default();
        walk(root, &root.join("src"), &mut trace).unwrap();
        walk(root, &root.join("obj"), &mut trace).unwrap();
        let expected = ExpectedNotes { cet: true, no_ident: true };
        assert_eq!(trace.findings("x", expected), ["src/a/Makefile can switch the stack protector off"]);
        assert_eq!(trace.counts(), (0, 0));
    }
}
