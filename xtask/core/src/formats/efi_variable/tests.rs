//! The forms that the UEFI specification gives.

use super::*;
use crate::formats::x509::tests::certificate;

#[test]
fn each_variable_is_written_by_the_owner_of_the_one_above() {
    let rows: Vec<_> = KeyVariable::ALL.iter().map(|key| (key.name(), key.signer().name())).collect();
    assert_eq!(rows, [("db", "KEK"), ("KEK", "PK"), ("PK", "PK")]);
    assert_eq!(KeyVariable::Db.vendor(), IMAGE_SECURITY);
}

#[test]
fn a_list_holds_one_certificate_of_ours() {
    let list = signature_list(&certificate());
    let length = certificate().der.len() as u32;
    assert_eq!(list[..16], CERTIFICATES.0);
    assert_eq!(list[16..20], (28 + 16 + length).to_le_bytes());
    assert_eq!(list[20..24], [0; 4]);
    assert_eq!(list[24..28], (16 + length).to_le_bytes());
    assert_eq!(list[28..44], OWNER.0);
    assert_eq!(list[44..], certificate().der);
}

#[test]
fn a_write_is_signed_with_its_name_attributes_and_time() {
    let time = Time::at(Epoch(1_796_120_430));
    assert_eq!(time, Time { year: 2026, rest: [12, 1, 10, 20, 30] });
    let update = Update::new(KeyVariable::Db, b"content".to_vec(), time);
    let signed = [&b"d\0b\0"[..], &IMAGE_SECURITY.0, &[0x27, 0, 0, 0], &time.bytes(), b"content"].concat();
    assert_eq!(update.to_sign(), signed);
    let bytes = update.with(&certificate(), &[0x5a; 256]);
    assert_eq!(bytes[..16], [0xea, 0x07, 12, 1, 10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let length = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
    assert_eq!(bytes[20..24], [0x00, 0x02, 0xf1, 0x0e]);
    assert_eq!(bytes[24..40], PKCS7.0);
    assert_eq!(bytes[16 + length..], *b"content");
    // Where EDK2 looks for the name of SHA-256: `SignedData` without what usually goes around it.
    assert_eq!(bytes[40 + 13..40 + 22], [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]);
}
