//! All packages from texts: every recipe parsed and validated, the graph over them, all findings at once; or, in [`broken`], the good
//! recipes and what keeps the others from being built.

pub mod broken;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::diag::Diagnostic;
use crate::base::name::PkgName;
use crate::model::graph::{Graph, Places};
use crate::model::recipe::Recipe;
use crate::model::recipe::parse::parse;
use crate::model::recipe::raw::RawRecipe;
use crate::model::recipe::validate::validate;

/// Where packages lie: our own programs, what comes from elsewhere, and what only tests use.
pub const PACKAGES: [&str; 3] = ["programs", "pkgs", "tests/pkgs"];
/// The crates that our own programs share: beside packages, and none itself.
pub const SHARED: &str = "programs/lib";
/// Where container images lie: those for use, and those that only tests use.
pub const IMAGES: [&str; 2] = ["images", "tests/images"];
/// Where ISO profiles lie: those for use, and those that only tests use.
pub const PROFILES: [&str; 2] = ["iso", "tests/iso"];

/// One folder of a package, as read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFolder {
    /// Path relative to the repository: a name below one of [`PACKAGES`].
    pub path: Utf8PathBuf,
    /// Text of its `pkg.toml`.
    pub text: String,
    /// Every file in it, relative to it, `/` between components.
    pub files: BTreeSet<String>,
}

impl PackageFolder {
    /// Path of the recipe relative to the repository.
    pub fn file(&self) -> Utf8PathBuf {
        self.path.join("pkg.toml")
    }

    /// The folder's name, which is the package's.
    pub fn name(&self) -> &str {
        self.path.file_name().unwrap_or_default()
    }
}

/// Every recipe and the graph over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Recipes by name.
    pub recipes: BTreeMap<PkgName, Recipe>,
    /// Which recipe makes which package, and which it needs.
    pub graph: Graph,
}

/// What was read of all folders.
struct Read {
    recipes: BTreeMap<PkgName, Recipe>,
    places: Places,
    /// Findings with the names of their folders, in the order of the folders.
    found: Vec<(String, Diagnostic)>,
}

/// Reads all folders; `flags` are the names of the hardening flags.
///
/// # Errors
/// All findings of all recipes, in the order of the folders. Findings of the graph come when every recipe is good:
/// with a broken recipe missing, they would mislead.
pub fn load(folders: &[PackageFolder], flags: &BTreeSet<String>) -> Result<Tree, Vec<Diagnostic>> {
    let Read { recipes, places, found } = read(folders, flags);
    if !found.is_empty() {
        return Err(found.into_iter().map(|(_, finding)| finding).collect());
    }
    let graph = Graph::build_at(&recipes, &places)?;
    Ok(Tree { recipes, graph })
}

fn read(folders: &[PackageFolder], flags: &BTreeSet<String>) -> Read {
    let mut read = Read { recipes: BTreeMap::new(), places: Places::new(), found: Vec::new() };
    let mut paths = BTreeMap::new();
    for folder in folders {
        let file = folder.file();
        let mut add = |finding| read.found.push((folder.name().to_owned(), finding));
        taken("package", folder.name(), &folder.path, &mut paths).into_iter().for_each(&mut add);
        let raw = match parse(&folder.text, &file) {
            Ok(raw) => raw,
            Err(findings) => {
                findings.into_iter().for_each(add);
                continue;
            }
        };
        match validate(&raw, &file, &folder.files, flags) {
            Ok(recipe) => {
                let places = spans(&raw).map(|(package, span)| ((recipe.name.clone(), package), span));
                read.places.extend(places);
                read.recipes.insert(recipe.name.clone(), recipe);
            }
            Err(findings) => findings.into_iter().for_each(add),
        }
    }
    read
}

/// Notes that `name` lies at `path`; a finding with both places when it is already in `paths`.
pub fn taken<'a>(
    noun: &str,
    name: &'a str,
    path: &'a Utf8Path,
    paths: &mut BTreeMap<&'a str, &'a Utf8Path>,
) -> Option<Diagnostic> {
    let other = paths.insert(name, path)?;
    let message = format!("there are two folders for the {noun} `{name}`: {other} and {path}");
    Some(Diagnostic::error("tree::name-twice", message).help("rename one of them: names are unique over all folders"))
}

/// Where the recipe names the packages it needs.
fn spans(raw: &RawRecipe) -> impl Iterator<Item = (PkgName, Range<usize>)> {
    raw.libs.iter().chain(&raw.tools).filter_map(|text| Some((text.get_ref().parse().ok()?, text.span())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_two_places_is_told_with_both() {
        let text = "name = \"x\"\nversion = \"1\"\nsummary = \"X\"\nlicense = \"MIT\"\n[phases]\ninstall = \"true\"\n";
        let folder = |path: &str| PackageFolder { path: path.into(), text: text.to_owned(), files: BTreeSet::new() };
        let flags = BTreeSet::new();
        let tree = load(&[folder("programs/x")], &flags).unwrap();
        assert_eq!(tree.recipes.values().map(Recipe::file).collect::<Vec<_>>(), ["programs/x/pkg.toml"]);
        let found = load(&[folder("programs/x"), folder("tests/pkgs/x")], &flags).unwrap_err();
        let rendered: String = found.iter().map(|finding| finding.render(None)).collect();
        insta::assert_snapshot!(rendered, @r"
        error[tree::name-twice]: there are two folders for the package `x`: programs/x and tests/pkgs/x
        help: rename one of them: names are unique over all folders
        ");
    }
}
