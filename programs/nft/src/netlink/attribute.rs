//! Netlink's attributes: length, type, bytes, padded to four.

/// Set in the type of a nested attribute.
const NESTED: u16 = 0x8000;
const TYPE: u16 = 0x3fff;

/// Writes attributes.
#[derive(Debug, Default)]
pub struct Attributes {
    pub bytes: Vec<u8>,
}

impl Attributes {
    pub fn put(&mut self, kind: u16, bytes: &[u8]) -> &mut Self {
        // Callers split longer ones: `write::elements` does so for sets, and the grammar limits everything else.
        let len = (bytes.len() + 4).min(usize::from(u16::MAX)) as u16;
        self.bytes.extend(len.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    pub fn u8(&mut self, kind: u16, number: u8) -> &mut Self {
        self.put(kind, &[number])
    }

    pub fn u16(&mut self, kind: u16, number: u16) -> &mut Self {
        self.put(kind, &number.to_be_bytes())
    }

    pub fn u32(&mut self, kind: u16, number: u32) -> &mut Self {
        self.put(kind, &number.to_be_bytes())
    }

    pub fn u64(&mut self, kind: u16, number: u64) -> &mut Self {
        self.put(kind, &number.to_be_bytes())
    }

    pub fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        self.put(kind, &[text.as_bytes(), &[0]].concat())
    }

    pub fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Attributes)) -> &mut Self {
        let mut inner = Attributes::default();
        inside(&mut inner);
        self.put(kind | NESTED, &inner.bytes)
    }
}

/// Reads attributes. Anything malformed ends them.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Reader<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head: [u8; 4] = self.rest.get(..4)?.try_into().ok()?;
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]) & TYPE;
        let value = self.rest.get(4..len)?;
        self.rest = self.rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Text up to its zero byte, without control characters: names can hold anything, and a terminal would interpret them.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Reads attributes.
pub fn read(bytes: &[u8]) -> Reader<'_> {
    Reader { rest: bytes }
}

impl<'a> Reader<'a> {
    /// The last attribute of a type.
    pub fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.filter(|(of, _)| *of == kind).map(|(_, value)| value).last()
    }

    pub fn u8(self, kind: u16) -> Option<u8> {
        self.get(kind)?.first().copied()
    }

    pub fn u16(self, kind: u16) -> Option<u16> {
        Some(u16::from_be_bytes(self.get(kind)?.get(..2)?.try_into().ok()?))
    }

    pub fn u32(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(kind)?.get(..4)?.try_into().ok()?))
    }

    pub fn u64(self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(self.get(kind)?.get(..8)?.try_into().ok()?))
    }

    /// Text up to its zero byte.
    pub fn text(self, kind: u16) -> Option<String> {
        Some(text(self.get(kind)?))
    }

    /// Nested attributes.
    pub fn inside(self, kind: u16) -> Option<Reader<'a>> {
        Some(read(self.get(kind)?))
    }
}
