//! The ruleset of the running kernel: read in several requests, and accepted only if nothing changed meanwhile.

use std::io;

use crate::delinearize;
use crate::kernel::Kernel;
use crate::netlink::attribute::{self, Attributes};
use crate::netlink::dump::{self, RawChain, RawRule, RawSet, RawTable};
use crate::netlink::message::Kind;
use crate::ruleset::{Chain, Family, HOOKS, Rule, Ruleset, Table};

/// Number of attempts while the ruleset changes.
const ATTEMPTS: usize = 10;

/// The kernel's replies, unchanged.
#[derive(Debug, Default)]
pub struct Dump {
    pub tables: Vec<RawTable>,
    pub chains: Vec<RawChain>,
    pub rules: Vec<RawRule>,
    pub sets: Vec<RawSet>,
    /// Family, table, and a description of what this program does not support.
    pub others: Vec<(u8, String, String)>,
}

/// All tables.
pub fn ruleset() -> io::Result<Ruleset> {
    // Each request has its own socket, so that the rest of an aborted reply cannot be taken for the next one.
    let dump = unchanged(|| Kernel::open()?.generation(), || dump(&Kernel::open()?))?;
    Ok(assemble(&dump))
}

/// The result of `attempt`, if the generation was the same before and after it. A change invalidates errors as well: a
/// set can vanish before its elements are requested.
fn unchanged<T>(
    mut generation: impl FnMut() -> io::Result<u32>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for _ in 0..ATTEMPTS {
        let before = generation()?;
        let result = attempt();
        let interrupted = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
        if generation()? == before && !interrupted {
            return result;
        }
    }
    Err(io::Error::other(format!("the ruleset changed {ATTEMPTS} times while nft read it; try again")))
}

fn dump(kernel: &Kernel) -> io::Result<Dump> {
    let mut all = Dump::default();
    kernel.dump(Kind::GetTable, &[], 0, &mut |answer| {
        let table = answer.of(Kind::NewTable).and_then(|(family, bytes)| dump::table(family, attribute::read(bytes)));
        all.tables.extend(table);
    })?;
    kernel.dump(Kind::GetChain, &[], 0, &mut |answer| {
        let chain = answer.of(Kind::NewChain).and_then(|(family, bytes)| dump::chain(family, attribute::read(bytes)));
        all.chains.extend(chain);
    })?;
    kernel.dump(Kind::GetRule, &[], 0, &mut |answer| {
        let rule = answer.of(Kind::NewRule).and_then(|(family, bytes)| dump::rule(family, attribute::read(bytes)));
        all.rules.extend(rule);
    })?;
    kernel.dump(Kind::GetSet, &[], 0, &mut |answer| {
        let set = answer.of(Kind::NewSet).and_then(|(family, bytes)| dump::set(family, attribute::read(bytes)));
        all.sets.extend(set);
    })?;
    for set in &mut all.sets {
        let mut which = Attributes::default();
        which.text(1, &set.table).text(2, &set.name);
        let elements = &mut set.elements;
        kernel.dump(Kind::GetElements, &which.bytes, set.family, &mut |answer| {
            if let Some((_, bytes)) = answer.of(Kind::NewElements) {
                elements.extend(dump::elements(attribute::read(bytes)));
            }
        })?;
    }
    for (get, new, what) in
        [(Kind::GetObject, Kind::NewObject, "object"), (Kind::GetFlowtable, Kind::NewFlowtable, "flowtable")]
    {
        kernel.dump(get, &[], 0, &mut |answer| {
            if let Some((family, bytes)) = answer.of(new) {
                let (table, name) = (attribute::read(bytes).text(1), attribute::read(bytes).text(2));
                let name = format!("{what} {}", name.unwrap_or_default());
                all.others.push((family, table.unwrap_or_default(), name));
            }
        })?;
    }
    Ok(all)
}

/// Builds tables from the replies.
pub fn assemble(dump: &Dump) -> Ruleset {
    /// The unsupported families, by the kernel's numbers.
    const OTHERS: [(u8, &str); 3] = [(3, "arp"), (5, "netdev"), (7, "bridge")];
    let mut ruleset = Ruleset::default();
    for raw in &dump.tables {
        match Family::numbered(raw.family) {
            Some(family) => ruleset.tables.push(table(raw, family, dump)),
            None => {
                let name = OTHERS.iter().find(|(number, _)| *number == raw.family).map_or("?", |(_, name)| name);
                ruleset.unknown.push(format!("table {name} {}", raw.name));
            }
        }
    }
    ruleset
}

fn table(raw: &RawTable, family: Family, dump: &Dump) -> Table {
    let here = |family: u8, table: &str| family == raw.family && table == raw.name;
    let others = dump.others.iter().filter(|(family, table, _)| here(*family, table));
    let mut unknown: Vec<String> = others.map(|(.., what)| what.clone()).collect();
    let raw_sets: Vec<RawSet> = dump.sets.iter().filter(|set| here(set.family, &set.table)).cloned().collect();
    let mut sets = Vec::new();
    for set in raw_sets.iter().filter(|set| !delinearize::is_anonymous(set)) {
        match delinearize::named(set) {
            Some(set) => sets.push(set),
            None => unknown.push(format!("set {}", set.name)),
        }
    }
    let mut chains = Vec::new();
    for chain in dump.chains.iter().filter(|chain| here(chain.family, &chain.table)) {
        let mine = |rule: &&RawRule| here(rule.family, &rule.table) && rule.chain == chain.name;
        let rules = dump.rules.iter().filter(mine).map(|rule| Rule {
            statements: delinearize::rule(family, &rule.expressions, &raw_sets),
            comment: rule.comment.clone(),
            handle: rule.handle,
        });
        if chain.hook.as_ref().is_some_and(|hook| hook.number as usize >= HOOKS.len()) {
            unknown.push(format!("hook of chain {}", chain.name));
        }
        chains.push(Chain {
            name: chain.name.clone(),
            base: chain.hook.clone(),
            comment: chain.comment.clone(),
            handle: chain.handle,
            rules: rules.collect(),
        });
    }
    Table {
        family,
        name: raw.name.clone(),
        dormant: raw.dormant,
        comment: raw.comment.clone(),
        handle: raw.handle,
        sets,
        chains,
        unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn gone() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    #[test]
    fn what_changed_meanwhile_is_asked_for_again() {
        // The set is deleted between the second and the third request.
        let (asked, attempts) = (Cell::new(0), Cell::new(0));
        let generation = || {
            asked.set(asked.get() + 1);
            Ok(if asked.get() < 2 { 7 } else { 8 })
        };
        let attempt = || {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 1 { Err(gone()) } else { Ok("all of it") }
        };
        assert_eq!(unchanged(generation, attempt).unwrap(), "all of it");
        assert_eq!(attempts.get(), 2);
        // Nothing changed, so the error is real.
        let error = unchanged(|| Ok(7), || Err::<(), _>(gone())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        // The kernel itself reports a change, every time.
        let mut calls = 0;
        let interrupted = || {
            calls += 1;
            if calls < 3 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(calls) }
        };
        assert_eq!(unchanged(|| Ok(7), interrupted).unwrap(), 3);
        let mut number = 0;
        let growing = || {
            number += 1;
            Ok(number)
        };
        assert!(unchanged(growing, || Ok(())).unwrap_err().to_string().contains("try again"));
    }
}
