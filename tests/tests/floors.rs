//! What a file may import: a floor may use itself and the floors below it, and no files import each other in a circle.
//!
//! Read from the text: `use` with its groups, and paths inside code; without comments, texts and what is for tests only.
#![allow(clippy::unwrap_used, reason = "a test without its input must fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Crates of the workspace: folder, floors from the ground up, crates of ours that it may not use.
const CRATES: [(&str, &[&str], &[&str]); 4] = [
    ("xtask/core/src", &["base", "formats", "model", "plan", "verify"], &["ashlar_lab", "ashlar_oracle"]),
    ("xtask/lab/src", &[], &["ashlar_oracle"]),
    ("xtask/src", &["exit", "host", "report", "build", "compose", "verify", "cli", "app", "task"], &[]),
    ("tests/oracle/src", &[], &["ashlar_core", "ashlar_lab"]),
];

/// Circles that may be: the program, one file of the circle (`crate` for its root), and why.
const CIRCLES: [(&str, &str, &str); 1] =
    [("nft", "show::json::rule", "a printer: rules hold sets, sets hold statements of rules")];

/// Every file of a crate by its module, with the paths that it names; the root has no name.
type Files = BTreeMap<String, Vec<Vec<String>>>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

fn read(folder: &Path) -> Files {
    let (mut files, mut for_tests) = (Files::new(), Vec::new());
    for file in below(folder).iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let name = file.strip_prefix(folder).unwrap().with_extension("").to_str().unwrap().replace('/', "::");
        let is_root = name == "lib" || (name == "main" && !folder.join("lib.rs").exists());
        let module = if is_root { String::new() } else { name.trim_end_matches("::mod").to_owned() };
        let (mut paths, mut tests) = (Vec::new(), Vec::new());
        walk(fs::read_to_string(file).unwrap().parse().unwrap(), &mut paths, &mut tests);
        for_tests.extend(tests.iter().map(|test| format!("{module}::{test}").trim_start_matches(':').to_owned()));
        files.insert(module, paths);
    }
    files.retain(|name, _| !for_tests.iter().any(|test| format!("{name}::").starts_with(&format!("{test}::"))));
    files
}

/// Collects the paths in a text, and the names of modules that are for tests only.
fn walk(text: TokenStream, paths: &mut Vec<Vec<String>>, tests: &mut Vec<String>) {
    let (all, mut at): (Vec<TokenTree>, _) = (text.into_iter().collect(), 0);
    while let Some(token) = all.get(at) {
        match token {
            TokenTree::Group(group) if group.to_string() == "[cfg (test)]" => {
                let ends = |token: &TokenTree| token.to_string() == ";" || braces(token).is_some();
                at += all[at..].iter().position(ends).unwrap();
                tests.extend((all[at - 2].to_string() == "mod").then(|| all[at - 1].to_string()));
            }
            TokenTree::Group(group) => walk(group.stream(), paths, tests),
            TokenTree::Ident(_) => at += path(&all[at..], &[], paths),
            _ => {}
        }
        at += 1;
    }
}

fn braces(token: &TokenTree) -> Option<TokenStream> {
    let TokenTree::Group(group) = token else { return None };
    (group.delimiter() == Delimiter::Brace).then(|| group.stream())
}

/// Adds the path that begins here, or each of its group; gives how many tokens it has behind the first.
fn path(tokens: &[TokenTree], before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    if let Some(group) = braces(&tokens[0]) {
        let group: Vec<TokenTree> = group.into_iter().collect();
        let items = group.split(|token| token.to_string() == ",").filter(|item| !item.is_empty());
        items.for_each(|item| {
            path(item, before, paths);
        });
        return 0;
    }
    let here = [before, &[tokens[0].to_string()]].concat();
    match tokens.get(1..4).map(|next| (next[0].to_string() + &next[1].to_string(), &next[2])) {
        // What is behind it may also be `*`, or the `<` of a type.
        Some((colons, next)) if colons == "::" && (!matches!(next, TokenTree::Group(_)) || braces(next).is_some()) => {
            3 + path(&tokens[3..], &here, paths)
        }
        _ => {
            paths.push(here);
            0
        }
    }
}

/// The file of the same crate that a path leads into.
fn target(files: &Files, own: &str, path: &[String]) -> Option<String> {
    let mut base: Vec<&str> = own.split("::").filter(|part| !part.is_empty()).collect();
    let is_child = files.contains_key([&base[..], &[&path[0]]].concat().join("::").as_str()) && path.len() > 1;
    let steps = path.iter().take_while(|part| ["crate", "self", "super"].contains(&part.as_str())).count();
    // `super` alone says who may see something.
    if path.len() == 1 || (steps == 0 && !is_child) {
        return None;
    }
    for step in &path[..steps] {
        match step.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            _ => {}
        }
    }
    base.extend(path[steps..].iter().map(String::as_str));
    let modules = (0..=base.len()).rev().map(|length| base[..length].join("::"));
    modules.into_iter().find(|module| files.contains_key(module)).filter(|module| module != own)
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn arrows(files: &Files) -> Arrows {
    let targets =
        |own: &String, paths: &[Vec<String>]| paths.iter().filter_map(|path| target(files, own, path)).collect();
    files.iter().map(|(own, paths)| (own.clone(), targets(own, paths))).collect()
}

/// Groups of files that reach each other.
fn circles(arrows: &Arrows) -> BTreeSet<BTreeSet<String>> {
    let reach = |from: &String| {
        let (mut seen, mut pending) = (BTreeSet::new(), vec![from]);
        while let Some(next) = pending.pop() {
            pending.extend(arrows[next].iter().filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let reached: Arrows = arrows.keys().map(|file| (file.clone(), reach(file))).collect();
    let circle = |file: &String| reached[file].iter().filter(|other| reached[*other].contains(file)).cloned().collect();
    reached.keys().filter(|file| reached[*file].contains(*file)).map(circle).collect()
}

#[test]
fn no_floor_uses_one_above_it() {
    let mut faults = Vec::new();
    for (folder, floors, forbidden) in CRATES {
        let files = read(&root().join(folder));
        let floor = |module: &str| floors.iter().position(|floor| Some(*floor) == module.split("::").next());
        for (own, to) in arrows(&files).iter().filter(|(own, _)| !own.is_empty() && !floors.is_empty()) {
            let Some(height) = floor(own) else {
                faults.push(format!("{folder}: `{own}` is on no floor; this test has the list"));
                continue;
            };
            let above = to.iter().filter(|to| to.is_empty() || floor(to).is_none_or(|other| other > height));
            faults.extend(above.map(|to| format!("{folder}: `{own}` uses `{to}`, which is above it")));
        }
        for (own, path) in files.iter().flat_map(|(own, paths)| paths.iter().map(move |path| (own, path))) {
            faults
                .extend(forbidden.contains(&path[0].as_str()).then(|| format!("{folder}: `{own}` uses `{}`", path[0])));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let folders = ["pkgs", "programs", "programs/lib"].map(|folder| root().join(folder));
    let folders = folders.iter().filter(|folder| folder.is_dir());
    let programs = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let sources = programs.map(|program| program.join("src")).filter(|source| source.is_dir());
    let own = CRATES.iter().map(|(folder, ..)| root().join(folder));
    let (mut faults, mut counts) = (Vec::new(), (0, 0, 0));
    let mut unused: BTreeSet<(&str, &str, &str)> = CIRCLES.into();
    for source in own.chain(sources) {
        let name = source.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let arrows = arrows(&read(&source));
        let circles = circles(&arrows);
        counts.0 += arrows.len();
        counts.1 += arrows.values().map(BTreeSet::len).sum::<usize>();
        counts.2 += circles.len();
        for circle in circles {
            let files: Vec<&str> = circle.iter().map(|file| if file.is_empty() { "crate" } else { file }).collect();
            match CIRCLES.iter().find(|(program, file, _)| *program == name && files.contains(file)) {
                Some(known) => drop(unused.remove(known)),
                None => faults.push(format!(
                    "{name}: {} import each other; move what they share into a file of its own",
                    files.join(", ")
                )),
            }
        }
    }
    println!("{} files, {} arrows, {} circles", counts.0, counts.1, counts.2);
    faults.extend(unused.iter().map(|(program, file, _)| {
        format!("{program}: there is no circle with `{file}` any more; take it off the list")
    }));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
