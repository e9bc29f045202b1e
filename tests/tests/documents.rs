//! What people read is in step with the code and with itself: keys, variables, links, lengths.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeSet;

use ashlar_core::model::recipe::parse::parse;
use ashlar_core::model::recipe::validate::CONTRACT;
use camino::{Utf8Path, Utf8PathBuf};

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(name: impl AsRef<Utf8Path>) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Every Markdown file of the tree, relative to its root.
fn pages() -> Vec<Utf8PathBuf> {
    let mut pages = Vec::new();
    collect(root(), &mut pages);
    pages.sort();
    assert!(pages.len() > 15, "pages are missing: {pages:?}");
    pages
}

fn collect(folder: &Utf8Path, pages: &mut Vec<Utf8PathBuf>) {
    for entry in folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            // Not the tree: what cargo and git keep, and what builds make.
            if !name.starts_with('.') && !["target", "out"].contains(&name) {
                collect(entry.path(), pages);
            }
        } else if name.ends_with(".md") {
            pages.push(entry.path().strip_prefix(root()).unwrap().to_owned());
        }
    }
}

/// The lines that are not within a code block.
fn prose(text: &str) -> Vec<&str> {
    let mut code = false;
    let fence = |line: &str| line.trim_start().starts_with("```");
    text.lines()
        .filter(|line| {
            if fence(line) {
                code = !code;
                false
            } else {
                !code
            }
        })
        .collect()
}

/// The names between back quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_of_recipes_lists_exactly_their_keys() {
    let key = |word: &str| word.trim_matches(['[', ']']).to_owned();
    let mut keys: Vec<String> = Vec::new();
    for table in
        ["", "[[source]]", "[[patch]]", "[build]", "[phases]", "[[hardening]]", "[[output]]", "[[test]]", "[update]"]
    {
        let finding = parse(&format!("{table}\nno-such-key = 1\n"), "x".into()).unwrap_err().remove(0);
        keys.extend(quoted(&finding.help.unwrap()).map(key));
    }
    keys.sort();
    keys.dedup();
    let text = read("docs/recipe.md");
    let section = text.split("## Keys").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut listed: Vec<String> = section
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| **`"))
        .flat_map(|line| quoted(line).next())
        .map(key)
        .collect();
    listed.sort();
    listed.dedup();
    assert_eq!(listed, keys);
}

#[test]
fn the_build_contract_lists_its_variables() {
    let text = read("docs/build-contract.md");
    let mut listed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| quoted(line.split(" | ").next().unwrap()))
        .filter(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    listed.sort_unstable();
    listed.dedup();
    let mut fixed: Vec<&str> = CONTRACT.to_vec();
    fixed.sort_unstable();
    assert_eq!(listed, fixed);
}

#[test]
fn no_figure_is_still_to_be_filled_in() {
    for page in pages() {
        let text = read(&page);
        let open = text.split_whitespace().find(|word| {
            let inner = word.strip_prefix('@').and_then(|rest| rest.strip_suffix('@'));
            inner.is_some_and(|inner| !inner.is_empty() && inner.chars().all(|char| char.is_ascii_uppercase()))
        });
        assert_eq!(open, None, "{page}");
    }
}

/// All of it counts, code and tables too, as `wc -w` counts.
#[test]
fn readme_has_at_most_a_thousand_words() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 1000, "README.md has {words} words; what is too much belongs into docs/");
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        for target in prose(&text).into_iter().flat_map(targets) {
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let path = match file {
                "" => page.clone(),
                _ => normal(&page.parent().unwrap_or(Utf8Path::new("")).join(file)),
            };
            let there = root().join(&path).exists();
            if !there || !place.is_empty() && !headings(&read(&path)).contains(place) {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(links > 50, "only {links} links were found");
}

/// What the links of a line lead to.
fn targets(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

fn normal(path: &Utf8Path) -> Utf8PathBuf {
    path.components().fold(Utf8PathBuf::new(), |mut done, part| {
        match part.as_str() {
            ".." => drop(done.pop()),
            "." => {}
            name => done.push(name),
        }
        done
    })
}

/// The places of a page that links can name, as forges make them of headings.
fn headings(text: &str) -> BTreeSet<String> {
    let slug = |title: &str| {
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let titles = prose(text).into_iter().filter(|line| line.starts_with('#'));
    titles.map(|line| slug(line.trim_start_matches('#'))).collect()
}

#[test]
fn places_are_named_as_forges_name_them() {
    let found = headings("# A source, a recipe, a pull request\n```\n# code\n```\n## What `rc` does: it_starts\n");
    assert_eq!(found, ["a-source-a-recipe-a-pull-request", "what-rc-does-it_starts"].map(str::to_owned).into());
}

/// The recipe in the guide is the one in the tree.
#[test]
fn the_guide_shows_a_recipe_as_it_is() {
    let recipe = read("pkgs/zlib/pkg.toml");
    assert!(
        read("docs/how-to/package.md").contains(recipe.trim_end()),
        "docs/how-to/package.md shows another recipe of zlib"
    );
}
