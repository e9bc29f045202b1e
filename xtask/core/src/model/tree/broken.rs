//! A tree in which some recipes are unfinished: the others can be built all the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{Read, Tree, findings, good};
use crate::base::diag::Diagnostic;
use crate::base::name::PkgName;
use crate::model::graph::Graph;
use crate::model::recipe::Recipe;

/// What cannot be built, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, by the name of the recipe's folder.
    findings: BTreeMap<String, Vec<Diagnostic>>,
    /// Packages that these recipes would make, as far as their texts tell, by the folder's name.
    makes: BTreeMap<String, String>,
    /// Packages of good recipes that need a package which cannot be built: that one.
    waiting: BTreeMap<String, String>,
}

impl Broken {
    /// Folders with findings, in their order.
    pub fn findings(&self) -> impl Iterator<Item = &[Diagnostic]> {
        self.findings.values().map(Vec::as_slice)
    }

    /// The findings that keep a package from being built; none for one that is not known here.
    pub fn obstacle(&self, package: &str) -> &[Diagnostic] {
        let mut name = package;
        // No longer than there are packages that wait: a circle is a finding.
        for _ in 0..=self.waiting.len() {
            match self.waiting.get(name) {
                Some(next) => name = next,
                None => break,
            }
        }
        let folder = self.makes.get(name).map_or(name, String::as_str);
        self.findings.get(folder).map_or(&[], Vec::as_slice)
    }

    /// Packages that cannot be built: a name among them is no unknown one.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.makes.keys().chain(self.waiting.keys()).map(String::as_str)
    }

    fn add(&mut self, folder: &str, makes: &[String], finding: Diagnostic) {
        for name in makes.iter().map(String::as_str).chain([folder]) {
            self.makes.entry(name.to_owned()).or_insert_with(|| folder.to_owned());
        }
        self.findings.entry(folder.to_owned()).or_default().push(finding);
    }

    fn is_known(&self, package: &PkgName) -> bool {
        self.makes.contains_key(package.as_str()) || self.waiting.contains_key(package.as_str())
    }
}

/// Takes the recipes that can be built, with the graph over them, and says what keeps the others. `refused` are findings about files
/// of folders, by the folder's name.
pub fn sort(folders: Vec<Read>, refused: impl IntoIterator<Item = (String, Diagnostic)>) -> (Tree, Broken) {
    let found = findings(&folders);
    let makes = |folder: &Read| match &folder.recipe {
        Ok(good) => good.recipe.package_names().map(ToString::to_string).collect(),
        Err(unreadable) => unreadable.makes.clone(),
    };
    let name = |folder: &Read| folder.path.file_name().unwrap_or_default().to_owned();
    let makes: BTreeMap<String, Vec<String>> = folders.iter().map(|folder| (name(folder), makes(folder))).collect();
    let makes = |folder: &str| makes.get(folder).map_or(&[][..], Vec::as_slice);
    let (mut recipes, places) = good(folders);
    let mut broken = Broken::default();
    for (folder, finding) in refused.into_iter().chain(found) {
        broken.add(&folder, makes(&folder), finding);
    }
    loop {
        let findings = &broken.findings;
        recipes.retain(|name, _| !findings.contains_key(name.as_str()));
        set_aside(&mut recipes, &mut broken);
        let found = match Graph::build_at(&recipes, &places) {
            Ok(graph) => return (Tree { recipes, graph }, broken),
            Err(found) => found,
        };
        for finding in found {
            // Every finding of the graph is in the file of a recipe.
            let folder =
                finding.file.as_ref().and_then(|file| file.parent()?.file_name()).unwrap_or_default().to_owned();
            broken.add(&folder, makes(&folder), finding);
        }
    }
}

/// Takes out the recipes that need something which cannot be built, and those that need them.
fn set_aside(recipes: &mut BTreeMap<PkgName, Recipe>, broken: &mut Broken) {
    while !broken.findings.is_empty() {
        let made: BTreeSet<&PkgName> = recipes.values().flat_map(Recipe::package_names).collect();
        let mut waits = Vec::new();
        for recipe in recipes.values() {
            if let Some(input) = recipe.inputs().find(|input| !made.contains(input) && broken.is_known(input)) {
                waits.push((recipe.name.clone(), input.to_string()));
            }
        }
        if waits.is_empty() {
            return;
        }
        for (name, input) in waits {
            let packages = recipes.remove(&name);
            for package in packages.iter().flat_map(Recipe::package_names) {
                broken.waiting.insert(package.to_string(), input.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PackageFolder, read};
    use super::*;

    fn folder(name: &str, rest: &str) -> Read {
        let head = format!("name = \"{name}\"\nversion = \"1\"\nsummary = \"X\"\nlicense = \"MIT\"\n");
        let text = format!("{head}{rest}\n[phases]\ninstall = \"true\"\n");
        let folder = PackageFolder { path: format!("pkgs/{name}").into(), text, files: BTreeSet::new() };
        read(&folder, &BTreeSet::new())
    }

    fn sorted(folders: impl Into<Vec<Read>>) -> (Vec<String>, Broken) {
        let (tree, broken) = sort(folders.into(), []);
        (tree.recipes.keys().map(ToString::to_string).collect(), broken)
    }

    fn codes(findings: &[Diagnostic]) -> Vec<&str> {
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_does_not_need_a_broken_recipe_is_good() {
        let folders = [
            folder("alone", ""),
            folder("bad", "zzz = 1"),
            folder("needs-bad", "libs = [\"bad\"]"),
            folder("needs-that", "tools = [\"needs-bad\"]"),
            folder("zlib", ""),
        ];
        let (good, broken) = sorted(folders);
        assert_eq!(good, ["alone", "zlib"]);
        for name in ["bad", "needs-bad", "needs-that"] {
            assert_eq!(codes(broken.obstacle(name)), ["recipe::unknown-key"], "{name}");
        }
        assert!(broken.obstacle("zlib").is_empty() && broken.obstacle("nobody").is_empty());
        assert_eq!(broken.packages().collect::<Vec<_>>(), ["bad", "needs-bad", "needs-that"]);
    }

    #[test]
    fn a_split_package_of_a_broken_recipe_is_known() {
        let split = "zzz = 1\n[[output]]\nname = \"part\"\nsummary = \"P\"\nfiles = [\"x\"]";
        let (good, broken) = sorted([folder("bad", split), folder("user", "libs = [\"part\"]")]);
        assert!(good.is_empty());
        assert_eq!(codes(broken.obstacle("user")), ["recipe::unknown-key"]);
    }

    #[test]
    fn mistakes_of_the_graph_stop_only_those_who_meet_them() {
        let folders = [
            folder("a", "libs = [\"b\"]"),
            folder("b", "libs = [\"a\"]"),
            folder("c", "libs = [\"b\"]"),
            folder("lost", "libs = [\"nowhere\"]"),
            folder("z", ""),
        ];
        let (good, broken) = sorted(folders);
        assert_eq!(good, ["z"]);
        assert_eq!(codes(broken.obstacle("lost")), ["graph::unknown-package"]);
        for name in ["a", "b", "c"] {
            assert_eq!(codes(broken.obstacle(name)), ["graph::cycle"], "{name}");
        }
    }
}
