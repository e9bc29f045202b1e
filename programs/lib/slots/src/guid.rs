//! GUIDs, as partition tables and UEFI have them.

use std::fmt;
use std::str::FromStr;

/// A GUID as it lies in memory: the first three fields with their least significant byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

/// Why a text is not a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoGuid;

impl Guid {
    /// The GUID that is written `a-b-c-d`, the last two groups as one number.
    pub const fn new(a: u32, b: u16, c: u16, d: u64) -> Self {
        let (a, b, c, d) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_be_bytes());
        Self([a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]])
    }

    /// A random GUID (version 4) of sixteen random bytes.
    pub const fn random(mut bytes: [u8; 16]) -> Self {
        bytes[7] = bytes[7] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

/// `8be4df61-93ca-11d2-aa0d-00e098032b8c`.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (place, at) in order.into_iter().enumerate() {
            let dash = if [4, 6, 8, 10].contains(&place) { "-" } else { "" };
            write!(f, "{dash}{:02x}", self.0[at])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = NoGuid;

    fn from_str(text: &str) -> Result<Self, NoGuid> {
        let groups: Vec<&str> = text.split('-').collect();
        let [a, b, c, d, e] = groups.as_slice() else { return Err(NoGuid) };
        let number = |text: &str, digits: usize| {
            let hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if hex { u64::from_str_radix(text, 16).map_err(|_| NoGuid) } else { Err(NoGuid) }
        };
        let low = number(d, 4)? << 48 | number(e, 12)?;
        Ok(Self::new(number(a, 8)? as u32, number(b, 4)? as u16, number(c, 4)? as u16, low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_reads_as_it_is_written() {
        let text = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
        let guid: Guid = text.parse().unwrap();
        assert_eq!(guid, Guid::new(0x8be4_df61, 0x93ca, 0x11d2, 0xaa0d_00e0_9803_2b8c));
        assert_eq!(guid.to_string(), text);
        assert_eq!(guid.0[..8], [0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11]);
        assert_eq!("8BE4DF61-93CA-11D2-AA0D-00E098032B8C".parse(), Ok(guid));
        for wrong in [
            "",
            "8be4df61-93ca-11d2-aa0d",
            "8be4df61-93ca-11d2-aa0d-00e098032b8",
            "+be4df61-93ca-11d2-aa0d-00e098032b8c",
        ] {
            assert_eq!(wrong.parse::<Guid>(), Err(NoGuid), "{wrong}");
        }
        assert_eq!(Guid::random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
