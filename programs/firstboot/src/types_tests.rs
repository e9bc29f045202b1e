use super::*;

/// A valid public key; the private half was deleted.
pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIbi5Kug8iBiB0cm8kIPla87d5/PIU/2vLXFlLFugbTw anna@example";
/// The hash of an unused password.
pub const HASH: &str = "$6$rounds=100000$abcdefgh12345678$PLj4r0FSnrdMqN9wiwsuEq.FhkJe.ao/fHO2v1sAuwja2qmIR44eHt3wZnXH4Oelf2NcdGfmjizE1LOweQls30";

#[test]
fn good_words() {
    for name in ["a", "ashlar", "web-1", "web-1.example.org", "3com"] {
        assert!(HostName::read(name).is_ok(), "{name}");
    }
    assert_eq!(HostName::read("Web.Example").unwrap().to_string(), "web.example");
    assert_eq!(HostName::read("web.example").unwrap().short(), "web");
    for name in ["a", "_x", "anna-2", "a23456789012345678901234567890b"] {
        assert!(UserName::read(name).is_ok(), "{name}");
    }
    for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"] {
        assert!(TimeZone::read(zone).is_ok(), "{zone}");
    }
    for network in ["192.0.2.10/24", "10.0.0.1/8", "2001:db8::10/64", "192.0.2.1/32"] {
        assert_eq!(Network::read(network).unwrap().to_string(), network);
    }
    assert_eq!(SshKey::read(KEY).unwrap().short(), "ssh-ed25519 …lLFugbTw anna@example");
    assert!(PasswordHash::read(HASH).is_ok());
    assert!(PasswordHash::read(&HASH.replace("100000", "9999999")).is_ok());
}

#[test]
fn bad_words() {
    for name in ["", "-a", "a-", "a..b", "a_b", "a b", "192.0.2.1", &"a".repeat(64), "a\nb", "ä", "a/b", "."] {
        assert!(HostName::read(name).is_err(), "{name:?}");
    }
    for name in ["", "1a", "-a", "Anna", "a:b", "a\nb", "a/b", "a.b", &"a".repeat(32), "ä"] {
        assert!(UserName::read(name).is_err(), "{name:?}");
    }
    for zone in ["", "/etc/passwd", "../UTC", "Europe/../UTC", "Europe/", "a b"] {
        assert!(TimeZone::read(zone).is_err(), "{zone:?}");
    }
    for network in [
        "",
        "192.0.2.1",
        "192.0.2.1/33",
        "192.0.2.1/0",
        "224.0.0.1/24",
        "::/64",
        "127.0.0.1/8",
        "a/24",
        "255.255.255.255/8",
    ] {
        assert!(Network::read(network).is_err(), "{network:?}");
    }
    for name in ["", "..", "eth0 ", "eth0\nstatic", "0123456789abcdef", "a/b"] {
        assert!(Interface::read(name).is_err(), "{name:?}");
    }
    for hash in [
        "",
        "x",
        "*",
        "!",
        "$1$abcdefgh$abc",
        "$6$short$abc",
        &format!("{HASH}:"),
        // The default of `mkpasswd`, and less.
        &HASH.replace("rounds=100000$", ""),
        &HASH.replace("100000", "1000"),
        &HASH.replace("100000", "99999"),
        &HASH.replace("100000", "10000000"),
        &HASH.replace("100000", "many"),
        &HASH.replace("$6$", "$5$"),
    ] {
        assert!(PasswordHash::read(hash).is_err(), "{hash:?}");
    }
    assert!(FullName::read("Anna: root").is_err() && FullName::read("a\nb").is_err());
    assert!(TimeServer::read("ntp.example; rm", false).is_err());
}

#[test]
fn keys_that_are_refused_say_why() {
    let body = KEY.split(' ').nth(1).unwrap();
    let cases = [
        (
            "ssh-rsa AAAAB3NzaC1yc2E= a",
            "keys of type ssh-rsa are not accepted by sshd here; make one with: ssh-keygen -t ed25519 (with a token: -t ed25519-sk)",
        ),
        ("hello", "unknown key type `hello`; a public key is a line like: ssh-ed25519 AAAA… name"),
        (
            "command=\"sh\" ssh-ed25519 AAAA",
            "unknown key type `command=\"sh\"`; a public key is a line like: ssh-ed25519 AAAA… name",
        ),
        (&KEY[..60], "the key is damaged or cut off: copy the whole line of the .pub file"),
        (
            &format!("sk-ssh-ed25519@openssh.com {body}"),
            "the key is damaged or cut off: copy the whole line of the .pub file",
        ),
        ("ssh-ed25519 AAAA\nssh-ed25519", "a key is one line"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "this is a private key: it must not leave its owner's machine. Use the file that ends in .pub",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(SshKey::read(text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn routers_are_in_the_network() {
    let network = Network::read("192.0.2.10/24").unwrap();
    assert!(network.holds("192.0.2.1".parse().unwrap()));
    assert!(!network.holds("192.0.3.1".parse().unwrap()) && !network.holds("2001:db8::1".parse().unwrap()));
    let network = Network::read("2001:db8::10/64").unwrap();
    assert!(network.holds("2001:db8::1".parse().unwrap()) && network.holds("fe80::1".parse().unwrap()));
    assert!(!network.holds("2001:db9::1".parse().unwrap()));
}

#[test]
fn what_is_shown_steers_no_terminal() {
    assert_eq!(shown("a\u{1b}[2Jb"), "a?[2Jb");
    assert_eq!(shown(&"x".repeat(50)).chars().count(), 41);
}
