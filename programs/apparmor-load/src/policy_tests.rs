//! Tests of the reader of compiled profiles.

use super::*;

fn text(code: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![code];
    bytes.extend((text.len() as u16 + 1).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

fn number(number: u32) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend(number.to_le_bytes());
    bytes
}

/// A profile as the parser writes it, as far as this program reads.
pub fn compiled(name: &str, mode: u32) -> Vec<u8> {
    [
        text(4, "version"),
        number(9),
        text(4, "profile"),
        vec![7],
        text(5, name),
        text(4, "flags"),
        vec![7],
        number(0),
        number(mode),
        number(0),
        vec![8],
        // A structure that holds one of the same name, an array, and a table.
        text(4, "policydb"),
        vec![7],
        text(4, "flags"),
        vec![7],
        number(9),
        vec![8, 11, 1, 0],
        text(5, "session"),
        vec![12, 6, 3, 0, 0, 0, 1, 2, 3],
        vec![8, 8],
    ]
    .concat()
}

fn names(bytes: &[u8]) -> Vec<(String, bool)> {
    read(bytes).unwrap().into_iter().map(|profile| (profile.name, profile.enforced)).collect()
}

fn broken(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn profiles_are_found_one_after_the_other() {
    let file = [compiled("sshd", 0), compiled("dhcpcd//hooks", 1)].concat();
    assert_eq!(names(&file), [("sshd".to_owned(), true), ("dhcpcd//hooks".to_owned(), false)]);
}

#[test]
fn a_whole_file_that_only_reports_is_noticed() {
    let mut file = compiled("sshd", 0);
    file[12..14].copy_from_slice(&0x0809u16.to_le_bytes());
    assert_eq!(names(&file), [("sshd".to_owned(), false)]);
}

#[test]
fn what_is_refused() {
    let good = compiled("sshd", 0);
    assert_eq!(broken(b""), "byte 0: it contains no profile");
    assert_eq!(broken(&[good.clone(), good.clone()].concat()), "byte 232: duplicate profile sshd");
    assert_eq!(broken(&good[..good.len() - 1]), "byte 115: the file ends in the middle of a value");
    assert_eq!(broken(b"#!/bin/sh\n"), "byte 1: 35 is not a value type");
    assert_eq!(broken(&compiled(":other:sshd", 0)), "byte 43: \":other:sshd\" is not a valid profile name");
    let mut old = good.clone();
    old[12] = 3;
    assert_eq!(broken(&old), "byte 16: format 3 is not one of those that the kernel reads");
    let mut open = good;
    open.pop();
    open.extend([10]);
    assert_eq!(broken(&open), "byte 116: the end of something that did not begin");
    let namespace = [text(4, "version"), number(9), text(4, "namespace"), text(5, "other")].concat();
    assert_eq!(broken(&namespace), "byte 16: the beginning of a profile is missing");
    let deep = [text(4, "version"), number(9), text(4, "profile"), vec![7], text(5, "a"), vec![7; 40]].concat();
    assert_eq!(broken(&deep), "byte 49: values are nested too deeply");
}

#[test]
fn every_cut_and_every_flipped_bit_has_an_answer() {
    let file = [compiled("sshd", 0), compiled("chronyd", 0)].concat();
    let half = file.len() / 2;
    for end in 0..file.len() {
        let found = read(&file[..end]);
        assert_eq!(found.is_ok(), end == compiled("sshd", 0).len(), "cut at {end} of {half}: {found:?}");
    }
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match read(&flipped) {
            Ok(profiles) => assert!(profiles.len() <= 2),
            Err(broken) => assert!(broken.at <= file.len(), "{broken}"),
        }
    }
}

#[test]
fn fuzz_damaged_policies_have_an_answer() {
    let file = [compiled("sshd", 0), compiled("chronyd", 0)].concat();
    testkit::fuzz::repeat(0xa99a, crate::FUZZ_ALPHABET, |random| {
        let damaged = if random.below(4) == 0 { random.bytes(300) } else { random.damaged(&file) };
        if let Ok(profiles) = read(&damaged) {
            let distinct: BTreeSet<&String> = profiles.iter().map(|profile| &profile.name).collect();
            assert_eq!(distinct.len(), profiles.len());
            assert!(!profiles.is_empty());
        }
    });
}
