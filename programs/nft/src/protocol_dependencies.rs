//! What a comparison presupposes. `tcp dport 22` looks at bytes that are a port only in packets of TCP; so the comparison of the
//! protocol is put before it ([`Context::need`]), and taken away again where rules are shown ([`strip`]).

use crate::field::{Base, Field, Header};
use crate::ruleset::{Family, Op, Operand, Pattern, Reject, Right, Statement, Written};
use crate::types;

/// What is known about packets at one place of a rule.
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

    /// The comparisons that have to stand before one of `header`, or why there is no such packet.
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
        // Whoever compared with the number of an ICMP before does not want more said.
        let said = header.base() == Base::Transport && self.transport.is_some() && self.transport == header.number();
        if let Some(network) = network.filter(|_| !said) {
            // A table of one family sees what it sees; ICMP of the other never comes.
            let strict = header.base() == Base::Network;
            before.extend(self.need_network(network, strict)?);
        }
        if let (Base::Transport, Some(number)) = (header.base(), header.number()) {
            before.extend(self.need_transport(number)?);
        }
        Ok(before)
    }

    /// The comparison for a network header, where the family does not say it.
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

    /// The comparison for a transport, if nothing said it yet.
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

    /// Takes in what is known behind a statement.
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

/// The fields that a statement looks at.
pub fn fields(statement: &Statement) -> &[Field] {
    match statement {
        Statement::Match(operand, ..) | Statement::VerdictMap(operand, _) => &operand.fields,
        Statement::Update(update) => &update.key.fields,
        Statement::Write(_, Written::Map(operand, _)) => &operand.fields,
        _ => &[],
    }
}

/// Whether these statements, without what they presuppose, say of which network packets are.
pub fn says_network(family: Family, statements: &[Statement]) -> bool {
    let mut context = Context::new(family);
    for statement in statements {
        for field in fields(statement) {
            if let Field::Part(part) = field {
                // Contradictions are no matter here; the first word counts.
                let _before = context.need(part.header);
            }
        }
        context.learn(statement);
    }
    context.network.is_some()
}

/// Takes away the comparisons that are presupposed by later ones.
pub fn strip(family: Family, statements: Vec<Statement>) -> Vec<Statement> {
    let mut kept: Vec<Option<Statement>> = Vec::new();
    // Where the last presupposable comparison of each base is.
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
        // What is done in between may not come to depend on less than before.
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

/// Takes a comparison away if it is the one that `header` presupposes.
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

/// Whether later comparisons can presuppose this one, and of which base.
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
        // In a table of all families it says the family as well, and has to stay.
        Field::Part(part) if part.announces() && part.header.base() == Base::Network && family != Family::Inet => {
            types::number(value).map(|_| Base::Transport)
        }
        _ => None,
    }
}
