//! From the syntax tree to resolved rules: words become values of their type, names are looked up, and protocol
//! dependencies are added. Names of this machine come from [`Facts`]; this module has no effects.

mod effect;
mod rule;
mod scope;
pub mod set;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub use set::{bounds, pattern};
pub use value::KeyOrder;

use base::findings::{Finding, Findings};

use crate::ast::{self, File, Placed};
use crate::facts::Facts;
use crate::ruleset::{self, HOOKS, Hook, PRIORITIES};
use scope::{Scope, collect};

/// Resolves a whole file, or returns all findings.
pub fn resolve(file: &File, facts: &Facts) -> Result<Vec<ruleset::Table>, Findings> {
    let mut wrong = Findings::default();
    let mut tables: Vec<ruleset::Table> = Vec::new();
    let mut parts: Vec<Vec<&ast::Table>> = Vec::new();
    let mut known: BTreeMap<(u8, &str), usize> = BTreeMap::new();
    // A file can define a table in several parts.
    for table in &file.tables {
        let at = *known.entry((table.family.number(), &table.name.it)).or_insert(parts.len());
        match parts.get_mut(at) {
            Some(part) => part.push(table),
            None => parts.push(vec![table]),
        }
    }
    for part in parts {
        tables.extend(table(&part, facts, file.flush, &mut wrong));
    }
    if wrong.is_empty() { Ok(tables) } else { Err(wrong) }
}

fn table(parts: &[&ast::Table], facts: &Facts, closed: bool, wrong: &mut Findings) -> Option<ruleset::Table> {
    let first = parts.first()?;
    let chains: Vec<&ast::Chain> = parts.iter().flat_map(|part| &part.chains).collect();
    let sets: Vec<&ast::Set> = parts.iter().flat_map(|part| &part.sets).collect();
    unique(chains.iter().map(|chain| &chain.name), "chain", wrong);
    unique(sets.iter().map(|set| &set.name), "set or map", wrong);
    let mut scope = Scope {
        facts,
        family: first.family,
        sets: BTreeMap::new(),
        chains: chains.iter().map(|chain| chain.name.it.clone()).collect(),
        closed,
    };
    let mut resolved_sets = Vec::new();
    for set in sets {
        if let Some(set) = scope.set(set, wrong) {
            resolved_sets.push(set.clone());
            scope.sets.insert(set.name.clone(), set);
        }
    }
    let mut resolved_chains = Vec::new();
    for chain in chains {
        let base = chain.base.as_ref().and_then(|base| collect(hook(base), wrong));
        let mut rules = Vec::new();
        for rule in &chain.rules {
            rules.extend(scope.rule(rule, wrong));
        }
        let (name, comment) = (chain.name.it.clone(), chain.comment.clone());
        resolved_chains.push(ruleset::Chain { name, base, comment, handle: 0, rules });
    }
    // The kernel has several kinds of sets, and must be told which ones rules can change.
    let changed: BTreeSet<&str> = resolved_chains.iter().flat_map(|chain| &chain.rules).flat_map(changes).collect();
    for set in &mut resolved_sets {
        set.dynamic |= changed.contains(set.name.as_str());
    }
    Some(ruleset::Table {
        family: first.family,
        name: first.name.it.clone(),
        dormant: parts.iter().any(|part| part.dormant),
        comment: parts.iter().find_map(|part| part.comment.clone()),
        handle: 0,
        sets: resolved_sets,
        chains: resolved_chains,
        unknown: Vec::new(),
    })
}

/// The sets that a rule changes.
fn changes(rule: &ruleset::Rule) -> impl Iterator<Item = &str> {
    rule.statements.iter().filter_map(|statement| match statement {
        ruleset::Statement::Update(update) => Some(update.set.as_str()),
        _ => None,
    })
}

fn unique<'a>(names: impl Iterator<Item = &'a Placed<String>>, what: &str, wrong: &mut Findings) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(&name.it) {
            let message = format!("this table already has a {what} `{}`", name.it);
            wrong.push(Finding::new(name.at, message, "choose another name"));
        }
    }
}

/// The hooks of a chain type.
fn hooks_of(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "filter" => Some(&HOOKS),
        "nat" => Some(&["prerouting", "input", "output", "postrouting"]),
        "route" => Some(&["output"]),
        _ => None,
    }
}

fn hook(base: &ast::Base) -> Result<Hook, Finding> {
    let Some(hooks) = hooks_of(&base.kind.it) else {
        let what = format!("`{}` is not a chain type", base.kind.it);
        return Err(Finding::new(base.kind.at, what, "expected: filter, nat, route"));
    };
    let number = HOOKS.iter().position(|hook| *hook == base.hook.it).filter(|_| hooks.contains(&base.hook.it.as_str()));
    let Some(number) = number else {
        let what = format!("chains of type {1} have no hook `{0}`", base.hook.it, base.kind.it);
        return Err(Finding::new(base.hook.at, what, format!("expected: {}", hooks.join(", "))));
    };
    let priority = priority(&base.priority, &base.hook.it)?;
    // Connection tracking must run before address translation.
    if base.kind.it == "nat" && priority <= -200 {
        return Err(Finding::new(
            base.priority.at,
            "chains of type nat have priorities above -200",
            "for example dstnat or srcnat",
        ));
    }
    let (kind, accept) = (base.kind.it.clone(), base.accept);
    Ok(Hook { kind, number: number as u32, priority, accept, devices: Vec::new() })
}

fn priority(written: &Placed<(Option<String>, i64)>, hook: &str) -> Result<i32, Finding> {
    let wrong = |what: String, remedy: &str| Finding::new(written.at, what, remedy);
    let (name, offset) = &written.it;
    let start = match name {
        None => 0,
        Some(name) => {
            let fits = match name.as_str() {
                "dstnat" => hook == "prerouting",
                "srcnat" => hook == "postrouting",
                _ => true,
            };
            let known = PRIORITIES.iter().find(|(known, _)| known == name).filter(|_| fits);
            let Some((_, start)) = known else {
                let remedy =
                    "expected: numbers, raw, mangle, filter, security, dstnat at prerouting, srcnat at postrouting";
                return Err(wrong(format!("`{name}` is not a priority of this hook"), remedy));
            };
            i64::from(*start)
        }
    };
    i32::try_from(start + offset).map_err(|_| wrong("this priority is too large".to_owned(), "use at most 32 bits"))
}
