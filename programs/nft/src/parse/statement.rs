//! Statements other than comparisons.

use base::findings::Finding;

use super::{Parser, Result};
use crate::ast::{Nat, Operand, Placed, Statement, Term, Verdict};
use crate::lex::Token;
use crate::ruleset::{self, Family, LIMIT_UNITS, LOG_ALL, LOG_FLAGS, Limit, Log, NAT_FLAGS, NatKind, UpdateAction};
use crate::symbols;

const WANTED: &str = "accept, drop, continue, return, jump, goto, counter, limit, log, reject, add @SET, update @SET, delete @SET, \
                      notrack, snat, dnat, masquerade, redirect, comment, and comparisons of meta, ct, fib, ip, ip6, icmp, icmpv6, \
                      tcp, udp, udplite, sctp, dccp, th, ether, iif, oif, iifname, oifname, mark";

impl Parser {
    /// One step of a rule.
    pub(super) fn statement(&mut self) -> Result<Statement> {
        if let Some(verdict) = self.verdict()? {
            return Ok(Statement::Verdict(verdict));
        }
        let Token::Word(word) = self.peek().clone() else {
            return self.unexpected("in a rule", WANTED);
        };
        let kind = NatKind::ALL.into_iter().find(|(_, name)| *name == word).map(|(kind, _)| kind);
        let action = UpdateAction::ALL.into_iter().find(|(_, name)| *name == word).map(|(action, _)| action);
        match word.as_str() {
            "counter" => {
                self.next();
                let (packets, bytes) = self.counted()?;
                Ok(Statement::Counter { packets, bytes })
            }
            "limit" => {
                self.next();
                self.limit().map(Statement::Limit)
            }
            "log" => {
                self.next();
                self.log().map(Statement::Log)
            }
            "reject" => {
                self.next();
                self.reject()
            }
            "notrack" => {
                self.next();
                Ok(Statement::NoTrack)
            }
            "comment" => self.unexpected("here", "comments only at the end of a rule"),
            _ => match (action, kind) {
                (Some(action), _) => {
                    self.next();
                    self.update(action)
                }
                (_, Some(kind)) => {
                    self.next();
                    self.nat(kind)
                }
                _ if self.is_field() || crate::field::Header::named(&word).is_some() => self.comparison(),
                _ => self.unexpected("in a rule", WANTED),
            },
        }
    }

    /// A verdict, if there is one.
    pub(super) fn verdict(&mut self) -> Result<Option<Verdict>> {
        let Token::Word(word) = self.peek() else { return Ok(None) };
        let verdict = match word.as_str() {
            "accept" => ruleset::Verdict::Accept,
            "drop" => ruleset::Verdict::Drop,
            "continue" => ruleset::Verdict::Continue,
            "return" => ruleset::Verdict::Return,
            "jump" | "goto" => {
                let is_jump = word == "jump";
                self.next();
                let chain = self.name("as target chain")?;
                let verdict = if is_jump { ruleset::Verdict::Jump } else { ruleset::Verdict::Goto };
                return Ok(Some(Verdict { verdict: verdict(chain.it), at: chain.at }));
            }
            _ => return Ok(None),
        };
        let at = self.next().1;
        Ok(Some(Verdict { verdict, at }))
    }

    /// `[ packets N bytes N ]`
    pub(super) fn counted(&mut self) -> Result<(u64, u64)> {
        if !self.take_word("packets") {
            return Ok((0, 0));
        }
        let packets = self.number("as number of packets")?.it;
        if !self.take_word("bytes") {
            return self.unexpected("after the number of packets", "bytes");
        }
        Ok((packets, self.number("as number of bytes")?.it))
    }

    /// `rate [over] N [kbytes] / second [ burst N packets|bytes ]`
    fn limit(&mut self) -> Result<Limit> {
        if !self.take_word("rate") {
            return self.unexpected("after `limit`", "rate");
        }
        let over = self.take_word("over");
        let at = self.here();
        let rate = self.number("as rate")?.it;
        let factor = self.byte_unit();
        self.sign("/", "after a rate")?;
        let unit = self.word("as unit of a rate", "second, minute, hour, day, week")?;
        let Some((_, per)) = LIMIT_UNITS.into_iter().find(|(name, _)| *name == unit.it) else {
            return Err(Finding::new(
                unit.at,
                format!("`{}` is not a unit of a rate", unit.it),
                "expected: second, minute, hour, day, week",
            ));
        };
        // The kernel's default for a limit of packets; a limit of bytes has no default burst.
        let mut burst = if factor.is_some() { 0 } else { 5 };
        if self.take_word("burst") {
            burst = self.burst(factor.is_some())?;
        }
        let rate = rate.checked_mul(factor.unwrap_or(1)).filter(|rate| *rate > 0);
        let Some(rate) = rate else {
            return Err(Finding::new(at, "this rate is zero or too large", "a rate is at least 1, and below 2^64"));
        };
        Ok(Limit { over, rate, per, burst, bytes: factor.is_some() })
    }

    fn burst(&mut self, bytes: bool) -> Result<u32> {
        let number = self.number("as burst")?;
        let at = self.here();
        let factor = self.byte_unit();
        let packets = factor.is_none() && self.take_word("packets");
        if bytes != factor.is_some() || (!bytes && !packets) {
            let wanted = if bytes { "bytes, kbytes, mbytes" } else { "packets" };
            return Err(Finding::new(at, "rate and burst need the same unit", format!("expected: {wanted}")));
        }
        let burst = number.it.checked_mul(factor.unwrap_or(1)).and_then(|burst| u32::try_from(burst).ok());
        let burst = burst.filter(|burst| bytes || *burst > 0);
        burst.ok_or_else(|| {
            Finding::new(number.at, "this burst is zero or too large", "write 1 or more packets, below 2^32")
        })
    }

    fn byte_unit(&mut self) -> Option<u64> {
        let units = [("bytes", 1), ("kbytes", 1 << 10), ("mbytes", 1 << 20)];
        units.into_iter().find(|(name, _)| self.take_word(name)).map(|(_, factor)| factor)
    }

    /// `[ prefix "…" ] [ level L ] [ flags … ] [ group N ] [ snaplen N ] [ queue-threshold N ]`
    fn log(&mut self) -> Result<Log> {
        let mut log = Log::default();
        let from = self.here();
        loop {
            if self.take_word("prefix") {
                log.prefix = Some(self.text("as prefix of a log", 127)?);
            } else if self.take_word("level") {
                let word =
                    self.word("as level of a log", "emerg, alert, crit, err, warn, notice, info, debug, audit")?;
                let level = symbols::value(symbols::LOG_LEVEL, &word.it);
                let Some(level) = level else {
                    return Err(Finding::new(
                        word.at,
                        format!("`{}` is not a log level", word.it),
                        "expected: emerg, alert, crit, err, warn, notice, info, debug, audit",
                    ));
                };
                log.level = Some(level as u32);
            } else if self.take_word("flags") {
                log.flags |= self.log_flags()?;
            } else if self.take_word("group") {
                log.group = Some(self.limited("as group of a log", u64::from(u16::MAX))? as u16);
            } else if self.take_word("snaplen") {
                log.snaplen = Some(self.limited("as snaplen of a log", u64::from(u32::MAX))? as u32);
            } else if self.take_word("queue-threshold") {
                log.queue_threshold = Some(self.limited("as queue-threshold", u64::from(u16::MAX))? as u16);
            } else {
                break;
            }
        }
        let grouped = log.group.is_some() || log.snaplen.is_some() || log.queue_threshold.is_some();
        if grouped && (log.level.is_some() || log.flags != 0) {
            let remedy = "write either level and flags, or group, snaplen and queue-threshold";
            return Err(Finding::new(
                from,
                "`level` and `flags` are for the kernel's log and cannot be combined with `group`",
                remedy,
            ));
        }
        Ok(log)
    }

    fn log_flags(&mut self) -> Result<u32> {
        const WANTED: &str = "all, tcp sequence, tcp options, tcp sequence,options, ip options, skuid, ether";
        if self.take_word("all") {
            return Ok(LOG_ALL);
        }
        let first = self.word("as flags of a log", WANTED)?;
        let mut flags = 0;
        loop {
            let alone = LOG_FLAGS.iter().find(|(name, second, _)| *name == first.it && second.is_empty());
            if let Some((.., bit)) = alone {
                return Ok(*bit);
            }
            let second = self.word("as flags of a log", WANTED)?;
            let known = LOG_FLAGS.iter().find(|(name, of, _)| *name == first.it && *of == second.it);
            match known {
                Some((.., bit)) => flags |= bit,
                None => {
                    return Err(Finding::new(first.at, "unknown flags", format!("expected: {WANTED}")));
                }
            }
            if !self.take_sign(",") {
                return Ok(flags);
            }
        }
    }

    /// `[ with tcp reset | with icmp|icmpv6|icmpx [type] CODE ]`
    fn reject(&mut self) -> Result<Statement> {
        if !self.take_word("with") {
            return Ok(Statement::Reject(None));
        }
        let from = self.here();
        let kind = self.word("after `with`", "tcp reset, icmp CODE, icmpv6 CODE, icmpx CODE")?;
        let code = match kind.it.as_str() {
            "tcp" => match self.take_word("reset") {
                true => None,
                false => return self.unexpected("after `tcp`", "reset"),
            },
            "icmp" | "icmpv6" | "icmpx" => {
                self.take_word("type");
                Some(self.primary()?)
            }
            _ => {
                self.at -= 1;
                return self.unexpected("after `with`", "tcp reset, icmp CODE, icmpv6 CODE, icmpx CODE");
            }
        };
        Ok(Statement::Reject(Some(Placed { it: (kind.it, code), at: from.up_to(self.before()) })))
    }

    /// `@SET { operand [timeout T] { limit … | counter } }`
    fn update(&mut self, action: UpdateAction) -> Result<Statement> {
        self.sign("@", "after add, update or delete")?;
        let set = self.name("after `@`")?;
        self.sign("{", "after the name of a set")?;
        let key: Operand = self.operand()?;
        let timeout = match self.take_word("timeout") {
            true => Some(self.duration("as timeout")?),
            false => None,
        };
        let mut statements = Vec::new();
        while !self.is_sign("}") {
            let from = self.here();
            let it = match self.peek().clone() {
                Token::Word(word) if word == "limit" || word == "counter" => self.statement()?,
                _ => return self.unexpected("after the key of an element", "timeout, limit, counter, `}`"),
            };
            statements.push(Placed { it, at: from.up_to(self.before()) });
            if statements.len() > 2 {
                return Err(Finding::new(from, "an element has at most two statements", "remove some"));
            }
        }
        self.sign("}", "after an element")?;
        Ok(Statement::Update { action, set, key, timeout, statements })
    }

    /// `[ip|ip6] [ to ADDRESSES [ ":" PORTS ] ] [ flags ]`
    fn nat(&mut self, kind: NatKind) -> Result<Statement> {
        let translates = matches!(kind, NatKind::Source | NatKind::Destination);
        let mut family = None;
        if let (true, Token::Word(word)) = (translates, self.peek()) {
            family = Family::named(word).filter(|family| *family != Family::Inet);
            self.at += usize::from(family.is_some());
        }
        let to = self.take_word("to");
        if translates && !to {
            return self.unexpected("after snat or dnat", "ip, ip6, to");
        }
        let (mut addresses, mut ports) = (None, None);
        if to && translates && !self.is_sign(":") {
            let bracketed = self.take_sign("[");
            let value = self.or()?;
            if bracketed {
                self.sign("]", "after an address")?;
            }
            if !matches!(value.it, Term::Address(_) | Term::Range(..) | Term::Prefix(..)) {
                let remedy = "expected: ADDRESS, ADDRESS-ADDRESS, and :PORT after them";
                return Err(Finding::new(value.at, "maps and sets are not supported as new addresses", remedy));
            }
            addresses = Some(value);
        }
        if to && self.take_sign(":") {
            ports = Some(self.or()?);
        }
        if to && addresses.is_none() && ports.is_none() {
            return self.unexpected("after `to`", if translates { "an address, or :PORT" } else { ":PORT" });
        }
        let mut flags = 0;
        while let Some((_, bit)) = NAT_FLAGS.into_iter().find(|(name, _)| self.is_word(name)) {
            self.next();
            flags |= bit;
            if !self.take_sign(",") {
                break;
            }
        }
        Ok(Statement::Nat(Nat { kind, family, addresses, ports, flags }))
    }
}
