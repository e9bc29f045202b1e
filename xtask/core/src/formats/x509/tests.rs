//! Certificates of a key that signs nothing: what signs is tested where keys are.

use super::*;
use proptest::prelude::*;

/// The certificate of a key that nobody has.
pub fn certificate() -> Certificate {
    let key = sequence(&[&unsigned(&[0xc3; 256]), &unsigned(&[1, 0, 1])]);
    let unsigned = Unsigned::new("Ashlar test", &key, 2026);
    Certificate::parse(&unsigned.with(&[0xa5; 256])).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let certificate = certificate();
    assert_eq!(certificate.public_key, sequence(&[&unsigned(&[0xc3; 256]), &unsigned(&[1, 0, 1])]));
    assert_eq!(certificate.signature, [0xa5; 256]);
    assert_eq!(certificate.serial.len(), 18);
    let name = sequence(&[&set(&[&sequence(&[&object_identifier(COMMON_NAME), &value(UTF8_STRING, b"Ashlar test")])])]);
    assert_eq!(certificate.issuer, name);
    assert_eq!(certificate.to_string(), "80c38c5d50ce0849207af53711ed415a8fee04fc44caedba47b88e7f9bc81bbe");
}

#[test]
fn dates_have_the_form_of_their_century() {
    let has = |year, text: &[u8]| {
        let bytes = Unsigned::new("n", b"key", year).0;
        bytes.windows(text.len()).any(|window| window == text)
    };
    assert!(has(2026, b"\x17\x0d260101000000Z"));
    assert!(has(2050, b"\x18\x0f20500101000000Z"));
}

#[test]
fn what_is_no_certificate_of_an_rsa_key_is_named() {
    let text = |bytes: &[u8]| Certificate::parse(bytes).unwrap_err().to_string();
    let good = certificate().der;
    let rsa = object_identifier(RSA);
    let at = good.windows(rsa.len()).position(|window| window == rsa).unwrap();
    let mut other = good.clone();
    other[at + rsa.len() - 1] = 7;
    let longer = [good, vec![0]].concat();
    insta::assert_snapshot!([text(b"-----BEGIN CERTIFICATE-----"), text(&other), text(&longer)].join("\n"));
}

proptest! {
    #[test]
    fn changed_certificates_are_read_or_refused(at in 0usize..800, byte: u8, cut in 0usize..700) {
        let mut bytes = certificate().der;
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _read = Certificate::parse(&bytes);
        bytes.truncate(cut);
        prop_assert!(Certificate::parse(&bytes).is_err());
    }
}
