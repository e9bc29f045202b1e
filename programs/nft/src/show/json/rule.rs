//! Rules and their statements, as JSON.

use super::set::{bits, counter, pattern, seconds, used, value};
use super::tree::Json;
use crate::field::{Field, fib_flags};
use crate::ruleset::{
    Chain, Family, LOG_ALL, LOG_FLAGS, Limit, Log, Nat, Op, Operand, Pattern, Reject, Right, Rule, Statement, Table,
    Update, Verdict, Written,
};
use crate::show::text::effect::{has_address, nat_flags, operations};
use crate::show::text::term::{is_part, several_bits};
use crate::show::{Style, in_units, limit_unit};
use crate::symbols;
use crate::types::{self, Type};

/// A rule.
pub fn rule(style: Style<'_>, table: &Table, chain: &Chain, rule: &Rule) -> Json {
    let mut all = vec![
        ("family", Json::text(table.family.name())),
        ("table", Json::text(&table.name)),
        ("chain", Json::text(&chain.name)),
        ("handle", Json::Number(rule.handle as i64)),
    ];
    if let Some(comment) = &rule.comment {
        all.push(("comment", Json::text(comment)));
    }
    all.push(("expr", Json::List(rule.statements.iter().map(|of| statement(style, table.family, of)).collect())));
    Json::object(all)
}

/// A statement.
pub fn statement(style: Style<'_>, family: Family, statement: &Statement) -> Json {
    let (word, inside) = match statement {
        Statement::Match(operand, op, right) => ("match", comparison(style, operand, *op, right)),
        Statement::Verdict(of) => return verdict(of),
        Statement::VerdictMap(key, set) => {
            ("vmap", Json::object([("key", operand_json(style, key)), ("data", used(style, set))]))
        }
        Statement::Counter { packets, bytes } => ("counter", counter(style, *packets, *bytes)),
        Statement::Limit(of) => ("limit", limit(of)),
        Statement::Log(of) => ("log", log(of)),
        Statement::Reject(of) => ("reject", reject(*of)),
        Statement::Update(of) => ("set", update(style, family, of)),
        Statement::Write(to, of) => ("mangle", Json::object([("key", field(*to)), ("value", written(style, *to, of))])),
        Statement::Nat(of) => (of.kind.name(), nat(style, family, of)),
        Statement::NoTrack => ("notrack", Json::Null),
        Statement::Unknown(name) => ("unknown expression", Json::text(name)),
    };
    Json::object([(word, inside)])
}

/// A verdict.
pub fn verdict(verdict: &Verdict) -> Json {
    let target = |chain: &str| Json::object([("target", Json::text(chain))]);
    let (word, inside) = match verdict {
        Verdict::Accept => ("accept", Json::Null),
        Verdict::Drop => ("drop", Json::Null),
        Verdict::Continue => ("continue", Json::Null),
        Verdict::Return => ("return", Json::Null),
        Verdict::Jump(chain) => ("jump", target(chain)),
        Verdict::Goto(chain) => ("goto", target(chain)),
    };
    Json::object([(word, inside)])
}

fn field(field: Field) -> Json {
    match field {
        Field::Part(part) => {
            let inside = [("protocol", Json::text(part.header.name())), ("field", Json::text(part.name))];
            Json::object([("payload", Json::object(inside))])
        }
        Field::Meta(known) => Json::object([("meta", Json::object([("key", Json::text(known.name))]))]),
        Field::Ct(known) | Field::Flow(known, None) => {
            Json::object([("ct", Json::object([("key", Json::text(known.name))]))])
        }
        Field::Flow(known, Some(direction)) => {
            let inside = [("key", Json::text(known.name)), ("dir", Json::text(direction.name()))];
            Json::object([("ct", Json::object(inside))])
        }
        Field::Fib { flags, route } => {
            let flags = Json::List(fib_flags(flags).into_iter().map(Json::text).collect());
            Json::object([("fib", Json::object([("result", Json::text(route.name())), ("flags", flags)]))])
        }
    }
}

fn operand_json(style: Style<'_>, operand: &Operand) -> Json {
    let mut all: Vec<Json> = operand.fields.iter().map(|of| field(*of)).collect();
    if all.len() != 1 {
        return Json::object([("concat", Json::List(all))]);
    }
    let one = all.remove(0);
    match (&operand.mask, operand.fields.first()) {
        (Some(mask), Some(field)) => Json::object([("&", Json::List(vec![one, bits(style, field.of(), mask)]))]),
        _ => one,
    }
}

fn comparison(style: Style<'_>, operand: &Operand, op: Op, right: &Right) -> Json {
    let sign = match op {
        Op::Equal => "==",
        Op::Unequal => "!=",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
        Op::Any => "in",
        Op::None => "!",
    };
    let right = match (right, operand.fields.first()) {
        (Right::Set(set), _) => used(style, set),
        (Right::One(Pattern::Value(bytes)), Some(field)) if field.of().is_bits() => {
            let number = types::number(bytes).unwrap_or(0) as i64;
            match op {
                Op::Any | Op::None => bits(style, field.of(), bytes),
                _ if operand.mask.is_some() => bits(style, field.of(), bytes),
                _ if several_bits(bytes) && is_part(*field) => Json::Number(number),
                _ => value(style, field.of(), bytes),
            }
        }
        (Right::One(of), Some(field)) => pattern(style, field.of(), of),
        (Right::One(_), None) => Json::Null,
    };
    Json::object([("op", Json::text(sign)), ("left", operand_json(style, operand)), ("right", right)])
}

fn limit(limit: &Limit) -> Json {
    let unit = Json::text(limit_unit(limit.per));
    let mut all = Vec::new();
    if limit.bytes {
        let (rate, rate_unit) = in_units(limit.rate);
        let (burst, burst_unit) = in_units(u64::from(limit.burst));
        all.push(("rate", Json::Number(rate as i64)));
        all.push(("burst", Json::Number(burst as i64)));
        all.push(("per", unit));
        all.extend(limit.over.then_some(("inv", Json::Boolean(true))));
        all.push(("rate_unit", Json::text(rate_unit)));
        all.push(("burst_unit", Json::text(burst_unit)));
    } else {
        all.push(("rate", Json::Number(limit.rate as i64)));
        all.push(("burst", Json::Number(i64::from(limit.burst))));
        all.push(("per", unit));
        all.extend(limit.over.then_some(("inv", Json::Boolean(true))));
    }
    Json::object(all)
}

fn log(log: &Log) -> Json {
    let mut all = Vec::new();
    if let Some(prefix) = &log.prefix {
        all.push(("prefix", Json::text(prefix)));
    }
    if let Some(group) = log.group {
        all.push(("group", Json::Number(i64::from(group))));
        all.extend(log.snaplen.map(|snaplen| ("snaplen", Json::Number(i64::from(snaplen)))));
        all.extend(log.queue_threshold.map(|threshold| ("queue-threshold", Json::Number(i64::from(threshold)))));
    }
    if let Some(level) = log.level.filter(|level| *level != 4) {
        let word = symbols::word(symbols::LOG_LEVEL, u64::from(level)).unwrap_or("?");
        all.push(("level", Json::text(word)));
    }
    if log.flags & LOG_ALL == LOG_ALL {
        all.push(("flags", Json::text("all")));
    } else if log.flags != 0 {
        let set = LOG_FLAGS.iter().filter(|(.., bit)| log.flags & bit != 0);
        let words = set.map(|(first, second, _)| Json::text(format!("{first} {second}").trim_end())).collect();
        all.push(("flags", Json::one_or_list(words)));
    }
    match all.is_empty() {
        true => Json::Null,
        false => Json::object(all),
    }
}

fn reject(reject: Reject) -> Json {
    let with = |kind: &str, of: Type, code: u8| {
        let word = symbols::word(of.kind().symbols, u64::from(code)).map_or(Json::Number(i64::from(code)), Json::text);
        Json::object([("type", Json::text(kind)), ("expr", word)])
    };
    match reject {
        Reject::Icmp(code) => with("icmp", Type::IcmpCode, code),
        Reject::Icmpv6(code) => with("icmpv6", Type::Icmpv6Code, code),
        Reject::Icmpx(code) => with("icmpx", Type::IcmpxCode, code),
        Reject::TcpReset => Json::object([("type", Json::text("tcp reset"))]),
    }
}

fn update(style: Style<'_>, family: Family, update: &Update) -> Json {
    let key = operand_json(style, &update.key);
    let element = match update.timeout {
        Some(timeout) => Json::object([("elem", Json::object([("val", key), ("timeout", seconds(timeout))]))]),
        None => key,
    };
    let mut all = vec![
        ("op", Json::text(update.action.name())),
        ("elem", element),
        ("set", Json::Text(format!("@{}", update.set))),
    ];
    if !update.statements.is_empty() {
        let stateless = Style { stateless: true, ..style };
        let each = update.statements.iter().map(|of| statement(stateless, family, of)).collect();
        all.push(("stmt", Json::List(each)));
    }
    Json::object(all)
}

fn written(style: Style<'_>, to: Field, written: &Written) -> Json {
    match written {
        Written::Value(bytes) => value(style, to.of(), bytes),
        Written::Map(key, set) => {
            let inside = Json::object([("key", operand_json(style, key)), ("data", used(style, set))]);
            Json::object([("map", inside)])
        }
        Written::Field(from, None) => field(*from),
        Written::Field(from, Some((mask, xor))) => {
            operations(mask, xor).into_iter().fold(field(*from), |left, (sign, bytes)| {
                Json::object([(sign, Json::List(vec![left, value(style, to.of(), &bytes)]))])
            })
        }
    }
}

fn nat(style: Style<'_>, family: Family, nat: &Nat) -> Json {
    let mut all = Vec::new();
    if let (Some(of), Family::Inet, true) = (nat.family, family, has_address(nat.kind)) {
        all.push(("family", Json::text(of.name())));
    }
    if let Some(addresses) = &nat.addresses {
        let of = if nat.family == Some(Family::Ip6) { Type::Ipv6 } else { Type::Ipv4 };
        all.push(("addr", pattern(style, of, addresses)));
    }
    if let Some(ports) = &nat.ports {
        all.push(("port", pattern(style, Type::Service, ports)));
    }
    let flags: Vec<Json> = nat_flags(nat).into_iter().map(Json::text).collect();
    if !flags.is_empty() {
        all.push(("flags", Json::one_or_list(flags)));
    }
    match all.is_empty() {
        true => Json::Null,
        false => Json::object(all),
    }
}
