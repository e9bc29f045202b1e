//! The file, tables, sets and chains.

use base::findings::Finding;

use super::{Parser, Result};
use crate::ast::{Base, Chain, File, Placed, Set, Table, Term};
use crate::lex::Token;
use crate::ruleset::Family;

impl Parser {
    /// `{ flush ruleset | define | table }`
    pub(super) fn file(&mut self) -> File {
        let mut file = File::default();
        loop {
            match self.peek() {
                Token::End => return file,
                Token::Newline | Token::Sign(";") => self.at += 1,
                _ => {
                    let start = self.at;
                    if let Err(finding) = self.item(&mut file) {
                        self.wrong.push(finding);
                        self.recover(start);
                        // An unmatched closing brace must not stop the parser.
                        self.take_sign("}");
                    }
                }
            }
        }
    }

    fn item(&mut self, file: &mut File) -> Result<()> {
        const HERE: &str = "outside a table";
        const WANTED: &str = "flush ruleset, define NAME = VALUE, table inet|ip|ip6 NAME { … }";
        let at = self.here();
        match self.peek().clone() {
            Token::Word(word) if word == "table" => {
                self.next();
                let table = self.table()?;
                file.tables.push(table);
                self.end_of_statement("after a table")
            }
            Token::Word(word) if word == "define" => {
                self.next();
                self.define()
            }
            Token::Word(word) if word == "flush" => {
                self.next();
                if !self.take_word("ruleset") {
                    return self.unexpected("after `flush`", "ruleset");
                }
                if !file.tables.is_empty() {
                    let remedy = "move it to the beginning of the file";
                    return Err(Finding::new(at, "`flush ruleset` after a table would remove that table", remedy));
                }
                file.flush = true;
                self.end_of_statement("after `flush ruleset`")
            }
            _ => self.unexpected(HERE, WANTED),
        }
    }

    /// `define NAME = value | { … }`
    fn define(&mut self) -> Result<()> {
        let name = self.name("after `define`")?;
        self.sign("=", "in a definition")?;
        let value = self.list()?;
        self.end_of_statement("after a definition")?;
        match self.defined.insert(name.it.clone(), value) {
            None => Ok(()),
            Some(_) => Err(Finding::new(name.at, format!("`{}` is defined already", name.it), "choose another name")),
        }
    }

    /// `table [inet|ip|ip6] NAME { … }`
    fn table(&mut self) -> Result<Table> {
        let mut family = Family::Ip;
        if let (Token::Word(word), Token::Word(_)) = (self.peek(), self.peek_second()) {
            match Family::named(word) {
                Some(named) => family = named,
                None => return self.unexpected("as family of a table", "inet, ip, ip6"),
            }
            self.next();
        }
        let name = self.name("as name of a table")?;
        let mut table = Table { family, name, dormant: false, comment: None, sets: Vec::new(), chains: Vec::new() };
        self.block("after the name of a table", |parser| parser.in_table(&mut table))?;
        Ok(table)
    }

    fn in_table(&mut self, table: &mut Table) -> Result<()> {
        const WANTED: &str = "chain, set, map, comment, flags dormant, define";
        let word = self.word("in a table", WANTED)?;
        match word.it.as_str() {
            "chain" => {
                let chain = self.chain()?;
                table.chains.push(chain);
            }
            "set" | "map" => {
                let set = self.set(word.it == "map")?;
                table.sets.push(set);
            }
            "comment" => table.comment = Some(self.text("as comment", 128)?),
            "define" => return self.define(),
            "flags" if self.take_word("dormant") => table.dormant = true,
            _ => {
                self.at -= 1;
                return self.unexpected("in a table", WANTED);
            }
        }
        self.end_of_statement("in a table")
    }

    /// `set NAME { … }`, `map NAME { … }`
    fn set(&mut self, is_map: bool) -> Result<Set> {
        let name = self.name("as name of a set")?;
        let mut set = Set {
            name,
            is_map,
            key: Vec::new(),
            data: Vec::new(),
            flags: Vec::new(),
            timeout: None,
            gc_interval: None,
            size: None,
            memory: false,
            auto_merge: false,
            comment: None,
            counter: false,
            elements: Vec::new(),
        };
        self.block("after the name of a set", |parser| parser.in_set(&mut set))?;
        Ok(set)
    }

    fn in_set(&mut self, set: &mut Set) -> Result<()> {
        const WANTED: &str =
            "type, flags, timeout, gc-interval, size, policy, auto-merge, counter, comment, elements = { … }";
        let word = self.word("in a set", WANTED)?;
        match word.it.as_str() {
            "type" => {
                set.key = self.types()?;
                if self.take_sign(":") {
                    set.data = self.types()?;
                }
            }
            "flags" => loop {
                set.flags.push(self.word("as flag of a set", "constant, dynamic, interval, timeout")?);
                if !self.take_sign(",") {
                    break;
                }
            },
            "timeout" => set.timeout = Some(self.duration("as timeout of a set")?),
            "gc-interval" => set.gc_interval = Some(self.duration("as gc-interval of a set")?),
            "size" => set.size = Some(self.limited("as size of a set", u64::from(u32::MAX))? as u32),
            "policy" => {
                set.memory = self.take_word("memory");
                if !set.memory && !self.take_word("performance") {
                    return self.unexpected("as policy of a set", "memory, performance");
                }
            }
            "auto-merge" if set.is_map => {
                let remedy = "remove it: merging two intervals would lose the value of one";
                return Err(Finding::new(word.at, "the intervals of a map are not merged", remedy));
            }
            "auto-merge" => set.auto_merge = true,
            "comment" => set.comment = Some(self.text("as comment", 128)?),
            "counter" => set.counter = true,
            "elements" => {
                self.sign("=", "after `elements`")?;
                let value = self.primary()?;
                match value.it {
                    Term::Set(elements) => set.elements.extend(elements),
                    _ => return Err(Finding::new(value.at, "elements are a list", "write { … } around them")),
                }
            }
            _ => {
                self.at -= 1;
                return self.unexpected("in a set", WANTED);
            }
        }
        self.end_of_statement("in a set")
    }

    /// `ipv4_addr . inet_service`
    fn types(&mut self) -> Result<Vec<Placed<String>>> {
        let mut types = Vec::new();
        loop {
            types.push(self.word("as type of a set", &crate::types::Type::names_of_sets())?);
            if !self.take_sign(".") {
                return Ok(types);
            }
        }
    }

    /// `chain NAME { … }`
    fn chain(&mut self) -> Result<Chain> {
        let name = self.name("as name of a chain")?;
        let mut chain = Chain { name, base: None, comment: None, rules: Vec::new() };
        self.block("after the name of a chain", |parser| parser.in_chain(&mut chain))?;
        Ok(chain)
    }

    fn in_chain(&mut self, chain: &mut Chain) -> Result<()> {
        let at = self.here();
        match self.peek().clone() {
            Token::Word(word) if word == "type" => {
                self.next();
                chain.base = Some(self.hook()?);
                self.end_of_statement("after a priority")
            }
            Token::Word(word) if word == "policy" => {
                self.next();
                let accept = self.take_word("accept");
                if !accept && !self.take_word("drop") {
                    return self.unexpected("as policy", "accept, drop");
                }
                match &mut chain.base {
                    Some(base) => base.accept = Some(accept),
                    None => {
                        let remedy = "write type … hook … priority … before it";
                        return Err(Finding::new(at, "only a chain with a hook has a policy", remedy));
                    }
                }
                self.end_of_statement("after a policy")
            }
            Token::Word(word) if word == "comment" && chain.rules.is_empty() => {
                self.next();
                chain.comment = Some(self.text("as comment", 128)?);
                self.end_of_statement("after a comment")
            }
            _ => {
                let rule = self.rule()?;
                chain.rules.push(rule);
                Ok(())
            }
        }
    }

    /// `type filter hook input priority filter + 5`
    fn hook(&mut self) -> Result<Base> {
        let kind = self.word("as type of a chain", "filter, nat, route")?;
        if !self.take_word("hook") {
            return self.unexpected("after the type of a chain", "hook");
        }
        let hook = self.word("as hook", &crate::ruleset::HOOKS.join(", "))?;
        if !self.take_word("priority") {
            return self.unexpected("after a hook", "priority");
        }
        let from = self.here();
        let name = match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                Some(word)
            }
            _ => None,
        };
        let negative = self.take_sign("-");
        let positive = !negative && self.take_sign("+");
        let number = match name.is_some() && !negative && !positive {
            true => 0,
            false => self.limited("as priority", 1 << 31)? as i64,
        };
        let number = if negative { -number } else { number };
        let priority = Placed { it: (name, number), at: from.up_to(self.before()) };
        Ok(Base { kind, hook, priority, accept: None })
    }
}
