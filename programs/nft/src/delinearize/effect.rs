//! The actions of rules: set elements, marks, rejects, address translation.

use super::set::statement_of_element;
use super::{Loaded, Reader};
use crate::expression::{Expression, NAT_ADDRESSES, NAT_PORTS, Register, Registers};
use crate::field::{Field, Header};
use crate::ruleset::{Family, Nat, NatKind, Pattern, Reject, Statement, Update, UpdateAction, Written};
use crate::types;

impl Reader<'_> {
    pub(super) fn update(
        &self,
        name: &str,
        action: u32,
        key: Register,
        timeout: Option<u64>,
        each: &[Expression],
    ) -> Option<Statement> {
        let set = self.set(name)?;
        Some(Statement::Update(Update {
            action: UpdateAction::ALL.get(action as usize)?.0,
            set: name.to_owned(),
            key: self.operand(key, set.key.len())?,
            timeout,
            statements: each.iter().map(statement_of_element).collect(),
        }))
    }

    pub(super) fn write(&self, field: Field, from: Register) -> Option<Statement> {
        let mark = matches!(field, Field::Meta(known) | Field::Ct(known) if known.name == "mark");
        let written = match self.registers.get(&from)? {
            Loaded::Data(data) => Written::Value(types::from_kernel(data, field.order(), false)),
            Loaded::Map(operand, set) => Written::Map(operand.clone(), set.clone()),
            Loaded::Field { .. } => {
                let (source, mask, _) = self.field(from)?;
                let value = |bytes: &[u8]| types::from_kernel(bytes, source.order(), false);
                Written::Field(source, mask.map(|(mask, xor)| (value(&mask), value(&xor))))
            }
        };
        mark.then_some(Statement::Write(field, written))
    }

    pub(super) fn reject(&self, kind: u32, code: u8) -> Option<Reject> {
        Some(match (kind, self.context.network) {
            (0, Some(Header::Ip)) => Reject::Icmp(code),
            (0, Some(_)) => Reject::Icmpv6(code),
            (1, _) => Reject::TcpReset,
            (2, _) => Reject::Icmpx(code),
            _ => return None,
        })
    }

    fn immediates(&self, (low, high): Registers) -> Option<Option<Pattern>> {
        let value = |register: Register| match self.registers.get(&register) {
            Some(Loaded::Data(data)) => Some(data.clone()),
            _ => None,
        };
        Some(match (low, high) {
            (None, _) => None,
            (Some(low), None) => Some(Pattern::Value(value(low)?)),
            (Some(low), Some(high)) if low == high => Some(Pattern::Value(value(low)?)),
            (Some(low), Some(high)) => {
                let (low, high) = (value(low)?, value(high)?);
                Some(if low == high { Pattern::Value(low) } else { Pattern::Range(low, high) })
            }
        })
    }

    pub(super) fn nat(
        &self,
        kind: NatKind,
        family: Option<Family>,
        addresses: Registers,
        ports: Registers,
        flags: u32,
    ) -> Option<Statement> {
        let address_bytes = if family == Some(Family::Ip6) { 16 } else { 4 };
        let fits = |pattern: &Option<Pattern>, bytes: usize| match pattern {
            Some(Pattern::Value(value)) => value.len() == bytes,
            Some(Pattern::Range(low, high)) => low.len() == bytes && high.len() == bytes,
            _ => true,
        };
        let addresses = self.immediates(addresses)?;
        let ports = self.immediates(ports)?;
        let known = crate::ruleset::NAT_FLAGS.iter().map(|(_, bit)| bit).sum::<u32>();
        let flags = flags & !(NAT_PORTS | NAT_ADDRESSES);
        let right = fits(&addresses, address_bytes) && fits(&ports, 2) && flags & !known == 0;
        right.then_some(Statement::Nat(Nat { kind, family, addresses, ports, flags }))
    }
}
