//! Types of values: the kernel's names, their lengths and byte orders.
//!
//! Within this program, values have their most significant byte first; interface names are bytes as they are. Only
//! [`to_kernel`] and [`from_kernel`] know the machine's byte order.

use crate::symbols::{self, Symbols};

/// The kernel's byte order of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Big,
    Host,
}

/// How values without a symbol are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Decimal,
    /// Padded to the length of the type.
    Hexadecimal,
}

/// Properties of a type.
pub struct Kind {
    of: Type,
    /// Its name in `type` of a set; empty if it has none.
    pub name: &'static str,
    /// Its number in a set's attributes.
    pub id: u32,
    /// Length in bytes; 0 if the field decides.
    pub bytes: usize,
    pub order: Order,
    pub symbols: Symbols,
    pub number: Number,
}

/// Each type has one row, which defines both its name and its properties, so that neither can be missing.
macro_rules! types {
    ($($of:ident: $name:literal, $id:literal, $bytes:literal, $order:ident, $symbols:expr, $number:ident;)*) => {
        /// The type of a value.
        #[allow(clippy::enum_variant_names)] // `icmp type`, `ether type`: that is what these are called
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Type {
            $($of,)*
        }

        /// In the order of the types.
        const KINDS: &[Kind] = &[
            $(Kind {
                of: Type::$of,
                name: $name,
                id: $id,
                bytes: $bytes,
                order: Order::$order,
                symbols: $symbols,
                number: Number::$number,
            },)*
        ];
    };
}

types! {
    Verdict: "verdict", 1, 16, Host, &[], Decimal;
    NfProto: "nf_proto", 2, 1, Host, symbols::NFPROTO, Decimal;
    Integer: "", 4, 0, Big, &[], Decimal;
    Text: "", 5, 0, Host, &[], Decimal;
    Ipv4: "ipv4_addr", 7, 4, Big, &[], Decimal;
    Ipv6: "ipv6_addr", 8, 16, Big, &[], Decimal;
    Ether: "ether_addr", 9, 6, Big, &[], Decimal;
    EtherType: "ether_type", 10, 2, Big, symbols::ETHER_TYPE, Hexadecimal;
    Protocol: "inet_proto", 12, 1, Big, symbols::PROTOCOL, Decimal;
    Service: "inet_service", 13, 2, Big, symbols::SERVICE, Decimal;
    IcmpType: "icmp_type", 14, 1, Big, symbols::ICMP_TYPE, Decimal;
    TcpFlag: "tcp_flag", 15, 1, Big, symbols::TCP_FLAG, Hexadecimal;
    Mark: "mark", 19, 4, Host, &[], Hexadecimal;
    IfIndex: "iface_index", 20, 4, Host, &[], Decimal;
    IfType: "iface_type", 22, 2, Host, symbols::IFACE_TYPE, Hexadecimal;
    Uid: "uid", 24, 4, Host, &[], Decimal;
    Gid: "gid", 25, 4, Host, &[], Decimal;
    CtState: "ct_state", 26, 4, Host, symbols::CT_STATE, Hexadecimal;
    CtDirection: "ct_dir", 27, 1, Host, symbols::CT_DIRECTION, Decimal;
    CtStatus: "ct_status", 28, 4, Host, symbols::CT_STATUS, Hexadecimal;
    Icmpv6Type: "icmpv6_type", 29, 1, Big, symbols::ICMPV6_TYPE, Decimal;
    PacketType: "pkt_type", 31, 1, Host, symbols::PACKET_TYPE, Decimal;
    IcmpCode: "icmp_code", 32, 1, Big, symbols::ICMP_CODE, Decimal;
    Icmpv6Code: "icmpv6_code", 33, 1, Big, symbols::ICMPV6_CODE, Decimal;
    IcmpxCode: "", 34, 1, Big, symbols::ICMPX_CODE, Decimal;
    Dscp: "dscp", 36, 1, Big, symbols::DSCP, Hexadecimal;
    FibType: "fib_addrtype", 38, 4, Host, symbols::FIB_TYPE, Decimal;
    Boolean: "boolean", 39, 1, Host, symbols::BOOLEAN, Decimal;
    IfName: "ifname", 41, 16, Host, &[], Decimal;
}

/// Types that `type` of a set can name. The others have no length of their own, or no use.
const OF_SETS: [Type; 18] = [
    Type::Ipv4,
    Type::Ipv6,
    Type::Ether,
    Type::Protocol,
    Type::Service,
    Type::Mark,
    Type::IfName,
    Type::IfIndex,
    Type::IcmpType,
    Type::Icmpv6Type,
    Type::CtState,
    Type::CtStatus,
    Type::PacketType,
    Type::Uid,
    Type::Gid,
    Type::NfProto,
    Type::EtherType,
    Type::TcpFlag,
];

impl Type {
    /// Its properties.
    pub fn kind(self) -> &'static Kind {
        &KINDS[self as usize]
    }

    /// By the name that a set's `type` has.
    pub fn named(name: &str) -> Option<Type> {
        OF_SETS.into_iter().find(|of| of.kind().name == name)
    }

    /// By the number in a set's attributes.
    pub fn numbered(id: u32) -> Option<Type> {
        KINDS.iter().find(|kind| kind.id == id).map(|kind| kind.of)
    }

    /// Names for messages.
    pub fn names_of_sets() -> String {
        OF_SETS.iter().map(|of| of.kind().name).collect::<Vec<_>>().join(", ")
    }

    /// Whether several values combine into one: bits.
    pub fn is_bits(self) -> bool {
        matches!(self, Type::CtState | Type::CtStatus | Type::TcpFlag)
    }

    /// Whether a mask of leading bits is written as a prefix length.
    pub fn has_prefixes(self) -> bool {
        matches!(self, Type::Ipv4 | Type::Ipv6 | Type::Mark)
    }

    /// The same in sets, where beginnings of names count too.
    pub fn has_prefixes_in_sets(self) -> bool {
        self.has_prefixes() || self == Type::IfName
    }

    /// Whether values are text.
    pub fn is_text(self) -> bool {
        matches!(self, Type::IfName | Type::Text)
    }
}

/// The bytes of a value in the kernel's order.
pub fn to_kernel(value: &[u8], order: Order, text: bool) -> Vec<u8> {
    let mut bytes = value.to_vec();
    if order == Order::Host && !text && cfg!(target_endian = "little") {
        bytes.reverse();
    }
    bytes
}

/// The reverse.
pub fn from_kernel(bytes: &[u8], order: Order, text: bool) -> Vec<u8> {
    to_kernel(bytes, order, text)
}

/// The last `bytes` bytes of a number.
pub fn of_number(number: u64, bytes: usize) -> Vec<u8> {
    let all = u128::from(number).to_be_bytes();
    match bytes {
        0..=16 => all[16 - bytes..].to_vec(),
        more => [vec![0; more - 16], all.to_vec()].concat(),
    }
}

/// A value as a number; `None` if it has more than 64 bits.
pub fn number(value: &[u8]) -> Option<u64> {
    let significant = value.iter().position(|byte| *byte != 0).unwrap_or(value.len());
    let rest = &value[significant..];
    (rest.len() <= 8).then(|| rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// A value with the leading `bits` bits of `length` bytes set.
pub fn mask(bits: u32, length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (0xff00u32 >> bits.saturating_sub(at * 8).min(8)) as u8).collect()
}

/// The number of leading bits of a mask; `None` if it has others.
pub fn prefix_of(value: &[u8]) -> Option<u32> {
    let bits: u32 = value.iter().map(|byte| byte.leading_ones()).sum();
    (mask(bits, value.len()) == value).then_some(bits)
}

/// The value after this one; `None` after the greatest.
pub fn successor(value: &[u8]) -> Option<Vec<u8>> {
    let mut next = value.to_vec();
    for byte in next.iter_mut().rev() {
        let (sum, over) = byte.overflowing_add(1);
        *byte = sum;
        if !over {
            return Some(next);
        }
    }
    None
}

/// The value before this one; `None` before zero.
pub fn predecessor(value: &[u8]) -> Option<Vec<u8>> {
    let mut next = value.to_vec();
    for byte in next.iter_mut().rev() {
        let (difference, under) = byte.overflowing_sub(1);
        *byte = difference;
        if !under {
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        assert_eq!(mask(10, 4), [0xff, 0xc0, 0, 0]);
        assert_eq!(mask(0, 2), [0, 0]);
        assert_eq!(prefix_of(&[0xff, 0xc0, 0]), Some(10));
        assert_eq!(prefix_of(&[0xff, 0x40]), None);
        assert_eq!(prefix_of(&[0xf0, 0xff]), None);
    }

    #[test]
    fn neighbours() {
        assert_eq!(successor(&[0, 255]), Some(vec![1, 0]));
        assert_eq!(successor(&[255, 255]), None);
        assert_eq!(predecessor(&[1, 0]), Some(vec![0, 255]));
        assert_eq!(predecessor(&[0, 0]), None);
    }

    #[test]
    fn every_type_is_found() {
        for kind in KINDS {
            assert_eq!(kind.of.kind().of, kind.of);
            assert_eq!(Type::numbered(kind.id), Some(kind.of), "no number is there twice");
        }
        for of in OF_SETS {
            assert_eq!(Type::named(of.kind().name), Some(of), "no name is there twice");
            assert!(of.kind().bytes > 0);
        }
    }
}
