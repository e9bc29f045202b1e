//! Values: addresses, numbers, words, and expressions of them.

use base::findings::{Finding, some_of};

use super::{Parser, Result};
use crate::ast::{Bits, Element, ElementData, Placed, PlacedTerm, Term};
use crate::lex::Token;

const WANTED: &str = "a word, a number, an address, quoted text, { … }, @SET, $NAME";

/// The number of values in a term.
fn size(expr: &PlacedTerm) -> usize {
    match &expr.it {
        Term::Concat(all) | Term::List(all) => all.iter().map(size).sum(),
        Term::Set(all) => all.iter().map(|element| 1 + size(&element.key)).sum(),
        Term::Binary(_, left, right) | Term::Range(left, right) => size(left) + size(right),
        _ => 1,
    }
}

impl Parser {
    /// `or { "," or }`
    pub(super) fn list(&mut self) -> Result<PlacedTerm> {
        let first = self.concat()?;
        if !self.is_sign(",") {
            return Ok(first);
        }
        let from = first.at;
        let mut all = vec![first];
        while self.take_sign(",") {
            self.skip_newlines();
            all.push(self.concat()?);
        }
        Ok(Placed { it: Term::List(all), at: from.up_to(self.before()) })
    }

    /// `or { "." or }`
    pub(super) fn concat(&mut self) -> Result<PlacedTerm> {
        let first = self.or()?;
        if !self.is_sign(".") {
            return Ok(first);
        }
        let from = first.at;
        let mut all = vec![first];
        while self.take_sign(".") {
            all.push(self.or()?);
        }
        Ok(Placed { it: Term::Concat(all), at: from.up_to(self.before()) })
    }

    /// `xor { ("|" | "or") xor }`
    pub(super) fn or(&mut self) -> Result<PlacedTerm> {
        self.binary(Bits::Or, Self::xor)
    }

    fn xor(&mut self) -> Result<PlacedTerm> {
        self.binary(Bits::Xor, Self::and)
    }

    fn and(&mut self) -> Result<PlacedTerm> {
        self.binary(Bits::And, Self::range)
    }

    fn binary(&mut self, bits: Bits, operand: fn(&mut Self) -> Result<PlacedTerm>) -> Result<PlacedTerm> {
        let (sign, word) = match bits {
            Bits::And => ("&", "and"),
            Bits::Or => ("|", "or"),
            Bits::Xor => ("^", "xor"),
        };
        let mut left = operand(self)?;
        let mut operations = 0;
        while self.take_sign(sign) || self.take_word(word) {
            operations += 1;
            if operations > 64 {
                return Err(Finding::new(
                    self.before(),
                    "more than 64 operations",
                    "write the result of the calculation",
                ));
            }
            let right = operand(self)?;
            let at = left.at.up_to(right.at);
            left = Placed { it: Term::Binary(bits, Box::new(left), Box::new(right)), at };
        }
        Ok(left)
    }

    /// `primary [ "-" primary ]`
    fn range(&mut self) -> Result<PlacedTerm> {
        let low = self.primary()?;
        if !self.take_sign("-") {
            return Ok(low);
        }
        let high = self.primary()?;
        let at = low.at.up_to(high.at);
        Ok(Placed { it: Term::Range(Box::new(low), Box::new(high)), at })
    }

    /// One value; an address can have a prefix length.
    pub(super) fn primary(&mut self) -> Result<PlacedTerm> {
        let at = self.here();
        let it = match self.peek().clone() {
            Token::Sign("{") => return self.deeper(Self::elements),
            Token::Sign("(") => {
                self.next();
                let inside = self.deeper(Self::list)?;
                self.sign(")", "after the expression in parentheses")?;
                return Ok(inside);
            }
            Token::Sign("$") => {
                self.next();
                let name = self.word("after `$`", "the name of a definition")?;
                let Some(value) = self.defined.get(&name.it) else {
                    let remedy = match self.defined.is_empty() {
                        true => "no variable is defined above; write `define NAME = VALUE` first".to_owned(),
                        false => format!("defined above: {}", some_of(self.defined.keys().map(String::as_str))),
                    };
                    return Err(Finding::new(name.at, format!("`{}` is not defined", name.it), remedy));
                };
                self.inserted += size(value);
                if self.inserted > super::MAX_INSERTED {
                    return Err(Finding::new(
                        name.at,
                        "the expanded definitions of this file are too large",
                        "use named sets",
                    ));
                }
                // A mistake in a defined value is reported where the definition is used.
                let value = Placed { it: value.it.clone(), at: at.up_to(name.at) };
                return self.prefix(value);
            }
            Token::Sign("@") => {
                self.next();
                Term::Named(self.name("after `@`")?.it)
            }
            _ if self.is_field() => Term::Field(self.field()?),
            Token::Word(word) => self.then(Term::Word(word)),
            Token::Text(text) => self.then(Term::Text(text)),
            Token::Number(number) => self.then(Term::Number(number)),
            Token::Address(address) => self.then(Term::Address(address)),
            Token::Mac(mac) => self.then(Term::Mac(mac)),
            _ => return self.unexpected("as a value", WANTED),
        };
        self.prefix(Placed { it, at: at.up_to(self.before()) })
    }

    fn then(&mut self, term: Term) -> Term {
        self.next();
        term
    }

    /// `/ 24` after an address or a mark.
    fn prefix(&mut self, value: PlacedTerm) -> Result<PlacedTerm> {
        let prefixable = matches!(value.it, Term::Address(_) | Term::Number(_));
        // Only a number is a prefix length; a mask of bits consists of words.
        if !prefixable || !self.is_sign("/") || !matches!(self.peek_second(), Token::Number(_)) {
            return Ok(value);
        }
        self.next();
        let most = if matches!(value.it, Term::Address(std::net::IpAddr::V4(_))) { 32 } else { 128 };
        let bits = self.limited("as length of a prefix", most)? as u32;
        let at = value.at.up_to(self.before());
        Ok(Placed { it: Term::Prefix(Box::new(value), bits), at })
    }

    /// `{ element { "," element } }`
    fn elements(&mut self) -> Result<PlacedTerm> {
        let from = self.here();
        self.sign("{", "as a set")?;
        let mut all = Vec::new();
        loop {
            self.skip_newlines();
            if self.take_sign("}") {
                break;
            }
            all.push(self.element()?);
            self.skip_newlines();
            if !self.is_sign("}") && !self.take_sign(",") {
                return self.unexpected("in a set", "`,`, `}`, timeout, counter, comment, or `:` in a map");
            }
        }
        if all.is_empty() {
            return Err(Finding::new(from, "a set without elements", "remove it"));
        }
        Ok(Placed { it: Term::Set(all), at: from.up_to(self.before()) })
    }

    /// `concat { timeout T | counter | comment "…" } [ ":" data ]`
    fn element(&mut self) -> Result<Element> {
        let key = self.concat()?;
        let mut element = Element { key, data: None, timeout: None, comment: None, counter: None };
        loop {
            if self.take_word("timeout") {
                element.timeout = Some(self.duration("as timeout")?);
            } else if self.take_word("comment") {
                element.comment = Some(self.text("as comment", 128)?);
            } else if self.take_word("counter") {
                element.counter = Some(self.counted()?);
            } else {
                break;
            }
        }
        if self.take_sign(":") {
            self.skip_newlines();
            element.data = Some(match self.verdict()? {
                Some(verdict) => ElementData::Verdict(verdict),
                None => ElementData::Value(self.concat()?),
            });
        }
        Ok(element)
    }
}
