//! AppArmor's profiles, compiled for the image: by our own parser, in the seed env, for the features of our own kernel.

use anyhow::{Context as _, Result};
use ashlar_core::model::hardening::apparmor::{SCRIPT, Sources};
use ashlar_core::plan::Input;
use camino::Utf8Path;
use serde::Serialize;

use crate::build::session::Session;
use crate::compose::pinned;
use crate::host::tree;

/// Everything that the compiled profiles depend on.
#[derive(Debug, Serialize)]
pub struct Policy {
    /// The texts.
    pub sources: Sources,
    /// The package of the compiler.
    pub parser: Input,
    /// The package of the loader, which must be able to read what was compiled.
    pub loader: Input,
    /// The commands.
    pub script: &'static str,
}

impl Policy {
    /// What `sources` are compiled by.
    pub fn new(sources: Sources, parser: Input, loader: Input) -> Self {
        Self { sources, parser, loader, script: SCRIPT }
    }

    /// Compiles them in a directory of its own below `room`. A broken profile fails with the parser's message and place.
    pub fn compile(&self, session: &Session<'_>, room: &Utf8Path) -> Result<Vec<u8>> {
        let room = room.join("policy");
        for (path, text) in &self.sources.profiles {
            let path = room.join("profiles").join(path);
            fs_err::create_dir_all(path.parent().unwrap_or(&room))?;
            fs_err::write(path, text)?;
        }
        fs_err::write(room.join("features"), &self.sources.features)?;
        for (package, path) in [(&self.parser, "usr/bin/apparmor_parser"), (&self.loader, "usr/bin/apparmor-load")] {
            let bytes = tree::read_file(&session.store().layer(&package.name, &package.diff_id), package.diff_id, path)
                .with_context(|| format!("reading {path} of {}", package.name))?;
            let program = room.join(path.trim_start_matches("usr/bin/"));
            fs_err::write(&program, bytes)?;
            fs_err::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        }
        pinned::run(session, "policy", &room, self.script).context("compiling hardening/2-access/apparmor")?;
        self.sources.expect(&fs_err::read_to_string(room.join("names"))?).map_err(anyhow::Error::msg)?;
        Ok(fs_err::read(room.join("policy"))?)
    }
}
