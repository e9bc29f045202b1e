//! The attempts of a prober: from which addresses, with which packets, and how reports call them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frame::Flags;

/// The only port that should answer.
pub(super) const SSH: u16 = 22;
/// Connections that each source of [`Try::RateOverIpv6`] makes, or two of one network together.
const ASKED: u16 = 14;
/// Networks of one owner.
const NETWORKS: u16 = 100;
/// Connections that a neighbour makes while others forge the neighbour's address.
const MADE: u16 = 6;
/// Packets that are forged before each of them, and in the name of an absent host: first packets, each with two guesses.
const FORGED: u16 = 100;
const FORGED_ELSEWHERE: u16 = 300;
/// Sources that never were.
const SOURCES: u16 = 4000;

/// Something a prober tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Try {
    /// A connection to each of the 65,535 TCP ports.
    Tcp,
    /// The same over IPv6.
    TcpOverIpv6,
    /// A datagram to each UDP port.
    Udp,
    /// Connections to SSH in the name of the host on which QEMU runs: first packets, and guesses at the number in
    /// the answer to it. [`Task::Greetings`](crate::console::task::Task::Greetings) shows whether that host can still connect.
    InTheNameOfTheHost,
    /// The same in the name of a neighbour over IPv6, who makes connections meanwhile.
    InTheNameOfANeighbour,
    /// First packets from thousands of addresses that do not exist.
    ManySources,
    /// More connections to SSH than one source may have, from two neighbours over IPv6.
    RateOverIpv6,
    /// The same from two addresses of one IPv6 network.
    RateOfOneNetwork,
    /// One connection from each of many networks, all of one owner.
    RateOfManyNetworks,
    /// Connections from addresses that cannot be where they come from. An answer to one would never arrive, so the prober does not wait
    /// for any: it reports how many it sent, and the machine itself has to report their fate.
    Forged,
    /// Segments with flags that no system sends.
    OddFlags,
}

/// One packet to the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub from: IpAddr,
    pub port: u16,
    /// The port that an answer comes to.
    pub back: u16,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp(Flags),
    /// The first packet of a connection that is really made: its answer is answered.
    Connect,
    /// The first packet once more, with a number so far from the first that the machine says which one it expects.
    Again,
    /// The third packet of one whose second was not seen, with a number that may be wrong.
    Guess(u32),
    Udp,
}

/// What an attempt gives.
pub(super) enum Gives {
    /// How many packets were sent.
    Sent,
    /// Connections of each source, of so many.
    MadeByEach(u16),
    /// Connections of all together, of so many.
    MadeTogether(u16),
    /// How many connections there were, as a number.
    Made,
    /// The host that answered.
    Answers,
}

impl Try {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Tcp,
        Self::TcpOverIpv6,
        Self::Udp,
        Self::InTheNameOfTheHost,
        Self::InTheNameOfANeighbour,
        Self::ManySources,
        Self::RateOverIpv6,
        Self::RateOfOneNetwork,
        Self::RateOfManyNetworks,
        Self::Forged,
        Self::OddFlags,
    ];

    /// Addresses to come from: others for each, since the machine remembers who came.
    pub(super) fn sources(self) -> Vec<IpAddr> {
        let near = |last| IpAddr::from(Ipv4Addr::new(10, 0, 2, last));
        let link = |last| IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x5a, last));
        let wide = |owner, network, last| IpAddr::from(Ipv6Addr::new(0xfec0, 0, owner, network, 0, 0, 0x5a, last));
        match self {
            Self::Tcp => vec![near(50)],
            Self::TcpOverIpv6 => vec![link(50)],
            Self::Udp => vec![near(51)],
            Self::InTheNameOfTheHost => vec![near(2)],
            Self::InTheNameOfANeighbour => vec![link(57)],
            // A network for measurements (RFC 2544), which is nowhere.
            Self::ManySources => (0..SOURCES)
                .map(|number| {
                    let [high, low] = number.to_be_bytes();
                    Ipv4Addr::new(198, 18, high, low).into()
                })
                .collect(),
            Self::RateOverIpv6 => vec![link(52), link(53)],
            Self::RateOfOneNetwork => vec![wide(1, 0, 54), wide(1, 0, 55)],
            Self::RateOfManyNetworks => (1..=NETWORKS).map(|network| wide(2, network, 1)).collect(),
            Self::Forged => ["127.0.0.1", "10.0.2.15", "0.0.0.0", "255.255.255.255", "224.0.0.1"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            Self::OddFlags => vec![near(56)],
        }
    }

    pub(super) fn probes(self) -> Vec<Probe> {
        let sources = self.sources();
        let each = |count: u16, kind: Kind| -> Vec<Probe> {
            let one = |from: IpAddr, number| Probe { from, port: SSH, back: 40_000 + number, kind };
            sources.iter().flat_map(|from| (0..count).map(move |number| one(*from, number))).collect()
        };
        let all_ports = |kind: Kind| -> Vec<Probe> {
            let one = |from: IpAddr, port| Probe { from, port, back: 40_000, kind };
            sources.iter().flat_map(|from| (1..=u16::MAX).map(move |port| one(*from, port))).collect()
        };
        match self {
            Self::Tcp | Self::TcpOverIpv6 => all_ports(Kind::Tcp(Flags::SYN)),
            Self::Udp => all_ports(Kind::Udp),
            Self::InTheNameOfTheHost => sources.iter().flat_map(|from| forged(*from, 0, FORGED_ELSEWHERE)).collect(),
            Self::InTheNameOfANeighbour => {
                let round = |from: IpAddr, round: u16| {
                    let real = Probe { from, port: SSH, back: 40_000 + round, kind: Kind::Connect };
                    forged(from, round * FORGED, FORGED).chain([real])
                };
                sources.iter().flat_map(|from| (0..MADE).flat_map(move |number| round(*from, number))).collect()
            }
            Self::RateOverIpv6 => each(ASKED, Kind::Connect),
            Self::RateOfOneNetwork => each(ASKED / 2, Kind::Connect),
            Self::RateOfManyNetworks => each(1, Kind::Connect),
            Self::ManySources | Self::Forged => each(1, Kind::Tcp(Flags::SYN)),
            Self::OddFlags => Flags::ODD.iter().flat_map(|flags| each(1, Kind::Tcp(*flags))).collect(),
        }
    }

    /// Whether the addresses belong to others or to no host, so that no answer comes back.
    pub(super) fn only_claims(self) -> bool {
        matches!(self, Self::InTheNameOfTheHost | Self::ManySources | Self::Forged)
    }

    /// Whether first packets are sent again, as a client's are: a flood may push them, or the answers, off the wire.
    pub(super) fn repeats(self) -> bool {
        matches!(self, Self::InTheNameOfANeighbour)
    }

    pub(super) fn gives(self) -> Gives {
        match self {
            Self::InTheNameOfTheHost | Self::ManySources | Self::Forged => Gives::Sent,
            Self::InTheNameOfANeighbour => Gives::MadeByEach(MADE),
            Self::RateOverIpv6 => Gives::MadeByEach(ASKED),
            Self::RateOfOneNetwork => Gives::MadeTogether(ASKED),
            Self::RateOfManyNetworks => Gives::Made,
            Self::Tcp | Self::TcpOverIpv6 | Self::Udp | Self::OddFlags => Gives::Answers,
        }
    }
}

/// First packets in another host's name, each followed by a second one without data and by two guesses at the number in the answer. The
/// guesses are half of all numbers apart: connection tracking takes one of two such for an old packet of the connection, which it lets
/// pass.
fn forged(from: IpAddr, first: u16, count: u16) -> impl Iterator<Item = Probe> {
    (first..first + count).flat_map(move |number| {
        let probe = |kind| Probe { from, port: SSH, back: 50_000 + number, kind };
        let guess = u32::from(number).wrapping_mul(0x9e37_79b9);
        [Kind::Tcp(Flags::SYN), Kind::Again, Kind::Guess(guess), Kind::Guess(guess ^ 0x8000_0000)].map(probe)
    })
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "a connection to every TCP port",
            Self::TcpOverIpv6 => "a connection to every TCP port over IPv6",
            Self::Udp => "a datagram to every UDP port",
            Self::InTheNameOfTheHost => "connections in the name of QEMU's host",
            Self::InTheNameOfANeighbour => "connections in the name of a neighbour, who makes some",
            Self::ManySources => "connections from thousands of addresses that do not exist",
            Self::RateOverIpv6 => "many connections from two neighbours over IPv6",
            Self::RateOfOneNetwork => "many connections from two addresses of one network",
            Self::RateOfManyNetworks => "a connection from each of many networks of one owner",
            Self::Forged => "connections from forged addresses",
            Self::OddFlags => "segments with flags that nobody sends",
        })
    }
}
