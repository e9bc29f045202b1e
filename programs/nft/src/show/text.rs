//! Rulesets as text, in the language of the parser.

pub mod effect;
mod set;
mod statement;
pub mod term;

use statement::statement;

use super::Style;
use crate::protocol_dependencies;
use crate::ruleset::{Family, HOOKS, Hook, PRIORITIES, Reject, Rule, Ruleset, Statement, Table};

/// All tables.
pub fn ruleset(style: Style<'_>, ruleset: &Ruleset) -> String {
    let unknown = ruleset.unknown.iter().map(|name| format!("# unknown {name}\n"));
    ruleset.tables.iter().map(|of| table(style, of)).chain(unknown).collect()
}

fn table(style: Style<'_>, table: &Table) -> String {
    let mut head = String::new();
    if table.dormant {
        head.push_str("\tflags dormant\n");
    }
    let comment_alone = !table.dormant;
    if let Some(comment) = &table.comment {
        head.push_str(&format!("\tcomment \"{comment}\"\n"));
    }
    for unknown in &table.unknown {
        head.push_str(&format!("\t# unknown {unknown}\n"));
    }
    let mut blocks: Vec<String> = Vec::new();
    blocks.extend(table.sets.iter().map(|set| set::named(style, set)));
    blocks.extend(table.chains.iter().map(|chain| {
        let mut text = format!("\tchain {} {{\n", chain.name);
        if let Some(comment) = &chain.comment {
            text.push_str(&format!("\t\tcomment \"{comment}\"\n"));
        }
        if let Some(base) = &chain.base {
            text.push_str(&format!("\t\t{}\n", hook(base)));
        }
        text.extend(chain.rules.iter().map(|of| format!("\t\t{}\n", rule(style, table.family, of))));
        text.push_str("\t}\n");
        text
    }));
    // The original prints an empty line after flags only.
    let between = if head.is_empty() || comment_alone || blocks.is_empty() { "" } else { "\n" };
    format!("table {} {} {{\n{head}{between}{}}}\n", table.family.name(), table.name, blocks.join("\n"))
}

fn hook(base: &Hook) -> String {
    let hook = HOOKS.get(base.number as usize).copied().unwrap_or("?");
    let devices = match &base.devices[..] {
        [] => String::new(),
        devices => format!(" devices = {{ {} }}", devices.join(", ")),
    };
    let priority = priority(base.priority, hook);
    format!("type {} hook {hook}{devices} priority {priority}; policy {};", base.kind, base.policy())
}

/// The nearest named priority, if it is near enough.
fn priority(priority: i32, hook: &str) -> String {
    let fits = |name: &str| match name {
        "dstnat" => hook == "prerouting",
        "srcnat" => hook == "postrouting",
        _ => true,
    };
    let near = PRIORITIES
        .iter()
        .filter(|(name, _)| fits(name))
        .find(|(_, of)| priority.saturating_sub(*of).unsigned_abs() <= 10);
    match near {
        None => priority.to_string(),
        Some((name, of)) => match priority - of {
            0 => (*name).to_owned(),
            offset if offset > 0 => format!("{name} + {offset}"),
            offset => format!("{name} - {}", -offset),
        },
    }
}

/// A rule. Leaving out an unsupported expression would change the rule, so it is printed as a comment.
pub fn rule(style: Style<'_>, family: Family, rule: &Rule) -> String {
    let mut unknown = Vec::new();
    for statement in &rule.statements {
        collect_unknown(statement, &mut unknown);
    }
    let mut words: Vec<String> = Vec::new();
    for (at, of) in rule.statements.iter().enumerate() {
        // Without it, the word would mean the message of the known network protocol.
        let either = *of == Statement::Reject(Reject::Icmpx(1))
            && protocol_dependencies::says_network(family, &rule.statements[..at]);
        words.push(match either {
            true => "reject with icmpx port-unreachable".to_owned(),
            false => statement(style, family, of),
        });
    }
    if let Some(comment) = &rule.comment {
        words.push(format!("comment \"{comment}\""));
    }
    let text = words.join(" ");
    match unknown.first() {
        None => text,
        Some(_) => {
            unknown.dedup();
            let names: Vec<String> = unknown.iter().map(|name| format!("# unknown expression {name}")).collect();
            format!("{} in: {text}", names.join(" "))
        }
    }
}

fn collect_unknown(statement: &Statement, unknown: &mut Vec<String>) {
    match statement {
        Statement::Unknown(name) => unknown.push(name.clone()),
        Statement::Update(update) => update.statements.iter().for_each(|inner| collect_unknown(inner, unknown)),
        _ => {}
    }
}
