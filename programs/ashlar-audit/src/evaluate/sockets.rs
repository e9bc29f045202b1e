//! Listening sockets, from the tables below `/proc/net`.

use std::collections::BTreeSet;

use super::{Outcome, words};

/// The tables, and the protocol of each.
pub const TABLES: [(&str, &str); 6] =
    [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"), ("udplite", "udplite"), ("udplite6", "udplite")];

/// Ephemeral ports. A resolver's socket has one while it waits, and no peer either.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32768..=60999;

/// `protocol port` of every socket that accepts packets from anybody: TCP in LISTEN, and UDP without a peer on a fixed
/// port; not on a loopback address.
pub fn open(protocol: &str, table: &str) -> BTreeSet<String> {
    let entry = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (address, port) = fields.next()?.split_once(':')?;
        let (_, peer_port) = fields.next()?.split_once(':')?;
        let listens = match protocol {
            "tcp" => fields.next()? == "0A",
            _ => peer_port == "0000",
        };
        let port = u16::from_str_radix(port, 16).ok()?;
        let client = protocol != "tcp" && EPHEMERAL.contains(&port);
        (listens && !client && !loopback(address)).then(|| format!("{protocol} {port}"))
    };
    table.lines().skip(1).filter_map(entry).collect()
}

/// Addresses are words in the machine's byte order: 127.0.0.1 is `0100007F`, ::1 ends in `01000000`.
fn loopback(address: &str) -> bool {
    match address.len() {
        8 => address.ends_with("7F"),
        _ => {
            address == "00000000000000000000000001000000"
                || (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"))
        }
    }
}

/// Checks that only the named ports listen.
pub fn only(allowed: &[String], found: &BTreeSet<String>) -> Outcome {
    let more: Vec<String> = found.iter().filter(|socket| !allowed.contains(socket)).cloned().collect();
    let shown = found.iter().cloned().collect::<Vec<_>>().join(", ");
    let found = if more.is_empty() { shown } else { format!("also {}", more.join(", ")) };
    Outcome::new(more.is_empty(), format!("only {}", words(allowed)), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st\n\
        0: 00000000:0016 00000000:0000 0A 0 0\n\
        1: 0100007F:1F90 00000000:0000 0A 0 0\n\
        2: 0F02000A:0016 0202000A:B2A4 01 0 0\n";
    const TCP6: &str = "head\n 0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A\n\
        1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 0A\n";
    const UDP: &str = "head\n 0: 0F02000A:0044 00000000:0000 07\n 1: 0F02000A:9C40 0202000A:0035 01\nodd\n\
        2: 00000000:9C40 00000000:0000 07\n";

    #[test]
    fn tables() {
        assert_eq!(open("tcp", TCP), BTreeSet::from(["tcp 22".to_owned()]));
        assert_eq!(open("tcp", TCP6), BTreeSet::from(["tcp 22".to_owned()]));
        assert_eq!(open("udp", UDP), BTreeSet::from(["udp 68".to_owned()]));
    }

    #[test]
    fn only_what_is_named() {
        let allowed = ["tcp 22".to_owned()];
        assert!(only(&allowed, &open("tcp", TCP)).pass);
        let found = open("udp", UDP);
        assert_eq!(only(&allowed, &found), Outcome::new(false, "only tcp 22", "also udp 68"));
    }
}
