//! Rulesets in the JSON of libnftables.

mod rule;
mod set;
mod tree;

use tree::Json;

use super::Style;
use crate::ruleset::{Chain, HOOKS, Ruleset, Table};

/// All tables, in one line.
pub fn ruleset(style: Style<'_>, ruleset: &Ruleset) -> String {
    let about = Json::object([
        ("version", Json::text(env!("CARGO_PKG_VERSION"))),
        ("release_name", Json::text("Ashlar")),
        ("json_schema_version", Json::Number(1)),
    ]);
    let mut all = vec![Json::object([("metainfo", about)])];
    for table in &ruleset.tables {
        all.push(Json::object([("table", of_table(table))]));
        for set in &table.sets {
            let word = if set.data.is_some() { "map" } else { "set" };
            all.push(Json::object([(word, set::named(style, table, set))]));
        }
        for chain in &table.chains {
            all.push(Json::object([("chain", of_chain(table, chain))]));
        }
        for chain in &table.chains {
            for rule in &chain.rules {
                all.push(Json::object([("rule", rule::rule(style, table, chain, rule))]));
            }
        }
    }
    all.extend(ruleset.unknown.iter().map(|name| Json::object([("unknown", Json::text(name))])));
    format!("{}\n", Json::object([("nftables", Json::List(all))]))
}

fn of_table(table: &Table) -> Json {
    let mut all = vec![
        ("family", Json::text(table.family.name())),
        ("name", Json::text(&table.name)),
        ("handle", Json::Number(table.handle as i64)),
    ];
    if table.dormant {
        all.push(("flags", Json::text("dormant")));
    }
    if let Some(comment) = &table.comment {
        all.push(("comment", Json::text(comment)));
    }
    if !table.unknown.is_empty() {
        all.push(("unknown", Json::List(table.unknown.iter().map(|name| Json::text(name)).collect())));
    }
    Json::object(all)
}

fn of_chain(table: &Table, chain: &Chain) -> Json {
    let mut all = vec![
        ("family", Json::text(table.family.name())),
        ("table", Json::text(&table.name)),
        ("name", Json::text(&chain.name)),
        ("handle", Json::Number(chain.handle as i64)),
    ];
    if let Some(comment) = &chain.comment {
        all.push(("comment", Json::text(comment)));
    }
    if let Some(hook) = &chain.base {
        all.push(("type", Json::text(&hook.kind)));
        all.push(("hook", Json::text(HOOKS.get(hook.number as usize).copied().unwrap_or("?"))));
        all.push(("prio", Json::Number(i64::from(hook.priority))));
        if let [device] = &hook.devices[..] {
            all.push(("dev", Json::text(device)));
        }
        all.push(("policy", Json::text(hook.policy())));
    }
    Json::object(all)
}
