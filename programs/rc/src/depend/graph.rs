//! The dependency graph, resolved from the scripts: removals applied, virtual names collected, missing needs known. It
//! has no present state: `situation` knows what runs or is enabled.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Backward, Kind, Written};

/// One service's own relations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    relations: BTreeMap<Kind, Vec<String>>,
    /// `before *`
    pub before_all: bool,
    /// `after *`
    pub after_all: bool,
    /// Missing names that it needs.
    pub broken: Vec<String>,
}

impl Node {
    /// The service's own relations of one kind.
    pub fn get(&self, kind: Kind) -> &[String] {
        self.relations.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// All services and virtual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: BTreeMap<String, Node>,
    virtuals: BTreeMap<String, Vec<String>>,
    /// Remarks about the scripts for a person, one per line.
    pub remarks: Vec<String>,
}

impl Graph {
    /// Resolves parsed scripts. `system` is OpenRC's system type (`lxc`, `docker`, … or empty): services with `keyword
    /// -lxc` do not exist on such a system, and needing them is not an error.
    pub fn resolve(written: &[Written], system: &str) -> Graph {
        let mut graph = Graph::default();
        let mut unfit = BTreeSet::new();
        for one in written {
            let node = node_of(one, &mut graph.remarks);
            if is_unfit(node.get(Kind::Keyword), system) {
                unfit.insert(one.service.clone());
            } else if graph.nodes.insert(one.service.clone(), node).is_some() {
                graph.remarks.push(format!("{}: there are two scripts of this name", one.service));
            }
        }
        for (name, node) in &graph.nodes {
            for provided in node.get(Kind::Provide) {
                graph.virtuals.entry(provided.clone()).or_default().push(name.clone());
            }
        }
        // A script whose name others provide too is one of the providers of that name.
        for (name, providers) in &mut graph.virtuals {
            if graph.nodes.contains_key(name) && !providers.contains(name) {
                providers.insert(0, name.clone());
            }
        }
        let Graph { nodes, virtuals, remarks } = &mut graph;
        let known: BTreeSet<String> = nodes.keys().chain(virtuals.keys()).cloned().collect();
        for (name, node) in nodes.iter_mut() {
            for needed in node.relations.get(&Kind::Need).into_iter().flatten() {
                if !known.contains(needed) && !unfit.contains(needed) {
                    node.broken.push(needed.clone());
                    remarks.push(format!("{name} needs {needed}, which does not exist: {name} will not start"));
                }
            }
        }
        graph
    }

    /// All services that have a script, by name.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// One service's relations.
    pub fn node(&self, service: &str) -> Option<&Node> {
        self.nodes.get(service)
    }

    /// The graph's own copy of a service's name.
    pub fn own_name(&self, service: &str) -> Option<&str> {
        self.nodes.get_key_value(service).map(|(name, _)| name.as_str())
    }

    /// True for a script's name; a virtual name alone does not count.
    pub fn exists(&self, service: &str) -> bool {
        self.nodes.contains_key(service)
    }

    /// The services that a name stands for: its providers, else the service itself, else none.
    pub fn behind(&self, name: &str) -> Vec<&str> {
        match (self.virtuals.get(name), self.nodes.get_key_value(name)) {
            (Some(providers), _) => providers.iter().map(String::as_str).collect(),
            (None, Some((own, _))) => vec![own.as_str()],
            (None, None) => Vec::new(),
        }
    }

    /// True if the name is provided by services rather than being one.
    pub fn is_virtual(&self, name: &str) -> bool {
        self.virtuals.contains_key(name)
    }

    /// A service's relations of one kind; empty for an unknown service.
    pub fn kind(&self, service: &str, kind: Kind) -> Vec<String> {
        self.node(service).map(|node| node.get(kind).to_vec()).unwrap_or_default()
    }

    /// True if the service's `depend()` has this keyword, for example `-shutdown`. Old scripts write `noshutdown`.
    pub fn has_keyword(&self, service: &str, keyword: &str) -> bool {
        let old = keyword.strip_prefix('-').map(|rest| format!("no{rest}"));
        let is = |word: &String| word == keyword || Some(word) == old.as_ref();
        self.node(service).is_some_and(|node| node.get(Kind::Keyword).iter().any(is))
    }

    /// Services with a direct relation `kind` to this service or to a name it provides.
    pub fn pointing_at(&self, service: &str, kind: Kind) -> Vec<String> {
        let mut names: Vec<&str> = vec![service];
        names.extend(self.node(service).into_iter().flat_map(|node| node.get(Kind::Provide)).map(String::as_str));
        let says = |node: &Node| node.get(kind).iter().any(|word| names.contains(&word.as_str()));
        self.services().filter(|(name, node)| *name != service && says(node)).map(|(name, _)| name.to_owned()).collect()
    }

    /// Relations seen from the other end.
    pub fn backward(&self, service: &str, which: Backward) -> Vec<String> {
        match which {
            Backward::NeedsMe => self.pointing_at(service, Kind::Need),
            Backward::UsesMe => self.pointing_at(service, Kind::Use),
            Backward::WantsMe => self.pointing_at(service, Kind::Want),
            Backward::ProvidedBy => self.virtuals.get(service).cloned().unwrap_or_default(),
            Backward::Broken => self.node(service).map(|node| node.broken.clone()).unwrap_or_default(),
        }
    }
}

/// Applies one script's calls in order: `!name` removes an earlier one, `*` is a property and not a name.
fn node_of(written: &Written, remarks: &mut Vec<String>) -> Node {
    let mut node = Node::default();
    for (kind, words) in &written.calls {
        let list = node.relations.entry(*kind).or_default();
        for word in words {
            match (kind, word.as_str()) {
                (Kind::Before, "*") => node.before_all = true,
                (Kind::After, "*") => node.after_all = true,
                (Kind::Keyword, keyword) => match keyword.strip_prefix('!') {
                    Some(gone) => forget_keyword(list, gone),
                    None => push_new(list, word),
                },
                (_, other) => match other.strip_prefix('!') {
                    Some(gone) => list.retain(|known| known != gone),
                    None if *other == written.service => {
                        remarks.push(format!("{other}: `{} {other}` speaks of itself and is ignored", kind.name()));
                    }
                    None => push_new(list, word),
                },
            }
        }
    }
    if !written.complete {
        remarks.push(format!(
            "{}: its script could not be read to the end, so its dependencies may be missing",
            written.service
        ));
    }
    node
}

fn push_new(list: &mut Vec<String>, word: &str) {
    if !list.iter().any(|known| known == word) {
        list.push(word.to_owned());
    }
}

/// Removes a keyword. `-containers` stands for one of each kind, so `!-lxc` leaves the others.
fn forget_keyword(list: &mut Vec<String>, gone: &str) {
    let kinds = || CONTAINERS.iter().map(|kind| format!("-{kind}"));
    if gone == "-containers" {
        list.retain(|known| !kinds().any(|kind| kind == *known));
    } else if kinds().any(|kind| kind == gone) && list.iter().any(|known| known == "-containers") {
        list.retain(|known| known != "-containers");
        kinds().for_each(|kind| push_new(list, &kind));
    }
    list.retain(|known| known != gone);
}

/// The containers of `keyword -containers`.
const CONTAINERS: [&str; 8] = ["docker", "jail", "lxc", "openvz", "podman", "rkt", "systemd-nspawn", "vserver"];

fn is_unfit(keywords: &[String], system: &str) -> bool {
    let system = system.to_lowercase();
    if system.is_empty() {
        return false;
    }
    let contained = CONTAINERS.contains(&system.as_str());
    keywords.iter().any(|word| {
        let name = word.strip_prefix('-').or_else(|| word.strip_prefix("no"));
        name.is_some_and(|name| name == system || (contained && name == "containers"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::*;

    fn graph(text: &str, system: &str) -> Graph {
        Graph::resolve(&parse(text.as_bytes()).services, system)
    }

    #[test]
    fn removal_takes_back_what_was_said_before() {
        let g = graph("service a\nneed b c\nneed !b\nprovide net\nprovide !net\nend 0\nservice c\nend 0\n", "");
        assert_eq!(g.kind("a", Kind::Need), ["c"]);
        assert!(!g.is_virtual("net"));
        assert!(g.remarks.is_empty(), "{:?}", g.remarks);
    }

    #[test]
    fn missing_need_is_known_and_said() {
        let g = graph("service a\nneed x net\nuse y\nend 0\nservice b\nprovide net\nend 0\n", "");
        assert_eq!(g.backward("a", Backward::Broken), ["x"]);
        assert_eq!(g.remarks, ["a needs x, which does not exist: a will not start"]);
    }

    #[test]
    fn virtual_names_and_those_who_point_at_them() {
        let g = graph(
            "service a\nneed net\nend 0\nservice e1\nprovide net\nend 0\nservice e0\nprovide net\nend 0\nservice z\nneed a\nend 0",
            "",
        );
        assert_eq!(g.behind("net"), ["e0", "e1"]);
        assert!(!g.exists("net"));
        assert_eq!(g.pointing_at("e1", Kind::Need), ["a"]);
    }

    #[test]
    fn keywords_remove_services_from_systems_they_do_not_fit() {
        let text = "service a\nkeyword -lxc -shutdown\nend 0\nservice b\nneed a\nkeyword -containers\nend 0\nservice c\nneed a\nend 0";
        let cases = [("", "a b c"), ("lxc", "c"), ("docker", "a c"), ("xenU", "a b c")];
        for (system, want) in cases {
            let g = graph(text, system);
            assert_eq!(g.services().map(|(name, _)| name).collect::<Vec<_>>().join(" "), want, "{system}");
            assert!(g.remarks.is_empty(), "{system}: {:?}", g.remarks);
        }
        assert!(graph(text, "").has_keyword("a", "-shutdown"));
    }

    #[test]
    fn a_keyword_that_is_taken_back_removes_nothing() {
        // what the script says, what rc.conf says of it: the systems without it
        let cases = [
            ("-lxc -shutdown", "!-lxc", ""),
            ("-containers", "!-containers", ""),
            ("-lxc", "!-containers", ""),
            ("-containers", "!-lxc", "docker podman"),
            ("-lxc", "!-docker", "lxc"),
            ("!-lxc", "-lxc", "lxc"),
        ];
        for (script, conf, want) in cases {
            let text = format!("service a\nkeyword {script}\nkeyword {conf}\nend 0\n");
            let unfit: Vec<&str> = ["", "lxc", "docker", "podman"]
                .into_iter()
                .filter(|system| !graph(&text, system).exists("a"))
                .collect();
            assert_eq!(unfit.join(" "), want, "{script}, {conf}");
        }
        assert!(graph("service a\nkeyword -lxc -shutdown !-lxc\nend 0\n", "").has_keyword("a", "-shutdown"));
    }
}
