//! Rules: each statement with its dependencies before it.

use base::findings::{Finding, Findings, Span};

use super::scope::{Scope, collect, finding};
use super::set::{Source, source};
use super::value::Wanted;
use crate::ast::{self, Comparison, Placed, PlacedTerm, Term};
use crate::field::{Field, Route};
use crate::protocol_dependencies::{self, Context};
use crate::ruleset::{DataType, Family, Op, Operand, Pattern, Right, Rule, SetUse, Statement, Update, Written};
use crate::symbols;

impl Scope<'_> {
    /// A rule; `None` after a finding.
    pub(super) fn rule(&self, rule: &ast::Rule, wrong: &mut Findings) -> Option<Rule> {
        let mut context = Context::new(self.family);
        let mut statements = Vec::new();
        let before = wrong.len();
        for (at, written) in rule.statements.iter().enumerate() {
            let ends = at.checked_sub(1).is_some_and(|at| matches!(rule.statements[at].it, ast::Statement::Verdict(_)));
            if ends {
                wrong.push(Finding::new(
                    written.at,
                    "statements after a verdict are never reached",
                    "put it before the verdict",
                ));
                break;
            }
            let resolved = self.statement(written, &mut context, &mut statements);
            if let Some(statement) = collect(resolved, wrong) {
                context.learn(&statement);
                statements.push(statement);
            }
        }
        let rule = Rule { statements, comment: rule.comment.clone(), handle: 0 };
        (wrong.len() == before).then_some(rule)
    }

    /// One statement. Its dependencies are added to `before`.
    fn statement(
        &self,
        written: &Placed<ast::Statement>,
        context: &mut Context,
        before: &mut Vec<Statement>,
    ) -> Result<Statement, Finding> {
        let statement = match &written.it {
            ast::Statement::Verdict(verdict) => {
                self.known_chain(verdict)?;
                Statement::Verdict(verdict.verdict.clone())
            }
            ast::Statement::Counter { packets, bytes } => Statement::Counter { packets: *packets, bytes: *bytes },
            ast::Statement::Limit(limit) => Statement::Limit(limit.clone()),
            ast::Statement::Log(log) => Statement::Log(log.clone()),
            ast::Statement::NoTrack => Statement::NoTrack,
            ast::Statement::Match { left, how, right, right_mask } => {
                self.comparison(left, *how, right, right_mask.as_ref())?
            }
            ast::Statement::VerdictMap { key, map } => {
                let key = self.operand(key)?;
                let map = self.map(map, &key, DataType::Verdict)?;
                Statement::VerdictMap(key, map)
            }
            ast::Statement::Update { action, set, key, timeout, statements } => {
                let mut update = Update {
                    action: *action,
                    set: set.it.clone(),
                    key: self.operand(key)?,
                    timeout: *timeout,
                    statements: Vec::new(),
                };
                let known = self.named(&set.it, &update.key, set.at)?;
                if known.constant || known.data.is_some() || known.interval {
                    let remedy = "rules can change a set with the flag `dynamic`, without `constant` and `interval`";
                    return finding(set.at, format!("`{}` cannot be changed by rules", set.it), remedy);
                }
                if timeout.is_some() && !known.timeouts {
                    return finding(
                        set.at,
                        "elements of this set have no timeout",
                        "add `timeout` to the flags of the set",
                    );
                }
                for statement in statements {
                    update.statements.push(self.statement(statement, context, before)?);
                }
                Statement::Update(update)
            }
            ast::Statement::Write { field, value } => {
                let written = match self.written(value, Wanted::field(*field))? {
                    (None, _, xor) => Written::Value(xor),
                    (Some(from), mask, xor) => {
                        let unchanged = mask.iter().all(|byte| *byte == 0xff) && xor.iter().all(|byte| *byte == 0);
                        Written::Field(from, (!unchanged).then_some((mask, xor)))
                    }
                };
                Statement::Write(*field, written)
            }
            ast::Statement::WriteMap { field, key, map } => {
                let key = self.operand(key)?;
                let map = self.map(map, &key, DataType::Value(field.of()))?;
                Statement::Write(*field, Written::Map(key, map))
            }
            ast::Statement::Reject(with) => return self.reject(with.as_ref(), written.at, context, before),
            ast::Statement::Nat(nat) => return self.nat(nat, written.at, context),
        };
        for field in protocol_dependencies::fields(&statement) {
            if let Field::Part(part) = field {
                let needed = context.need(part.header);
                before.extend(needed.map_err(|why| Finding::new(written.at, why, "write a separate rule"))?);
            }
        }
        Ok(statement)
    }

    fn operand(&self, operand: &ast::Operand) -> Result<Operand, Finding> {
        let mut resolved = Operand { fields: operand.fields.clone(), mask: None };
        for field in &operand.fields {
            let nfproto = Field::meta_named("nfproto");
            if Some(*field) == nfproto && self.family != Family::Inet {
                return finding(operand.at, "all packets of this table are of one family", "remove the comparison");
            }
            let partial = matches!(field, Field::Part(part) if part.is_partial());
            if partial && (operand.fields.len() > 1 || operand.mask.is_some()) {
                return finding(
                    operand.at,
                    "a field smaller than a byte can only be compared alone",
                    "compare it in a separate statement",
                );
            }
        }
        if let Some(mask) = &operand.mask {
            let [field] = operand.fields[..] else {
                return finding(mask.at, "a mask over several fields", "compare them one by one");
            };
            if field.of().is_text() {
                return finding(mask.at, "a mask does not apply to a name", "write the beginning of the name and `*`");
            }
            resolved.mask = Some(self.value(mask, Wanted::field(field))?);
        }
        Ok(resolved)
    }

    /// `operand [op] value`
    fn comparison(
        &self,
        left: &ast::Operand,
        how: Comparison,
        right: &PlacedTerm,
        right_mask: Option<&PlacedTerm>,
    ) -> Result<Statement, Finding> {
        let mut operand = self.operand(left)?;
        if let ([Field::Fib { flags, route: Route::Oif }], Term::Word(word)) = (&operand.fields[..], &right.it) {
            if symbols::value(symbols::BOOLEAN, word).is_some() {
                operand.fields = vec![Field::Fib { flags: *flags, route: Route::Present }];
            }
        }
        let op = match how {
            Comparison::Implicit => Op::Equal,
            Comparison::Op(op) => op,
        };
        let plain = matches!(op, Op::Equal | Op::Unequal);
        if let Term::Named(_) | Term::Set(_) = &right.it {
            if !plain || right_mask.is_some() {
                return finding(right.at, "a set can only be compared with == and !=", "write a single value");
            }
            if operand.mask.is_some() && matches!(right.it, Term::Set(_)) {
                return finding(right.at, "a mask cannot be compared with a set { … }", "use a named set");
            }
            return self.membership(operand, op, how == Comparison::Implicit, right);
        }
        let [field] = operand.fields[..] else {
            return finding(right.at, "several fields are compared with a set", "write { … } around the values");
        };
        let wanted = Wanted::field(field);
        if let Some(mask) = right_mask {
            if operand.mask.is_some() || !plain || !field.of().is_bits() {
                return finding(mask.at, "unexpected `/`", "write `& MASK` after the field");
            }
            operand.mask = Some(self.value(mask, wanted)?);
        }
        let pattern = self.pattern(right, wanted)?;
        let implicit = how == Comparison::Implicit;
        self.settle(operand, op, implicit, pattern, right.at)
    }

    /// The comparison in the form in which the kernel returns it.
    fn settle(
        &self,
        operand: Operand,
        op: Op,
        implicit: bool,
        pattern: Pattern,
        at: Span,
    ) -> Result<Statement, Finding> {
        let field = operand.fields[0];
        let one = |operand, op, pattern| Ok(Statement::Match(operand, op, Right::One(pattern)));
        match (&pattern, &operand.mask) {
            (Pattern::Value(value), None) => match op {
                Op::None if !field.of().is_bits() => finding(at, "`!` is for bits", "write != for everything else"),
                Op::Equal if implicit && field.of().is_bits() => one(operand, Op::Any, Pattern::Value(value.clone())),
                _ if ordered(op) && field.of().is_text() => finding(at, "names cannot be ordered", "write == or !="),
                _ => one(operand, op, pattern),
            },
            (Pattern::Value(value), Some(mask)) => {
                if !matches!(op, Op::Equal | Op::Unequal) {
                    return finding(at, "bits cannot be ordered", "write == or !=");
                }
                let zero = value.iter().all(|byte| *byte == 0);
                let prefix = crate::types::prefix_of(mask).filter(|_| field.of().has_prefixes());
                let bits = match (op, zero && field.of().is_bits()) {
                    (Op::Equal, true) => Some(Op::None),
                    (Op::Unequal, true) => Some(Op::Any),
                    _ => None,
                };
                let fields = operand.fields.clone();
                match (bits, prefix) {
                    (Some(bits), _) => one(Operand { fields, mask: None }, bits, Pattern::Value(mask.clone())),
                    (None, Some(prefix)) if prefix < field.bits() => {
                        one(Operand { fields, mask: None }, op, Pattern::Prefix(value.clone(), prefix))
                    }
                    _ => one(operand, op, pattern),
                }
            }
            (_, None) if matches!(op, Op::Equal | Op::Unequal) => {
                let partial = matches!(field, Field::Part(part) if part.is_partial());
                if partial {
                    return finding(
                        at,
                        "ranges of fields smaller than a byte are not supported",
                        "write single values",
                    );
                }
                one(operand, op, pattern)
            }
            _ => finding(at, "a single value is needed here", "ranges and prefixes are compared with == and !="),
        }
    }

    /// Comparison with a set.
    fn membership(&self, operand: Operand, op: Op, implicit: bool, right: &PlacedTerm) -> Result<Statement, Finding> {
        match source(right)? {
            Source::Named(name) => {
                let set = self.named(name, &operand, right.at)?;
                if set.data.is_some() {
                    return finding(right.at, format!("`{name}` is a map"), "write vmap @NAME, or compare with a set");
                }
                Ok(Statement::Match(operand, op, Right::Set(SetUse::Named(name.to_owned()))))
            }
            Source::Elements(elements) => {
                let set = self.anonymous(elements, &operand, None, right.at)?;
                // A set with one value equals that value.
                if let ([element], [_]) = (&set.elements[..], &operand.fields[..]) {
                    if let [pattern] = &element.key[..] {
                        let single = elements.len() == 1 && !matches!(elements[0].key.it, Term::Set(_));
                        if single {
                            return self.settle(operand, op, implicit, pattern.clone(), right.at);
                        }
                    }
                }
                Ok(Statement::Match(operand, op, Right::Set(SetUse::Anonymous(Box::new(set)))))
            }
        }
    }

    /// An anonymous or named map.
    fn map(&self, map: &PlacedTerm, key: &Operand, data: DataType) -> Result<SetUse, Finding> {
        if key.mask.is_some() {
            return finding(map.at, "a map cannot be compared with a mask", "remove & and the mask");
        }
        match source(map)? {
            Source::Named(name) => match self.named(name, key, map.at)?.data {
                Some(found) if found == data => Ok(SetUse::Named(name.to_owned())),
                _ => finding(
                    map.at,
                    format!("`{name}` has values of another type than needed here"),
                    "vmap needs verdicts, marks need marks",
                ),
            },
            Source::Elements(elements) => {
                Ok(SetUse::Anonymous(Box::new(self.anonymous(elements, key, Some(data), map.at)?)))
            }
        }
    }
}

fn ordered(op: Op) -> bool {
    matches!(op, Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual)
}
