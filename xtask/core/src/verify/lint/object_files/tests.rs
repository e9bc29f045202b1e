//! Real files: `samples/*.c`, compiled by the seed's clang with and without the flags that matter, and linked by its lld.
//! `past` was compiled without -fcf-protection=full and -fstack-protector-strong, `host` without -fno-ident as well, `unguarded`
//! without -fstack-protector-strong alone.

use proptest::prelude::*;

use super::*;
use crate::formats::manifest::{Manifest, ManifestEntry};
use crate::verify::lint::{Contents, LintPolicy, Needles, Subject};

const GUARDED: &[u8] = include_bytes!("samples/guarded.o");
const PAST: &[u8] = include_bytes!("samples/past.o");
const HOST: &[u8] = include_bytes!("samples/host.o");
const PROGRAM: &[u8] = include_bytes!("samples/guarded.elf");
const UNGUARDED: &[u8] = include_bytes!("samples/unguarded.elf");
const PROGRAM_PAST: &[u8] = include_bytes!("samples/past.elf");

/// Of a package without opt-outs.
const EXPECTED: ExpectedNotes = ExpectedNotes { cet: true, no_ident: true };

/// Names and messages of what the checks say of one file, apart from that the linker's name is in it.
fn found(path: &str, bytes: &[u8]) -> Vec<String> {
    found_by(path, bytes, &LintPolicy::default())
}

fn found_by(path: &str, bytes: &[u8], policy: &LintPolicy) -> Vec<String> {
    struct One<'a>(&'a [u8]);
    impl Contents for One<'_> {
        fn read(&self, _: &str) -> std::io::Result<std::borrow::Cow<'_, [u8]>> {
            Ok(self.0.into())
        }
    }
    let manifest = Manifest::new(vec![ManifestEntry::file(path, 0o755, bytes)]).unwrap();
    let findings = crate::verify::lint::run(&manifest, &One(bytes), &Subject::default(), policy).unwrap();
    let others = findings.iter().filter(|finding| finding.lint != "lint::builder");
    others.map(|finding| format!("{}: {}", finding.lint, finding.message)).collect()
}

#[test]
fn units_tell_how_they_were_compiled() {
    let source = || "guarded.c".to_owned();
    let unit = |bytes| super::unit(bytes).unwrap();
    let ours = Unit { source: source(), named_compiler: false, marked: true, guarded: true };
    assert_eq!(unit(GUARDED), ours);
    assert_eq!(unit(PAST), Unit { marked: false, guarded: false, ..ours.clone() });
    assert_eq!(unit(HOST), Unit { named_compiler: true, marked: false, guarded: false, ..ours.clone() });
    assert!(!ours.past_configuration() && unit(PAST).past_configuration());
    // What runs on the build machine is compiled by plain clang; a unit of Rust has no such flags.
    assert!(!unit(HOST).past_configuration());
    assert!(!Unit { source: "std.1.rcgu.o".to_owned(), marked: false, ..ours }.past_configuration());
    assert_eq!((super::unit(PROGRAM), super::unit(b"\x7fELF"), super::unit(b"")), (None, None, None));
}

#[test]
fn programs_show_guards_and_marks() {
    // Read where the function begins, compared where it ends.
    assert_eq!(code(PROGRAM), Some(Code { guard_reads: 2, marked: true }));
    assert_eq!(code(UNGUARDED), Some(Code { guard_reads: 0, marked: true }));
    // Its start file is marked, the rest is not.
    assert_eq!(code(PROGRAM_PAST), Some(Code { guard_reads: 0, marked: false }));
    assert_eq!((code(GUARDED), code(b"\x7fELFx"), code(b"#!/bin/sh")), (None, None, None));
}

#[test]
fn the_checks_name_what_is_wrong() {
    assert_eq!(found("usr/lib/x.o", GUARDED), Vec::<String>::new());
    assert_eq!(found("usr/bin/x", PROGRAM), Vec::<String>::new());
    assert_eq!(
        found("usr/lib/x.o", PAST),
        ["lint::elf-unit: `usr/lib/x.o`, compiled from guarded.c, has no marks of CET"]
    );
    // What is installed runs on no build machine, so the compiler's name is no excuse.
    assert_eq!(
        found("usr/lib/x.o", HOST),
        ["lint::elf-unit: `usr/lib/x.o`, compiled from guarded.c, has no marks of CET"]
    );
    assert_eq!(found("usr/bin/x", UNGUARDED), ["lint::elf-stack-guard: `usr/bin/x` never reads the stack's guard"]);
}

#[test]
fn only_reads_of_the_guard_are_counted() {
    let read = [0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0];
    let into_r9 = [0x64, 0x4c, 0x8b, 0x0c, 0x25, 0x28, 0, 0, 0];
    let compare = [0x64, 0x48, 0x3b, 0x0c, 0x25, 0x28, 0, 0, 0];
    assert_eq!(guard_reads(&[read, into_r9, compare].concat()), 3);
    for (at, byte) in [(0, 0x65), (1, 0x40), (2, 0x89), (3, 0x05), (5, 0x30), (8, 1)] {
        let mut other = read;
        other[at] = byte;
        assert_eq!(guard_reads(&other), 0, "byte {at}");
    }
}

#[test]
fn a_build_tree_is_judged_as_a_whole() {
    let mut trace = Trace::default();
    for (path, bytes) in [
        ("obj/a.o", GUARDED),
        ("obj/b.o", PAST),
        ("obj/tool.o", HOST),
        ("src/configure", b"CFLAGS=-fno-stack-protector\n"),
        ("src/main.c", b"int main(void) { return 0; }\n"),
        ("obj/conftest", b"\x7fELF\0-fno-stack-protector"),
    ] {
        trace.add(path, bytes);
    }
    assert_eq!(trace.counts(), (1, 1));
    assert_eq!(
        trace.findings("zlib", EXPECTED),
        [
            "obj/b.o, compiled from guarded.c, went past the toolchain's configuration",
            "src/configure can switch the stack protector off"
        ]
    );
    // Of musl it is known.
    assert_eq!(trace.findings("musl", EXPECTED).len(), 1);
}

#[test]
fn opting_out_of_one_flag_leaves_the_rest() {
    let by = |flags: &str| ExpectedNotes::by(flags);
    assert_eq!(by("-O2\n-fcf-protection=full\n-fno-ident\n"), EXPECTED);
    let mut trace = Trace::default();
    for (path, bytes) in [("obj/a.o", GUARDED), ("obj/b.o", PAST), ("obj/tool.o", HOST)] {
        trace.add(path, bytes);
    }
    let paths = |expected| -> Vec<String> {
        trace.findings("x", expected).iter().map(|found| found.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(EXPECTED), ["obj/b.o"]);
    // Every unit names its compiler then, so the name tells nothing.
    assert_eq!(paths(by("-fcf-protection=full")), ["obj/b.o", "obj/tool.o"]);
    assert_eq!(paths(by("-fno-ident")), [""; 0]);
    let without_marks = by("-fno-ident").policy();
    assert_eq!(found_by("usr/lib/x.o", PAST, &without_marks), [""; 0]);
    assert_eq!(
        found_by("usr/bin/x", UNGUARDED, &without_marks).len(),
        2,
        "the guard, and an exemption that is not used"
    );
    assert_eq!(EXPECTED.policy(), LintPolicy::default());
}

proptest! {
    #[test]
    fn junk_never_panics(at in 0usize..1900, junk in proptest::collection::vec(any::<u8>(), 0..24), end in 0usize..2000) {
        for sample in [GUARDED, PROGRAM] {
            let mut bytes = sample.to_vec();
            for (offset, byte) in junk.iter().enumerate() {
                if let Some(place) = bytes.get_mut(at + offset) {
                    *place = *byte;
                }
            }
            let cut = &bytes[..end.min(bytes.len())];
            let _results = (unit(&bytes), code(&bytes), unit(cut), code(cut));
            let _findings = found("usr/bin/x", &bytes);
            Trace::default().add("x", cut);
        }
        let _needles = Needles::new(&Subject::default());
    }
}
