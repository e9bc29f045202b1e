//! The content of an unpacked seed tree as a sorted list: its text is stored beside the tree, its hash is the seed's digest.
//!
//! Owners and times do not occur: the tree is the same for every user, umask and day.

use std::collections::BTreeMap;

use crate::base::digest::Digest;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory, mode 0755.
    Dir,
    /// A regular file, mode 0755 or 0644.
    File {
        /// Whether anyone may execute it.
        executable: bool,
        /// Length in bytes.
        size: u64,
        /// sha256 of the content.
        sha256: Digest,
    },
    /// A symbolic link.
    Link {
        /// Its target as written.
        target: String,
    },
}

/// All paths of a tree, relative to its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// By path.
    pub nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// One line per path, sorted: `d path`, `f 644 sha256 size path`, `l path -> target`.
    pub fn print(&self) -> String {
        let line = |(path, node): (&String, &Node)| match node {
            Node::Dir => format!("d {path}\n"),
            Node::File { executable, size, sha256 } => {
                format!("f {} {sha256} {size} {path}\n", if *executable { 755 } else { 644 })
            }
            Node::Link { target } => format!("l {path} -> {target}\n"),
        };
        self.nodes.iter().map(line).collect()
    }

    /// Reads what [`Tree::print`] wrote.
    ///
    /// # Errors
    /// Names the line that is malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut nodes = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let (path, node) = node(line).ok_or_else(|| format!("line {} is malformed: {line:?}", number + 1))?;
            nodes.insert(path, node);
        }
        Ok(Self { nodes })
    }

    /// The identity of the tree: the sha256 of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.print())
    }

    /// Number of regular files and their length in bytes.
    pub fn weight(&self) -> (usize, u64) {
        self.nodes.values().fold((0, 0), |(files, bytes), node| match node {
            Node::File { size, .. } => (files + 1, bytes + size),
            _ => (files, bytes),
        })
    }

    /// How `found` differs from this tree, one line per path.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut paths: Vec<&String> = self.nodes.keys().chain(found.nodes.keys()).collect();
        paths.sort();
        paths.dedup();
        paths
            .into_iter()
            .filter_map(|path| match (self.nodes.get(path), found.nodes.get(path)) {
                (Some(a), Some(b)) if a == b => None,
                (Some(_), Some(_)) => Some(format!("{path} was changed")),
                (Some(_), None) => Some(format!("{path} is missing")),
                _ => Some(format!("{path} does not belong there")),
            })
            .collect()
    }
}

fn node(line: &str) -> Option<(String, Node)> {
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "d" => Some((rest.to_owned(), Node::Dir)),
        "l" => {
            rest.split_once(" -> ").map(|(path, target)| (path.to_owned(), Node::Link { target: target.to_owned() }))
        }
        "f" => {
            let mut words = rest.splitn(4, ' ');
            let executable = match words.next()? {
                "755" => true,
                "644" => false,
                _ => return None,
            };
            let sha256 = words.next()?.parse().ok()?;
            let size = words.next()?.parse().ok()?;
            Some((words.next()?.to_owned(), Node::File { executable, size, sha256 }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tree {
        let file =
            |executable, text: &str| Node::File { executable, size: text.len() as u64, sha256: Digest::of(text) };
        Tree {
            nodes: [
                ("usr".to_owned(), Node::Dir),
                ("usr/bin/a b".to_owned(), file(true, "x")),
                ("usr/lib/c".to_owned(), file(false, "yy")),
                ("usr/lib/l".to_owned(), Node::Link { target: "c".into() }),
            ]
            .into(),
        }
    }

    #[test]
    fn text_and_digest_are_stable() {
        let tree = sample();
        insta::assert_snapshot!(tree.print(), @r#"
        d usr
        f 755 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 usr/bin/a b
        f 644 ef90d9c1ec76b1edc9edfaf2c0c05359c10ccc49ae8ecf7b7fd25ce9c02e86a4 2 usr/lib/c
        l usr/lib/l -> c
        "#);
        assert_eq!(Tree::parse(&tree.print()), Ok(tree.clone()));
        assert_eq!(tree.digest(), Digest::of(tree.print()));
        assert_eq!(tree.weight(), (2, 3));
    }

    #[test]
    fn malformed_text_is_named() {
        for bad in ["d", "x a", "f 600 00 1 a", "f 644 zz 1 a", "l a", "f 644"] {
            assert!(Tree::parse(bad).unwrap_err().starts_with("line 1 is malformed"), "{bad}");
        }
    }

    #[test]
    fn differences_name_paths() {
        let good = sample();
        let mut bad = good.clone();
        bad.nodes.remove("usr/lib/l");
        bad.nodes.insert("usr/lib/c".into(), Node::Dir);
        bad.nodes.insert("usr/new".into(), Node::Dir);
        let found = good.differences(&bad);
        assert_eq!(found, ["usr/lib/c was changed", "usr/lib/l is missing", "usr/new does not belong there"]);
        assert!(good.differences(&good).is_empty());
    }
}
