//! Types for the values of a configuration. A value of one of these types is valid, wherever it came from; its reader
//! says what is wrong and what to write.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Declares a text type that displays as its text.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(&self.0)
            }
        }
    };
}

word!(
    /// A host name, possibly with its domain.
    HostName
);
word!(
    /// An account's name.
    UserName
);
word!(
    /// An account's full name.
    FullName
);
word!(
    /// A public key, as a line of `authorized_keys`.
    SshKey
);
word!(
    /// A hashed password.
    PasswordHash
);
word!(
    /// A zone of the time zone data.
    TimeZone
);
word!(
    /// A network interface.
    Interface
);

impl HostName {
    /// Letters, digits and hyphens, in parts separated by dots.
    pub fn read(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            (1..=63).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        if text.len() <= 253
            && text.split('.').all(part)
            && !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!(
            "invalid host name `{}`: use letters, digits, and hyphens except at the ends; each label has at most 63 characters, and not all labels are digits",
            shown(text)
        ))
    }

    /// The name for the kernel: without the domain.
    pub fn short(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl UserName {
    /// A name that other programs accept.
    pub fn read(text: &str) -> Result<Self, String> {
        let good = (1..=31).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "invalid account name `{}`: use at most 31 lower-case letters, digits, `_` and `-`, and begin with a letter or `_`",
            shown(text)
        ))
    }
}

impl FullName {
    /// Any text that fits into a field of /etc/passwd.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.chars().count() <= 80 && !text.chars().any(|char| char == ':' || char.is_control()) {
            return Ok(Self(text.to_owned()));
        }
        Err("a full name has at most 80 characters and no colon".to_owned())
    }
}

impl SshKey {
    /// An ed25519 key, also of a hardware token, without options.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err("a key is one line".to_owned());
        }
        if text.contains("PRIVATE KEY") {
            return Err("this is a private key: it must not leave its owner's machine. Use the file that ends in .pub"
                .to_owned());
        }
        let mut words = text.splitn(3, ' ');
        let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let length = match kind {
            "ssh-ed25519" => 51..=51,
            "sk-ssh-ed25519@openssh.com" => 62..=512,
            "ssh-rsa"
            | "ssh-dss"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "sk-ecdsa-sha2-nistp256@openssh.com" => {
                return Err(format!(
                    "keys of type {kind} are not accepted by sshd here; make one with: ssh-keygen -t ed25519 (with a token: -t ed25519-sk)"
                ));
            }
            _ => {
                return Err(format!(
                    "unknown key type `{}`; a public key is a line like: ssh-ed25519 AAAA… name",
                    shown(kind)
                ));
            }
        };
        // The body repeats the type, with its length before it. This detects a key that was cut off while pasting.
        let whole = base64(body).is_some_and(|bytes| {
            length.contains(&bytes.len())
                && bytes.get(..4) == Some((kind.len() as u32).to_be_bytes().as_slice())
                && bytes.get(4..4 + kind.len()) == Some(kind.as_bytes())
        });
        if !whole {
            return Err("the key is damaged or cut off: copy the whole line of the .pub file".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The key in wire format.
    pub fn blob(&self) -> Option<Vec<u8>> {
        self.0.split(' ').nth(1).and_then(base64)
    }

    /// Type and comment, to recognise the key.
    pub fn short(&self) -> String {
        let mut words = self.0.splitn(3, ' ');
        let (kind, body, comment) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let end = body.get(body.len().saturating_sub(8)..).unwrap_or_default();
        format!("{} …{end} {comment}", kind.unwrap_or_default()).trim_end().to_owned()
    }
}

/// Rounds of sha512-crypt: as many as `ashlar-setup` uses, and as the format allows.
const ROUNDS: RangeInclusive<u32> = 100_000..=9_999_999;

impl PasswordHash {
    /// sha512-crypt with at least 100,000 rounds, as `mkpasswd -m sha512crypt -R 100000` prints it. The default of
    /// 5,000 rounds lets a reader of the volume try twenty times as many passwords.
    pub fn read(text: &str) -> Result<Self, String> {
        let salt_and_hash = text.strip_prefix("$6$").map(|rest| {
            rest.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')).map_or(rest, |(_, rest)| rest)
        });
        let alphabet =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
        let good = salt_and_hash.and_then(|rest| rest.split_once('$')).is_some_and(|(salt, hash)| {
            (1..=16).contains(&salt.len()) && hash.len() == 86 && alphabet(salt) && alphabet(hash)
        });
        let rounds = text
            .strip_prefix("$6$rounds=")
            .and_then(|rest| rest.split_once('$'))
            .map(|(digits, _)| digits.parse::<u32>());
        match rounds {
            _ if !good => {}
            Some(Ok(rounds)) if ROUNDS.contains(&rounds) => return Ok(Self(text.to_owned())),
            Some(Err(_)) => {}
            Some(Ok(_)) | None => {
                return Err("this hash has too few rounds, so a password is guessed from it quickly; make one with: \
                            mkpasswd -m sha512crypt -R 100000"
                    .to_owned());
            }
        }
        Err("this is not a sha512-crypt hash ($6$rounds=…); make one with: mkpasswd -m sha512crypt -R 100000"
            .to_owned())
    }
}

impl TimeZone {
    /// `Region/City`; the caller checks whether the zone exists.
    pub fn read(text: &str) -> Result<Self, String> {
        let good = text.len() <= 64
            && text.split('/').all(|part| {
                part.starts_with(|first: char| first.is_ascii_alphabetic())
                    && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
            });
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("invalid time zone `{}`; write a name like Europe/Berlin, or UTC", shown(text)))
    }
}

impl Interface {
    /// A name that the kernel accepts and a configuration file can hold.
    pub fn read(text: &str) -> Result<Self, String> {
        let good = (1..=15).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        if good && text != "." && text != ".." {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("invalid network interface `{}`", shown(text)))
    }
}

/// A time server, by name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeServer {
    /// Whether the name stands for a pool of servers.
    pub pool: bool,
    host: String,
}

impl TimeServer {
    /// A host name or an address.
    pub fn read(text: &str, pool: bool) -> Result<Self, String> {
        if text.parse::<IpAddr>().is_ok() || HostName::read(text).is_ok() {
            return Ok(Self { pool, host: text.to_owned() });
        }
        Err(format!("`{}` is neither a host name nor an address", shown(text)))
    }

    /// Its name or address.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The machine's own address.
    pub address: IpAddr,
    /// Bits of the network.
    pub prefix: u8,
}

impl Network {
    /// `192.0.2.10/24` or `2001:db8::10/64`.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "invalid address `{}`; write it with its prefix length, like 192.0.2.10/24 or 2001:db8::10/64",
                shown(text)
            )
        };
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address = host_address(address).map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse().ok().filter(|bits| (1..=most).contains(bits)).ok_or_else(wrong)?;
        Ok(Self { address, prefix })
    }

    /// Whether a router with this address can be reached directly.
    pub fn holds(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(own) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                // Routers of IPv6 are often known by their address on the link.
                u128::from(own) & mask == u128::from(other) & mask || other.segments()[0] & 0xffc0 == 0xfe80
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.address, self.prefix)
    }
}

/// An address of a single machine.
pub fn host_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("invalid address `{}`", shown(text)))?;
    let odd = address.is_multicast()
        || address.is_unspecified()
        || address.is_loopback()
        || address == IpAddr::V4(Ipv4Addr::BROADCAST)
        || matches!(address, IpAddr::V6(v6) if v6 == Ipv6Addr::UNSPECIFIED);
    match odd {
        true => Err(format!("{address} is not the address of one machine")),
        false => Ok(address),
    }
}

/// Untrusted text for a message: short, without control characters.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|char| if char.is_control() { '?' } else { char }).collect();
    if text.chars().count() > 40 {
        short.push('…');
    }
    short
}

/// Decodes base64 with its padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() % 4 != 0 || text.len() - digits.len() > 2 || text.len() > 4096 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
pub use tests::{HASH as HASH_OF_TESTS, KEY as KEY_OF_TESTS};

#[cfg(test)]
#[path = "types_tests.rs"]
mod tests;
