//! `image`: composes a container image and shows what is in it.

use anyhow::{Result, bail};
use ashlar_core::base::event::{Event, size};
use ashlar_core::model::seed::SeedName;
use camino::Utf8Path;

use super::plan;
use crate::app::App;
use crate::cli::StageForm;
use crate::compose::image::Composed;
use crate::compose::{self, image};
use crate::exit::Exit;
use crate::host::store::copy_dir;

/// Prints the plan of `name`. What it reads is built.
pub fn print_plan(app: &App, name: &str, form: StageForm, seed: &SeedName) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session_in(&repository, &store, seed)?;
    let built = session.build(&compose::image_named(&repository, name)?.package_names())?;
    let planned = image::plan(&session, &repository, name, &built)?;
    plan::print(&app.reporter, &[(planned.keyed(), planned.steps())], form)?;
    Ok(Exit::Good)
}

/// Composes `name` and writes its OCI layout to `output`, by default `out/<name>`. Prints digests, size and files.
pub fn run(app: &App, name: &str, output: Option<&Utf8Path>, seed: &SeedName) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session_in(&repository, &store, seed)?;
    let composed = image::compose(&session, &repository, name)?;
    let output = output.map_or_else(|| app.root.join("out").join(name), Utf8Path::to_owned);
    if output.exists() {
        if !output.join("oci-layout").is_file() {
            bail!("{output} exists and is not an OCI layout; name another directory with --output");
        }
        fs_err::remove_dir_all(&output)?;
    }
    copy_dir(&store.package_dir(&composed.stored_as, &composed.diff_id), &output)?;
    let made = Event::Made {
        what: "image",
        name: name.to_owned(),
        digest: composed.diff_id,
        manifest: Some(composed.manifest_digest),
        path: Some(output.clone()),
        bytes: Some(composed.size),
    };
    app.reporter.show(&made, || described(name, &composed, &output));
    Ok(Exit::Good)
}

/// What a person wants to know of an image: what to pin, how to start it, what is in it.
fn described(name: &str, composed: &Composed, output: &Utf8Path) -> String {
    let layer = format!("{} ({})", composed.diff_id.oci(), size(composed.size));
    let manifest = composed.manifest_digest.oci();
    let run = format!("podman run --rm --read-only --cap-drop all $(podman pull -q oci:{output})");
    let files = image::listing(&composed.manifest).join("\n");
    format!("image     {name}\nmanifest  {manifest}\nlayer     {layer}\nlayout    {output}\nrun       {run}\n{files}")
}
