//! The fields of a packet that a rule can match: headers, the kernel's metadata, the connection, the route.

use crate::types::{Order, Type};

/// Headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    Ether,
    Ip,
    Ip6,
    Icmp,
    Icmpv6,
    Tcp,
    Udp,
    Udplite,
    Sctp,
    Dccp,
    /// The ports of any transport protocol.
    Transport,
}

/// The header from which the kernel counts offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    Link = 0,
    Network = 1,
    Transport = 2,
}

impl Header {
    const ALL: [(Header, &'static str); 11] = [
        (Header::Ether, "ether"),
        (Header::Ip, "ip"),
        (Header::Ip6, "ip6"),
        (Header::Icmp, "icmp"),
        (Header::Icmpv6, "icmpv6"),
        (Header::Tcp, "tcp"),
        (Header::Udp, "udp"),
        (Header::Udplite, "udplite"),
        (Header::Sctp, "sctp"),
        (Header::Dccp, "dccp"),
        (Header::Transport, "th"),
    ];

    /// By its word.
    pub fn named(name: &str) -> Option<Header> {
        Self::ALL.into_iter().find(|(_, word)| *word == name).map(|(header, _)| header)
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(header, _)| *header == self).map_or("", |(_, word)| word)
    }

    /// Where it begins.
    pub fn base(self) -> Base {
        match self {
            Header::Ether => Base::Link,
            Header::Ip | Header::Ip6 => Base::Network,
            _ => Base::Transport,
        }
    }

    /// The number by which the previous header announces it: of NFPROTO for network protocols, of IPPROTO for
    /// transports.
    pub fn number(self) -> Option<u8> {
        match self {
            Header::Ip => Some(2),
            Header::Ip6 => Some(10),
            Header::Icmp => Some(1),
            Header::Tcp => Some(6),
            Header::Udp => Some(17),
            Header::Dccp => Some(33),
            Header::Icmpv6 => Some(58),
            Header::Sctp => Some(132),
            Header::Udplite => Some(136),
            Header::Ether | Header::Transport => None,
        }
    }

    /// The network header below it, if only one is possible.
    pub fn network(self) -> Option<Header> {
        match self {
            Header::Icmp => Some(Header::Ip),
            Header::Icmpv6 => Some(Header::Ip6),
            _ => None,
        }
    }

    /// The transport with this number.
    pub fn transport(number: u8) -> Option<Header> {
        let of = |header: &Header| header.base() == Base::Transport && header.number() == Some(number);
        Self::ALL.into_iter().map(|(header, _)| header).find(of)
    }
}

/// A field of a header.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub header: Header,
    pub name: &'static str,
    /// Offset in bits from the start of the header.
    pub offset: u32,
    /// Length in bits.
    pub bits: u32,
    pub of: Type,
}

const fn part(header: Header, name: &'static str, offset: u32, bits: u32, of: Type) -> Part {
    Part { header, name, offset, bits, of }
}

/// All fields of headers.
pub static PARTS: &[Part] = &[
    part(Header::Ether, "daddr", 0, 48, Type::Ether),
    part(Header::Ether, "saddr", 48, 48, Type::Ether),
    part(Header::Ether, "type", 96, 16, Type::EtherType),
    part(Header::Ip, "version", 0, 4, Type::Integer),
    part(Header::Ip, "hdrlength", 4, 4, Type::Integer),
    part(Header::Ip, "dscp", 8, 6, Type::Dscp),
    part(Header::Ip, "length", 16, 16, Type::Integer),
    part(Header::Ip, "id", 32, 16, Type::Integer),
    part(Header::Ip, "frag-off", 48, 16, Type::Integer),
    part(Header::Ip, "ttl", 64, 8, Type::Integer),
    part(Header::Ip, "protocol", 72, 8, Type::Protocol),
    part(Header::Ip, "checksum", 80, 16, Type::Integer),
    part(Header::Ip, "saddr", 96, 32, Type::Ipv4),
    part(Header::Ip, "daddr", 128, 32, Type::Ipv4),
    part(Header::Ip6, "version", 0, 4, Type::Integer),
    part(Header::Ip6, "dscp", 4, 6, Type::Dscp),
    part(Header::Ip6, "flowlabel", 12, 20, Type::Integer),
    part(Header::Ip6, "length", 32, 16, Type::Integer),
    part(Header::Ip6, "nexthdr", 48, 8, Type::Protocol),
    part(Header::Ip6, "hoplimit", 56, 8, Type::Integer),
    part(Header::Ip6, "saddr", 64, 128, Type::Ipv6),
    part(Header::Ip6, "daddr", 192, 128, Type::Ipv6),
    part(Header::Icmp, "type", 0, 8, Type::IcmpType),
    part(Header::Icmp, "code", 8, 8, Type::IcmpCode),
    part(Header::Icmp, "checksum", 16, 16, Type::Integer),
    part(Header::Icmpv6, "type", 0, 8, Type::Icmpv6Type),
    part(Header::Icmpv6, "code", 8, 8, Type::Icmpv6Code),
    part(Header::Icmpv6, "checksum", 16, 16, Type::Integer),
    part(Header::Tcp, "sport", 0, 16, Type::Service),
    part(Header::Tcp, "dport", 16, 16, Type::Service),
    part(Header::Tcp, "sequence", 32, 32, Type::Integer),
    part(Header::Tcp, "ackseq", 64, 32, Type::Integer),
    part(Header::Tcp, "doff", 96, 4, Type::Integer),
    part(Header::Tcp, "flags", 104, 8, Type::TcpFlag),
    part(Header::Tcp, "window", 112, 16, Type::Integer),
    part(Header::Tcp, "checksum", 128, 16, Type::Integer),
    part(Header::Tcp, "urgptr", 144, 16, Type::Integer),
    part(Header::Udp, "sport", 0, 16, Type::Service),
    part(Header::Udp, "dport", 16, 16, Type::Service),
    part(Header::Udp, "length", 32, 16, Type::Integer),
    part(Header::Udp, "checksum", 48, 16, Type::Integer),
    part(Header::Udplite, "sport", 0, 16, Type::Service),
    part(Header::Udplite, "dport", 16, 16, Type::Service),
    part(Header::Sctp, "sport", 0, 16, Type::Service),
    part(Header::Sctp, "dport", 16, 16, Type::Service),
    part(Header::Dccp, "sport", 0, 16, Type::Service),
    part(Header::Dccp, "dport", 16, 16, Type::Service),
    part(Header::Transport, "sport", 0, 16, Type::Service),
    part(Header::Transport, "dport", 16, 16, Type::Service),
];

impl Part {
    /// By header and word.
    pub fn named(header: Header, name: &str) -> Option<&'static Part> {
        PARTS.iter().find(|part| part.header == header && part.name == name)
    }

    /// The first byte that holds bits of it.
    pub fn first_byte(&self) -> u32 {
        self.offset / 8
    }

    /// How many bytes hold bits of it.
    pub fn loaded_bytes(&self) -> u32 {
        (self.offset % 8 + self.bits).div_ceil(8)
    }

    /// How many bits follow it in its last byte.
    pub fn shift(&self) -> u32 {
        self.loaded_bytes() * 8 - self.offset % 8 - self.bits
    }

    /// Whether it does not fill whole bytes.
    pub fn is_partial(&self) -> bool {
        self.bits % 8 != 0
    }

    /// Whether it announces the next header.
    pub fn announces(&self) -> bool {
        matches!(
            (self.header, self.name),
            (Header::Ip, "protocol") | (Header::Ip6, "nexthdr") | (Header::Ether, "type")
        )
    }
}

/// A value that the kernel has for a packet or its connection, by number.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    pub name: &'static str,
    pub key: u32,
    pub of: Type,
    pub bytes: usize,
}

const fn known(name: &'static str, key: u32, of: Type, bytes: usize) -> Known {
    Known { name, key, of, bytes }
}

/// `meta`.
pub static META: &[Known] = &[
    known("length", 0, Type::Integer, 4),
    known("protocol", 1, Type::EtherType, 2),
    known("mark", 3, Type::Mark, 4),
    known("iif", 4, Type::IfIndex, 4),
    known("oif", 5, Type::IfIndex, 4),
    known("iifname", 6, Type::IfName, 16),
    known("oifname", 7, Type::IfName, 16),
    known("iiftype", 8, Type::IfType, 2),
    known("oiftype", 9, Type::IfType, 2),
    known("skuid", 10, Type::Uid, 4),
    known("skgid", 11, Type::Gid, 4),
    known("nfproto", 15, Type::NfProto, 1),
    known("l4proto", 16, Type::Protocol, 1),
    known("pkttype", 19, Type::PacketType, 1),
    known("cpu", 20, Type::Integer, 4),
];

/// `ct`.
pub static CT: &[Known] = &[
    known("state", 0, Type::CtState, 4),
    known("direction", 1, Type::CtDirection, 1),
    known("status", 2, Type::CtStatus, 4),
    known("mark", 3, Type::Mark, 4),
    known("zone", 17, Type::Integer, 2),
];

/// Traffic counters of a connection: `ct`, for one direction or both.
pub static FLOWS: &[Known] = &[
    known("packets", 14, Type::Integer, 8),
    known("bytes", 15, Type::Integer, 8),
    known("avgpkt", 16, Type::Integer, 8),
];

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Original = 0,
    Reply = 1,
}

impl Direction {
    pub const ALL: [(Direction, &'static str); 2] = [(Direction::Original, "original"), (Direction::Reply, "reply")];

    /// By its word.
    pub fn named(name: &str) -> Option<Direction> {
        Self::ALL.into_iter().find(|(_, word)| *word == name).map(|(direction, _)| direction)
    }

    /// By the kernel's number.
    pub fn numbered(number: u8) -> Option<Direction> {
        Self::ALL.get(usize::from(number)).map(|(direction, _)| *direction)
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kernel's number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// `fib`: the requested result of a route lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Oif,
    OifName,
    Type,
    /// Whether a route exists.
    Present,
}

impl Route {
    /// The kernel's number of the result.
    pub fn key(self) -> u32 {
        match self {
            Route::Oif | Route::Present => 1,
            Route::OifName => 2,
            Route::Type => 3,
        }
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Route::Oif | Route::Present => "oif",
            Route::OifName => "oifname",
            Route::Type => "type",
        }
    }
}

/// Inputs of a route lookup, with the kernel's flags.
pub const FIB_FLAGS: [(&str, u32); 5] = [("saddr", 1), ("daddr", 2), ("mark", 4), ("iif", 8), ("oif", 16)];
/// The flag that requests existence only.
pub const FIB_PRESENT: u32 = 32;

/// A field that a rule can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Part(&'static Part),
    Meta(&'static Known),
    Ct(&'static Known),
    Flow(&'static Known, Option<Direction>),
    Fib { flags: u32, route: Route },
}

impl Field {
    /// `meta` by the kernel's number.
    pub fn meta(key: u32) -> Option<Field> {
        META.iter().find(|known| known.key == key).map(Field::Meta)
    }

    /// `meta` by its word.
    pub fn meta_named(name: &str) -> Option<Field> {
        META.iter().find(|known| known.name == name).map(Field::Meta)
    }

    /// `ct` by the kernel's number.
    pub fn ct(key: u32) -> Option<Field> {
        CT.iter().find(|known| known.key == key).map(Field::Ct)
    }

    /// `ct` by its word.
    pub fn ct_named(name: &str) -> Option<Field> {
        CT.iter().find(|known| known.name == name).map(Field::Ct)
    }

    /// A traffic counter of a connection, by the kernel's number.
    pub fn flow(key: u32, direction: Option<Direction>) -> Option<Field> {
        FLOWS.iter().find(|known| known.key == key).map(|known| Field::Flow(known, direction))
    }

    /// The same by its word.
    pub fn flow_named(name: &str, direction: Option<Direction>) -> Option<Field> {
        FLOWS.iter().find(|known| known.name == name).map(|known| Field::Flow(known, direction))
    }

    /// The type of its values.
    pub fn of(self) -> Type {
        match self {
            Field::Part(part) => part.of,
            Field::Meta(known) | Field::Ct(known) | Field::Flow(known, _) => known.of,
            Field::Fib { route, .. } => match route {
                Route::Oif => Type::IfIndex,
                Route::OifName => Type::IfName,
                Route::Type => Type::FibType,
                Route::Present => Type::Boolean,
            },
        }
    }

    /// Bits of its values.
    pub fn bits(self) -> u32 {
        match self {
            Field::Part(part) => part.bits,
            Field::Meta(known) | Field::Ct(known) | Field::Flow(known, _) => known.bytes as u32 * 8,
            // A boolean takes four bytes there.
            Field::Fib { route: Route::Present, .. } => 32,
            Field::Fib { .. } => self.of().kind().bytes as u32 * 8,
        }
    }

    /// Bytes of its values.
    pub fn bytes(self) -> usize {
        self.bits().div_ceil(8) as usize
    }

    /// The byte order of the kernel.
    pub fn order(self) -> Order {
        match (self, self.of()) {
            (Field::Part(_), _) => Order::Big,
            (_, Type::Integer) => Order::Host,
            (_, of) => of.kind().order,
        }
    }

    /// Whether `meta` may be omitted before it.
    pub fn is_bare(self) -> bool {
        matches!(self, Field::Meta(known) if ["iif", "oif", "iifname", "oifname"].contains(&known.name))
    }

    /// As written in a ruleset.
    pub fn text(self) -> String {
        match self {
            Field::Part(part) => format!("{} {}", part.header.name(), part.name),
            Field::Meta(known) if self.is_bare() => known.name.to_owned(),
            Field::Meta(known) => format!("meta {}", known.name),
            Field::Ct(known) | Field::Flow(known, None) => format!("ct {}", known.name),
            Field::Flow(known, Some(direction)) => format!("ct {} {}", direction.name(), known.name),
            Field::Fib { flags, route } => {
                let flags: Vec<&str> = fib_flags(flags);
                format!("fib {} {}", flags.join(" . "), route.name())
            }
        }
    }
}

/// The words of bits.
pub fn fib_flags(flags: u32) -> Vec<&'static str> {
    FIB_FLAGS.iter().filter(|(_, bit)| flags & bit != 0).map(|(word, _)| *word).collect()
}
