//! Synthetic trees: a tiny ELF assembler, a tiny archiver and a table of what each rule says.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::name::Epoch;
use crate::formats::elf as formats_elf;
use crate::formats::manifest::{ElfFacts, ElfForm, ManifestEntry};

/// A 64-bit ELF file with program headers only, plus dynamic entries and their strings when asked for.
#[derive(Clone)]
struct Elf {
    kind: u16,
    /// Type and flags.
    segments: Vec<(u32, u32)>,
    interpreter: Option<&'static str>,
    dynamic: Vec<(u64, u64)>,
    strings: &'static [u8],
}

const STATIC_PIE: (u64, u64) = (0x6fff_fffb, 0x0800_0001);
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERP: u32 = 3;
const STACK: u32 = 0x6474_e551;
const RELRO: u32 = 0x6474_e552;

impl Elf {
    fn good() -> Self {
        Self {
            kind: 3,
            segments: vec![(LOAD, 5), (LOAD, 6), (STACK, 6), (RELRO, 4)],
            interpreter: None,
            dynamic: vec![STATIC_PIE],
            strings: b"\0",
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.segments.len() + 2;
        let start = 64 + 56 * count;
        let interp = self.interpreter.map(|text| format!("{text}\0").into_bytes()).unwrap_or_default();
        let dynamic_at = (start + interp.len()).next_multiple_of(8);
        let mut dynamic: Vec<u8> = Vec::new();
        for (tag, value) in self.dynamic.iter().chain(&[(0, 0)]) {
            dynamic.extend(tag.to_le_bytes());
            dynamic.extend(value.to_le_bytes());
        }
        let strings_at = dynamic_at + dynamic.len();
        let sections_at = (strings_at + self.strings.len()).next_multiple_of(8);
        let mut out = b"\x7fELF\x02\x01\x01".to_vec();
        out.resize(16, 0);
        out.extend([self.kind.to_le_bytes(), 62u16.to_le_bytes()].concat());
        out.extend(1u32.to_le_bytes());
        for value in [0u64, 64, sections_at as u64] {
            out.extend(value.to_le_bytes());
        }
        out.extend(0u32.to_le_bytes());
        for value in [64u16, 56, count as u16, 64, 3, 2] {
            out.extend(value.to_le_bytes());
        }
        let mut segment = |kind: u32, flags: u32, at: usize, size: usize| {
            out.extend(kind.to_le_bytes());
            out.extend(flags.to_le_bytes());
            for value in [at as u64, 0, 0, size as u64, size as u64, 8] {
                out.extend(value.to_le_bytes());
            }
        };
        for (kind, flags) in &self.segments {
            segment(*kind, *flags, 0, 0);
        }
        segment(if self.interpreter.is_some() { INTERP } else { 0 }, 4, start, interp.len());
        segment(if self.dynamic.is_empty() { 0 } else { DYNAMIC }, 6, dynamic_at, dynamic.len());
        out.extend(interp);
        out.resize(dynamic_at, 0);
        out.extend(&dynamic);
        out.extend(self.strings);
        out.resize(sections_at, 0);
        // Null section, .dynamic (linked to 2), its strings.
        let dynamic_type = if self.dynamic.is_empty() { 0 } else { 6 };
        for (kind, at, size, link, entry) in [
            (0u32, 0, 0, 0u32, 0u64),
            (dynamic_type, dynamic_at, dynamic.len(), 2, 16),
            (3, strings_at, self.strings.len(), 0, 0),
        ] {
            out.extend(0u32.to_le_bytes());
            out.extend(kind.to_le_bytes());
            for value in [0u64, 0, at as u64, size as u64] {
                out.extend(value.to_le_bytes());
            }
            out.extend(link.to_le_bytes());
            out.extend(0u32.to_le_bytes());
            out.extend(1u64.to_le_bytes());
            out.extend(entry.to_le_bytes());
        }
        out
    }
}

/// An archive with one member of a long name; `date` is written as is.
fn archive(content: &[u8], date: &str) -> Vec<u8> {
    let member = |name: &str, date: &str, content: &[u8]| {
        let mut out = format!("{name:<16}{date:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 644, content.len()).into_bytes();
        out.extend(content);
        out.resize(out.len().next_multiple_of(2), b'\n');
        out
    };
    [
        b"!<arch>\n".to_vec(),
        member("/", "0", b"\0\0\0\0"),
        member("//", "", b"a_rather_long_name.o/\n"),
        member("/0", date, content),
        member("odd.o/", "0", b"x"),
    ]
    .concat()
}

struct Tree(BTreeMap<String, Vec<u8>>);

impl Contents for Tree {
    fn read(&self, path: &str) -> io::Result<Cow<'_, [u8]>> {
        self.0.get(path).map(|bytes| Cow::Borrowed(&bytes[..])).ok_or(io::ErrorKind::NotFound.into())
    }
}

fn findings(path: &str, bytes: &[u8], subject: &Subject) -> Vec<LintFinding> {
    let manifest = Manifest::new(vec![ManifestEntry::file(path, 0o644, bytes)]).unwrap();
    run(&manifest, &Tree([(path.to_owned(), bytes.to_vec())].into()), subject, &LintPolicy::default()).unwrap()
}

fn text(findings: &[LintFinding]) -> String {
    findings.iter().map(|finding| format!("{} {}\n", finding.lint, finding.message)).collect()
}

#[test]
fn a_hardened_static_program_passes() {
    let elf = facts_of(&Elf::good());
    assert_eq!((elf.form, elf.full_relro, elf.nx_stack, elf.writable_code), (ElfForm::Pie, true, true, false));
    assert_eq!(text(&findings("usr/bin/x", &Elf::good().bytes(), &Subject::default())), "");
}

fn facts_of(elf: &Elf) -> ElfFacts {
    formats_elf::facts(&elf.bytes()).unwrap().unwrap()
}

#[test]
fn every_elf_rule_finds_its_fault() {
    let good = Elf::good();
    let cases = [
        ("fixed", Elf { kind: 2, ..good.clone() }),
        ("interpreter", Elf { interpreter: Some("/lib/ld.so"), ..good.clone() }),
        ("needed", Elf { dynamic: vec![STATIC_PIE, (1, 1)], strings: b"\0libz.so\0", ..good.clone() }),
        ("lazy", Elf { dynamic: vec![(0x6fff_fffb, 0x0800_0000)], ..good.clone() }),
        ("no relro", Elf { segments: vec![(LOAD, 5), (STACK, 6)], ..good.clone() }),
        ("stack", Elf { segments: vec![(LOAD, 5), (STACK, 7), (RELRO, 4)], ..good.clone() }),
        ("wx", Elf { segments: vec![(LOAD, 7), (STACK, 6), (RELRO, 4)], ..good.clone() }),
        ("runpath", Elf { dynamic: vec![STATIC_PIE, (29, 1)], strings: b"\0/opt/lib\0", ..good.clone() }),
        ("glibc", Elf { strings: b"\0GLIBC_2.36\0", ..good.clone() }),
        ("flags", Elf { dynamic: vec![(0x6fff_fffb, 0x0800_0000), (30, 8)], ..good.clone() }),
    ];
    let report: Vec<String> = cases
        .iter()
        .map(|(name, elf)| format!("{name}\n{}", text(&findings("usr/bin/x", &elf.bytes(), &Subject::default()))))
        .collect();
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn shared_libraries_and_objects_are_told_from_programs() {
    let shared = Elf { dynamic: vec![(0x6fff_fffb, 1)], ..Elf::good() };
    assert_eq!(facts_of(&shared).form, ElfForm::Shared);
    let object = Elf { kind: 1, segments: Vec::new(), dynamic: Vec::new(), ..Elf::good() };
    assert_eq!(facts_of(&object).form, ElfForm::Relocatable);
    assert_eq!(text(&findings("usr/lib/x.o", &object.bytes(), &Subject::default())), "");
    assert_eq!(facts_of(&Elf { kind: 4, ..Elf::good() }).form, ElfForm::Other);
    assert_eq!(formats_elf::facts(b"#!/bin/sh"), None);
    assert!(
        text(&findings("usr/x", b"\x7fELFjunk", &Subject::default()))
            .contains("lint::elf-parse `usr/x` is not readable")
    );
}

#[test]
fn archives_are_taken_apart() {
    let wrong = Elf { strings: b"\0GLIBC_2.36\0", ..Elf::good() }.bytes();
    let found = text(&findings("usr/lib/x.a", &archive(&wrong, "0"), &Subject::default()));
    assert_eq!(
        found,
        "lint::elf-glibc `usr/lib/x.a` (member a_rather_long_name.o) contains the symbol version `GLIBC_2.36`\n"
    );
    let dated = text(&findings("usr/lib/x.a", &archive(b"x", "1700000000"), &Subject::default()));
    assert!(dated.contains("the member `a_rather_long_name.o` of `usr/lib/x.a` carries a time"), "{dated}");
    let good = archive(b"xy", "0");
    for end in 9..good.len() - 3 {
        // A cut between members is a shorter archive; everywhere else it is named.
        let found = text(&findings("usr/x.a", &good[..end], &Subject::default()));
        assert!(found.is_empty() || found.contains("cannot be read as an archive"), "{end}: {found}");
    }
    assert!(text(&findings("usr/x.a", b"!<thin>\n", &Subject::default())).contains("thin archive"));
}

fn subject() -> Subject {
    Subject {
        build_root: "/build".to_owned(),
        host_paths: vec!["/srv/site/ashlar/".to_owned(), "/".to_owned(), "/tmp".to_owned()],
        hostnames: vec!["gandalf".to_owned(), "debian".to_owned()],
        dates: needles::date_forms(1_793_836_800),
    }
}

#[test]
fn leaks_are_found_with_place_and_text() {
    let subject = subject();
    let report: Vec<String> = [
        "file /build/src/main.c",
        "CFLAGS=-I/sysroot/usr/include",
        "see /srv/site/ashlar/pkgs",
        "root@gandalf:~",
        "built Nov  5 2026 at noon",
        "version 20261105.",
    ]
    .into_iter()
    .flat_map(|bytes| findings("usr/share/x", bytes.as_bytes(), &subject))
    .map(|finding| finding.to_string().replace(leaks::LEAKS.remedy, "(remedy)"))
    .collect();
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn ordinary_texts_are_no_leaks() {
    let subject = subject();
    for harmless in [
        "usr/src/build/x",
        "https://example.org/files/",
        "/srv/site/ashlar-other",
        "gandalfs",
        "120261105",
        "Nov  6 2026",
        "/tmp/x / y",
        "/tools",
        "/builder/",
        "debian",
    ] {
        assert_eq!(text(&findings("usr/x", harmless.as_bytes(), &subject)), "", "{harmless}");
    }
    assert_eq!(needles::date_forms(Epoch::RELEASE.0 + 5), Vec::<String>::new());
}

#[test]
fn leaks_name_the_member_and_stop_after_a_few() {
    let subject = subject();
    let found = findings("usr/x.a", &archive(b"/build/src/x.c", "0"), &subject);
    assert_eq!(text(&found), "lint::leak `usr/x.a` (member a_rather_long_name.o) contains a path of the build\n");
    assert_eq!(findings("usr/x", "/build/src/x ".repeat(20).as_bytes(), &subject).len(), 3);
}

/// A program that was linked by the seed's lld and not stripped, an object file of the seed's clang, and texts of others.
#[test]
fn who_built_the_compiler_is_found_in_real_files() {
    let program = include_bytes!("object_files/samples/past.elf");
    let object = include_bytes!("object_files/samples/host.o");
    let found: Vec<String> = [
        ("usr/bin/x", &program[..]),
        ("usr/lib/x.o", object),
        ("usr/bin/y", b"Linux version 6.12 (Debian clang version 19.1.7 (3~deb12u1), Debian LLD 19.1.7)"),
        ("usr/bin/z", b"\0GCC: (GNU) 14.2.0\0"),
        ("usr/share/x", b"clang 19.1.7, LLD 19.1.7; see Debian's manual, or clang versions before"),
    ]
    .into_iter()
    .flat_map(|(path, bytes)| findings(path, bytes, &Subject::default()))
    .filter(|finding| finding.lint == "lint::builder")
    .map(|finding| finding.to_string().replace(builder::BUILDER.remedy, "(remedy)"))
    .collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn shape_of_the_tree() {
    let entries = vec![
        ManifestEntry::dir("bin"),
        ManifestEntry::symlink("sbin", "usr/bin"),
        ManifestEntry::symlink("etc/mtab", "/proc/mounts"),
        ManifestEntry::symlink("etc/lost", "/usr/share/lost"),
        ManifestEntry::symlink("etc/found", "/bin/su"),
        ManifestEntry::symlink("etc/rel", "nowhere"),
        ManifestEntry::symlink("etc/dir", "/usr/lib"),
        ManifestEntry::symlink("etc/source", "/build/src/x.conf"),
        ManifestEntry::file("data/x", 0o644, b""),
        ManifestEntry::file("opt/x", 0o644, b""),
        ManifestEntry::symlink("run/lock", "../var/lock"),
        ManifestEntry { mode: 0o1777, ..ManifestEntry::dir("tmp") },
        ManifestEntry { mode: 0o777, ..ManifestEntry::dir("srv") },
        ManifestEntry::file("usr/bin/su", 0o755, b""),
        ManifestEntry::file("usr/bin/sudo", 0o4755, b""),
        ManifestEntry::file("usr/lib/x.la", 0o644, b""),
        ManifestEntry::file("usr/lib/p.pyc", 0o666, b""),
        ManifestEntry::file("usr/local/x", 0o644, b""),
    ];
    let manifest = Manifest::sorted(entries).unwrap();
    let tree = Tree(manifest.entries().iter().map(|entry| (entry.path.clone(), Vec::new())).collect());
    let exempt = |lint: &str, files: &str| Exemption {
        lint: lint.to_owned(),
        files: files.to_owned(),
        reason: "test".to_owned(),
    };
    let policy = LintPolicy {
        exemptions: vec![
            exempt("lint::rootfs-usr-local", "usr/local/**"),
            exempt("lint::rootfs-usrlocal", "**"),
            exempt("lint::leak", "x"),
        ],
    };
    let report: Vec<String> =
        run(&manifest, &tree, &Subject::default(), &policy).unwrap().iter().map(LintFinding::to_string).collect();
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn an_unreadable_file_is_an_error_not_a_finding() {
    let manifest = Manifest::new(vec![ManifestEntry::file("a", 0o644, b"")]).unwrap();
    let error = run(&manifest, &Tree(BTreeMap::new()), &Subject::default(), &LintPolicy::default()).unwrap_err();
    assert!(error.to_string().starts_with("reading `a` for lints"));
}

#[test]
fn registry_is_pinned_and_names_are_unique() {
    let mut names: Vec<&str> = LINTS.iter().map(|lint| lint.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), LINTS.len());
    let list: Vec<String> = LINTS.iter().map(|lint| format!("{:<30} {}", lint.name, lint.description)).collect();
    insta::assert_snapshot!(list.join("\n"));
}

proptest! {
    #[test]
    fn junk_never_panics(at in 0usize..600, junk in proptest::collection::vec(any::<u8>(), 0..80)) {
        let subject = subject();
        let mut elf = Elf { interpreter: Some("/lib/ld.so"), dynamic: vec![STATIC_PIE, (1, 1), (29, 1)], strings: b"\0a\0", ..Elf::good() }.bytes();
        for (offset, byte) in junk.iter().enumerate() {
            if let Some(place) = elf.get_mut(at + offset) {
                *place = *byte;
            }
        }
        let _result = findings("usr/x", &elf, &subject);
        let _result = findings("usr/x.a", &archive(&elf, "0"), &subject);
        let _result = findings("usr/x.a", &[b"!<arch>\n".as_slice(), &junk].concat(), &subject);
    }
}
