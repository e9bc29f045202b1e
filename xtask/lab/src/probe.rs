//! Packets sent by an attacker on the same network segment, and the expected replies; `frame` writes and reads them, `attempt` lists
//! what a prober can try.
//!
//! A [`Prober`] sends probes in bursts and takes note of the answers. A question for the machine's hardware address follows each burst
//! as a barrier: the packet filter does not block its answer, and once that comes the machine has seen the whole burst, so the
//! machine's speed does not matter. The socket is `xtask/src/host/netdev.rs`.

mod attempt;
mod frame;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use attempt::Try;
use attempt::{Gives, Kind, Probe};
pub use frame::Mac;
use frame::{Flags, Heard, Host, Segment};

/// Where QEMU's DHCP puts the machine.
const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// Packets of a burst. QEMU keeps many more for a slow machine.
const BURST: usize = 64;
/// The number with which every connection of ours begins.
const BEGINNING: u32 = 1_000_000;

/// Somebody on the machine's network, with as many addresses as needed.
#[derive(Debug)]
pub struct Prober {
    what: Try,
    sources: BTreeSet<IpAddr>,
    probes: std::vec::IntoIter<Probe>,
    /// How many of them were sent.
    sent: usize,
    /// The machine's hardware address, once heard.
    machine: Option<Mac>,
    /// Its IPv6 address on this network.
    link: Ipv6Addr,
    /// Ports by their answer.
    answers: BTreeSet<String>,
    /// Connections that are really made, by who asks: ports on our side.
    asked: BTreeSet<(IpAddr, u16)>,
    /// Those of them on which the server sent something.
    made: BTreeMap<IpAddr, BTreeSet<u16>>,
}

/// What a frame was.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The answer to [`Prober::barrier`].
    Barrier,
    /// A question of the machine, and the prober's answer.
    Reply(Vec<u8>),
    /// Nothing to react to.
    Nothing,
}

impl Prober {
    /// Somebody who will try this with the machine of this IPv6 address.
    pub fn new(what: Try, link: Ipv6Addr) -> Self {
        Self {
            what,
            sources: what.sources().into_iter().collect(),
            probes: what.probes().into_iter(),
            sent: 0,
            machine: None,
            link,
            answers: BTreeSet::new(),
            asked: BTreeSet::new(),
            made: BTreeMap::new(),
        }
    }

    /// The question that is answered when all before it was seen.
    pub fn barrier(&self) -> Vec<u8> {
        frame::who_has(self.barrier_source(), MACHINE)
    }

    /// The next packets; none when all were sent, or when the machine has not answered any question yet.
    pub fn burst(&mut self) -> Vec<Vec<u8>> {
        let Some(machine) = self.machine else { return Vec::new() };
        let probes: Vec<Probe> = self.probes.by_ref().take(BURST).collect();
        self.sent += probes.len();
        self.asked
            .extend(probes.iter().filter(|probe| probe.kind == Kind::Connect).map(|probe| (probe.from, probe.back)));
        probes.into_iter().map(|probe| self.packet(machine, probe)).collect()
    }

    /// First packets once more, of connections whose answer did not come: a client does the same after a second. None for an attempt
    /// in which the machine leaves some without an answer on purpose.
    pub fn again(&self) -> Vec<Vec<u8>> {
        let Some(machine) = self.machine.filter(|_| self.what.repeats()) else { return Vec::new() };
        let made = |(from, back): &&(IpAddr, u16)| self.made.get(from).is_some_and(|ports| ports.contains(back));
        let missing = self.asked.iter().filter(|asked| !made(asked));
        missing
            .map(|&(from, back)| self.packet(machine, Probe { from, port: attempt::SSH, back, kind: Kind::Connect }))
            .collect()
    }

    fn packet(&self, machine: Mac, Probe { from, port, back, kind }: Probe) -> Vec<u8> {
        let segment = |flags, sequence, acknowledged| {
            self.segment(machine, from, Segment { from: back, to: port, flags, sequence, acknowledged })
        };
        match kind {
            Kind::Tcp(flags) => segment(flags, BEGINNING, 0),
            Kind::Connect => segment(Flags::SYN, BEGINNING, 0),
            Kind::Again => segment(Flags::SYN, BEGINNING.wrapping_add(1 << 31), 0),
            Kind::Guess(number) => segment(Flags::ACK, BEGINNING + 1, number),
            Kind::Udp => frame::udp(from, back, self.host(machine, from), port),
        }
    }

    /// The machine's address in this family.
    fn host(&self, machine: Mac, from: IpAddr) -> Host {
        let ip = if from.is_ipv6() { self.link.into() } else { MACHINE.into() };
        Host { mac: machine, ip }
    }

    fn segment(&self, machine: Mac, from: IpAddr, segment: Segment) -> Vec<u8> {
        frame::tcp(from, self.host(machine, from), segment)
    }

    /// Takes note of a frame. QEMU's own network refuses packets to the machine as if they were for itself. It gets an answer about where
    /// the machine is, or it would keep all of them; but only frames from the machine count.
    pub fn hear(&mut self, bytes: &[u8]) -> Reaction {
        let heard = frame::read(bytes);
        let asked = matches!(heard, Heard::WhoHas { .. });
        if self.machine.is_some() && frame::sender(bytes) != self.machine && !asked {
            return Reaction::Nothing;
        }
        match heard {
            Heard::IsAt { ip: MACHINE, mac, to } if to == self.barrier_source() => {
                self.machine = Some(mac);
                return Reaction::Barrier;
            }
            Heard::WhoHas { asker, target }
                if self.is_ours(target) || (self.is_claimed(target) && !self.is_machine(bytes)) =>
            {
                return Reaction::Reply(frame::is_at(asker, target));
            }
            Heard::Tcp { segment, to, content } if self.is_ours(to) => return self.answer(segment, to, content),
            Heard::Udp { port, to } if self.is_ours(to) => drop(self.answers.insert(format!("udp {port}"))),
            Heard::Error { to } if self.is_ours(to) => drop(self.answers.insert("icmp error".to_owned())),
            _ => {}
        }
        Reaction::Nothing
    }

    /// Goes on with a connection that is really made, as far as the server's first words.
    fn answer(&mut self, heard: Segment, to: IpAddr, content: bool) -> Reaction {
        let (port, back) = (heard.from, heard.to);
        let closed = if heard.flags.contains(Flags::RST) { " closed" } else { "" };
        self.answers.insert(format!("tcp {port}{closed}"));
        let Some(machine) = self.machine.filter(|_| self.asked.contains(&(to, back))) else { return Reaction::Nothing };
        let reply = |flags, acknowledged| {
            let segment = Segment { from: back, to: port, flags, sequence: BEGINNING + 1, acknowledged };
            Reaction::Reply(self.segment(machine, to, segment))
        };
        if heard.flags.contains(Flags::SYN) {
            return reply(Flags::ACK, heard.sequence.wrapping_add(1));
        }
        if !content {
            return Reaction::Nothing;
        }
        // It was made. The server need not wait for more.
        let reply = reply(Flags::RST, 0);
        self.made.entry(to).or_default().insert(back);
        reply
    }

    /// How many connections were made so far.
    pub fn made(&self) -> usize {
        self.made.values().map(BTreeSet::len).sum()
    }

    /// What came of it, in one line.
    pub fn result(&self) -> String {
        match self.what.gives() {
            Gives::Sent => format!("{} sent", self.sent),
            Gives::MadeByEach(asked) => {
                let made = |from| self.made.get(from).map_or(0, BTreeSet::len);
                self.sources.iter().map(|from| format!("{} of {asked}", made(from))).collect::<Vec<_>>().join(", ")
            }
            Gives::MadeTogether(asked) => format!("{} of {asked}", self.made()),
            Gives::Made => self.made().to_string(),
            Gives::Answers if self.answers.is_empty() => "no answer".to_owned(),
            Gives::Answers => self.answers.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    /// Its progress, for a message when there is no time left.
    pub fn progress(&self) -> String {
        match self.machine {
            None => "the machine did not say in time where it is".to_owned(),
            Some(_) => {
                let all = self.sent + self.probes.len();
                format!("the time was over when {} of {all} packets were on their way", self.sent)
            }
        }
    }

    /// The address that answers go to: not the machine's own, and one that can be answered.
    fn is_ours(&self, address: IpAddr) -> bool {
        address == IpAddr::from(self.barrier_source()) || !self.what.only_claims() && self.sources.contains(&address)
    }

    /// An address that the prober forges. The machine does not learn where it is, but QEMU's own network does: it refuses packets that it
    /// takes to be for itself, and would ask about each.
    fn is_claimed(&self, address: IpAddr) -> bool {
        self.what != Try::Forged && self.sources.contains(&address)
    }

    fn is_machine(&self, bytes: &[u8]) -> bool {
        self.machine.is_none() || frame::sender(bytes) == self.machine
    }

    /// An address for questions: the source itself where it is one of this network, so that the machine knows the way back.
    fn barrier_source(&self) -> Ipv4Addr {
        match self.sources.first() {
            Some(IpAddr::V4(ip)) if !self.what.only_claims() => *ip,
            _ => Ipv4Addr::new(10, 0, 2, 99),
        }
    }
}

#[cfg(test)]
mod tests;
