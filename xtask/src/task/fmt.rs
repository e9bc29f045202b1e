//! `fmt`: recipes, images and profiles in one layout.

use anyhow::{Context as _, Result};
use ashlar_core::base::event::counted;
use ashlar_core::formats::toml_layout;
use ashlar_core::model::recipe::schema;
use ashlar_core::model::tree::{IMAGES, PACKAGES, PROFILES};

use crate::app::App;
use crate::exit::Exit;
use crate::host::checkout;

/// A kind of file: its name, where folders that have one lie, and the order of a table's keys, by its header.
struct Kind {
    file: &'static str,
    places: &'static [&'static str],
    order: fn(&str) -> Vec<String>,
}

const KINDS: [Kind; 3] = [
    Kind { file: "pkg.toml", places: &PACKAGES, order: schema::order },
    Kind { file: "image.toml", places: &IMAGES, order: |_| Vec::new() },
    Kind { file: "profile.toml", places: &PROFILES, order: |_| Vec::new() },
];

/// Lays the files out anew and prints the paths of those that changed; with `check`, only says which would.
pub fn run(app: &App, check: bool) -> Result<Exit> {
    let mut changed = Vec::new();
    for kind in KINDS {
        // What is no folder of its kind, `check` finds.
        let (folders, _) = checkout::folders_of(&app.root, kind.places)?;
        for shown in folders.into_iter().map(|folder| folder.join(kind.file)) {
            let path = app.root.join(&shown);
            if !path.exists() {
                continue;
            }
            let text = checkout::read_to_string(&path)?;
            let laid_out = toml_layout::formatted(&text, &kind.order).with_context(|| format!("reading {shown}"))?;
            if laid_out == text {
                continue;
            }
            if !check {
                fs_err::write(path, laid_out)?;
            }
            app.reporter.say(&shown);
            changed.push(shown);
        }
    }
    if check && !changed.is_empty() {
        let count = counted(changed.len(), "file");
        return Err(Exit::OutOfDate.error(format!("the layout of {count} is not ours; run `cargo xtask fmt`")));
    }
    Ok(Exit::Good)
}
