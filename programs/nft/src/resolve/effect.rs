//! Actions of rules that need more than a lookup of words: setting marks, rejects, address translation.

use base::findings::{Finding, Span};

use super::scope::{Scope, finding};
use super::value::{Wanted, combine};
use crate::ast::{self, Bits, Placed, PlacedTerm, Term};
use crate::field::{Field, Header};
use crate::protocol_dependencies::Context;
use crate::ruleset::{Family, Nat, NatKind, Reject, Statement};
use crate::types::Type;

/// `(field & mask) ^ xor`; without a field, `xor` is all of it.
type Bitwise = (Option<Field>, Vec<u8>, Vec<u8>);

impl Scope<'_> {
    /// The new value of a mark: `(field & mask) ^ xor`; without a field the constant `xor`.
    pub(super) fn written(&self, expr: &PlacedTerm, wanted: Wanted) -> Result<Bitwise, Finding> {
        match &expr.it {
            Term::Field(field) if field.of() == Type::Mark => {
                Ok((Some(*field), vec![0xff; wanted.bytes], vec![0; wanted.bytes]))
            }
            Term::Field(_) => {
                finding(expr.at, "a mark can only be set from another mark", "write meta mark, ct mark, or a map")
            }
            Term::Binary(how, left, right) => {
                let (field, mut mask, mut xor) = self.written(left, wanted)?;
                let operand = self.value(right, wanted)?;
                let inverse: Vec<u8> = operand.iter().map(|byte| !byte).collect();
                match how {
                    Bits::And => {
                        combine(&mut mask, &operand, Bits::And);
                        combine(&mut xor, &operand, Bits::And);
                    }
                    Bits::Or => {
                        combine(&mut mask, &inverse, Bits::And);
                        combine(&mut xor, &operand, Bits::Or);
                    }
                    Bits::Xor => combine(&mut xor, &operand, Bits::Xor),
                }
                Ok((field, mask, xor))
            }
            _ => Ok((None, vec![0; wanted.bytes], self.value(expr, wanted)?)),
        }
    }

    pub(super) fn reject(
        &self,
        with: Option<&Placed<(String, Option<PlacedTerm>)>>,
        at: Span,
        context: &mut Context,
        before: &mut Vec<Statement>,
    ) -> Result<Statement, Finding> {
        let Some(Placed { it: (kind, code), at: place }) = with else {
            return Ok(Statement::Reject(match context.network {
                Some(Header::Ip) => Reject::Icmp(3),
                Some(Header::Ip6) => Reject::Icmpv6(4),
                _ => Reject::Icmpx(1),
            }));
        };
        let value = |of: Type| match code {
            Some(code) => self.value(code, Wanted { of, bytes: 1, bits: 8 }).map(|value| value[0]),
            None => Ok(0),
        };
        let (reject, needed) = match kind.as_str() {
            "icmp" => (Reject::Icmp(value(Type::IcmpCode)?), context.need_network(Header::Ip, true)),
            "icmpv6" => (Reject::Icmpv6(value(Type::Icmpv6Code)?), context.need_network(Header::Ip6, true)),
            "icmpx" if self.family != Family::Inet => {
                return finding(*place, "icmpx is for `inet` tables", "write icmp or icmpv6, as in the table");
            }
            "icmpx" => (Reject::Icmpx(value(Type::IcmpxCode)?), Ok(None)),
            _ => (Reject::TcpReset, context.need_transport(6)),
        };
        let needed = needed.map_err(|why| Finding::new(at, why, "write a separate rule"))?;
        // nftables puts it first as well.
        before.splice(0..0, needed);
        Ok(Statement::Reject(reject))
    }

    pub(super) fn nat(&self, nat: &ast::Nat, at: Span, context: &Context) -> Result<Statement, Finding> {
        let ast::Nat { kind, family, addresses, ports, flags } = nat;
        if ports.is_some() && !matches!(context.transport, Some(6 | 17 | 33 | 132 | 136)) {
            let remedy = "write a comparison of tcp or udp, or meta l4proto tcp, before it";
            return finding(at, "ports can only be translated for a known transport protocol", remedy);
        }
        let family = match (family, context.network, kind) {
            (_, _, NatKind::Masquerade | NatKind::Redirect) => None,
            (Some(family), known, _) => {
                let header = if *family == Family::Ip { Header::Ip } else { Header::Ip6 };
                if known.is_some_and(|known| known != header) {
                    return finding(at, "packets here are of the other family", "write an address of this one");
                }
                Some(*family)
            }
            (None, Some(Header::Ip), _) => Some(Family::Ip),
            (None, Some(_), _) => Some(Family::Ip6),
            (None, None, _) => {
                return finding(
                    at,
                    "an `inet` table does not determine the family of the address",
                    "write dnat ip to or dnat ip6 to",
                );
            }
        };
        let of = if family == Some(Family::Ip6) { Type::Ipv6 } else { Type::Ipv4 };
        let pattern = |expr: &Option<PlacedTerm>, of| match expr {
            Some(expr) => self.pattern(expr, Wanted::of_type(of)).map(Some),
            None => Ok(None),
        };
        Ok(Statement::Nat(Nat {
            kind: *kind,
            family,
            addresses: pattern(addresses, of)?,
            ports: pattern(ports, Type::Service)?,
            flags: *flags,
        }))
    }
}
