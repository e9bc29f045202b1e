//! The prober against a machine of our own, which answers as a test says.

use super::frame::{self, Flags, Heard, Host, Segment};
use super::*;
use proptest::prelude::*;

const MACHINE_MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const LINK: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);

/// A machine on which these ports answer, each this often; and the number that a client has to repeat.
struct Machine {
    open: BTreeMap<u16, usize>,
    asked: usize,
    told: BTreeMap<(IpAddr, u16), u32>,
}

impl Machine {
    fn hears(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        // Written by the prober's own code, so as if from it.
        self.says(bytes).map(from_the_machine)
    }

    fn says(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        match frame::read(bytes) {
            Heard::WhoHas { asker, target } if target == IpAddr::from(MACHINE) => {
                self.asked += 1;
                let mut reply = frame::is_at(asker, target);
                reply[22..28].copy_from_slice(&MACHINE_MAC);
                Some(reply)
            }
            Heard::Tcp { segment, to, .. } => {
                let asker = Host { mac: [2; 6], ip: sender(bytes) };
                let client = (asker.ip, segment.from);
                let says = |flags, sequence| Segment {
                    from: segment.to,
                    to: segment.from,
                    flags,
                    sequence,
                    acknowledged: segment.sequence.wrapping_add(1),
                };
                if segment.flags == Flags::RST {
                    return None;
                }
                if segment.flags == Flags::ACK {
                    // Only who has heard the number can repeat it, and is greeted.
                    let told = self.told.remove(&client).filter(|told| *told == segment.acknowledged)?;
                    return Some(with_content(frame::tcp(to, asker, says(Flags::ACK, told))));
                }
                let left = self.open.get_mut(&segment.to).filter(|left| **left > 0)?;
                *left -= 1;
                let number = u32::from(segment.from).wrapping_mul(0x0100_0193);
                self.told.insert(client, number.wrapping_add(1));
                Some(frame::tcp(to, asker, says(Flags::SYN, number)))
            }
            _ => None,
        }
    }
}

/// A segment of IPv6 with a word in it.
fn with_content(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(b"SSH-");
    frame[19] += 4;
    frame
}

fn from_the_machine(mut frame: Vec<u8>) -> Vec<u8> {
    frame[6..12].copy_from_slice(&MACHINE_MAC);
    frame
}

/// The source address of a packet.
fn sender(bytes: &[u8]) -> IpAddr {
    if bytes[12] == 0x08 {
        <[u8; 4]>::try_from(&bytes[26..30]).unwrap().into()
    } else {
        <[u8; 16]>::try_from(&bytes[22..38]).unwrap().into()
    }
}

fn attempt(what: Try, open: &[(u16, usize)]) -> (String, usize) {
    let mut prober = Prober::new(what, LINK);
    let mut machine = Machine { open: open.iter().copied().collect(), asked: 0, told: BTreeMap::new() };
    let mut exchange = |prober: &mut Prober, mut frame: Vec<u8>| {
        while let Some(answer) = machine.hears(&frame) {
            let Reaction::Reply(reply) = prober.hear(&answer) else { break };
            frame = reply;
        }
        machine.asked
    };
    let barrier = prober.barrier();
    let mut asked = exchange(&mut prober, barrier);
    loop {
        let burst = prober.burst();
        if burst.is_empty() {
            return (prober.result(), asked);
        }
        for frame in burst.into_iter().chain([prober.barrier()]) {
            asked = exchange(&mut prober, frame);
        }
    }
}

#[test]
fn open_ports_are_found() {
    let (result, barriers) = attempt(Try::Tcp, &[(22, 9), (65_535, 9), (1, 9)]);
    assert_eq!(result, "tcp 1, tcp 22, tcp 65535");
    // One more before the machine was known.
    assert_eq!(barriers, 1 + 65_535_usize.div_ceil(BURST));
    assert_eq!(attempt(Try::TcpOverIpv6, &[(443, 1)]).0, "tcp 443");
    assert_eq!(attempt(Try::Udp, &[(22, 9)]).0, "no answer");
}

#[test]
fn connections_are_counted_by_source() {
    assert_eq!(attempt(Try::RateOverIpv6, &[(22, 17)]).0, "14 of 14, 3 of 14");
    assert_eq!(attempt(Try::RateOfOneNetwork, &[(22, 5)]).0, "5 of 14");
    assert_eq!(attempt(Try::RateOfOneNetwork, &[]).0, "0 of 14");
    assert_eq!(attempt(Try::RateOfManyNetworks, &[(22, 61)]).0, "61");
}

#[test]
fn who_is_misused_makes_his_own_connections() {
    assert_eq!(attempt(Try::InTheNameOfANeighbour, &[(22, 9999)]).0, "6 of 6");
    // A machine that takes four, as if first packets counted: those in his name were the first.
    assert_eq!(attempt(Try::InTheNameOfANeighbour, &[(22, 4)]).0, "0 of 6");
    assert_eq!(attempt(Try::InTheNameOfTheHost, &[(22, 9999)]).0, "1200 sent");
    assert_eq!(attempt(Try::ManySources, &[(22, 9999)]).0, "4000 sent");
}

#[test]
fn a_connection_is_made_when_the_server_speaks() {
    let mut prober = Prober::new(Try::RateOverIpv6, LINK);
    prober.machine = Some(MACHINE_MAC);
    prober.burst();
    let ip = *prober.sources.first().unwrap();
    let says = |flags, content: bool| {
        let segment = Segment { from: 22, to: 40_000, flags, sequence: u32::MAX, acknowledged: BEGINNING + 1 };
        let frame = frame::tcp(LINK.into(), Host { mac: [2; 6], ip }, segment);
        from_the_machine(if content { with_content(frame) } else { frame })
    };
    let Reaction::Reply(reply) = prober.hear(&says(Flags::SYN, false)) else { panic!("the handshake goes on") };
    let Heard::Tcp { segment, .. } = frame::read(&reply) else { panic!("{reply:?}") };
    assert_eq!((segment.flags, segment.sequence, segment.acknowledged), (Flags::ACK, BEGINNING + 1, 0));
    assert_eq!(prober.hear(&says(Flags::ACK, false)), Reaction::Nothing);
    assert_eq!(prober.made(), 0, "an acknowledgement is no greeting");
    let Reaction::Reply(reply) = prober.hear(&says(Flags::ACK, true)) else { panic!("and is ended") };
    let Heard::Tcp { segment, .. } = frame::read(&reply) else { panic!("{reply:?}") };
    assert_eq!((segment.flags, segment.sequence), (Flags::RST, BEGINNING + 1));
    assert_eq!(prober.result(), "1 of 14, 0 of 14");
}

#[test]
fn forged_addresses_are_sent_from_and_odd_flags_are_odd() {
    assert_eq!(attempt(Try::Forged, &[(22, 99)]).0, "5 sent");
    assert_eq!(Prober::new(Try::Forged, LINK).result(), "0 sent");
    assert_eq!(attempt(Try::OddFlags, &[(22, 99)]).0, "tcp 22");
    assert_eq!(Try::Forged.probes().len(), 5);
    assert_eq!(Try::OddFlags.probes().len(), 4);
}

#[test]
fn how_far_it_came_is_said() {
    let mut prober = Prober::new(Try::Tcp, LINK);
    assert_eq!(prober.progress(), "the machine did not say in time where it is");
    prober.machine = Some(MACHINE_MAC);
    assert_eq!(prober.progress(), "the time was over when 0 of 65535 packets were on their way");
    assert_eq!(prober.burst().len(), BURST);
    assert_eq!(prober.progress(), "the time was over when 64 of 65535 packets were on their way");
}

#[test]
fn the_machine_learns_where_the_prober_is() {
    let mut prober = Prober::new(Try::TcpOverIpv6, LINK);
    let ours = *prober.sources.first().unwrap();
    assert!(prober.burst().is_empty(), "first, who it is");
    prober.machine = Some(MACHINE_MAC);
    assert_eq!(prober.burst()[0][..6], MACHINE_MAC);
    let question = frame::who_has([10, 0, 2, 15].into(), [10, 0, 2, 99].into());
    assert!(matches!(prober.hear(&question), Reaction::Reply(_)), "QEMU's");
    // Where somebody is in whose name he speaks, QEMU's network hears from him, and the machine does not.
    let mut other = Prober::new(Try::InTheNameOfTheHost, LINK);
    other.machine = Some(MACHINE_MAC);
    let whose = frame::who_has([10, 0, 2, 15].into(), [10, 0, 2, 2].into());
    assert!(matches!(other.hear(&whose), Reaction::Reply(_)));
    assert_eq!(other.hear(&from_the_machine(whose)), Reaction::Nothing);
    let Reaction::Reply(reply) = prober.hear(&from_the_machine(question)) else { panic!("the question is answered") };
    assert_eq!(frame::read(&reply), Heard::IsAt { ip: [10, 0, 2, 99].into(), mac: [2, 0, 0, 0, 0x5a, 1], to: MACHINE });
    let other = from_the_machine(frame::who_has(MACHINE, [10, 0, 2, 98].into()));
    assert_eq!(prober.hear(&other), Reaction::Nothing);
    assert!(prober.is_ours(ours));
    // A reset is an answer as well.
    let segment = Segment { from: 80, to: 40_000, flags: Flags::RST, sequence: 1, acknowledged: 0 };
    let reset = frame::tcp(LINK.into(), Host { mac: [2; 6], ip: ours }, segment);
    assert_eq!(prober.hear(&reset), Reaction::Nothing, "of QEMU's");
    assert_eq!(prober.result(), "no answer");
    prober.hear(&from_the_machine(reset));
    assert_eq!(prober.result(), "tcp 80 closed");
}

#[test]
fn frames_are_pinned() {
    let host = |ip| Host { mac: MACHINE_MAC, ip };
    let hex = |bytes: Vec<u8>| {
        let lines =
            bytes.chunks(16).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let near = IpAddr::from([10, 0, 2, 50]);
    let syn = Segment { from: 40_000, to: 22, flags: Flags::SYN, sequence: BEGINNING, acknowledged: 0 };
    let frames = [
        ("who has", frame::who_has([10, 0, 2, 50].into(), MACHINE)),
        ("is at, IPv6", frame::is_at((MACHINE_MAC, LINK.into()), Try::TcpOverIpv6.sources()[0])),
        ("SYN", frame::tcp(near, host(MACHINE.into()), syn)),
        ("SYN, IPv6", frame::tcp(Try::TcpOverIpv6.sources()[0], host(LINK.into()), syn)),
        ("ACK", frame::tcp(near, host(MACHINE.into()), Segment { flags: Flags::ACK, acknowledged: 9, ..syn })),
        ("UDP", frame::udp(near, 40_000, host(MACHINE.into()), 53)),
    ];
    insta::assert_snapshot!(frames.map(|(name, bytes)| format!("{name}\n{}\n", hex(bytes))).join("\n"));
}

proptest! {
    #[test]
    fn anything_can_be_heard(bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 0usize..4) {
        let mut bytes = bytes;
        let kinds = [[8, 0], [8, 6], [0x86, 0xdd], [0, 0]];
        if let Some(place) = bytes.get_mut(12..14) {
            place.copy_from_slice(&kinds[kind]);
        }
        for what in [Try::RateOverIpv6, Try::ManySources, Try::InTheNameOfTheHost, Try::Forged] {
            Prober::new(what, LINK).hear(&bytes);
        }
    }
}
