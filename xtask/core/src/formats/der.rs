//! Values in DER (X.690), the encoding of certificates and signatures: written from the inside out, read one after the other.

/// `INTEGER`.
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub const OCTET_STRING: u8 = 0x04;
/// `NULL`.
pub const NULL: u8 = 0x05;
/// `OBJECT IDENTIFIER`.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// `UTF8String`.
pub const UTF8_STRING: u8 = 0x0c;
/// `GeneralizedTime`.
pub const GENERALIZED_TIME: u8 = 0x18;
/// `SEQUENCE` and `SEQUENCE OF`.
pub const SEQUENCE: u8 = 0x30;
/// `SET` and `SET OF`.
pub const SET: u8 = 0x31;

/// Why bytes are not the value that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The bytes end within a value.
    #[error("the bytes end within a value")]
    Short,
    /// A length is not written in the one way that DER allows, or exceeds 4 GiB.
    #[error("a length is not in DER's form")]
    Length,
    /// Another value stands there.
    #[error("expected a value with the tag {wanted:#04x}, found {found:#04x}")]
    Tag {
        /// What was expected.
        wanted: u8,
        /// What is there.
        found: u8,
    },
    /// Something follows the last value.
    #[error("something follows the last value")]
    Rest,
}

/// The tag of a constructed, context-specific value: `[number]`, for numbers below 31.
pub const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// A value: tag, length, content.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let digits = &bytes[long.leading_zeros() as usize / 8..];
            out.push(0x80 | digits.len() as u8);
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

/// A sequence of encoded values.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// A set of encoded values, in the order that DER asks for.
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    value(SET, &parts.concat())
}

/// An integer that is not negative, of its bytes from the most significant on.
pub fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let digits = &magnitude[magnitude.iter().take_while(|byte| **byte == 0).count()..];
    // A first bit of one would make it negative, and no digit at all is no integer.
    let zero: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[zero, digits].concat())
}

/// An object identifier of at least two arcs.
pub fn object_identifier(arcs: &[u32]) -> Vec<u8> {
    let (top, rest) = arcs.split_at(arcs.len().min(2));
    let first = top.iter().fold(0, |sum, arc| sum * 40 + arc);
    let mut content = Vec::new();
    for arc in std::iter::once(&first).chain(rest) {
        let groups = (u32::BITS - arc.leading_zeros()).div_ceil(7).max(1);
        content.extend((0..groups).rev().map(|group| {
            let more = if group > 0 { 0x80 } else { 0 };
            more | (arc >> (7 * group)) as u8 & 0x7f
        }));
    }
    value(OBJECT_IDENTIFIER, &content)
}

/// A bit string of whole bytes.
pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// A value as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its tag.
    pub tag: u8,
    /// What it holds.
    pub content: &'a [u8],
    /// All of it, with tag and length.
    pub encoded: &'a [u8],
}

/// Reads values that follow one another. Never panics, whatever the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of values at the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value.
    ///
    /// # Errors
    /// When the bytes end within it, or its length is not in DER's form.
    pub fn any(&mut self) -> Result<Value<'a>, DerError> {
        let [tag, first, ..] = *self.0 else { return Err(DerError::Short) };
        let digits = match first {
            0..=0x7f => 0,
            0x81..=0x84 => usize::from(first & 0x7f),
            _ => return Err(DerError::Length),
        };
        let written = self.0.get(2..2 + digits).ok_or(DerError::Short)?;
        let length = match digits {
            0 => usize::from(first),
            _ => written.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)),
        };
        if digits > 0 && (length < 0x80 || written[0] == 0) {
            return Err(DerError::Length);
        }
        let begin = 2 + digits;
        let end = begin.checked_add(length).ok_or(DerError::Length)?;
        let encoded = self.0.get(..end).ok_or(DerError::Short)?;
        self.0 = &self.0[end..];
        Ok(Value { tag, content: &encoded[begin..], encoded })
    }

    /// The next value, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::any`], and when it has another tag.
    pub fn next(&mut self, tag: u8) -> Result<Value<'a>, DerError> {
        let value = self.any()?;
        if value.tag == tag { Ok(value) } else { Err(DerError::Tag { wanted: tag, found: value.tag }) }
    }

    /// The values inside the next value, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn inside(&mut self, tag: u8) -> Result<Self, DerError> {
        Ok(Self(self.next(tag)?.content))
    }

    /// Whether the next value has this tag.
    pub fn is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// When something does.
    pub const fn end(self) -> Result<(), DerError> {
        if self.0.is_empty() { Ok(()) } else { Err(DerError::Rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_those_of_the_standard() {
        assert_eq!(object_identifier(&[1, 2, 840, 113_549, 1, 1, 11]), b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b");
        assert_eq!(object_identifier(&[2, 5, 4, 3]), b"\x06\x03\x55\x04\x03");
        assert_eq!(unsigned(&[]), b"\x02\x01\x00");
        assert_eq!(unsigned(&[0, 0, 0x7f]), b"\x02\x01\x7f");
        assert_eq!(unsigned(&[0x80]), b"\x02\x02\x00\x80");
        assert_eq!(bit_string(b"a"), b"\x03\x02\x00a");
        assert_eq!(set(&[b"\x02\x01\x02", b"\x02\x01\x01"]), b"\x31\x06\x02\x01\x01\x02\x01\x02");
        assert_eq!(value(OCTET_STRING, &[0; 0x80])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(value(OCTET_STRING, &[0; 0x100])[..4], [0x04, 0x82, 0x01, 0x00]);
        assert_eq!(context(3), 0xa3);
    }

    #[test]
    fn other_forms_are_refused() {
        let read = |bytes| Reader::new(bytes).any().unwrap_err();
        assert_eq!(read(b""), DerError::Short);
        assert_eq!(read(b"\x30"), DerError::Short);
        assert_eq!(read(b"\x30\x02\x00"), DerError::Short);
        assert_eq!(read(b"\x30\x82\x01"), DerError::Short);
        for length in [&b"\x30\x80"[..], b"\x30\x81\x01a", b"\x30\x82\x00\x80", b"\x30\x85\x01\x01\x01\x01\x01"] {
            assert_eq!(read(length), DerError::Length, "{length:02x?}");
        }
        assert_eq!(Reader::new(b"\x05\x00").next(INTEGER), Err(DerError::Tag { wanted: INTEGER, found: NULL }));
        assert_eq!(Reader::new(b"x").end(), Err(DerError::Rest));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in 0u8..0xff, content in prop::collection::vec(any::<u8>(), 0..700)) {
            let mut bytes = value(tag, &content);
            let length = bytes.len();
            bytes.extend(b"rest");
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.any(), Ok(Value { tag, content: &content, encoded: &bytes[..length] }));
            prop_assert!(reader.is(b'r'));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(value) = reader.any() {
                prop_assert_eq!(super::value(value.tag, value.content), value.encoded);
            }
        }
    }
}
