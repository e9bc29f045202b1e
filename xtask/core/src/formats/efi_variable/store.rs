//! The variables in a virtual machine's flash, as EDK2 keeps them (`MdeModulePkg/Include/Guid/VariableFormat.h`): a header, and
//! authenticated variables one after the other.

use slots::entry;

use super::{Guid, Time};

/// `gEfiAuthenticatedVariableGuid`: which store this is.
const AUTHENTICATED: Guid = Guid::new(0xaaf3_2c78, 0x947b, 0x439a, 0xa180_2e14_4ec3_7792);
/// Bytes of the store's header: GUID, size, format, state, reserved.
const HEADER: usize = 28;
/// Bytes of a variable's header, up to its name.
const VARIABLE: usize = 60;
/// How each variable begins.
const START: [u8; 2] = [0xaa, 0x55];
/// `VAR_ADDED`: it is complete and not deleted.
const ADDED: u8 = 0x3f;
/// What erased flash has.
const ERASED: u8 = 0xff;

/// Why a flash cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No store of authenticated variables begins where the volume's header ends.
    #[error("the firmware's variables are not a store of EDK2 with authenticated variables")]
    Form,
    /// There is no room.
    #[error("the variable {0} does not fit into the firmware's flash")]
    Full(String),
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// Vendor.
    pub vendor: Guid,
    /// Attributes, as UEFI numbers them.
    pub attributes: u32,
    /// When it was written, for variables that say so; all zero otherwise.
    pub time: Time,
    /// What it holds.
    pub content: Vec<u8>,
}

impl Variable {
    /// The variable as it lies in the flash, with what fills it up to the next.
    fn bytes(&self) -> Vec<u8> {
        let name = entry::text(&self.name);
        let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
        let mut bytes = [
            &START[..],
            &[ADDED, 0],
            &self.attributes.to_le_bytes(),
            // A counter that is not used any more.
            &[0; 8],
            &self.time.bytes(),
            // Nor is the index of a key.
            &[0; 4],
            &length(&name),
            &length(&self.content),
            &self.vendor.0,
            &name,
            &self.content,
        ]
        .concat();
        bytes.resize(bytes.len().next_multiple_of(4), ERASED);
        bytes
    }
}

/// The flash with `variables` after those that it has.
///
/// # Errors
/// When it has no such store, or they do not fit.
pub fn with(flash: &[u8], variables: &[Variable]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = flash.to_vec();
    let (mut free, end) = free(flash)?;
    for variable in variables {
        let written = variable.bytes();
        let place = bytes.get_mut(free..free + written.len()).filter(|_| free + written.len() <= end);
        let place = place.ok_or_else(|| StoreError::Full(variable.name.clone()))?;
        place.copy_from_slice(&written);
        free += written.len();
    }
    Ok(bytes)
}

/// Where the first free byte of the store lies, and where the store ends.
fn free(flash: &[u8]) -> Result<(usize, usize), StoreError> {
    let u16_at = |at: usize| Some(usize::from(u16::from_le_bytes(flash.get(at..at + 2)?.try_into().ok()?)));
    let u32_at = |at: usize| Some(u32::from_le_bytes(flash.get(at..at + 4)?.try_into().ok()?) as usize);
    // The volume's header names its own length.
    let store = u16_at(48).ok_or(StoreError::Form)?;
    let fits = flash.get(40..44) == Some(b"_FVH") && flash.get(store..store + 16) == Some(&AUTHENTICATED.0);
    let end = u32_at(store + 16).filter(|_| fits).map(|size| store + size).filter(|end| *end <= flash.len());
    let end = end.ok_or(StoreError::Form)?;
    let mut at = store + HEADER;
    while at < end && flash.get(at..at + 2) == Some(&START) {
        let length = u32_at(at + 36).zip(u32_at(at + 40)).and_then(|(name, content)| name.checked_add(content));
        let length = length.and_then(|length| length.checked_add(VARIABLE)).ok_or(StoreError::Form)?;
        at = at.checked_add(length).ok_or(StoreError::Form)?.next_multiple_of(4);
    }
    Ok((at, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An erased flash with a store of `size` bytes.
    fn flash(size: usize) -> Vec<u8> {
        let mut bytes = vec![ERASED; 0x48 + size];
        bytes[..0x48].fill(0);
        bytes[40..44].copy_from_slice(b"_FVH");
        bytes[48] = 0x48;
        bytes[0x48..0x58].copy_from_slice(&AUTHENTICATED.0);
        bytes[0x58..0x5c].copy_from_slice(&(size as u32).to_le_bytes());
        bytes
    }

    fn variable(name: &str, content: &[u8]) -> Variable {
        let time = Time { year: 2026, rest: [1, 2, 3, 4, 5] };
        Variable { name: name.to_owned(), vendor: super::super::GLOBAL, attributes: 7, time, content: content.to_vec() }
    }

    #[test]
    fn variables_follow_one_another() {
        let (first, second) = (variable("PK", b"abcde"), variable("db", b""));
        let together = with(&flash(1024), &[first.clone(), second.clone()]).unwrap();
        let apart = with(&with(&flash(1024), &[first]).unwrap(), &[second]).unwrap();
        assert_eq!(together, apart);
        let at = 0x48 + HEADER;
        assert_eq!(together[at..at + 8], [0xaa, 0x55, 0x3f, 0, 7, 0, 0, 0]);
        assert_eq!(together[at + VARIABLE..at + VARIABLE + 11], *b"P\0K\0\0\0abcde");
        assert_eq!(together[at + 72..at + 74], START);
        assert_eq!(together[at + 72 + VARIABLE + 6..at + 72 + VARIABLE + 8], [ERASED; 2]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = with(&flash(200), &[variable("PK", &[0; 20]), variable("KEK", &[0; 30])]).unwrap_err();
        assert_eq!(error, StoreError::Full("KEK".to_owned()));
        assert_eq!(with(b"_FVH", &[]), Err(StoreError::Form));
        assert_eq!(with(&[0; 100], &[]), Err(StoreError::Form));
        assert_eq!(with(&flash(200)[..200], &[]), Err(StoreError::Form));
    }

    proptest! {
        #[test]
        fn any_flash_is_taken_or_refused(changes in prop::collection::vec((0usize..400, any::<u8>()), 0..8)) {
            let mut bytes = with(&flash(328), &[variable("PK", b"abc")]).unwrap();
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            let _written = with(&bytes, &[variable("db", b"x")]);
        }
    }
}
