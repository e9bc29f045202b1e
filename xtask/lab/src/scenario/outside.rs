//! Probes from the machine's own network, and machines without one of the layers of defence.

use super::accounts::ADMIN;
use super::conversation::{Item, Scenario};
use super::machine::{BIOS, NetLink, Setup};
use super::steps::{off, refused, up};
use crate::console::facts::{Expected, Fact};
use crate::console::task::{Login, Task};
use crate::probe::Try;
use ashlar_core::model::hardening::Layer;

/// Prints how many packets the rule against forged sources has dropped.
const FORGED: &str = r"nft list ruleset | sed -n 's/.*fib saddr.*packets \([0-9]*\) .*/\1/p'";

/// Makes the networks of the prober's addresses ones of the machine's own. QEMU names no router, without which the rule against forged sources drops
/// what comes from elsewhere.
const NEAR: &str = "ip -6 route add fec0::/10 dev eth0 && ip route add 198.18.0.0/15 dev eth0 && echo near";

/// How many sources of IPv4 the packet filter knows.
const LISTED: &str = "nft list ruleset | sed -n '/set ssh4 {/,/}/p' | grep -o ' expires' | wc -l";

/// Starts the service with a file that is not a ruleset, and with the right one again.
const WRONG: &str = "f=/etc/nftables.conf; cp $f /run/right; echo wrong >$f; rc-service -D nftables restart >/dev/null 2>&1; \
                     echo $? $(nft list ruleset | grep -c 'policy drop') $(nft list ruleset | grep -c dport); \
                     cat /run/right >$f; rc-service -D nftables start >/dev/null 2>&1; nft list ruleset | grep -c 'dport 22'";

pub(super) fn without(name: &'static str, layer: Layer) -> Scenario {
    let number = layer.number();
    let mut items = up();
    items.push(Item::OverSsh(vec![
        Fact::as_root("every promise of the other five", "ashlar-audit --failed", Expected::Has(", 0 failed;")),
        // It is really not there: nothing of it is promised, and each of the others has at least twenty promises.
        Fact::as_root(
            "layers with promises",
            "for n in 1 2 3 4 5 6; do c=$(ashlar-audit --list --layer $n 2>/dev/null | grep -c \"^$n \"); \
             [ $c = 0 ] || { [ $c -ge 20 ] && echo $n || echo \"$n has $c\"; }; done",
            Expected::Is(
                (1..=6).filter(|other| *other != number).map(|n| n.to_string()).collect::<Vec<_>>().join("\n"),
            ),
        ),
    ]));
    items.extend(off());
    let setup = Setup { without: Some(layer), ..BIOS };
    Scenario { name, summary: "each layer stands without the others: one is left out", setup, patience: 1, items }
}

pub(super) fn outside(name: &'static str) -> Scenario {
    let attempt = |name, what, expected| Item::Check {
        name,
        task: Task::Probe(what),
        expected: Expected::Is(expected),
        within: None,
    };
    let greeted = |name, count, least, most| Item::Check {
        name,
        task: Task::Greetings { count },
        expected: Expected::Between(least, most),
        within: None,
    };
    let text = str::to_owned;
    let mut items = up();
    let before = format!("{FORGED} >/run/forged && echo noted");
    items.push(Item::OverSsh(vec![
        Fact::as_root("forged packets so far", &before, Expected::Is(text("noted"))),
        // All networks of the prober's addresses are near, as if a router had said so.
        Fact::as_root("networks of the prober", NEAR, Expected::Is(text("near"))),
    ]));
    items.extend([
        attempt("all TCP ports", Try::Tcp, text("tcp 22")),
        attempt("all TCP ports over IPv6", Try::TcpOverIpv6, text("tcp 22")),
        attempt("all UDP ports", Try::Udp, text("no answer")),
        // The host's name is misused, and it comes all the same; a neighbour's likewise, while he comes.
        attempt("in the host's name", Try::InTheNameOfTheHost, text("1200 sent")),
        greeted("the host comes", 2, 2, 2),
        attempt("in its name again", Try::InTheNameOfTheHost, text("1200 sent")),
        greeted("the host comes again", 2, 2, 2),
        attempt("in a neighbour's name", Try::InTheNameOfANeighbour, text("6 of 6")),
        attempt("connections of two neighbours", Try::RateOverIpv6, text("10 of 14, 10 of 14")),
        attempt("connections of one network", Try::RateOfOneNetwork, text("10 of 14")),
        // Sixty, and one more every two seconds that the server takes for them.
        Item::Check {
            name: "connections of one owner",
            task: Task::Probe(Try::RateOfManyNetworks),
            expected: Expected::Between(60, 85),
            within: None,
        },
        attempt("sources that are nowhere", Try::ManySources, text("4000 sent")),
        // No answer to these could be heard: that they were dropped is what the rule's counter says below.
        attempt("forged addresses", Try::Forged, text("5 sent")),
        attempt("odd flags", Try::OddFlags, text("no answer")),
        // A connection of its own, from QEMU's address: whatever others did, this one is heard.
        refused("others can still come", Login::StrangeKey(ADMIN.to_owned())),
        // The host itself is one source of many. It has had some, and the connection over which facts are asked stays.
        greeted("too many of the host", 20, 0, 12),
    ]);
    // That nobody answered could also mean that nobody heard.
    let rules = |text: &str, rest: &str| format!("nft list ruleset | grep '{text}' | {rest}");
    items.push(Item::OverSsh(vec![
        // At least these two: the kernel itself refuses the other three, and what else is on the wire may count as well.
        Fact::as_root(
            "forged packets were seen",
            &format!("echo $(($({FORGED}) - $(cat /run/forged)))"),
            Expected::Between(2, 1000),
        ),
        Fact::as_root(
            "each odd segment was seen",
            &rules("tcp flags", "grep -c 'packets 1 '"),
            Expected::Is(text("4")),
        ),
        // Of the thousands that never were, none: only who was greeted, which is the host.
        Fact::as_root("sources in the lists", LISTED, Expected::Between(1, 2)),
        Fact::as_root("the log says who knocked", "grep -c 'nft in: ' /var/log/messages", Expected::Between(1, 40)),
        // Status of the service, chains that drop, doors; then doors again. This connection waits meanwhile.
        Fact::as_root("wrong rules close the machine", WRONG, Expected::Is(text("1 3 0\n2"))),
    ]));
    items.extend(off());
    let setup = Setup { link: NetLink::Shared, ..BIOS };
    Scenario { name, summary: "probes from the same network find SSH and nothing else", setup, patience: 4, items }
}
