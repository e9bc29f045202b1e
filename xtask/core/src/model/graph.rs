//! Which recipe makes which package, and which recipe needs which: order, closures, dependents.
//!
//! Nodes are recipes; edges are `libs` and `tools`. Every answer is in a deterministic order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::base::diag::{Diagnostic, suggest};
use crate::base::name::PkgName;
use crate::model::recipe::Recipe;

/// Where a recipe's text names a package it needs: (recipe, needed package) to byte range. Makes findings point at the line.
pub type Places = BTreeMap<(PkgName, PkgName), Range<usize>>;

/// A tree of recipes in which every name is known and nothing needs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Every package, splits included, to the recipe that makes it.
    makers: BTreeMap<PkgName, PkgName>,
    /// Packages in the recipe's `libs`, by recipe.
    libs: BTreeMap<PkgName, BTreeSet<PkgName>>,
    /// Recipes that must be built first (libs and tools), by recipe.
    needs: BTreeMap<PkgName, BTreeSet<PkgName>>,
}

impl Graph {
    /// The graph of `recipes` (by recipe name).
    ///
    /// # Errors
    /// Every package made twice and every unknown package; when there are none, every cycle.
    pub fn build(recipes: &BTreeMap<PkgName, Recipe>) -> Result<Self, Vec<Diagnostic>> {
        Self::build_at(recipes, &Places::new())
    }

    /// Like [`Graph::build`], with the places of dependencies in the recipes' texts.
    ///
    /// # Errors
    /// As [`Graph::build`].
    pub fn build_at(recipes: &BTreeMap<PkgName, Recipe>, places: &Places) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let makers = makers(recipes, &mut found);
        let mut graph = Self { makers, libs: BTreeMap::new(), needs: BTreeMap::new() };
        for (name, recipe) in recipes {
            let mut needs = BTreeSet::new();
            for package in recipe.inputs() {
                match graph.makers.get(package) {
                    Some(maker) => {
                        needs.insert(maker.clone());
                    }
                    None => found.push(at(graph.no_maker(package), recipe, package, places)),
                }
            }
            graph.libs.insert(name.clone(), recipe.libs.iter().cloned().collect());
            graph.needs.insert(name.clone(), needs);
        }
        if found.is_empty() {
            found = graph.cycles(recipes, places);
        }
        if found.is_empty() { Ok(graph) } else { Err(found) }
    }

    /// The recipe that makes `package`.
    pub fn maker(&self, package: &PkgName) -> Option<&PkgName> {
        self.makers.get(package)
    }

    /// Every package, splits included.
    pub fn packages(&self) -> impl Iterator<Item = &PkgName> {
        self.makers.keys()
    }

    /// The recipes `recipe` needs directly.
    pub fn needs(&self, recipe: &PkgName) -> impl Iterator<Item = &PkgName> {
        self.needs.get(recipe).into_iter().flatten()
    }

    /// The recipes that need `recipe` directly.
    pub fn dependents(&self, recipe: &PkgName) -> BTreeSet<&PkgName> {
        self.needs.iter().filter(|(_, needs)| needs.contains(recipe)).map(|(name, _)| name).collect()
    }

    /// All recipes, each behind those it needs.
    pub fn order(&self) -> Vec<PkgName> {
        self.order_of(self.needs.keys())
    }

    /// The recipes in `wanted` and all they need, each behind those it needs.
    pub fn order_of<'a>(&'a self, wanted: impl IntoIterator<Item = &'a PkgName>) -> Vec<PkgName> {
        behind_their_needs(wanted, |recipe| self.needs.get(recipe).into_iter().flatten().collect())
    }

    /// `packages` and, transitively, the libs of their recipes: what is composed into a sysroot. Each package stands
    /// behind those it needs. A package that no recipe makes has no needs; [`Graph::unknown`] finds those.
    pub fn closure(&self, packages: &[PkgName]) -> Vec<PkgName> {
        behind_their_needs(packages, |package| {
            self.makers.get(package).and_then(|maker| self.libs.get(maker)).into_iter().flatten().collect()
        })
    }

    /// One finding, with a suggestion, for each of `packages` that no recipe makes.
    pub fn unknown(&self, packages: &[PkgName]) -> Vec<Diagnostic> {
        let unknown = packages.iter().filter(|package| !self.makers.contains_key(package));
        unknown.map(|package| self.no_maker(package)).collect()
    }

    /// The graph in the language of Graphviz: an arrow from each recipe to what it needs, dashed where only at build time.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph packages {\n    rankdir = LR;\n    node [shape = box];\n");
        for (recipe, needs) in &self.needs {
            text.push_str(&format!("    \"{recipe}\";\n"));
            let linked: BTreeSet<&PkgName> =
                self.libs.get(recipe).into_iter().flatten().filter_map(|package| self.makers.get(package)).collect();
            for need in needs {
                let style = if linked.contains(need) { "" } else { " [style = dashed]" };
                text.push_str(&format!("    \"{recipe}\" -> \"{need}\"{style};\n"));
            }
        }
        text.push_str("}\n");
        text
    }

    fn no_maker(&self, package: &PkgName) -> Diagnostic {
        let finding = Diagnostic::error("graph::unknown-package", format!("no recipe makes `{package}`"));
        match suggest(package.as_str(), self.makers.keys().map(PkgName::as_str)) {
            Some(close) => finding.label(format!("did you mean `{close}`?")),
            None => {
                finding.label("unknown package").help(format!("`cargo xtask new-pkg {package}` begins a recipe for it"))
            }
        }
    }

    /// One finding per cycle, as a path. A cycle is reported at its first member in name order.
    fn cycles(&self, recipes: &BTreeMap<PkgName, Recipe>, places: &Places) -> Vec<Diagnostic> {
        let mut done = BTreeSet::new();
        let mut found = Vec::new();
        for start in self.needs.keys() {
            let mut path = Vec::new();
            self.walk(start, &mut path, &mut done, &mut |cycle: &[&PkgName]| {
                let least = cycle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(at, _)| at);
                let turned: Vec<&PkgName> = cycle.iter().cycle().skip(least).take(cycle.len() + 1).copied().collect();
                let names: Vec<&str> = turned.iter().map(|name| name.as_str()).collect();
                let message = format!("packages need each other in a circle: {}", names.join(" -> "));
                let (from, to) = (turned[0], turned[1]);
                let finding = Diagnostic::error("graph::cycle", message);
                let finding = match recipes.get(from) {
                    Some(recipe) => at(finding, recipe, to, places),
                    None => finding,
                };
                found.push(
                    finding
                        .label("one of these arrows must go")
                        .help("split the part that is needed early into a recipe of its own, or build without it"),
                );
            });
        }
        found
    }

    fn walk<'a>(
        &'a self,
        recipe: &'a PkgName,
        path: &mut Vec<&'a PkgName>,
        done: &mut BTreeSet<&'a PkgName>,
        report: &mut dyn FnMut(&[&PkgName]),
    ) {
        if let Some(begin) = path.iter().position(|earlier| *earlier == recipe) {
            report(&path[begin..]);
        } else if !done.contains(recipe) {
            path.push(recipe);
            for need in self.needs.get(recipe).into_iter().flatten() {
                self.walk(need, path, done, report);
            }
            path.pop();
            done.insert(recipe);
        }
    }
}

/// Adds file and, when known, the place where `recipe` names `package` (or a split of that recipe).
fn at(finding: Diagnostic, recipe: &Recipe, package: &PkgName, places: &Places) -> Diagnostic {
    let finding = finding.in_file(recipe.file());
    match places.get(&(recipe.name.clone(), package.clone())) {
        Some(span) => finding.at(span.clone()),
        None => finding,
    }
}

fn makers(recipes: &BTreeMap<PkgName, Recipe>, found: &mut Vec<Diagnostic>) -> BTreeMap<PkgName, PkgName> {
    let mut makers: BTreeMap<PkgName, PkgName> = BTreeMap::new();
    for (name, recipe) in recipes {
        for package in recipe.package_names() {
            if let Some(other) = makers.insert(package.clone(), name.clone()) {
                let message = format!("the recipes `{other}` and `{name}` both make the package `{package}`");
                found.push(
                    Diagnostic::error("graph::made-twice", message)
                        .in_file(recipe.file())
                        .help("rename the `[[output]]` of one of them"),
                );
            }
        }
    }
    makers
}

/// Depth-first: `wanted` and all they need, once each, needs first. Without recursion, so depth is no limit.
fn behind_their_needs<'a>(
    wanted: impl IntoIterator<Item = &'a PkgName>,
    needs: impl Fn(&PkgName) -> Vec<&'a PkgName>,
) -> Vec<PkgName> {
    let mut order = Vec::new();
    let mut entered: BTreeSet<&PkgName> = BTreeSet::new();
    for first in wanted {
        let mut stack = vec![(first, false)];
        while let Some((name, needs_done)) = stack.pop() {
            if needs_done {
                order.push(name.clone());
            } else if entered.insert(name) {
                stack.push((name, true));
                stack.extend(needs(name).into_iter().rev().map(|need| (need, false)));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests;
