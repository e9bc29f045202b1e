//! Rulesets as text, in the language of the parser.

pub mod effect;
mod set;

use self::effect::{limit, log, nat, reject, update, written};
use super::Style;
use super::value::{Shown, edge, number_text, shown};
use crate::field::Field;
use crate::protocol_dependencies;
use crate::ruleset::{
    Family, HOOKS, Hook, Op, Operand, PRIORITIES, Pattern, Reject, Right, Rule, Ruleset, Statement, Table, Verdict,
};
use crate::types::Type;

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

/// A statement.
pub(super) fn statement(style: Style<'_>, family: Family, statement: &Statement) -> String {
    match statement {
        Statement::Match(operand, op, right) => comparison(style, operand, *op, right),
        Statement::Verdict(of) => verdict(of),
        Statement::VerdictMap(operand, set) => {
            format!("{} vmap {}", operand_text(style, operand), set::used(style, set))
        }
        Statement::Counter { .. } if style.stateless => "counter".to_owned(),
        Statement::Counter { packets, bytes } => format!("counter packets {packets} bytes {bytes}"),
        Statement::Limit(of) => limit(of),
        Statement::Log(of) => log(of),
        Statement::Reject(of) => reject(family, *of),
        Statement::Update(of) => update(style, family, of),
        Statement::Write(field, of) => format!("{} set {}", field.text(), written(style, *field, of)),
        Statement::Nat(of) => nat(style, family, of),
        Statement::NoTrack => "notrack".to_owned(),
        Statement::Unknown(name) => format!("({name})"),
    }
}

/// A verdict.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(chain) => format!("jump {chain}"),
        Verdict::Goto(chain) => format!("goto {chain}"),
    }
}

/// A value, with `between` between bits.
fn value_with(style: Style<'_>, of: Type, value: &[u8], between: &str) -> String {
    shown_text(of, shown(style, of, value), between)
}

fn shown_text(of: Type, shown: Shown, between: &str) -> String {
    match shown {
        Shown::Word(word) if of.is_text() || (of == Type::IfIndex && word.parse::<u32>().is_err()) => {
            format!("\"{word}\"")
        }
        Shown::Word(word) => word,
        Shown::Bits(words) => words.join(between),
        Shown::Number(number) => number_text(of, number),
        Shown::Boolean(is) => if is { "exists" } else { "missing" }.to_owned(),
    }
}

/// An element of a set, or a single value.
pub(super) fn value(style: Style<'_>, of: Type, bytes: &[u8]) -> String {
    value_with(style, of, bytes, " | ")
}

/// A value, a prefix or a range.
pub(super) fn pattern(style: Style<'_>, of: Type, pattern: &Pattern) -> String {
    match pattern {
        Pattern::Value(bytes) => value(style, of, bytes),
        Pattern::Prefix(bytes, _) if of.is_text() => format!("\"{}*\"", super::value::name(bytes)),
        Pattern::Prefix(bytes, bits) => format!("{}/{bits}", value(style, of, bytes)),
        Pattern::Range(low, high) => {
            let [low, high] = [low, high].map(|bytes| shown_text(of, edge(style, of, bytes), " | "));
            format!("{low}-{high}")
        }
    }
}

fn operand_text(style: Style<'_>, operand: &Operand) -> String {
    let fields: Vec<String> = operand.fields.iter().map(|field| field.text()).collect();
    let mut text = fields.join(" . ");
    if let (Some(mask), [field]) = (&operand.mask, &operand.fields[..]) {
        text.push_str(&format!(" & {}", value(style, field.of(), mask)));
    }
    text
}

fn comparison(style: Style<'_>, operand: &Operand, op: Op, right: &Right) -> String {
    let left = operand_text(style, operand);
    let sign = match op {
        Op::Equal | Op::Any => "",
        Op::Unequal => "!= ",
        Op::Less => "< ",
        Op::LessOrEqual => "<= ",
        Op::Greater => "> ",
        Op::GreaterOrEqual => ">= ",
        Op::None => "! ",
    };
    let pattern = match right {
        Right::Set(set) => {
            let sign = if op == Op::Equal && operand.mask.is_some() { "== " } else { sign };
            return format!("{left} {sign}{}", set::used(style, set));
        }
        Right::One(pattern) => pattern,
    };
    let Some(field) = operand.fields.first() else { return left };
    let of = field.of();
    match (pattern, &operand.mask) {
        (Pattern::Value(bytes), Some(mask)) if of.is_bits() && several_bits(mask) => {
            let value = value_with(style, of, bytes, ",");
            format!("{} {sign}{value} / {}", field.text(), value_with(style, of, mask, ","))
        }
        (Pattern::Value(_), Some(_)) => {
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{}", self::pattern(style, of, pattern))
        }
        (Pattern::Value(bytes), None) if matches!(op, Op::Any | Op::None) => {
            format!("{left} {sign}{}", value_with(style, of, bytes, ","))
        }
        // The original prints bits of headers that are compared with `==` as a number.
        (Pattern::Value(bytes), None) if of.is_bits() && (op == Op::Equal || is_part(*field)) => {
            let number = crate::types::number(bytes).unwrap_or(0);
            let text = match (several_bits(bytes), is_part(*field)) {
                (true, true) => number_text(of, number),
                _ => value(style, of, bytes),
            };
            // The original omits `==` before several bits, and then reads its own output as another comparison.
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{text}")
        }
        _ => format!("{left} {sign}{}", self::pattern(style, of, pattern)),
    }
}

pub(super) fn is_part(field: Field) -> bool {
    matches!(field, Field::Part(_))
}

/// Whether more than one bit is set.
pub(super) fn several_bits(value: &[u8]) -> bool {
    value.iter().map(|byte| byte.count_ones()).sum::<u32>() > 1
}
