//! Real OpenRC's dependency file, and the order that it demands.

use std::collections::{BTreeMap, BTreeSet};

/// Relations of one service as real OpenRC wrote them: type (`ineed`, `iafter`, ...) to names.
pub type Relations = BTreeMap<String, BTreeSet<String>>;

/// All services of a dependency file, virtual ones as well.
pub type Tree = BTreeMap<String, Relations>;

/// Reads lines like `depinfo_2_ineed_0='a'`. Other lines say nothing about services.
pub fn parse(lines: &[String]) -> Tree {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut tree = Tree::new();
    for (number, kind, value) in lines.iter().filter_map(|line| fields(line)) {
        if kind == "service" {
            names.insert(number, value);
            tree.entry(value.to_owned()).or_default();
        } else if let Some(name) = names.get(number) {
            let kind = kind.rsplit_once('_').map_or(kind, |(kind, _)| kind);
            let relations = tree.entry((*name).to_owned()).or_default();
            relations.entry(kind.to_owned()).or_default().insert(value.to_owned());
        }
    }
    tree
}

fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let (key, value) = line.strip_prefix("depinfo_")?.split_once('=')?;
    let (number, kind) = key.split_once('_')?;
    Some((number, kind, value.strip_prefix('\'')?.strip_suffix('\'')?))
}

/// The pairs (first, later) that follow from the relations among `services`, directly or through others of them.
/// Pairs demanded both ways (a cycle) are no demand.
pub fn order(tree: &Tree, services: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
    for service in services {
        let Some(relations) = tree.get(service) else { continue };
        for (kind, targets) in relations {
            let forward = match kind.as_str() {
                "ineed" | "iuse" | "iwant" | "iafter" => true,
                "ibefore" => false,
                _ => continue,
            };
            for target in targets.iter().flat_map(|target| real_names(tree, target)) {
                if services.contains(target) && target != service {
                    let pair = (target.to_owned(), service.clone());
                    pairs.insert(if forward { pair } else { (pair.1, pair.0) });
                }
            }
        }
    }
    // A relation within a cycle demands nothing, and nothing follows from it.
    let all = closure(pairs.clone());
    pairs.retain(|(a, b)| !all.contains(&(b.clone(), a.clone())));
    closure(pairs)
}

fn closure(mut pairs: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    loop {
        let further: Vec<(String, String)> = pairs
            .iter()
            .flat_map(|(a, b)| pairs.iter().filter(move |(c, _)| c == b).map(move |(_, d)| (a.clone(), d.clone())))
            .filter(|pair| !pairs.contains(pair))
            .collect();
        if further.is_empty() {
            return pairs;
        }
        pairs.extend(further);
    }
}

/// The service itself, or those that provide it.
fn real_names<'a>(tree: &'a Tree, name: &'a str) -> Vec<&'a str> {
    let providers = tree.get(name).and_then(|relations| relations.get("providedby"));
    let providers = providers.into_iter().flatten().map(String::as_str);
    std::iter::once(name).chain(providers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(lines: &[&str]) -> Tree {
        parse(&lines.iter().map(|line| format!("depinfo_{line}")).collect::<Vec<_>>())
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn reads_the_file() {
        let tree =
            tree(&["0_service='a'", "0_ineed_0='b'", "0_ineed_1='c'", "0_iafter_0='x.y'", "10_service='v'", "junk"]);
        assert_eq!(tree["a"]["ineed"], set(&["b", "c"]));
        assert_eq!(tree["a"]["iafter"], set(&["x.y"]));
        assert!(tree["v"].is_empty());
    }

    #[test]
    fn order_is_transitive_goes_through_virtual_services_and_ignores_cycles() {
        let tree = tree(&[
            "0_service='a'",
            "0_ineed_0='v'",
            "1_service='p'",
            "1_ibefore_0='z'",
            "1_iuse_0='b'",
            "2_service='v'",
            "2_providedby_0='p'",
            "3_service='z'",
            "4_service='b'",
            "4_iafter_0='c'",
            "5_service='c'",
            "5_iafter_0='b'",
        ]);
        let pairs = order(&tree, &set(&["a", "b", "c", "p", "z"]));
        for (first, later) in [("p", "a"), ("p", "z"), ("b", "p"), ("b", "a"), ("b", "z")] {
            assert!(pairs.contains(&(first.into(), later.into())), "{first} {later}");
        }
        assert!(pairs.iter().all(|(first, later)| first != "c" && later != "c"), "c is in a cycle only: {pairs:?}");
        assert!(order(&tree, &set(&["b", "z"])).is_empty(), "p does not take part");
    }
}
