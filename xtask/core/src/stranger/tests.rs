//! The stranger against a machine of our own, which answers as a test says.

use super::frame::{self, Flags, Heard, Host};
use super::*;
use proptest::prelude::*;

const MACHINE_MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const LINK: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);

/// A machine on which these ports answer, each this often.
struct Machine {
    open: BTreeMap<u16, usize>,
    asked: usize,
}

impl Machine {
    fn hears(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        // Written by the stranger's own code, so as if from him.
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
            Heard::Tcp { port: back, to, back: port, .. } => {
                let left = self.open.get_mut(&port).filter(|left| **left > 0)?;
                *left -= 1;
                let asker = sender(bytes);
                Some(frame::tcp(to, port, Host { mac: [2; 6], ip: asker }, back, Flags::SYN))
            }
            _ => None,
        }
    }
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
    let mut stranger = Stranger::new(what, LINK);
    let mut machine = Machine { open: open.iter().copied().collect(), asked: 0 };
    if let Some(reply) = machine.hears(&stranger.fence()) {
        stranger.hear(&reply);
    }
    loop {
        let volley = stranger.volley();
        if volley.is_empty() {
            return (stranger.result(), machine.asked);
        }
        for frame in volley.into_iter().chain([stranger.fence()]) {
            if let Some(reply) = machine.hears(&frame) {
                stranger.hear(&reply);
            }
        }
    }
}

#[test]
fn open_ports_are_found() {
    let (result, fences) = attempt(Try::Tcp, &[(22, 9), (65_535, 9), (1, 9)]);
    assert_eq!(result, "tcp 1, tcp 22, tcp 65535");
    // One more before the machine was known.
    assert_eq!(fences, 1 + 65_535_usize.div_ceil(VOLLEY));
    assert_eq!(attempt(Try::TcpOverIpv6, &[(443, 1)]).0, "tcp 443");
    assert_eq!(attempt(Try::Udp, &[(22, 9)]).0, "no answer");
}

#[test]
fn connections_are_counted_by_source() {
    assert_eq!(attempt(Try::Rate, &[(22, 11)]).0, "8 of 8, 3 of 8");
    assert_eq!(attempt(Try::RateOverIpv6, &[(22, 3)]).0, "3 of 8, 0 of 8");
    assert_eq!(attempt(Try::RateOfOneNetwork, &[]).0, "0 of 8, 0 of 8");
}

#[test]
fn forged_addresses_are_sent_from_and_odd_flags_are_odd() {
    assert_eq!(attempt(Try::Forged, &[(22, 99)]).0, "5 sent");
    assert_eq!(Stranger::new(Try::Forged, LINK).result(), "0 sent");
    assert_eq!(attempt(Try::OddFlags, &[(22, 99)]).0, "tcp 22");
    assert_eq!(Try::Forged.shots().len(), 5);
    assert_eq!(Try::OddFlags.shots().len(), 4);
}

#[test]
fn how_far_it_came_is_said() {
    let mut stranger = Stranger::new(Try::Tcp, LINK);
    assert_eq!(stranger.progress(), "the machine did not say in time where it is");
    stranger.machine = Some(MACHINE_MAC);
    assert_eq!(stranger.progress(), "the time was over when 0 of 65535 packets were on their way");
    assert_eq!(stranger.volley().len(), VOLLEY);
    assert_eq!(stranger.progress(), "the time was over when 64 of 65535 packets were on their way");
}

#[test]
fn the_machine_learns_where_the_stranger_is() {
    let mut stranger = Stranger::new(Try::TcpOverIpv6, LINK);
    let ours = stranger.sources[0];
    assert!(stranger.volley().is_empty(), "first, who it is");
    stranger.machine = Some(MACHINE_MAC);
    assert_eq!(stranger.volley()[0][..6], MACHINE_MAC);
    let question = frame::who_has([10, 0, 2, 15].into(), [10, 0, 2, 99].into());
    assert!(matches!(stranger.hear(&question), Reaction::Reply(_)), "QEMU's");
    let Reaction::Reply(reply) = stranger.hear(&from_the_machine(question)) else { panic!("the question is answered") };
    assert_eq!(frame::read(&reply), Heard::IsAt { ip: [10, 0, 2, 99].into(), mac: [2, 0, 0, 0, 0x5a, 1], to: MACHINE });
    let other = from_the_machine(frame::who_has(MACHINE, [10, 0, 2, 98].into()));
    assert_eq!(stranger.hear(&other), Reaction::Nothing);
    assert!(stranger.is_ours(ours));
    // A reset is an answer as well.
    let reset = frame::tcp(LINK.into(), 80, Host { mac: [2; 6], ip: ours }, 40_000, Flags::RST);
    assert_eq!(stranger.hear(&reset), Reaction::Nothing, "of QEMU's");
    assert_eq!(stranger.result(), "no answer");
    stranger.hear(&from_the_machine(reset));
    assert_eq!(stranger.result(), "tcp 80 closed");
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
    let frames = [
        ("who has", frame::who_has([10, 0, 2, 50].into(), MACHINE)),
        ("is at, IPv6", frame::is_at((MACHINE_MAC, LINK.into()), Try::TcpOverIpv6.sources()[0])),
        ("SYN", frame::tcp(near, 40_000, host(MACHINE.into()), 22, Flags::SYN)),
        ("SYN, IPv6", frame::tcp(Try::TcpOverIpv6.sources()[0], 40_000, host(LINK.into()), 22, Flags::SYN)),
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
        for what in [Try::RateOverIpv6, Try::Rate, Try::Forged] {
            Stranger::new(what, LINK).hear(&bytes);
        }
    }
}
