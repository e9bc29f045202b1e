use super::*;
use crate::model::recipe::{Output, style};

fn name(text: &str) -> PkgName {
    text.parse().unwrap()
}

/// `"a: b c | t > x"`: recipe `a` with libs b and c, tool t, split x.
fn recipes(lines: &[&str]) -> BTreeMap<PkgName, Recipe> {
    let words = |text: &str| text.split_whitespace().map(name).collect::<Vec<_>>();
    let recipe = |line: &&str| {
        let (head, rest) = line.split_once(':').unwrap();
        let (rest, splits) = rest.split_once('>').unwrap_or((rest, ""));
        let (libs, tools) = rest.split_once('|').unwrap_or((rest, ""));
        let output = |name| Output { name, summary: String::new(), files: Vec::new() };
        let recipe = Recipe {
            name: name(head),
            folder: format!("pkgs/{head}").into(),
            version: "1".into(),
            summary: String::new(),
            license: String::new(),
            upstream: String::new(),
            cpe: None,
            libs: words(libs),
            tools: words(tools),
            patch_files: Vec::new(),
            patches: Vec::new(),
            sources: Vec::new(),
            style: style::SHELL,
            args: Vec::new(),
            env: BTreeMap::new(),
            cargo_lock: None,
            workspace: None,
            phases: BTreeMap::new(),
            hardening: Vec::new(),
            modes: BTreeMap::new(),
            outputs: words(splits).into_iter().map(output).collect(),
            tests: Vec::new(),
            series: None,
            hold: None,
        };
        (recipe.name.clone(), recipe)
    };
    lines.iter().map(recipe).collect()
}

fn text<'a>(names: impl IntoIterator<Item = &'a PkgName>) -> String {
    names.into_iter().map(PkgName::as_str).collect::<Vec<_>>().join(" ")
}

fn sample() -> Graph {
    Graph::build(&recipes(&["app: z u | gen", "z: c", "cxx: c > u", "c: h", "h:", "gen: c"])).unwrap()
}

#[test]
fn orders_and_closures() {
    let graph = sample();
    assert_eq!(text(graph.order()), "h c cxx gen z app");
    // Tools of a package are not part of the sysroot of its dependents; a split brings the libs of its recipe.
    assert_eq!(text(graph.closure(&[name("app")]).unwrap()), "h c u z app");
    assert_eq!(text(graph.closure(&[name("u")]).unwrap()), "h c u");
    assert_eq!(text(graph.dependents(&name("c"))), "cxx gen z");
    assert_eq!(text(graph.needs(&name("app"))), "cxx gen z");
    assert_eq!(graph.maker(&name("u")), Some(&name("cxx")));
    assert_eq!(text(graph.packages()), "app c cxx gen h u z");
}

#[test]
fn draws_itself() {
    insta::assert_snapshot!(sample().dot());
}

#[test]
fn names_every_unknown_package() {
    let found = Graph::build(&recipes(&["app: zlb | quux", "zlib:"])).unwrap_err();
    let text: String = found.iter().map(|finding| finding.render(None)).collect();
    insta::assert_snapshot!(text, @r"
    error[graph::unknown-package]: no recipe makes `zlb`
      --> pkgs/app/pkg.toml
       = did you mean `zlib`?
    error[graph::unknown-package]: no recipe makes `quux`
      --> pkgs/app/pkg.toml
       = unknown package
    help: `cargo xtask new-pkg quux` begins a recipe for it
    ");
    assert_eq!(sample().closure(&[name("nope"), name("app"), name("cx")]).unwrap_err().len(), 2);
}

#[test]
fn names_cycles_as_paths() {
    let found = Graph::build(&recipes(&["d: b", "b: c", "c: | a", "a: b", "x: y", "y: x > z"])).unwrap_err();
    let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["packages need each other in a circle: a -> b -> c -> a", "packages need each other in a circle: x -> y -> x"]
    );
    assert_eq!(found[0].file.as_ref().unwrap(), "pkgs/a/pkg.toml");
}

#[test]
fn refuses_a_package_made_twice() {
    let found = Graph::build(&recipes(&["a: > x", "b: > x", "x:"])).unwrap_err();
    assert_eq!(found.len(), 2);
    assert!(found[0].message.contains("`a` and `b` both make the package `x`"));
}
