//! Values, fields and verdicts.

use crate::field::Field;
use crate::ruleset::{Operand, Pattern, Verdict};
use crate::show::Style;
use crate::show::value::{Shown, edge, name, number_text, shown};
use crate::types::Type;

/// A verdict.
pub fn verdict(verdict: &Verdict) -> String {
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
pub fn value_with(style: Style<'_>, of: Type, value: &[u8], between: &str) -> String {
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
pub fn value(style: Style<'_>, of: Type, bytes: &[u8]) -> String {
    value_with(style, of, bytes, " | ")
}

/// A value, a prefix or a range.
pub fn pattern(style: Style<'_>, of: Type, pattern: &Pattern) -> String {
    match pattern {
        Pattern::Value(bytes) => value(style, of, bytes),
        Pattern::Prefix(bytes, _) if of.is_text() => format!("\"{}*\"", name(bytes)),
        Pattern::Prefix(bytes, bits) => format!("{}/{bits}", value(style, of, bytes)),
        Pattern::Range(low, high) => {
            let [low, high] = [low, high].map(|bytes| shown_text(of, edge(style, of, bytes), " | "));
            format!("{low}-{high}")
        }
    }
}

/// A field, or several side by side, with the bits of it that are meant.
pub fn operand_text(style: Style<'_>, operand: &Operand) -> String {
    let fields: Vec<String> = operand.fields.iter().map(|field| field.text()).collect();
    let mut text = fields.join(" . ");
    if let (Some(mask), [field]) = (&operand.mask, &operand.fields[..]) {
        text.push_str(&format!(" & {}", value(style, field.of(), mask)));
    }
    text
}

/// Whether the field is some bits of a header.
pub fn is_part(field: Field) -> bool {
    matches!(field, Field::Part(_))
}

/// Whether more than one bit is set.
pub fn several_bits(value: &[u8]) -> bool {
    value.iter().map(|byte| byte.count_ones()).sum::<u32>() > 1
}
