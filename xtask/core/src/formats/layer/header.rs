//! The 512-byte ustar header and PAX records: one function each way, shared by writer and reader.

/// Everything in a tar file is a multiple of this, in bytes.
pub const BLOCK: usize = 512;

/// ustar has eleven octal digits for a size; from 8 GiB on a PAX record says it.
pub(super) const MAX_OCTAL: u64 = 0o777_7777_7777;

/// The name in the header of a PAX record block. Fixed: other writers put a process id here.
const PAX_NAME: &str = "pax";

/// What one header block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub path: &'a str,
    pub mode: u32,
    /// `0` file, `5` directory, `2` symlink, `x` PAX records.
    pub typeflag: u8,
    pub target: &'a str,
    pub size: u64,
    pub mtime: u64,
}

impl Header<'_> {
    /// The PAX records and the header block, as they stand in the file. Directories get a trailing slash.
    pub fn encode(&self) -> Vec<u8> {
        let slash = if self.typeflag == b'5' { "/" } else { "" };
        let path = format!("{}{slash}", self.path);
        let mut records = Vec::new();
        let split = split_path(&path);
        if split.is_none() {
            records.extend(record("path", &path));
        }
        if self.target.len() > 100 {
            records.extend(record("linkpath", self.target));
        }
        if self.size > MAX_OCTAL {
            records.extend(record("size", &self.size.to_string()));
        }
        let mut out = Vec::with_capacity(BLOCK);
        if !records.is_empty() {
            let pax = Header {
                path: PAX_NAME,
                mode: 0o644,
                typeflag: b'x',
                target: "",
                size: records.len() as u64,
                mtime: self.mtime,
            };
            out.extend(pax.block(("", PAX_NAME)));
            out.extend(&records);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
        out.extend(self.block(split.unwrap_or(("", cut(&path, 100)))));
        out
    }

    /// The block itself; values that do not fit are cut, a PAX record before it says them in full.
    fn block(&self, (prefix, name): (&str, &str)) -> [u8; BLOCK] {
        let mut block = [0u8; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", if self.size > MAX_OCTAL { 0 } else { self.size }).as_bytes());
        put(136, format!("{:011o}", self.mtime.min(MAX_OCTAL)).as_bytes());
        put(148, b"        ");
        put(156, &[self.typeflag]);
        put(157, cut(self.target, 100).as_bytes());
        put(257, b"ustar\x0000");
        put(329, b"0000000");
        put(337, b"0000000");
        put(345, prefix.as_bytes());
        let sum = checksum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// The header's checksum: the sum of its bytes with the checksum field as spaces.
pub(super) fn checksum(block: &[u8; BLOCK]) -> u32 {
    let field = 148..156;
    block.iter().enumerate().map(|(at, byte)| if field.contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// Prefix and name, when the path fits in the 155 + 1 + 100 bytes ustar has.
fn split_path(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    // The first slash that leaves a name of at most 100 bytes; the name may end in a slash but not be one.
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(_, name)| name.len() <= 100)
        .filter(|(prefix, name)| prefix.len() <= 155 && !prefix.is_empty() && !name.is_empty())
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}").into_bytes()
}

/// The longest beginning of at most `max` bytes that ends between characters.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_their_own_length() {
        assert_eq!(record("path", "a"), b"9 path=a\n");
        assert_eq!(record("path", "ab"), b"11 path=ab\n");
        // 98 bytes of rest + 2 digits would be 100, which needs three digits.
        let value = "v".repeat(98 - " path=\n".len());
        assert!(record("path", &value).starts_with(b"101 path="));
    }

    #[test]
    fn splits() {
        let (a, b) = ("a".repeat(155), "b".repeat(100));
        assert_eq!(split_path(&format!("{a}/{b}")), Some((a.as_str(), b.as_str())));
        assert_eq!(split_path(&format!("{a}a/{b}")), None);
        assert_eq!(split_path(&format!("{a}/{b}b")), None);
        assert_eq!(split_path(&format!("{}/", "d".repeat(100))), None);
    }

    #[test]
    fn huge_sizes_go_to_a_record() {
        let header = Header { path: "a", mode: 0o644, typeflag: b'0', target: "", size: MAX_OCTAL + 1, mtime: 0 };
        let bytes = header.encode();
        assert_eq!(bytes.len(), 3 * BLOCK);
        assert!(bytes[BLOCK..].starts_with(b"19 size=8589934592\n"));
    }
}
