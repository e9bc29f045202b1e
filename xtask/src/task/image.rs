//! `image`: composes a container image and shows what is in it.

use anyhow::{Result, bail};
use ashlar_core::base::event::size;
use camino::Utf8Path;

use super::plan;
use crate::app::App;
use crate::cli::StageForm;
use crate::compose::{self, image};
use crate::exit::Exit;
use crate::host::store::copy_dir;

/// Prints the plan of `name`. What it reads is built.
pub fn print_plan(app: &App, name: &str, form: StageForm) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let built = session.build(&compose::image_named(&repository, name)?.package_names())?;
    let planned = image::plan(&session, &repository, name, &built)?;
    print!("{}", plan::printed(&[(planned.keyed(), planned.steps())], form)?);
    Ok(Exit::Good)
}

/// Composes `name` and writes its OCI layout to `output`, by default `out/<name>`. Prints digests, size and files.
pub fn run(app: &App, name: &str, output: Option<&Utf8Path>) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let composed = image::compose(&session, &repository, name)?;
    let output = output.map_or_else(|| app.root.join("out").join(name), Utf8Path::to_owned);
    if output.exists() {
        if !output.join("oci-layout").is_file() {
            bail!("{output} exists and is not an OCI layout; name another directory with --output");
        }
        fs_err::remove_dir_all(&output)?;
    }
    copy_dir(&store.package_dir(&composed.stored_as, &composed.diff_id), &output)?;
    println!("image     {name}");
    println!("manifest  {}", composed.manifest_digest.oci());
    println!("layer     {} ({})", composed.diff_id.oci(), size(composed.size));
    println!("layout    {output}");
    println!("run       podman run --rm --read-only --cap-drop all $(podman pull -q oci:{output})");
    image::listing(&composed.manifest).iter().for_each(|line| println!("{line}"));
    Ok(Exit::Good)
}
