//! The protocol dependencies of comparisons. `tcp dport 22` matches bytes that are a port only in TCP packets, so a
//! comparison of the protocol goes before it ([`Context::need`]). Listing a rule removes it again ([`strip`]).

use crate::field::{Base, Field, Header};
use crate::ruleset::{Family, Op, Operand, Pattern, Reject, Right, Statement, Written};
use crate::types;

/// The protocols that are known at one place of a rule.
#[derive(Clone, Debug)]
pub struct Context {
    family: Family,
    pub network: Option<Header>,
    /// The protocol's number.
    pub transport: Option<u8>,
    ether: bool,
}

/// `ether` of `meta iiftype`.
const ETHER: u8 = 1;

impl Context {
    /// At the beginning of a rule.
    pub fn new(family: Family) -> Self {
        let network = match family {
            Family::Ip => Some(Header::Ip),
            Family::Ip6 => Some(Header::Ip6),
            Family::Inet => None,
        };
        Self { family, network, transport: None, ether: false }
    }

    /// The comparisons that must precede one of `header`, or why no packet can match.
    pub fn need(&mut self, header: Header) -> Result<Vec<Statement>, String> {
        let mut before = Vec::new();
        if header == Header::Ether {
            if !self.ether {
                before.push(equals("iiftype", vec![0, ETHER]));
            }
            self.ether = true;
            return Ok(before);
        }
        let network = if header.base() == Base::Network { Some(header) } else { header.network() };
        // After an explicit comparison with the protocol number of ICMP, no further dependency is needed.
        let is_explicit =
            header.base() == Base::Transport && self.transport.is_some() && self.transport == header.number();
        if let Some(network) = network.filter(|_| !is_explicit) {
            // A table of one family never sees ICMP of the other family.
            let strict = header.base() == Base::Network;
            before.extend(self.need_network(network, strict)?);
        }
        if let (Base::Transport, Some(number)) = (header.base(), header.number()) {
            before.extend(self.need_transport(number)?);
        }
        Ok(before)
    }

    /// The comparison for a network header, if the family does not imply it.
    pub fn need_network(&mut self, network: Header, strict: bool) -> Result<Option<Statement>, String> {
        match self.network {
            Some(known) if known == network => Ok(None),
            Some(known) if self.family == Family::Inet || strict => {
                Err(format!("packets here are of {}, never of {}", known.name(), network.name()))
            }
            Some(_) => Ok(None),
            None => {
                self.network = Some(network);
                Ok(Some(equals("nfproto", vec![network.number().unwrap_or(0)])))
            }
        }
    }

    /// The comparison for a transport protocol, unless it is known already.
    pub fn need_transport(&mut self, number: u8) -> Result<Option<Statement>, String> {
        match self.transport {
            Some(known) if known == number => Ok(None),
            Some(known) => {
                let name = |number| {
                    Header::transport(number).map_or(format!("protocol {number}"), |header| header.name().to_owned())
                };
                Err(format!("packets here are of {}, never of {}", name(known), name(number)))
            }
            None => {
                self.transport = Some(number);
                Ok(Some(equals("l4proto", vec![number])))
            }
        }
    }

    /// Adds what a statement reveals about the packet.
    pub fn learn(&mut self, statement: &Statement) {
        let Some((field, value)) = equality(statement) else { return };
        match field {
            Field::Meta(known) => match (known.name, value) {
                ("nfproto", [2]) => self.network = Some(Header::Ip),
                ("nfproto", [10]) => self.network = Some(Header::Ip6),
                ("l4proto", [number]) => self.transport = Some(*number),
                ("iiftype", [0, ETHER]) => self.ether = true,
                _ => {}
            },
            Field::Part(part) if part.announces() && part.header == Header::Ether => match value {
                [0x08, 0] => self.network = Some(Header::Ip),
                [0x86, 0xdd] => self.network = Some(Header::Ip6),
                _ => {}
            },
            Field::Part(part) if part.announces() => {
                if let [number] = value {
                    self.transport = Some(*number);
                }
            }
            _ => {}
        }
    }
}

/// `meta KEY VALUE`
fn equals(key: &str, value: Vec<u8>) -> Statement {
    let fields = Field::meta_named(key).into_iter().collect();
    Statement::Match(Operand { fields, mask: None }, Op::Equal, Right::One(Pattern::Value(value)))
}

/// A comparison of one whole field with one value.
fn equality(statement: &Statement) -> Option<(Field, &[u8])> {
    match statement {
        Statement::Match(Operand { fields, mask: None }, Op::Equal, Right::One(Pattern::Value(value))) => {
            match fields[..] {
                [field] => Some((field, value)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The fields that a statement matches.
pub fn fields(statement: &Statement) -> &[Field] {
    match statement {
        Statement::Match(operand, ..) | Statement::VerdictMap(operand, _) => &operand.fields,
        Statement::Update(update) => &update.key.fields,
        Statement::Write(_, Written::Map(operand, _)) => &operand.fields,
        _ => &[],
    }
}

/// Whether these statements, without their dependencies, determine the network protocol.
pub fn says_network(family: Family, statements: &[Statement]) -> bool {
    let mut context = Context::new(family);
    for statement in statements {
        for field in fields(statement) {
            if let Field::Part(part) = field {
                // Contradictions do not matter here; the first statement counts.
                let _before = context.need(part.header);
            }
        }
        context.learn(statement);
    }
    context.network.is_some()
}

/// Removes the comparisons that later ones depend on.
pub fn strip(family: Family, statements: Vec<Statement>) -> Vec<Statement> {
    let mut kept: Vec<Option<Statement>> = Vec::new();
    // The last comparison of each base that others can depend on.
    let mut pending: [Option<usize>; 3] = [None; 3];
    for statement in statements {
        for field in fields(&statement) {
            if let Field::Part(part) = field {
                for base in presupposed(part.header) {
                    release(&mut kept, &mut pending, *base, part.header);
                }
            }
        }
        if let Statement::Reject(reject) = &statement {
            release_of_reject(family, *reject, &mut kept, &mut pending);
        }
        // Statements in between must not lose a dependency.
        if !matches!(statement, Statement::Match(..)) {
            pending = [None; 3];
        }
        if let Some(base) = presupposable(family, &statement) {
            pending[base as usize] = Some(kept.len());
        }
        kept.push(Some(statement));
    }
    kept.into_iter().flatten().collect()
}

fn presupposed(header: Header) -> &'static [Base] {
    match header {
        Header::Icmp | Header::Icmpv6 => &[Base::Transport, Base::Network],
        header => match header.base() {
            Base::Link => &[Base::Link],
            Base::Network => &[Base::Network],
            Base::Transport => &[Base::Transport],
        },
    }
}

/// Removes a comparison if it is the dependency of `header`.
fn release(kept: &mut [Option<Statement>], pending: &mut [Option<usize>; 3], base: Base, header: Header) {
    let Some(at) = pending[base as usize] else { return };
    let wanted: &[&[u8]] = match base {
        Base::Link => &[&[0, ETHER]],
        Base::Network => match header.network().unwrap_or(header) {
            Header::Ip => &[&[2], &[0x08, 0]],
            _ => &[&[10], &[0x86, 0xdd]],
        },
        Base::Transport => match header.number() {
            Some(_) => &[],
            None => return,
        },
    };
    let value = kept.get(at).and_then(Option::as_ref).and_then(equality).map(|(_, value)| value.to_vec());
    let fits = match base {
        Base::Transport => value.as_deref() == header.number().map(|number| vec![number]).as_deref(),
        _ => value.as_deref().is_some_and(|value| wanted.contains(&value)),
    };
    if fits {
        kept[at] = None;
        pending[base as usize] = None;
    }
}

fn release_of_reject(family: Family, reject: Reject, kept: &mut [Option<Statement>], pending: &mut [Option<usize>; 3]) {
    match (family, reject) {
        (Family::Inet, Reject::Icmp(_)) => release(kept, pending, Base::Network, Header::Ip),
        (Family::Inet, Reject::Icmpv6(_)) => release(kept, pending, Base::Network, Header::Ip6),
        (Family::Ip | Family::Ip6, Reject::TcpReset) => release(kept, pending, Base::Transport, Header::Tcp),
        _ => {}
    }
}

/// Whether later comparisons can depend on this one, and its base.
fn presupposable(family: Family, statement: &Statement) -> Option<Base> {
    let (field, value) = equality(statement)?;
    match field {
        Field::Meta(known) => match known.name {
            "nfproto" => Some(Base::Network),
            "l4proto" => Some(Base::Transport),
            "iiftype" => Some(Base::Link),
            _ => None,
        },
        Field::Part(part) if part.announces() && part.header == Header::Ether => Some(Base::Network),
        // In an `inet` table it also implies the family, so it stays.
        Field::Part(part) if part.announces() && part.header.base() == Base::Network && family != Family::Inet => {
            types::number(value).map(|_| Base::Transport)
        }
        _ => None,
    }
}
