//! Properties that hold for every input: readers never panic, orders are orders, canonical text is stable.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test without its input must fail")]

use std::collections::{BTreeMap, BTreeSet};

use ashlar_core::base::glob;
use ashlar_core::base::name::PkgName;
use ashlar_core::formats::cargo_lock;
use ashlar_core::formats::kconfig;
use ashlar_core::model::graph::Graph;
use ashlar_core::model::recipe::{Recipe, parse::parse, validate::validate};
use ashlar_core::model::toolchain;
use proptest::prelude::*;

const GOOD: &str = include_str!("good.toml");

fn check(text: &str) -> Result<Recipe, usize> {
    let file = "pkgs/sample/pkg.toml".into();
    let raw = parse(text, file)
        .map_err(|found| found.iter().map(|finding| finding.render(Some(text)).len()).sum::<usize>())?;
    let files = BTreeSet::from(["Cargo.lock".to_owned(), "patches/a.patch".to_owned()]);
    let flags = BTreeSet::from(["pie".to_owned()]);
    validate(&raw, file, &files, &flags)
        .map_err(|findings| findings.iter().map(|finding| finding.render(Some(text)).len()).sum())
}

#[test]
fn the_sample_is_good() {
    let recipe = check(GOOD).unwrap();
    assert_eq!(recipe.package_names().map(PkgName::as_str).collect::<Vec<_>>(), ["sample", "sample-extra"]);
    assert_eq!(recipe.env["OPTION"], "a b");
    // A phase of comments switches the style's phase off.
    assert!(!recipe.phases.keys().any(|phase| phase.as_str() == "check"), "{:?}", recipe.phases);
    assert!(recipe.phases.values().any(|script| script.contains("'--with=x y'")), "{:?}", recipe.phases);
    insta::assert_snapshot!(serde_json::to_string_pretty(&recipe).unwrap());
}

/// `edges[i]` names nodes below i, so the graph has no cycle.
fn acyclic() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1usize..20).prop_flat_map(|size| {
        (0..size).map(|node| prop::collection::vec(0..node.max(1), 0..node.min(4) + 1)).collect::<Vec<_>>()
    })
}

/// Node names are scattered so that name order is not the order of needs.
fn node(number: usize) -> PkgName {
    format!("n{}", number * 7 % 23).parse().unwrap()
}

fn recipes(edges: &[Vec<usize>]) -> BTreeMap<PkgName, Recipe> {
    let sample = check(GOOD).unwrap();
    let recipe = |(number, needs): (usize, &Vec<usize>)| {
        let mut recipe = sample.clone();
        recipe.name = node(number);
        recipe.outputs.clear();
        let needs: Vec<PkgName> = needs.iter().filter(|need| **need < number).map(|need| node(*need)).collect();
        let (libs, tools) = needs.split_at(needs.len() / 2);
        (recipe.libs, recipe.tools) = (libs.to_vec(), tools.to_vec());
        (recipe.name.clone(), recipe)
    };
    edges.iter().enumerate().map(recipe).collect()
}

proptest! {
    #[test]
    fn recipes_never_panic(text in "\\PC*") {
        let _outcome = check(&text);
    }

    #[test]
    fn damaged_recipes_never_panic(at in 0..GOOD.len(), length in 0usize..20, insert in "[\\[\\]'\"=a-z\n\u{0}é#\\\\]{0,6}") {
        let mut text = GOOD.to_owned();
        let end = (at + length).min(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            text.replace_range(at..end, &insert);
        }
        let _outcome = check(&text);
    }

    #[test]
    fn other_readers_never_panic(text in "(\\PC|\n|CONFIG_|=|\\[\\[package\\]\\]\n|\\[\\[flag\\]\\]\n|name = 'a'\n){0,12}") {
        let _locked = cargo_lock::parse(&text, "Cargo.lock".into());
        let _policy = toolchain::Toolchain::parse(&text, "hardening.toml".into());
        if let Ok(config) = kconfig::merge([("a".into(), text.as_str())]) {
            let again = kconfig::merge([("b".into(), config.canonical().as_str())]).unwrap();
            prop_assert_eq!(again.canonical(), config.canonical());
        }
    }

    #[test]
    fn orders_put_needs_first(edges in acyclic()) {
        let recipes = recipes(&edges);
        let graph = Graph::build(&recipes).unwrap();
        let order = graph.order();
        prop_assert_eq!(order.len(), recipes.len());
        let place: BTreeMap<&PkgName, usize> = order.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        for (name, recipe) in &recipes {
            for need in recipe.libs.iter().chain(&recipe.tools) {
                prop_assert!(place[need] < place[name], "{need} before {name} in {order:?}");
                prop_assert!(graph.dependents(need).contains(name));
            }
            let closure = graph.closure(&recipe.libs).unwrap();
            let distinct: BTreeSet<&PkgName> = closure.iter().copied().collect();
            prop_assert_eq!(distinct.len(), closure.len());
            for package in closure {
                prop_assert!(recipes[package].libs.iter().all(|lib| distinct.contains(lib)));
            }
        }
    }

    #[test]
    fn an_arrow_back_is_a_cycle(edges in acyclic(), from in any::<prop::sample::Index>()) {
        let mut recipes = recipes(&edges);
        let Some((name, first)) = recipes.iter().filter(|(_, recipe)| !recipe.libs.is_empty())
            .map(|(name, recipe)| (name.clone(), recipe.libs[0].clone()))
            .collect::<Vec<_>>().get(from.index(64)).cloned() else { return Ok(()) };
        recipes.get_mut(&first).unwrap().tools.push(name.clone());
        let found = Graph::build(&recipes).unwrap_err();
        let path = found[0].message.rsplit(": ").next().unwrap();
        let steps: Vec<&str> = path.split(" -> ").collect();
        prop_assert!(steps.len() >= 3 && steps.first() == steps.last(), "{path}");
        for pair in steps.windows(2) {
            let recipe = &recipes[&pair[0].parse::<PkgName>().unwrap()];
            prop_assert!(recipe.libs.iter().chain(&recipe.tools).any(|need| need.as_str() == pair[1]), "{path}");
        }
    }

    #[test]
    fn globs(path in "[a-c]{1,3}(/[a-c]{1,3}){0,3}", pattern in "[a-c*?]{1,4}(/([a-c*?]{1,4}|\\*\\*)){0,3}") {
        prop_assert!(glob::matches(&path, &path));
        prop_assert!(glob::matches("**", &path));
        let anywhere = format!("**/{path}");
        prop_assert!(glob::matches(&anywhere, &path));
        let first = path.split('/').next().unwrap();
        let whole = format!("{first}/**");
        prop_assert!(glob::matches(&whole, &path));
        if !pattern.contains(['*', '?']) {
            prop_assert_eq!(glob::matches(&pattern, &path), pattern == path);
        } else if !pattern.contains("**") && glob::matches(&pattern, &path) {
            prop_assert_eq!(pattern.split('/').count(), path.split('/').count());
        }
    }
}
