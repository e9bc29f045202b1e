//! Ethernet frames of the prober: written with, and read by, the crate etherparse. Frames come from a machine under test, so the reader
//! trusts nothing in them.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, Ethernet2Header, Icmpv6Type, NetSlice, PacketBuilder, PacketBuilderStep,
    SlicedPacket, TcpHeader, TransportSlice,
};

/// A hardware address.
pub type Mac = [u8; 6];

/// Of the prober; locally administered.
const OURS: Mac = [0x02, 0, 0, 0, 0x5a, 1];
const EVERYBODY: Mac = [0xff; 6];
/// Of all packets: neighbours are recognised by it.
const HOPS: u8 = 255;
/// Where, in ICMPv6, the address is that a solicitation asks for.
const TARGET: std::ops::Range<usize> = 0..16;

/// A place on the network.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    pub mac: Mac,
    pub ip: IpAddr,
}

/// Flags of a TCP segment, as in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    const FIN: u8 = 1;
    pub const SYN: Self = Self(2);
    pub const RST: Self = Self(4);
    const PSH: u8 = 8;
    pub const ACK: Self = Self(16);
    const URG: u8 = 32;

    /// Sets that no system sends: none, FIN SYN, SYN RST, FIN PSH URG.
    pub const ODD: [Self; 4] = [
        Self(0),
        Self(Self::FIN | Self::SYN.0),
        Self(Self::SYN.0 | Self::RST.0),
        Self(Self::FIN | Self::PSH | Self::URG),
    ];

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn of(header: &TcpHeader) -> Self {
        let bits =
            [(header.fin, Self::FIN), (header.syn, Self::SYN.0), (header.rst, Self::RST.0), (header.ack, Self::ACK.0)];
        Self(bits.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum())
    }
}

/// What a TCP segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The port from which it comes.
    pub from: u16,
    /// The port to which it goes.
    pub to: u16,
    pub flags: Flags,
    pub sequence: u32,
    /// The number that the other side's next segment has; without a meaning where the flag is missing.
    pub acknowledged: u32,
}

/// A frame of the machine's.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// An address and where it is.
    IsAt { ip: Ipv4Addr, mac: Mac, to: Ipv4Addr },
    /// A question, by either protocol.
    WhoHas { asker: (Mac, IpAddr), target: IpAddr },
    /// A segment from a port of the machine, and whether there is something in it.
    Tcp { segment: Segment, to: IpAddr, content: bool },
    /// A datagram from a port of the machine.
    Udp { port: u16, to: IpAddr },
    /// Something could not be delivered.
    Error { to: IpAddr },
    /// Anything else.
    Other,
}

/// Asks which host has this address; the question names the sender's own.
pub fn who_has(from: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp(ArpOperation::REQUEST, (OURS, from), (EVERYBODY, target))
}

/// The address is with us.
pub fn is_at((mac, ip): (Mac, IpAddr), target: IpAddr) -> Vec<u8> {
    match (ip, target) {
        (IpAddr::V4(ip), IpAddr::V4(target)) => arp(ArpOperation::REPLY, (OURS, target), (mac, ip)),
        (IpAddr::V6(ip), IpAddr::V6(target)) => {
            let header = NeighborAdvertisementHeader { router: false, solicited: true, r#override: true };
            // The address, then option 2 (of one unit of eight bytes): the hardware address.
            let payload = [&target.octets()[..], &[2, 1], &OURS].concat();
            let step = PacketBuilder::ethernet2(OURS, mac).ipv6(target.octets(), ip.octets(), HOPS);
            let step = step.icmpv6(Icmpv6Type::NeighborAdvertisement(header));
            written(step.size(payload.len()), |into| step.write(into, &payload))
        }
        _ => Vec::new(),
    }
}

fn arp(operation: ArpOperation, from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation,
        sender_mac: from.0,
        sender_ipv4: from.1.octets(),
        target_mac: to.0,
        target_ipv4: to.1.octets(),
    };
    let step = PacketBuilder::ethernet2(from.0, to.0).arp(ArpPacket::from(packet));
    written(step.size(), |into| step.write(into))
}

/// A TCP segment without content.
pub fn tcp(from: IpAddr, to: Host, segment: Segment) -> Vec<u8> {
    let mut header = TcpHeader::new(segment.from, segment.to, segment.sequence, 64_240);
    let has = |bit| segment.flags.contains(Flags(bit));
    (header.ack, header.acknowledgment_number) = (has(Flags::ACK.0), segment.acknowledged);
    (header.fin, header.syn, header.rst) = (has(Flags::FIN), has(Flags::SYN.0), has(Flags::RST.0));
    (header.psh, header.urg) = (has(Flags::PSH), has(Flags::URG));
    match (from, to.ip) {
        (IpAddr::V4(from), IpAddr::V4(ip)) => {
            let step = to_machine(to).ipv4(from.octets(), ip.octets(), HOPS).tcp_header(header);
            written(step.size(0), |into| step.write(into, &[]))
        }
        (IpAddr::V6(from), IpAddr::V6(ip)) => {
            let step = to_machine(to).ipv6(from.octets(), ip.octets(), HOPS).tcp_header(header);
            written(step.size(0), |into| step.write(into, &[]))
        }
        _ => Vec::new(),
    }
}

/// A UDP datagram with four bytes.
pub fn udp(from: IpAddr, from_port: u16, to: Host, port: u16) -> Vec<u8> {
    let (IpAddr::V4(from), IpAddr::V4(ip)) = (from, to.ip) else { return Vec::new() };
    let step = to_machine(to).ipv4(from.octets(), ip.octets(), HOPS).udp(from_port, port);
    written(step.size(4), |into| step.write(into, b"ask\n"))
}

fn to_machine(to: Host) -> PacketBuilderStep<Ethernet2Header> {
    PacketBuilder::ethernet2(OURS, to.mac)
}

/// The bytes. Writing to memory fails only for packets that are too long for their headers, which none of ours is: that
/// would give no frame.
fn written<E>(size: usize, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    if write(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// The hardware address that a frame names as its sender's.
pub fn sender(bytes: &[u8]) -> Option<Mac> {
    bytes.get(6..12)?.try_into().ok()
}

/// Takes a frame apart.
pub fn read(bytes: &[u8]) -> Heard {
    parts(bytes).unwrap_or(Heard::Other)
}

fn parts(bytes: &[u8]) -> Option<Heard> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    let mac = sender(bytes)?;
    let (from, to) = match packet.net? {
        NetSlice::Arp(arp) => {
            let arp = ArpEthIpv4Packet::try_from(arp.to_packet()).ok()?;
            let (ip, target) = (arp.sender_ipv4_addr(), arp.target_ipv4_addr());
            return Some(match arp.operation {
                ArpOperation::REPLY => Heard::IsAt { ip, mac: arp.sender_mac, to: target },
                ArpOperation::REQUEST => Heard::WhoHas { asker: (arp.sender_mac, ip.into()), target: target.into() },
                _ => Heard::Other,
            });
        }
        NetSlice::Ipv4(ip) => (IpAddr::from(ip.header().source_addr()), ip.header().destination_addr().into()),
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
    };
    Some(match packet.transport? {
        TransportSlice::Tcp(tcp) => {
            let segment = Segment {
                from: tcp.source_port(),
                to: tcp.destination_port(),
                flags: Flags::of(&tcp.to_header()),
                sequence: tcp.sequence_number(),
                acknowledged: tcp.acknowledgment_number(),
            };
            Heard::Tcp { segment, to, content: !tcp.payload().is_empty() }
        }
        TransportSlice::Udp(udp) => Heard::Udp { port: udp.source_port(), to },
        TransportSlice::Icmpv4(_) => Heard::Error { to },
        TransportSlice::Icmpv6(icmp) => match icmp.icmp_type() {
            Icmpv6Type::NeighborSolicitation => {
                let target: [u8; 16] = icmp.payload().get(TARGET)?.try_into().ok()?;
                Heard::WhoHas { asker: (mac, from), target: target.into() }
            }
            Icmpv6Type::DestinationUnreachable(_) => Heard::Error { to },
            _ => Heard::Other,
        },
        TransportSlice::Igmp(_) => Heard::Other,
    })
}
