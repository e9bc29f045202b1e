//! Finds and breaks dependency cycles deterministically: ignores the softest edge of a cycle, and reports the cycle as
//! a path. Never ignores a need: services that need each other in a cycle cannot start.
//!
//! Works on numbered nodes; `order` decides what an edge means and what follows from a cycle of needs.

use std::collections::VecDeque;
use std::fmt;

/// The strength of an edge; the softest is ignored first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Written as `before`.
    Before,
    /// Written as `after`.
    After,
    /// Written as `use`.
    Use,
    /// Written as `want`.
    Want,
    /// A `need` that another provider can satisfy as well.
    NeedAny,
    /// A `need`.
    Need,
}

/// `waiter` comes after `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The node that waits.
    pub waiter: usize,
    /// The node that it waits for.
    pub first: usize,
    /// Why.
    pub strength: Strength,
}

/// A cycle and its ignored edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Services, each waiting for the next; the last is the first again.
    pub path: Vec<String>,
    /// The relation that is ignored, as written.
    pub ignored: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dependency cycle: {}; ignored: {}", self.path.join(" -> "), self.ignored)
    }
}

/// Removes edges until no cycle has an edge softer than `Need`; returns the removed ones. Cycles of needs only must be
/// handled before (`circles`), or a need is removed as well.
pub fn break_cycles(names: &[String], edges: &mut Vec<Edge>) -> Vec<Broken> {
    let mut broken = Vec::new();
    loop {
        let mut ignored: Vec<Edge> = Vec::new();
        for circle in circles(names.len(), edges) {
            let path = shortest_cycle(names, edges, &circle);
            // Of several equally soft edges, the last of the path: it closes the cycle.
            let Some(softest) = path.iter().rev().min_by_key(|edge| soft_class(edge.strength)).copied() else {
                continue;
            };
            let mut named: Vec<String> = path.iter().map(|edge| names[edge.waiter].clone()).collect();
            named.extend(path.first().map(|edge| names[edge.waiter].clone()));
            broken.push(Broken { path: named, ignored: describe(names, softest) });
            ignored.push(softest);
        }
        if ignored.is_empty() {
            return broken;
        }
        edges.retain(|edge| !ignored.contains(edge));
    }
}

/// The sets of nodes that wait for each other in a cycle, each sorted (strongly connected components of two or more).
pub fn circles(nodes: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let (forward, backward) =
        (adjacency(nodes, edges, |e| (e.waiter, e.first)), adjacency(nodes, edges, |e| (e.first, e.waiter)));
    let mut seen = vec![false; nodes];
    let mut finished = Vec::with_capacity(nodes);
    for node in 0..nodes {
        postorder(&forward, node, &mut seen, &mut finished);
    }
    let mut seen = vec![false; nodes];
    let mut found = Vec::new();
    for node in finished.into_iter().rev() {
        let mut members = Vec::new();
        postorder(&backward, node, &mut seen, &mut members);
        if members.len() > 1 {
            members.sort_unstable();
            found.push(members);
        }
    }
    found.sort();
    found
}

/// Lists of neighbours, in the order of the edges.
pub fn adjacency(nodes: usize, edges: &[Edge], ends: impl Fn(&Edge) -> (usize, usize)) -> Vec<Vec<usize>> {
    let mut lists = vec![Vec::new(); nodes];
    for edge in edges {
        let (from, to) = ends(edge);
        lists[from].push(to);
    }
    lists
}

/// Appends all unseen nodes reachable from `start`, each after those it leads to. A loop, not recursion: scripts decide
/// the depth.
pub fn postorder(lists: &[Vec<usize>], start: usize, seen: &mut [bool], out: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut stack = vec![(start, 0)];
    while let Some((node, next)) = stack.last_mut() {
        match lists[*node].get(*next) {
            Some(&child) => {
                *next += 1;
                if !std::mem::replace(&mut seen[child], true) {
                    stack.push((child, 0));
                }
            }
            None => {
                out.push(*node);
                stack.pop();
            }
        }
    }
}

/// The edges of a shortest cycle, beginning at the member with the first name.
fn shortest_cycle(names: &[String], edges: &[Edge], circle: &[usize]) -> Vec<Edge> {
    let Some(start) = circle.iter().copied().min_by_key(|node| &names[*node]) else { return Vec::new() };
    let mut within: Vec<&Edge> = edges
        .iter()
        .filter(|e| circle.binary_search(&e.waiter).is_ok() && circle.binary_search(&e.first).is_ok())
        .collect();
    // Between the same two services only the strongest reason counts, so it comes first.
    within.sort_by(|a, b| names[a.first].cmp(&names[b.first]).then(b.strength.cmp(&a.strength)));
    let mut outgoing: Vec<Vec<&Edge>> = vec![Vec::new(); names.len()];
    for edge in within {
        outgoing[edge.waiter].push(edge);
    }
    let mut reached_by: Vec<Option<&Edge>> = vec![None; names.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &edge in &outgoing[node] {
            if edge.first == start {
                return walk_back(&reached_by, edge, start);
            }
            if reached_by[edge.first].is_none() {
                reached_by[edge.first] = Some(edge);
                queue.push_back(edge.first);
            }
        }
    }
    Vec::new()
}

fn walk_back(reached_by: &[Option<&Edge>], last: &Edge, start: usize) -> Vec<Edge> {
    let mut path = vec![*last];
    let mut at = last.waiter;
    while at != start {
        let Some(edge) = reached_by[at] else { break };
        path.push(*edge);
        at = edge.waiter;
    }
    path.reverse();
    path
}

/// `before` and `after` are the same relation from two sides, so neither is softer.
fn soft_class(strength: Strength) -> Strength {
    strength.max(Strength::After)
}

fn describe(names: &[String], edge: Edge) -> String {
    let (waiter, first) = (&names[edge.waiter], &names[edge.first]);
    match edge.strength {
        Strength::Before => format!("{first} before {waiter}"),
        Strength::After => format!("{waiter} after {first}"),
        Strength::Use => format!("{waiter} uses {first}"),
        Strength::Want => format!("{waiter} wants {first}"),
        Strength::NeedAny | Strength::Need => format!("{waiter} needs {first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a>b` need, `a~b` after, `a<b` before (a before b), `a?b` use, `a+b` want.
    fn edges(text: &str) -> (Vec<String>, Vec<Edge>) {
        let names: Vec<String> = "abcdefgh".chars().map(String::from).collect();
        let node = |c: u8| usize::from(c - b'a');
        let edge = |word: &str| {
            let word = word.as_bytes();
            let (left, right) = (node(word[0]), node(word[2]));
            let (waiter, first, strength) = match word[1] {
                b'>' => (left, right, Strength::Need),
                b'~' => (left, right, Strength::After),
                b'<' => (right, left, Strength::Before),
                b'?' => (left, right, Strength::Use),
                _ => (left, right, Strength::Want),
            };
            Edge { waiter, first, strength }
        };
        (names, text.split_whitespace().map(edge).collect())
    }

    #[test]
    fn which_edge_is_ignored() {
        let cases = [
            ("a>b b>c", ""),
            ("a>b b>c c~a", "a -> b -> c -> a: c after a"),
            ("a~b b>c c>a", "a -> b -> c -> a: a after b"),
            ("a>b b?c c+a", "a -> b -> c -> a: b uses c"),
            ("a?b b~c b<c", "b -> c -> b: b before c"),
            ("a~b b~a", "a -> b -> a: b after a"),
            ("a~b a<b", "a -> b -> a: a before b"),
            // The need hides the softer reason between the same two: ignoring that one alone would not help.
            ("a>b a~b b+a", "a -> b -> a: b wants a"),
            ("a~b b~a c~d d~c", "a -> b -> a: b after a, c -> d -> c: d after c"),
            ("a~b b~c c~a c~b", "a -> b -> c -> a: c after a, b -> c -> b: c after b"),
        ];
        for (text, want) in cases {
            let (names, mut list) = edges(text);
            let calls: Vec<String> = break_cycles(&names, &mut list)
                .iter()
                .map(|b| format!("{}: {}", b.path.join(" -> "), b.ignored))
                .collect();
            assert_eq!(calls.join(", "), want, "{text}");
            assert!(circles(names.len(), &list).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_need_is_never_ignored_while_something_softer_is_there() {
        let (names, mut list) = edges("a>b b>c c>d d~a d>e e<c");
        break_cycles(&names, &mut list);
        assert_eq!(list.iter().filter(|e| e.strength == Strength::Need).count(), 4);
    }

    #[test]
    fn deep_chains_do_not_overflow_the_stack() {
        let count = 200_000;
        let list: Vec<Edge> =
            (0..count).map(|n| Edge { waiter: n, first: (n + 1) % count, strength: Strength::Need }).collect();
        assert_eq!(circles(count, &list).len(), 1);
    }
}
