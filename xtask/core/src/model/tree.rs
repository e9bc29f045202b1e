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
}

/// Every recipe and the graph over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Recipes by name.
    pub recipes: BTreeMap<PkgName, Recipe>,
    /// Which recipe makes which package, and which it needs.
    pub graph: Graph,
}

/// What one folder says, without its text: of a large tree, not all texts are held at once.
#[derive(Debug)]
pub struct Read {
    path: Utf8PathBuf,
    /// Boxed, since lists of these are moved about.
    recipe: Result<Box<Good>, Unreadable>,
}

/// A good recipe.
#[derive(Debug)]
struct Good {
    recipe: Recipe,
    /// Where it names the packages it needs.
    places: Vec<Range<usize>>,
}

/// A folder without a good recipe.
#[derive(Debug)]
struct Unreadable {
    findings: Vec<Diagnostic>,
    /// The packages that it would make, as far as its text tells.
    makes: Vec<String>,
}

/// Reads a folder; `flags` are the names of the hardening flags.
pub fn read(folder: &PackageFolder, flags: &BTreeSet<String>) -> Read {
    let file = folder.file();
    let recipe = parse(&folder.text, &file).and_then(|raw| {
        let recipe = validate(&raw, &file, &folder.files, flags)?;
        let places = raw.libs.iter().chain(&raw.tools).map(|text| text.span()).collect();
        Ok(Box::new(Good { recipe, places }))
    });
    let unreadable = |findings| Unreadable { findings, makes: names_in(&folder.text) };
    Read { path: folder.path.clone(), recipe: recipe.map_err(unreadable) }
}

/// The packages that a recipe would make, as far as its text tells.
fn names_in(text: &str) -> Vec<String> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("name")?.trim().strip_prefix('='));
    named.map(|value| value.trim().trim_matches(['"', '\'']).to_owned()).collect()
}

/// Puts what was read of all folders together.
///
/// # Errors
/// All findings of all recipes, in the order of the folders. Findings of the graph come when every recipe is good:
/// with a broken recipe missing, they would mislead.
pub fn load(folders: Vec<Read>) -> Result<Tree, Vec<Diagnostic>> {
    let found = findings(&folders);
    if !found.is_empty() {
        return Err(found.into_iter().map(|(_, finding)| finding).collect());
    }
    let (recipes, places) = good(folders);
    let graph = Graph::build_at(&recipes, &places)?;
    Ok(Tree { recipes, graph })
}

/// The findings with the names of their folders, in the order of the folders.
fn findings(folders: &[Read]) -> Vec<(String, Diagnostic)> {
    let (mut found, mut paths) = (Vec::new(), BTreeMap::new());
    for Read { path, recipe } in folders {
        let name = path.file_name().unwrap_or_default();
        let own = recipe.as_ref().err().into_iter().flat_map(|unreadable| unreadable.findings.iter().cloned());
        let all = taken("package", name, path, &mut paths).into_iter().chain(own);
        found.extend(all.map(|finding| (name.to_owned(), finding)));
    }
    found
}

/// The good recipes.
fn good(folders: Vec<Read>) -> (BTreeMap<PkgName, Recipe>, Places) {
    let mut all = Places::new();
    let recipes = folders.into_iter().filter_map(|folder| folder.recipe.ok()).map(|good| {
        let Good { recipe, places } = *good;
        all.insert(recipe.name.clone(), places);
        (recipe.name.clone(), recipe)
    });
    (recipes.collect(), all)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_two_places_is_told_with_both() {
        let text = "name = \"x\"\nversion = \"1\"\nsummary = \"X\"\nlicense = \"MIT\"\n[phases]\ninstall = \"true\"\n";
        let folder = |path: &str| PackageFolder { path: path.into(), text: text.to_owned(), files: BTreeSet::new() };
        let flags = BTreeSet::new();
        let read = |path: &str| read(&folder(path), &flags);
        let tree = load(vec![read("programs/x")]).unwrap();
        assert_eq!(tree.recipes.values().map(Recipe::file).collect::<Vec<_>>(), ["programs/x/pkg.toml"]);
        let found = load(vec![read("programs/x"), read("tests/pkgs/x")]).unwrap_err();
        let rendered: String = found.iter().map(|finding| finding.render(None)).collect();
        insta::assert_snapshot!(rendered, @r"
        error[tree::name-twice]: there are two folders for the package `x`: programs/x and tests/pkgs/x
        help: rename one of them: names are unique over all folders
        ");
    }
}
