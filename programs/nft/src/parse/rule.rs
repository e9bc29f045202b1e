//! Rules: the fields they match, and comparisons.

use base::findings::Finding;

use super::{Parser, Result};
use crate::ast::{Comparison, Operand, Placed, Rule, Statement, Term};
use crate::field::{CT, Direction, FIB_FLAGS, FLOWS, Field, Header, META, PARTS, Part, Route};
use crate::lex::Token;
use crate::ruleset::Op;

/// Fields that need no `meta` before them.
const BARE: [&str; 10] =
    ["iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "mark", "skuid", "skgid", "pkttype"];

impl Parser {
    /// `statement { statement } [ comment "…" ]`
    pub(super) fn rule(&mut self) -> Result<Rule> {
        let mut rule = Rule { statements: Vec::new(), comment: None };
        while !self.at_end_of_statement() {
            if self.take_word("comment") {
                rule.comment = Some(self.text("as comment", 128)?);
                break;
            }
            let from = self.here();
            let it = self.statement()?;
            rule.statements.push(Placed { it, at: from.up_to(self.before()) });
            // An endless rule is a mistake.
            if rule.statements.len() > 128 {
                return Err(Finding::new(from, "more than 128 statements in one rule", "split the rule"));
            }
        }
        if rule.statements.is_empty() {
            return Err(Finding::new(self.here(), "a comment alone is not a rule", "write # before it"));
        }
        self.end_of_statement("in a rule")?;
        Ok(rule)
    }

    /// Whether a field comes next.
    pub(super) fn is_field(&self) -> bool {
        let Token::Word(word) = self.peek() else { return false };
        let Token::Word(second) = self.peek_second() else {
            return matches!(word.as_str(), bare if BARE.contains(&bare));
        };
        match word.as_str() {
            "meta" | "ct" | "fib" => true,
            // `ip` is a word of `meta protocol`, `ether` one of `meta iiftype`, `tcp` one of `meta l4proto`.
            word => match Header::named(word) {
                Some(header) => Part::named(header, second).is_some(),
                None => BARE.contains(&word),
            },
        }
    }

    /// `meta KEY`, `ct KEY`, `HEADER PART`, `fib …`
    pub(super) fn field(&mut self) -> Result<Field> {
        let word =
            self.word("at the start of a comparison", "meta, ct, fib, ip, ip6, icmp, icmpv6, tcp, udp, th, …")?;
        let names =
            |table: &'static [crate::field::Known]| table.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
        let found = match word.it.as_str() {
            "meta" => {
                let key = self.word("after `meta`", &names(META))?;
                Field::meta_named(&key.it).ok_or((key, names(META)))
            }
            "ct" => {
                let wanted = format!("{}, {}, original, reply", names(CT), names(FLOWS));
                let key = self.word("after `ct`", &wanted)?;
                match Direction::named(&key.it) {
                    Some(direction) => {
                        let flow = self.word("after a direction", &names(FLOWS))?;
                        Field::flow_named(&flow.it, Some(direction)).ok_or((flow, names(FLOWS)))
                    }
                    None => {
                        let field = Field::ct_named(&key.it).or_else(|| Field::flow_named(&key.it, None));
                        field.ok_or((key, wanted))
                    }
                }
            }
            "fib" => return self.fib(),
            bare if BARE.contains(&bare) => Field::meta_named(bare).ok_or((word, String::new())),
            header => {
                let Some(header) = Header::named(header) else {
                    self.at -= 1;
                    return self.unexpected(
                        "at the start of a comparison",
                        "meta, ct, fib, ip, ip6, icmp, icmpv6, tcp, udp, th",
                    );
                };
                let parts: Vec<&str> =
                    PARTS.iter().filter(|part| part.header == header).map(|part| part.name).collect();
                let name = self.word(&format!("after `{}`", word.it), &parts.join(", "))?;
                Part::named(header, &name.it).map(Field::Part).ok_or((name, parts.join(", ")))
            }
        };
        found.map_err(|(name, known)| {
            let what = format!("unexpected `{}`", name.it);
            Finding::new(name.at, what, format!("expected: {known}"))
        })
    }

    /// `fib FLAG { "." FLAG } oif | oifname | type`
    fn fib(&mut self) -> Result<Field> {
        const WANTED: &str = "saddr, daddr, mark, iif, oif with `.` between them, then oif, oifname, type";
        let from = self.here();
        let mut flags = 0;
        loop {
            let flag = self.word("after `fib`", WANTED)?;
            match FIB_FLAGS.iter().find(|(name, _)| *name == flag.it) {
                Some((_, bit)) => flags |= bit,
                None => {
                    return Err(Finding::new(
                        flag.at,
                        format!("unexpected `{}`", flag.it),
                        format!("expected: {WANTED}"),
                    ));
                }
            }
            if !self.take_sign(".") {
                break;
            }
        }
        let result = self.word("after the inputs of `fib`", "oif, oifname, type")?;
        let route = match result.it.as_str() {
            "oif" => Route::Oif,
            "oifname" => Route::OifName,
            "type" => Route::Type,
            _ => {
                return Err(Finding::new(
                    result.at,
                    format!("unexpected `{}`", result.it),
                    "expected: oif, oifname, type",
                ));
            }
        };
        if (flags & 1 != 0) == (flags & 2 != 0) {
            return Err(Finding::new(
                from,
                "`fib` takes one address, `saddr` or `daddr`",
                "write either saddr or daddr",
            ));
        }
        if flags & 8 != 0 && flags & 16 != 0 {
            return Err(Finding::new(from, "`fib` takes one interface, `iif` or `oif`", "write either iif or oif"));
        }
        Ok(Field::Fib { flags, route })
    }

    /// `field { "." field } [ "&" mask ]`
    pub(super) fn operand(&mut self) -> Result<Operand> {
        let from = self.here();
        let mut fields = vec![self.field()?];
        while self.take_sign(".") {
            fields.push(self.field()?);
        }
        let mask = match self.take_sign("&") || self.take_word("and") {
            true => Some(self.primary()?),
            false => None,
        };
        Ok(Operand { fields, mask, at: from.up_to(self.before()) })
    }

    /// `operand [ op ] value`, `operand vmap …`, `meta mark set …`
    pub(super) fn comparison(&mut self) -> Result<Statement> {
        let left = self.operand()?;
        if self.take_word("vmap") {
            let map = self.primary()?;
            return Ok(Statement::VerdictMap { key: left, map });
        }
        if self.take_word("set") {
            return self.write(left);
        }
        let signs = [
            ("==", Op::Equal),
            ("!=", Op::Unequal),
            ("<=", Op::LessOrEqual),
            (">=", Op::GreaterOrEqual),
            ("<", Op::Less),
            (">", Op::Greater),
            ("!", Op::None),
        ];
        let words = [
            ("eq", Op::Equal),
            ("ne", Op::Unequal),
            ("le", Op::LessOrEqual),
            ("ge", Op::GreaterOrEqual),
            ("lt", Op::Less),
            ("gt", Op::Greater),
        ];
        let sign = signs.into_iter().find(|(sign, _)| self.is_sign(sign));
        let found = sign.or_else(|| words.into_iter().find(|(word, _)| self.is_word(word)));
        let how = match found {
            Some((_, op)) => {
                self.next();
                Comparison::Op(op)
            }
            None => Comparison::Implicit,
        };
        let right = self.list()?;
        let right_mask = match self.take_sign("/") {
            true => Some(self.list()?),
            false => None,
        };
        Ok(Statement::Match { left, how, right, right_mask })
    }

    /// `FIELD set value`, `FIELD set field map …`
    fn write(&mut self, left: Operand) -> Result<Statement> {
        let (Operand { fields, mask: None, at }, place) = (&left, left.at) else {
            return Err(Finding::new(left.at, "part of a mark cannot be set alone", "write mark set mark & … | …"));
        };
        let [field] = fields[..] else {
            return Err(Finding::new(place, "a statement sets one mark", "write two statements"));
        };
        let writable = matches!(field, Field::Meta(known) | Field::Ct(known) if known.name == "mark");
        if !writable {
            return Err(Finding::new(*at, "this field cannot be set", "expected: meta mark set …, ct mark set …"));
        }
        if self.is_field() {
            let start = self.at;
            let key = self.operand()?;
            if self.take_word("map") {
                let map = self.primary()?;
                return Ok(Statement::WriteMap { field, key, map });
            }
            self.at = start;
        }
        let value = self.or()?;
        if matches!(value.it, Term::Set(_) | Term::Named(_)) {
            return Err(Finding::new(value.at, "a set is not a value", "write FIELD map { … } or FIELD map @NAME"));
        }
        Ok(Statement::Write { field, value })
    }
}
