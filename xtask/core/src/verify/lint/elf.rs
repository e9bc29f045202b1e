//! Lints of programs, libraries and object files.

use super::file::{File, Part};
use super::needles::{self, Needles};
use super::rule::{Hit, Lint, Rule};
use crate::base::diag::Severity;
use crate::formats::manifest::{ElfFacts, ElfForm};

const fn lint(
    name: &'static str,
    description: &'static str,
    remedy: &'static str,
    rule: fn(&File<'_>, &Needles) -> Vec<Hit>,
) -> Lint {
    Lint { name, severity: Severity::Error, description, remedy, rule: Rule::File(rule) }
}

/// ELF files can be read.
pub const PARSE: Lint = lint(
    "lint::elf-parse",
    "every file that begins like ELF can be read as such",
    "look at the link step that wrote it; the file is damaged",
    |file, _| rule(file, |part| Some(part.elf.as_ref()?.as_ref().err()?.clone())),
);
/// Programs are position independent.
pub const PIE: Lint = lint(
    "lint::elf-pie",
    "programs are position independent",
    "link through `$CC`, whose configuration says -static-pie, and drop -static or -no-pie from the build's own flags",
    |file, _| {
        facts_rule(file, |elf| (elf.form == ElfForm::FixedExecutable).then(|| "runs at a fixed address".to_owned()))
    },
);
/// Programs need no loader and no library.
pub const STATIC: Lint = lint(
    "lint::elf-static",
    "programs are static: no interpreter, no shared library",
    "link through `$CC`, whose configuration says -static-pie",
    |file, _| facts_rule(file, dynamic),
);
/// Relocations are read-only after start.
pub const RELRO: Lint = lint(
    "lint::elf-relro",
    "position-independent programs and libraries have full RELRO",
    "keep -Wl,-z,relro,-z,now of the toolchain's configuration",
    |file, _| {
        facts_rule(file, |elf| {
            let linked = matches!(elf.form, ElfForm::Pie | ElfForm::Shared);
            (linked && !elf.full_relro).then(|| "has no full RELRO (PT_GNU_RELRO and BIND_NOW)".to_owned())
        })
    },
);
/// The stack is not executable.
pub const NX_STACK: Lint = lint(
    "lint::elf-nx-stack",
    "programs and libraries say that their stack is not executable",
    "keep -Wl,-z,noexecstack of the toolchain's configuration",
    |file, _| {
        facts_rule(file, |elf| {
            (linked(elf) && !elf.nx_stack).then(|| "has an executable stack or does not say".to_owned())
        })
    },
);
/// No memory is writable and executable.
pub const WRITE_XOR_EXECUTE: Lint = lint(
    "lint::elf-wx",
    "no segment is writable and executable",
    "do not link with -N or a linker script that merges text and data",
    |file, _| {
        facts_rule(file, |elf| {
            (linked(elf) && elf.writable_code).then(|| "has a writable and executable segment".to_owned())
        })
    },
);
/// No search path is built in.
pub const RUN_PATH: Lint = lint(
    "lint::elf-run-path",
    "no file has a library search path built in",
    "configure with --disable-rpath, or -DCMAKE_SKIP_RPATH=ON",
    |file, _| facts_rule(file, |elf| elf.run_path.as_ref().map(|path| format!("searches libraries in `{path}`"))),
);
/// Nothing of the seed's C library is inside.
pub const GLIBC: Lint = lint(
    "lint::elf-glibc",
    "no ELF file refers to a symbol version of glibc or libstdc++",
    "something was compiled with $HOSTCC instead of $CC, or a library of the seed was linked",
    |file, _| rule(file, glibc),
);

fn linked(elf: &ElfFacts) -> bool {
    matches!(elf.form, ElfForm::Pie | ElfForm::Shared | ElfForm::FixedExecutable)
}

fn dynamic(elf: &ElfFacts) -> Option<String> {
    match (&elf.interpreter, elf.needed.is_empty()) {
        (Some(interpreter), _) => Some(format!("wants the interpreter `{interpreter}`")),
        (None, false) => Some(format!("needs {}", elf.needed.join(", "))),
        (None, true) => None,
    }
}

fn glibc(part: &Part<'_>) -> Option<String> {
    part.elf.as_ref()?;
    // Versions are strings, in .dynstr for linked files and in symbol names (`memcpy@GLIBC_2.14`) for object files.
    let at = needles::find_any(part.bytes, &[b"GLIBC_2.", b"GLIBC_PRIVATE", b"GLIBCXX_3.", b"CXXABI_1."])?;
    Some(format!("contains the symbol version `{}`", needles::word_at(part.bytes, at)))
}

fn facts_rule(file: &File<'_>, test: fn(&ElfFacts) -> Option<String>) -> Vec<Hit> {
    rule(file, |part| test(part.elf.as_ref()?.as_ref().ok()?))
}

fn rule(file: &File<'_>, test: impl Fn(&Part<'_>) -> Option<String>) -> Vec<Hit> {
    let path = &file.entry.path;
    let hit = |part: &Part<'_>| {
        let message = test(part)?;
        Some(Hit::new(path, format!("`{path}`{} {message}", part.suffix())))
    };
    file.parts.iter().filter_map(hit).collect()
}
