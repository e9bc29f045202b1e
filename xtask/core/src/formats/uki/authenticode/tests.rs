//! Signatures of a key that nobody has: that firmware takes ours is shown by boot tests, that keys fit by the tests of `host`.

use super::super::tests::stub;
use super::*;
use crate::formats::uki::assemble;
use crate::formats::x509::tests::certificate;
use proptest::prelude::*;

const SIGNATURE: [u8; 256] = [0x5a; 256];

fn image() -> Vec<u8> {
    assemble(&stub(1024), &[(".cmdline", b"quiet"), (".linux", &[7; 5000])]).unwrap().bytes
}

fn signed() -> Vec<u8> {
    let image = image();
    let signature = attributes(&image).unwrap().with(&certificate(), &SIGNATURE);
    attach(&image, &signature).unwrap()
}

#[test]
fn a_signature_goes_on_and_comes_off() {
    let (image, signed) = (image(), signed());
    assert_eq!(signed.len() % ALIGN, 0);
    let pe = parse(&signed).unwrap();
    assert!(pe.signed);
    assert_eq!(check_sum(&signed, pe.optional + CHECK_SUM), pe.check_sum);
    let (without, written) = detach(&signed).unwrap();
    assert_eq!(without, image);
    assert_eq!(attach(&image, written).unwrap(), signed);
    assert_eq!(digest(&signed), digest(&image));
    let read = signature(&signed).unwrap();
    assert_eq!((read.certificate, read.signature.as_slice()), (certificate(), SIGNATURE.as_slice()));
    assert_eq!(read.attributes, attributes(&image).unwrap().to_sign());
    insta::assert_snapshot!(digest(&image).unwrap());
}

#[test]
fn the_bytes_that_are_not_signed_are_those_that_signing_changes() {
    let image = image();
    let pe = parse(&image).unwrap();
    let unsigned = [pe.optional + CHECK_SUM..pe.optional + CHECK_SUM + 4, pe.certificates()..pe.certificates() + 4];
    for at in 0..image.len() {
        let mut changed = image.clone();
        changed[at] ^= 0x10;
        let same = digest(&changed).is_ok_and(|changed| changed == digest(&image).unwrap());
        assert_eq!(same, unsigned.iter().any(|range| range.contains(&at)), "byte {at}");
    }
}

#[test]
fn every_changed_byte_of_a_signed_image_is_noticed() {
    let good = signed();
    let pe = parse(&good).unwrap();
    let image = image().len();
    for at in (0..image).filter(|at| !(pe.optional + CHECK_SUM..pe.optional + CHECK_SUM + 4).contains(at)) {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        assert!(signature(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn mistakes_are_named() {
    let mut changed = signed();
    changed[1100] ^= 1;
    let longer = [signed(), vec![0; 8]].concat();
    let other = attach(&image(), &sequence(&[b"\x05\x00"])).unwrap();
    let broken = attach(&image(), b"\x04\x00").unwrap();
    let mut lines = vec![attach(&signed(), &[]).unwrap_err().to_string()];
    lines.extend(
        [image(), changed, longer, other, broken].iter().map(|bytes| signature(bytes).unwrap_err().to_string()),
    );
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_medium_gives_its_signed_program() {
    let medium = [vec![0; 4096], image(), vec![1; 512], signed(), vec![2; 700]].concat();
    assert_eq!(in_medium(&medium), Some(signed().as_slice()));
    assert_eq!(in_medium(&[image(), vec![0; 2048]].concat()), None);
    assert_eq!(in_medium(&medium[..medium.len() - 1000]), None);
}

proptest! {
    #[test]
    fn changed_signatures_are_read_or_refused(changes in prop::collection::vec((0usize..2000, any::<u8>()), 1..4)) {
        let mut bytes = signed();
        let table = image().len();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(table + at) {
                *place = byte;
            }
        }
        let _read = signature(&bytes);
    }
}
