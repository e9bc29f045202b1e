//! What somebody on the machine's own network tries, as packets and what they are answered with; `frame` writes and reads
//! them.
//!
//! A [`Stranger`] fires volleys and is told what came back. After each volley it asks for the machine's hardware address,
//! which the machine answers whatever its packet filter says: when that answer is there, it has seen all of the volley, and
//! nothing depends on how fast it is. The socket is `xtask/src/host/segment.rs`.

mod frame;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use frame::Mac;
use frame::{Flags, Heard, Host};

/// Where QEMU's DHCP puts the machine.
const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// Packets of a volley. QEMU keeps many more for a slow machine.
const VOLLEY: usize = 64;
/// The only port that should answer.
const SSH: u16 = 22;
/// New connections that each source of [`Try::Rate`] asks for.
const ASKED: u16 = 8;

/// Something a stranger tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Try {
    /// A connection to each of the 65,535 TCP ports.
    Tcp,
    /// The same over IPv6.
    TcpOverIpv6,
    /// A datagram to each UDP port.
    Udp,
    /// More new connections to SSH than one source may have, from two sources.
    Rate,
    /// The same over IPv6, from neighbours.
    RateOverIpv6,
    /// The same from two addresses of one IPv6 network.
    RateOfOneNetwork,
    /// Connections from addresses that cannot be where they come from. An answer to one would never arrive, so none is waited for:
    /// what is said is how many were sent, and the machine itself has to say what became of them.
    Forged,
    /// Segments with flags that no system sends.
    OddFlags,
}

impl Try {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Tcp,
        Self::TcpOverIpv6,
        Self::Udp,
        Self::Rate,
        Self::RateOverIpv6,
        Self::RateOfOneNetwork,
        Self::Forged,
        Self::OddFlags,
    ];

    /// Addresses to come from: others for each, since the machine remembers who came.
    fn sources(self) -> Vec<IpAddr> {
        let near = |last| IpAddr::from(Ipv4Addr::new(10, 0, 2, last));
        let link = |last| IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x5a, last));
        // The network that QEMU's router announces.
        let wide = |last| IpAddr::from(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0x5a, last));
        match self {
            Self::Tcp => vec![near(50)],
            Self::TcpOverIpv6 => vec![link(50)],
            Self::Udp => vec![near(51)],
            Self::Rate => vec![near(52), near(53)],
            Self::RateOverIpv6 => vec![link(52), link(53)],
            Self::RateOfOneNetwork => vec![wide(54), wide(55)],
            Self::Forged => ["127.0.0.1", "10.0.2.15", "0.0.0.0", "255.255.255.255", "224.0.0.1"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            Self::OddFlags => vec![near(56)],
        }
    }

    fn shots(self) -> Vec<Shot> {
        let to = |from: IpAddr, port, back, flags| Shot { from, port, back, kind: Kind::Tcp(flags) };
        let sources = self.sources();
        let each = |count: u16, port: u16, flags: Flags| {
            let many =
                |from: &IpAddr| (0..count).map(|number| to(*from, port, 40_000 + number, flags)).collect::<Vec<_>>();
            sources.iter().flat_map(many).collect()
        };
        match self {
            Self::Tcp | Self::TcpOverIpv6 => {
                sources.iter().flat_map(|from| (1..=u16::MAX).map(|port| to(*from, port, 40_000, Flags::SYN))).collect()
            }
            Self::Udp => {
                let one = |from, port| Shot { from, port, back: 40_000, kind: Kind::Udp };
                sources.iter().flat_map(|from| (1..=u16::MAX).map(|port| one(*from, port))).collect()
            }
            Self::Rate | Self::RateOverIpv6 | Self::RateOfOneNetwork => each(ASKED, SSH, Flags::SYN),
            Self::Forged => each(1, SSH, Flags::SYN),
            Self::OddFlags => Flags::ODD.iter().flat_map(|flags| each(1, SSH, *flags)).collect(),
        }
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "a connection to every TCP port",
            Self::TcpOverIpv6 => "a connection to every TCP port over IPv6",
            Self::Udp => "a datagram to every UDP port",
            Self::Rate => "many connections from two sources",
            Self::RateOverIpv6 => "many connections from two neighbours over IPv6",
            Self::RateOfOneNetwork => "many connections from two addresses of one network",
            Self::Forged => "connections from forged addresses",
            Self::OddFlags => "segments with flags that nobody sends",
        })
    }
}

/// One packet to the machine.
#[derive(Debug, Clone, Copy)]
struct Shot {
    from: IpAddr,
    port: u16,
    /// The port that an answer comes to.
    back: u16,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tcp(Flags),
    Udp,
}

/// Somebody on the machine's network, with as many addresses as needed.
#[derive(Debug)]
pub struct Stranger {
    what: Try,
    sources: Vec<IpAddr>,
    shots: std::vec::IntoIter<Shot>,
    /// How many of them were sent.
    fired: usize,
    /// The machine's hardware address, once heard.
    machine: Option<Mac>,
    /// Its IPv6 address on this network.
    link: Ipv6Addr,
    /// Ports by what they said.
    answers: BTreeSet<String>,
    /// Connections that were taken, by who asked.
    taken: BTreeMap<IpAddr, BTreeSet<u16>>,
}

/// What a frame was.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The answer to [`Stranger::fence`].
    Fence,
    /// A question of the machine's, and what is said to it.
    Reply(Vec<u8>),
    /// Nothing to react to.
    Nothing,
}

impl Stranger {
    /// Somebody who will try this with the machine of this IPv6 address.
    pub fn new(what: Try, link: Ipv6Addr) -> Self {
        Self {
            what,
            sources: what.sources(),
            shots: what.shots().into_iter(),
            fired: 0,
            machine: None,
            link,
            answers: BTreeSet::new(),
            taken: BTreeMap::new(),
        }
    }

    /// The question that is answered when all before it was seen.
    pub fn fence(&self) -> Vec<u8> {
        frame::who_has(self.fencer(), MACHINE)
    }

    /// The next packets; none when all were sent, or when the machine has not answered any question yet.
    pub fn volley(&mut self) -> Vec<Vec<u8>> {
        let Some(machine) = self.machine else { return Vec::new() };
        let link = self.link;
        let shots: Vec<Shot> = self.shots.by_ref().take(VOLLEY).collect();
        self.fired += shots.len();
        shots
            .into_iter()
            .map(|shot| {
                let to = if shot.from.is_ipv6() { link.into() } else { MACHINE.into() };
                let host = Host { mac: machine, ip: to };
                match shot.kind {
                    Kind::Tcp(flags) => frame::tcp(shot.from, shot.back, host, shot.port, flags),
                    Kind::Udp => frame::udp(shot.from, shot.back, host, shot.port),
                }
            })
            .collect()
    }

    /// Takes note of a frame. QEMU's own network takes packets to the machine for packets to itself, and refuses them: it is told
    /// where to, or it would keep all of them, but only what comes from the machine counts.
    pub fn hear(&mut self, bytes: &[u8]) -> Reaction {
        let heard = frame::read(bytes);
        let asked = matches!(heard, Heard::WhoHas { .. });
        if self.machine.is_some() && frame::sender(bytes) != self.machine && !asked {
            return Reaction::Nothing;
        }
        match heard {
            Heard::IsAt { ip: MACHINE, mac, to } if to == self.fencer() => {
                self.machine = Some(mac);
                return Reaction::Fence;
            }
            Heard::WhoHas { asker, target } if self.is_ours(target) => {
                return Reaction::Reply(frame::is_at(asker, target));
            }
            Heard::Tcp { port, to, back, flags } if self.is_ours(to) => self.segment(port, to, back, flags),
            Heard::Udp { port, to } if self.is_ours(to) => drop(self.answers.insert(format!("udp {port}"))),
            Heard::Error { to } if self.is_ours(to) => drop(self.answers.insert("icmp error".to_owned())),
            _ => {}
        }
        Reaction::Nothing
    }

    fn segment(&mut self, port: u16, to: IpAddr, back: u16, flags: Flags) {
        if flags.contains(Flags::RST) {
            self.answers.insert(format!("tcp {port} closed"));
        } else {
            self.answers.insert(format!("tcp {port}"));
            self.taken.entry(to).or_default().insert(back);
        }
    }

    /// What came of it, in one line.
    pub fn result(&self) -> String {
        match self.what {
            Try::Rate | Try::RateOverIpv6 | Try::RateOfOneNetwork => {
                let taken = |from| self.taken.get(from).map_or(0, BTreeSet::len);
                let words = self.sources.iter().map(|from| format!("{} of {ASKED}", taken(from)));
                words.collect::<Vec<_>>().join(", ")
            }
            Try::Forged => format!("{} sent", self.fired),
            _ if self.answers.is_empty() => "no answer".to_owned(),
            _ => self.answers.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    /// How far it came, for when there is no time left.
    pub fn progress(&self) -> String {
        match self.machine {
            None => "the machine did not say in time where it is".to_owned(),
            Some(_) => {
                let all = self.fired + self.shots.len();
                format!("the time was over when {} of {all} packets were on their way", self.fired)
            }
        }
    }

    /// Whose answers are heard: an address that is not the machine's own and can be answered.
    fn is_ours(&self, address: IpAddr) -> bool {
        address == IpAddr::from(self.fencer()) || self.what != Try::Forged && self.sources.contains(&address)
    }

    /// An address for questions: the source itself where it is one of this network, so that the machine knows the way back.
    fn fencer(&self) -> Ipv4Addr {
        match self.sources.first() {
            Some(IpAddr::V4(ip)) if self.what != Try::Forged => *ip,
            _ => Ipv4Addr::new(10, 0, 2, 99),
        }
    }
}

#[cfg(test)]
mod tests;
