use super::*;
use crate::types::KEY_OF_TESTS;

/// A key that no machine uses.
const PRIVATE: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
QyNTUxOQAAACBNXWlAjeB6jnd0XPnGeFNhzVg5UG3ZwkgadgFrdUmh3AAAAJhg+2DdYPtg\n\
3QAAAAtzc2gtZWQyNTUxOQAAACBNXWlAjeB6jnd0XPnGeFNhzVg5UG3ZwkgadgFrdUmh3A\n\
AAAEACrDHM3LdI+VxZ+Yx4uac3R7QF7Ch48cFgCifIBOOlN01daUCN4HqOd3Rc+cZ4U2HN\n\
WDlQbdnCSBp2AWt1SaHcAAAAEWhvc3Qga2V5IG9mIHRlc3RzAQIDBA==\n\
-----END OPENSSH PRIVATE KEY-----";
const PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1daUCN4HqOd3Rc+cZ4U2HNWDlQbdnCSBp2AWt1SaHc host key of tests";
/// A key of another type.
const ECDSA: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQVcCc/YsVW9+/eYoZDgHrN+gSzBSLO\n\
hbuzs/Kgo30YCsuurVJIpbUOhDqR29nyQYddqd+xKSX4QnsL4Sc2mT5vAAAAoCz0uYss9L\n\
mLAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBVwJz9ixVb3795i\n\
hkOAes36BLMFIs6Fu7Oz8qCjfRgKy66tUkiltQ6EOpHb2fJBh12p37EpJfhCewvhJzaZPm\n\
8AAAAgSFJoXG2BbEfQr/15qKo46eBvGm9kl+DAL6lAUa/gWzsAAAABeAECAwQFBgc=\n\
-----END OPENSSH PRIVATE KEY-----";
/// With a passphrase.
const LOCKED: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAjFe2PaQ\n\
zb9ICKWOl28DwVAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIGiNkKsa6ZoB5+t1\n\
lu5jhTZISC0IIuhLNK/PavvqpC25AAAAkNIwmb7ierldZRdnIUjRwmBZz7K3bvrysQiwjV\n\
HWN5LyXgPFXTfPnrj3CPFO2mppwX6MHRQ5niKJB9yr8JN4qr2Moz75ijWrCpsDtDJCJGxX\n\
LKHQKjBhdDPJv66bqM++pNVmtUdb+dFM2UVFOKv3g28pIzzc+sgHGqmEWp6kGkLjV5Cz1h\n\
Xr69pb/7hM90wdFA==\n\
-----END OPENSSH PRIVATE KEY-----";

#[test]
fn a_pair_as_ssh_keygen_writes_it() {
    let key = HostKey::read(PRIVATE, PUBLIC).unwrap();
    assert_eq!(key.private(), format!("{PRIVATE}\n"));
    assert_eq!(key.public().to_string(), PUBLIC);
    assert_eq!(format!("{key:?}"), format!("HostKey({PUBLIC})"), "the secret is not shown");
}

#[test]
fn what_is_refused_says_why() {
    let body = PRIVATE.lines().nth(1).unwrap();
    let cases = [
        (PRIVATE.to_owned(), KEY_OF_TESTS, "are of two different keys"),
        (LOCKED.to_owned(), PUBLIC, "has a passphrase"),
        (ECDSA.to_owned(), PUBLIC, "is a key of another kind"),
        (PUBLIC.to_owned(), PUBLIC, "is not a private key in OpenSSH's format"),
        (PRIVATE.replace("OPENSSH", "RSA"), PUBLIC, "is not a private key in OpenSSH's format"),
        (PRIVATE.replace(&body[..8], ""), PUBLIC, "is damaged or cut off"),
        (PRIVATE.replace("AQIDBA==", "AQIDAA=="), PUBLIC, "is damaged or cut off"),
        (PRIVATE.replace(body, "?"), PUBLIC, "is not base64"),
        (PRIVATE.to_owned(), PRIVATE, "a key is one line"),
    ];
    for (private, public, message) in cases {
        let said = HostKey::read(&private, public).unwrap_err();
        assert!(said.contains(message), "{said}");
    }
}

/// Every byte matters except the number that is there twice, the secret half and the comment.
#[test]
fn a_changed_byte_is_noticed() {
    let lines: Vec<&str> = PRIVATE.lines().collect();
    let bytes = base64(&lines[1..lines.len() - 1].concat()).unwrap();
    let unnoticed = (0..bytes.len()).filter(|at| {
        let mut changed = bytes.clone();
        changed[*at] ^= 1;
        public_half(&changed) == public_half(&bytes)
    });
    // 32 bytes of the secret, 17 of the comment `host key of tests`.
    assert_eq!(unnoticed.count(), 32 + 17);
}

#[test]
fn damaged_keys_do_no_harm() {
    testkit::fuzz::repeat(0x6b_6579, crate::FUZZ_ALPHABET, |random| {
        let private = String::from_utf8_lossy(&random.damaged(PRIVATE.as_bytes())).into_owned();
        if let Ok(key) = HostKey::read(&private, PUBLIC) {
            assert_eq!(key.public().to_string(), PUBLIC);
            assert!(key.private().starts_with(BEGIN) && key.private().ends_with(&format!("{END}\n")));
        }
    });
}
