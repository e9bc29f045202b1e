//! Which recipe makes which package, and which recipe needs which: order, closures, dependents.
//!
//! Nodes are recipes; edges are `libs` and `tools`. Every answer is in a deterministic order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::base::diag::{Diagnostic, suggest};
use crate::base::name::PkgName;
use crate::model::recipe::Recipe;

/// Where the texts of recipes name the packages they need: by recipe, in the order of its inputs. Makes findings point at the line.
pub type Places = BTreeMap<PkgName, Vec<Range<usize>>>;

/// A tree of recipes in which every name is known and nothing needs itself.
///
/// Packages and recipes have numbers, by their names' order: a closure in a large tree compares no texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Every package, splits included, with the number of the recipe that makes it.
    packages: Vec<(PkgName, usize)>,
    recipes: Vec<Node>,
}

/// A recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    name: PkgName,
    /// The packages in its `libs`, sorted.
    libs: Vec<usize>,
    /// The recipes that must be built first (for libs and tools), sorted.
    needs: Vec<usize>,
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
        let packages = packages(recipes, &mut found);
        let mut graph = Self { packages, recipes: Vec::with_capacity(recipes.len()) };
        for (name, recipe) in recipes {
            let mut number = |package: &PkgName| {
                let number = graph.number(package);
                if number.is_none() {
                    found.push(at(graph.no_maker(package), recipe, package, places));
                }
                number
            };
            let libs: Vec<usize> = recipe.libs.iter().filter_map(&mut number).collect();
            let tools: Vec<usize> = recipe.tools.iter().filter_map(&mut number).collect();
            let needs = libs.iter().chain(&tools).map(|package| graph.packages[*package].1).collect();
            graph.recipes.push(Node { name: name.clone(), libs: sorted(libs), needs: sorted(needs) });
        }
        if found.is_empty() {
            found = graph.cycles(recipes, places);
        }
        if found.is_empty() { Ok(graph) } else { Err(found) }
    }

    /// The number of a package.
    fn number(&self, package: &PkgName) -> Option<usize> {
        self.packages.binary_search_by(|(name, _)| name.cmp(package)).ok()
    }

    /// The number of a recipe.
    fn recipe(&self, name: &PkgName) -> Option<usize> {
        self.recipes.binary_search_by(|recipe| recipe.name.cmp(name)).ok()
    }

    /// The recipe that makes the package of this number.
    fn maker_of(&self, package: usize) -> &Node {
        &self.recipes[self.packages[package].1]
    }

    /// The recipe that makes `package`.
    pub fn maker(&self, package: &PkgName) -> Option<&PkgName> {
        Some(&self.maker_of(self.number(package)?).name)
    }

    /// Every package, splits included.
    pub fn packages(&self) -> impl Iterator<Item = &PkgName> {
        self.packages.iter().map(|(name, _)| name)
    }

    /// The recipes `recipe` needs directly.
    pub fn needs(&self, recipe: &PkgName) -> impl Iterator<Item = &PkgName> {
        let needs = self.recipe(recipe).map_or(&[][..], |recipe| &self.recipes[recipe].needs);
        needs.iter().map(|need| &self.recipes[*need].name)
    }

    /// The recipes that need `recipe` directly.
    pub fn dependents(&self, recipe: &PkgName) -> BTreeSet<&PkgName> {
        let Some(number) = self.recipe(recipe) else { return BTreeSet::new() };
        let need = |other: &&Node| other.needs.binary_search(&number).is_ok();
        self.recipes.iter().filter(need).map(|other| &other.name).collect()
    }

    /// All recipes, each behind those it needs.
    pub fn order(&self) -> Vec<&PkgName> {
        let numbers =
            behind_their_needs(self.recipes.len(), 0..self.recipes.len(), |recipe| &self.recipes[recipe].needs);
        numbers.into_iter().map(|recipe| &self.recipes[recipe].name).collect()
    }

    /// `packages` and, transitively, the libs of their recipes: what is composed into a sysroot. Each package stands
    /// behind those it needs.
    ///
    /// # Errors
    /// One finding, with a suggestion, for each of `packages` that no recipe makes.
    pub fn closure(&self, packages: &[PkgName]) -> Result<Vec<&PkgName>, Vec<Diagnostic>> {
        let (mut wanted, mut unknown) = (Vec::new(), Vec::new());
        for package in packages {
            match self.number(package) {
                Some(number) => wanted.push(number),
                None => unknown.push(self.no_maker(package)),
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let numbers = behind_their_needs(self.packages.len(), wanted, |package| &self.maker_of(package).libs);
        Ok(numbers.into_iter().map(|package| &self.packages[package].0).collect())
    }

    /// The graph in the language of Graphviz: an arrow from each recipe to what it needs, dashed where only at build time.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph packages {\n    rankdir = LR;\n    node [shape = box];\n");
        for Node { name, libs, needs } in &self.recipes {
            text.push_str(&format!("    \"{name}\";\n"));
            let linked: BTreeSet<usize> = libs.iter().map(|package| self.packages[*package].1).collect();
            for need in needs {
                let style = if linked.contains(need) { "" } else { " [style = dashed]" };
                text.push_str(&format!("    \"{name}\" -> \"{}\"{style};\n", self.recipes[*need].name));
            }
        }
        text.push_str("}\n");
        text
    }

    fn no_maker(&self, package: &PkgName) -> Diagnostic {
        let finding = Diagnostic::error("graph::unknown-package", format!("no recipe makes `{package}`"));
        match suggest(package.as_str(), self.packages().map(PkgName::as_str)) {
            Some(close) => finding.label(format!("did you mean `{close}`?")),
            None => {
                finding.label("unknown package").help(format!("`cargo xtask new-pkg {package}` begins a recipe for it"))
            }
        }
    }

    /// One finding per cycle, as a path. A cycle is reported at its first member in name order.
    fn cycles(&self, recipes: &BTreeMap<PkgName, Recipe>, places: &Places) -> Vec<Diagnostic> {
        let mut done = vec![false; self.recipes.len()];
        let mut found = Vec::new();
        for start in 0..self.recipes.len() {
            self.walk(start, &mut Vec::new(), &mut done, &mut |cycle: &[usize]| {
                let least = cycle.iter().enumerate().min_by_key(|(_, number)| **number).map_or(0, |(at, _)| at);
                let turned = cycle.iter().cycle().skip(least).take(cycle.len() + 1);
                let turned: Vec<&PkgName> = turned.map(|number| &self.recipes[*number].name).collect();
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

    fn walk(&self, recipe: usize, path: &mut Vec<usize>, done: &mut [bool], report: &mut dyn FnMut(&[usize])) {
        if let Some(begin) = path.iter().position(|earlier| *earlier == recipe) {
            report(&path[begin..]);
        } else if !done[recipe] {
            path.push(recipe);
            for need in &self.recipes[recipe].needs {
                self.walk(*need, path, done, report);
            }
            path.pop();
            done[recipe] = true;
        }
    }
}

/// Adds file and, when known, the place where `recipe` names `package` (or a split of that recipe).
fn at(finding: Diagnostic, recipe: &Recipe, package: &PkgName, places: &Places) -> Diagnostic {
    let finding = finding.in_file(recipe.file());
    let places = places.get(&recipe.name).map_or(&[][..], Vec::as_slice);
    // Of a package that is in both lists, the place in the second.
    match recipe.inputs().zip(places).filter(|(input, _)| *input == package).last() {
        Some((_, place)) => finding.at(place.clone()),
        None => finding,
    }
}

/// Every package with the number of the recipe that makes it.
fn packages(recipes: &BTreeMap<PkgName, Recipe>, found: &mut Vec<Diagnostic>) -> Vec<(PkgName, usize)> {
    let mut makers: BTreeMap<&PkgName, (usize, &PkgName)> = BTreeMap::new();
    for (number, (name, recipe)) in recipes.iter().enumerate() {
        for package in recipe.package_names() {
            if let Some((_, other)) = makers.insert(package, (number, name)) {
                let message = format!("the recipes `{other}` and `{name}` both make the package `{package}`");
                found.push(
                    Diagnostic::error("graph::made-twice", message)
                        .in_file(recipe.file())
                        .help("rename the `[[output]]` of one of them"),
                );
            }
        }
    }
    makers.into_iter().map(|(package, (number, _))| (package.clone(), number)).collect()
}

fn sorted(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Depth-first: `wanted` of `count` and all they need, once each, needs first. Without recursion, so depth is no limit.
fn behind_their_needs<'a>(
    count: usize,
    wanted: impl IntoIterator<Item = usize>,
    needs: impl Fn(usize) -> &'a [usize],
) -> Vec<usize> {
    let mut order = Vec::new();
    let mut entered = vec![false; count];
    for first in wanted {
        let mut stack = vec![(first, false)];
        while let Some((number, needs_done)) = stack.pop() {
            if needs_done {
                order.push(number);
            } else if !std::mem::replace(&mut entered[number], true) {
                stack.push((number, true));
                stack.extend(needs(number).iter().rev().map(|need| (*need, false)));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests;
