//! The whole of `pkgs/` from texts: every recipe parsed and validated, the graph over them, all findings at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::Utf8PathBuf;

use crate::base::diag::Diagnostic;
use crate::base::name::PkgName;
use crate::model::graph::{Graph, Places};
use crate::model::recipe::Recipe;
use crate::model::recipe::parse::parse;
use crate::model::recipe::raw::RawRecipe;
use crate::model::recipe::validate::validate;

/// One folder of `pkgs/`, as read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFolder {
    /// The folder's name.
    pub name: String,
    /// Text of its `pkg.toml`.
    pub text: String,
    /// Every file in it, relative to it, `/` between components.
    pub files: BTreeSet<String>,
}

impl PackageFolder {
    /// Path of the recipe relative to the repository.
    pub fn file(&self) -> Utf8PathBuf {
        format!("pkgs/{}/pkg.toml", self.name).into()
    }
}

/// Every recipe and the graph over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Recipes by name.
    pub recipes: BTreeMap<PkgName, Recipe>,
    /// Who makes and needs what.
    pub graph: Graph,
}

/// Reads all folders; `flags` are the names of the hardening flags.
///
/// # Errors
/// All findings of all recipes, in the order of the folders. Findings of the graph come when every recipe is good:
/// with a broken recipe missing, they would mislead.
pub fn load(folders: &[PackageFolder], flags: &BTreeSet<String>) -> Result<Tree, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut recipes = BTreeMap::new();
    let mut places = Places::new();
    for folder in folders {
        let file = folder.file();
        let raw = match parse(&folder.text, &file) {
            Ok(raw) => raw,
            Err(finding) => {
                found.push(finding);
                continue;
            }
        };
        match validate(&raw, &file, &folder.name, &folder.files, flags) {
            Ok(recipe) => {
                places.extend(spans(&raw).map(|(package, span)| ((recipe.name.clone(), package), span)));
                recipes.insert(recipe.name.clone(), recipe);
            }
            Err(findings) => found.extend(findings),
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let graph = Graph::build_at(&recipes, &places)?;
    Ok(Tree { recipes, graph })
}

/// Where the recipe names the packages it needs.
fn spans(raw: &RawRecipe) -> impl Iterator<Item = (PkgName, Range<usize>)> {
    raw.libs.iter().chain(&raw.tools).filter_map(|text| Some((text.get_ref().parse().ok()?, text.span())))
}
