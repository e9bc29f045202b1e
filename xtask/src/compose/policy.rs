//! Compiles AppArmor's profiles for the image: with our own parser, in the seed env, for the features of our own kernel.

use anyhow::{Context as _, Result};
use ashlar_core::plan::policy::PolicyPlan;
use camino::Utf8Path;

use crate::build::session::Session;
use crate::compose::image_tools;
use crate::host::tree;

/// Compiles the profiles of `plan` in a directory of its own below `dir`. A broken profile fails with the parser's message and place.
pub fn compile(plan: &PolicyPlan, session: &Session<'_>, dir: &Utf8Path) -> Result<Vec<u8>> {
    let dir = dir.join("policy");
    for (path, text) in &plan.sources.profiles {
        let path = dir.join("profiles").join(path);
        fs_err::create_dir_all(path.parent().unwrap_or(&dir))?;
        fs_err::write(path, text)?;
    }
    fs_err::write(dir.join("features"), &plan.sources.features)?;
    for (package, path) in [(&plan.parser, "usr/bin/apparmor_parser"), (&plan.loader, "usr/bin/apparmor-load")] {
        let bytes = tree::read_file(&session.store().layer(&package.name, &package.diff_id), package.diff_id, path)
            .with_context(|| format!("reading {path} of {}", package.name))?;
        let program = dir.join(path.trim_start_matches("usr/bin/"));
        fs_err::write(&program, bytes)?;
        fs_err::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    image_tools::run(session, "policy", &dir, plan.script).context("compiling hardening/2-access/apparmor")?;
    plan.sources.expect(&fs_err::read_to_string(dir.join("names"))?).map_err(anyhow::Error::msg)?;
    Ok(fs_err::read(dir.join("policy"))?)
}
