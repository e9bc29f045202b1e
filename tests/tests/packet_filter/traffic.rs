//! What packets meet between network namespaces.

use std::fs;

use super::{directory, run, shipped};

/// Under `nft lockdown` a router between two hosts lets nothing in, out or through, but reaches itself.
#[test]
fn lockdown_drops_everything_but_the_loopback() {
    const SCRIPT: &str = r#"
unshare --net sleep 60 & one=$!
unshare --net sleep 60 & two=$!
trap 'kill $one $two' EXIT
own=$(readlink /proc/self/ns/net)
for other in $one $two; do
    while [ "$(readlink /proc/$other/ns/net)" = "$own" ]; do sleep 0.1; done
done
at() { where=$1; shift; nsenter --net=/proc/$where/ns/net "$@"; }
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
number=1
for other in $one $two; do
    ip link add e$number type veth peer name inside netns $other
    ip address add 10.$number.0.1/24 dev e$number
    ip link set e$number up
    at $other ip address add 10.$number.0.2/24 dev inside
    at $other ip link set inside up
    at $other ip route add default via 10.$number.0.1
    number=$((number + 1))
done
# Nobody listens there: whoever is reached says so at once.
try() {
    address=$1; shift
    "$@" timeout 1 bash -c "exec 3<>/dev/tcp/$address/9" 2>&1 | grep -q refused && echo reached || echo nothing
}
probe() {
    echo "out $(try 10.1.0.2 env)"
    echo "in $(try 10.1.0.1 at $one)"
    echo "through $(try 10.2.0.2 at $one)"
    echo "itself $(try 127.0.0.1 env)"
}
probe > open
"$OURS" lockdown
probe > closed
nft list ruleset > listed
"#;
    let (_guard, directory) = directory();
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("open"), "out reached\nin reached\nthrough reached\nitself reached\n");
    assert_eq!(read("closed"), "out nothing\nin nothing\nthrough nothing\nitself reached\n");
    insta::assert_snapshot!("lockdown", read("listed"));
}

/// Somebody sends first packets in an administrator's name, six for each connection that the administrator makes: all of his are made,
/// by either protocol. Who really makes more connections than he may gets ten, and others are served meanwhile.
#[test]
fn nobody_is_locked_out_in_his_name() {
    const SCRIPT: &str = r#"
unshare --net sleep 120 & victim=$!
unshare --net sleep 120 & attacker=$!
unshare --net sleep 120 & other=$!
server=
trap 'kill $victim $attacker $other $server' EXIT
own=$(readlink /proc/self/ns/net)
for process in $victim $attacker $other; do
    while [ "$(readlink /proc/$process/ns/net)" = "$own" ]; do sleep 0.1; done
done
at() { where=$1; shift; nsenter --net=/proc/$where/ns/net "$@"; }
ip link set lo up
ip link add wire address 02:00:00:00:00:01 type bridge
ip link set wire up
ip address add 10.1.0.1/24 dev wire
ip address add fd00:1::1/64 dev wire nodad
# Attacker and victim have the same address, so what the attacker sends is forged; what is answered goes to the victim.
while read -r process number host; do
    ip link add e$number type veth peer name inside address 02:00:00:00:00:0$number netns $process
    ip link set e$number master wire up
    at $process ip link set inside up
    at $process ip address add 10.1.0.$host/24 dev inside
    at $process ip address add fd00:1:0:$host::2/48 dev inside nodad
    at $process ip neighbour replace 10.1.0.1 lladdr 02:00:00:00:00:01 dev inside nud permanent
    at $process ip neighbour replace fd00:1::1 lladdr 02:00:00:00:00:01 dev inside nud permanent
done <<END
$victim 2 2
$attacker 3 2
$other 4 3
END
ip route add fd00:1::/48 dev wire
for host in 2 3; do
    number=$((host == 2 ? 2 : 4))
    ip neighbour replace 10.1.0.$host lladdr 02:00:00:00:00:0$number dev wire nud permanent
    ip neighbour replace fd00:1:0:$host::2 lladdr 02:00:00:00:00:0$number dev wire nud permanent
done
"$OURS" -f shipped.nft
perl -MSocket=:DEFAULT,inet_pton -e '
    $SIG{PIPE} = "IGNORE";
    socket(S, AF_INET6, SOCK_STREAM, 0) && bind(S, pack_sockaddr_in6(22, inet_pton(AF_INET6, "::"))) && listen(S, 128) || die $!;
    open(F, ">", "listens"); close(F);
    while (accept(my $c, S)) { syswrite($c, "SSH-2.0-test\n"); push @open, $c }' & server=$!
while [ ! -e listens ]; do sleep 0.1; done
# A connection, and whether the server greets.
connect() {
    at $1 timeout "$3" bash -c "exec 3<>/dev/tcp/$2/22 && read -r line <&3 && echo \$line" 2> errors || true
}
for address in 10.1.0.1 fd00:1::1; do
    for round in 1 2 3 4 5; do
        for count in 1 2 3 4 5 6; do connect $attacker $address 0.2 & last=$!; done
        wait $last
        connect $victim $address 5 >> victim
    done
done
for address in 10.1.0.1 fd00:1::1; do
    for count in 1 2 3 4 5 6 7 8 9 10 11 12 13; do connect $other $address 1 >> "other.$address"; done
    connect $victim $address 5 >> victim
done
"#;
    let (_guard, directory) = directory();
    fs::copy(shipped(), directory.join("shipped.nft")).unwrap();
    let Some(()) = run(SCRIPT, &directory) else { return };
    let greeted = |name: &str| fs::read_to_string(directory.join(name)).unwrap().matches("SSH-2.0-test").count();
    assert_eq!(greeted("victim"), 12);
    for address in ["10.1.0.1", "fd00:1::1"] {
        // One more becomes due every twenty seconds, should a machine take so long for them.
        let many = greeted(&format!("other.{address}"));
        assert!((10..=12).contains(&many), "{many} of 13 to {address}");
    }
}
