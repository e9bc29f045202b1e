//! The packets that a machine sent, as QEMU records them (pcap). They show when the guest's network is up and which addresses it uses,
//! without connecting to it. A prober's packets are in the record too: this reads those of the first sender, and the prober sends
//! nothing before it knows the machine's addresses.
//!
//! The record grows while it is read, so its last entry may be cut off. Reading the file is `xtask/src/host/ssh/banner.rs`.

use std::net::Ipv6Addr;

/// Size of what stands before the first entry.
pub const HEAD: usize = 24;

/// Time of capture (8), length kept (4), length sent (4).
const ENTRY: usize = 16;
/// Addresses of receiver and sender (6 each) and the type (2).
const ETHERNET: usize = 14;
/// Where the sender's IPv4 address is, behind the Ethernet header.
const ARP: (&[u8], usize) = (&[0x08, 0x06], 14);
const IPV4: (&[u8], usize) = (&[0x08, 0x00], 12);

/// Whether a sender among these entries has an IPv4 address. Before it has, it asks as 0.0.0.0.
pub fn has_address(entries: &[u8]) -> bool {
    frames(entries).any(|frame| {
        [ARP, IPV4].iter().any(|(kind, at)| {
            let at = ETHERNET + at;
            frame.get(12..ETHERNET) == Some(kind) && frame.get(at..at + 4).is_some_and(|address| address != [0; 4])
        })
    })
}

/// The first sender's IPv6 address on its own network.
pub fn link_local(entries: &[u8]) -> Option<Ipv6Addr> {
    let source = |frame: &[u8]| {
        let address: [u8; 16] = frame.get(ETHERNET + 8..ETHERNET + 24)?.try_into().ok()?;
        let address = Ipv6Addr::from(address);
        (frame.get(12..ETHERNET)? == [0x86, 0xdd] && address.is_unicast_link_local()).then_some(address)
    };
    frames(entries).find_map(source)
}

/// The frames, as far as they were kept.
fn frames(mut entries: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (entry, rest) = entries.split_at_checked(ENTRY)?;
        // QEMU writes numbers as the host has them.
        let kept = u32::from_ne_bytes(entry.get(8..12)?.try_into().ok()?);
        let (frame, rest) = rest.split_at_checked(usize::try_from(kept).ok()?)?;
        entries = rest;
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(ETHERNET + payload.len()).unwrap();
        let mut bytes = vec![0; 8];
        bytes.extend([length.to_ne_bytes(), length.to_ne_bytes()].concat());
        bytes.extend([0xff; 6]);
        bytes.extend([2; 6]);
        bytes.extend(kind);
        bytes.extend(payload);
        bytes
    }

    fn ip(address: [u8; 4]) -> Vec<u8> {
        entry([8, 0], &[&[0x45; 12][..], &address, &[9; 4]].concat())
    }

    #[test]
    fn an_address_is_seen_in_either_protocol() {
        let asks = ip([0; 4]);
        let solicits = entry([0x86, 0xdd], &[7; 40]);
        let announces = entry([8, 6], &[&[1; 14][..], &[10, 0, 2, 15], &[0; 10]].concat());
        let probes = entry([8, 6], &[&[1; 14][..], &[0; 4], &[0; 10]].concat());
        assert!(!has_address(&[asks.clone(), solicits.clone(), probes].concat()));
        assert!(has_address(&[asks.clone(), announces].concat()));
        let speaks = [asks, solicits, ip([10, 0, 2, 15])].concat();
        assert!(has_address(&speaks));
        assert!(!has_address(&speaks[..speaks.len() - 1]), "an entry that is still being written");
    }

    #[test]
    fn an_ipv6_address_of_its_own_network() {
        let from = |address: Ipv6Addr| entry([0x86, 0xdd], &[&[0x60; 8][..], &address.octets(), &[0xff; 16]].concat());
        let ours = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4);
        let sent = [from(Ipv6Addr::UNSPECIFIED), ip([0; 4]), from(ours), from(Ipv6Addr::LOCALHOST)].concat();
        assert_eq!(link_local(&sent), Some(ours));
        assert_eq!(link_local(&from(Ipv6Addr::LOCALHOST)), None);
    }

    proptest! {
        #[test]
        fn nothing_is_read_beyond_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            has_address(&bytes);
            link_local(&bytes);
        }
    }
}
