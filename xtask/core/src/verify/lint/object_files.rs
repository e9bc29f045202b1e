//! Compilation units and machine code: what shows that the compiler's flags were in force.
//!
//! A stripped static program does not say how it was compiled. How we verify compiler flags:
//!
//! - We check that every installed object file and library member that names a C or C++ source was compiled with the toolchain's
//!   configuration. That alone asks for marks of control-flow enforcement (CET) in every object file, so an object file without
//!   marks was compiled without it.
//! - We check the same of every unit of a program that does not name its compiler. We look at units in the build tree, before
//!   anything is stripped. The configuration leaves that name out, and plain clang, by which programs for the build itself
//!   are compiled, puts it in. A recipe that opts out of `no-ident` has no such programs: there, every unit counts.
//! - We check that nothing in the patched and configured sources names an option or attribute that can switch the stack
//!   protector off ([`WORDS`]), except [`KNOWN`]. The same configuration switches it on.
//! - We check that the code of every program reads the stack's guard.
//!
//! We do not prove that no unit of a program was compiled by plain clang. Where a makefile says `cc` instead of `$(CC)`, the unit
//! names its compiler as a build's own program does, and we do not follow which of them end in what is installed. We find such a
//! unit when it is installed in a library, or when a whole program was made that way: its code then reads no guard.
//!
//! We do not prove that each function has a guard. The compiler decides that, by whether a buffer is on its stack. Assembler has no
//! guard. Rust has none either: it checks bounds instead; the C library in a program of Rust is covered by the first point.

use object::elf;
use object::{Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, SegmentFlags, SymbolKind};

use super::file::{File, Part};
use super::needles;
use super::rule::{Exemption, Hit, Lint, LintPolicy, Rule};
use crate::base::diag::Severity;
use crate::formats::ar;

/// Words with which a source or makefile can take the stack protector away.
pub const WORDS: [&[u8]; 2] = [b"no-stack-protector", b"no_stack_protector"];

/// Files of sources that hold one of [`WORDS`], and may: package, end of the path, why.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("musl", "/configure", "For what runs before the guard is set: start code, dynamic linker, and what these call."),
    ("musl", "/config.mak", "What configure wrote of that, and its template."),
];

/// Endings of the sources that `cc.cfg` and `cxx.cfg` are for.
const LANGUAGES: [&str; 5] = [".c", ".cc", ".cpp", ".cxx", ".C"];

/// `GNU_PROPERTY_X86_FEATURE_1_AND` with both of its bits, and the note it is in.
const FEATURES: u32 = 0xc000_0002;
const BRANCHES_AND_SHADOW_STACK: u32 = 3;
const PROPERTIES: u32 = 5;

/// One object file that a compiler wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The source file, as the compiler's command line named it.
    pub source: String,
    /// It names its compiler: plain clang and rustc do, our configuration does not.
    pub named_compiler: bool,
    /// It is marked for CET.
    pub marked: bool,
    /// It calls what is called when a guard is overwritten.
    pub guarded: bool,
}

impl Unit {
    /// Whether it is of C or C++, without marks.
    pub fn unmarked(&self) -> bool {
        LANGUAGES.iter().any(|ending| self.source.ends_with(ending)) && !self.marked
    }

    /// Whether it lacks what the toolchain's configuration asks for, and is not of a program for the build itself.
    pub fn past_configuration(&self) -> bool {
        self.unmarked() && !self.named_compiler
    }
}

/// What the configuration of one package asks for, its opt-outs left out, that a unit shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedNotes {
    /// Marks for CET.
    pub cet: bool,
    /// No compiler's name.
    pub no_ident: bool,
}

impl ExpectedNotes {
    /// What this `cc.cfg` asks for.
    pub fn by(cc_cfg: &str) -> Self {
        let has = |flag: &str| cc_cfg.split_whitespace().any(|word| word == flag);
        Self { cet: has("-fcf-protection=full"), no_ident: has("-fno-ident") }
    }

    /// Whether a unit of a build tree went past it.
    fn missed_by(self, unit: &Unit) -> bool {
        self.cet && if self.no_ident { unit.past_configuration() } else { unit.unmarked() }
    }

    /// How a package that was compiled by it may deviate.
    pub fn policy(self) -> LintPolicy {
        let exemption = Exemption {
            lint: CONFIGURED.name.to_owned(),
            files: "**".to_owned(),
            reason: "the recipe opts out of the marks".to_owned(),
        };
        LintPolicy { exemptions: if self.cet { Vec::new() } else { vec![exemption] } }
    }
}

/// The unit in an object file for x86-64; `None` for anything else, and for assembler, which names no source.
pub fn unit(bytes: &[u8]) -> Option<Unit> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return None;
    }
    // The parser wants eight-byte alignment, which members of archives do not have.
    let file = bytes.to_vec();
    let file = object::File::parse(file.as_slice()).ok()?;
    if file.kind() != object::ObjectKind::Relocatable || file.architecture() != object::Architecture::X86_64 {
        return None;
    }
    let source = file.symbols().find(|symbol| symbol.kind() == SymbolKind::File)?.name().ok()?.to_owned();
    let guarded = file.symbols().any(|symbol| symbol.is_undefined() && symbol.name() == Ok("__stack_chk_fail"));
    Some(Unit { source, named_compiler: file.section_by_name(".comment").is_some(), marked: marked(&file), guarded })
}

/// Whether a file is marked for CET: indirect branches and shadow stack.
fn marked(file: &object::File<'_>) -> bool {
    let Some(notes) = file.section_by_name(".note.gnu.property").and_then(|section| section.data().ok()) else {
        return false;
    };
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).map(|word| word.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
    };
    let mut rest = notes;
    while let (Some(name), Some(size), Some(kind)) = (word(rest, 0), word(rest, 4), word(rest, 8)) {
        let start = 12usize.saturating_add((name as usize).next_multiple_of(4));
        let end = start.saturating_add(size as usize);
        let mut properties = rest.get(start..end).unwrap_or_default();
        while let (PROPERTIES, Some(property), Some(size)) = (kind, word(properties, 0), word(properties, 4)) {
            if property == FEATURES && word(properties, 8).is_some_and(|value| value & 3 == BRANCHES_AND_SHADOW_STACK) {
                return true;
            }
            let next = 8usize.saturating_add((size as usize).next_multiple_of(8));
            properties = properties.get(next..).unwrap_or_default();
        }
        rest = rest.get(end.next_multiple_of(8)..).unwrap_or_default();
    }
    false
}

/// What a linked file's code shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Code {
    /// Instructions that read the stack's guard: one where a guarded function begins, one at each of its ends.
    pub guard_reads: usize,
    /// The linker found CET's marks in every part. Linux does not enforce them for programs yet, so this is for information.
    pub marked: bool,
}

/// What the code of a linked file for x86-64 shows; `None` for anything else.
pub fn code(bytes: &[u8]) -> Option<Code> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return None;
    }
    let copy = bytes.to_vec();
    let file = object::File::parse(copy.as_slice()).ok()?;
    let linked = matches!(file.kind(), object::ObjectKind::Executable | object::ObjectKind::Dynamic);
    if !linked || file.architecture() != object::Architecture::X86_64 {
        return None;
    }
    // Segments, not sections: they are what runs, and a file may come without sections.
    let executable = |segment: &object::Segment<'_, '_>| match segment.flags() {
        SegmentFlags::Elf { p_flags, .. } => p_flags.contains(elf::PF_X),
        _ => false,
    };
    let code: Vec<&[u8]> = file.segments().filter(executable).filter_map(|segment| segment.data().ok()).collect();
    let reads = code.iter().map(|code| guard_reads(code)).sum();
    code.iter().any(|code| !code.is_empty()).then(|| Code { guard_reads: reads, marked: marked(&file) })
}

/// How often code reads the guard, which is at `%fs:0x28`: by mov, cmp, sub or xor into a register of eight bytes.
fn guard_reads(code: &[u8]) -> usize {
    let reads = |at: &[u8]| matches!(at, [0x64, 0x48 | 0x4c, 0x8b | 0x3b | 0x2b | 0x33, modrm, 0x25, 0x28, 0, 0, 0] if modrm & 0xc7 == 0x04);
    code.windows(9).filter(|at| reads(at)).count()
}

/// Object files went through the toolchain's configuration.
pub const CONFIGURED: Lint = Lint {
    name: "lint::elf-unit",
    severity: Severity::Error,
    description: "every installed object file of C or C++ was compiled with the toolchain's configuration",
    remedy: "compile through $CC and $CXX, which read /toolchain/cc.cfg and cxx.cfg; a package that cannot have the marks says so: [[hardening]] off = \"cet\"",
    rule: Rule::File(|file, _| {
        let path = &file.entry.path;
        let past = |part: &Part<'_>| unit(part.bytes).filter(Unit::unmarked).map(|unit| (part.suffix(), unit));
        let hit = |(suffix, unit): (String, Unit)| {
            Hit::new(path, format!("`{path}`{suffix}, compiled from {}, has no marks of CET", unit.source))
        };
        file.parts.iter().filter_map(past).map(hit).collect()
    }),
};

/// Programs read the guard.
pub const GUARD: Lint = Lint {
    name: "lint::elf-stack-guard",
    severity: Severity::Error,
    description: "the code of every program reads the stack's guard",
    remedy: "compile through $CC, whose configuration says -fstack-protector-strong, and link the sysroot's libc",
    rule: Rule::File(|file, _| guard(file)),
};

fn guard(file: &File<'_>) -> Vec<Hit> {
    let path = &file.entry.path;
    let program = |part: &&Part<'_>| {
        let form = part.elf.as_ref().and_then(|elf| elf.as_ref().ok()).map(|elf| elf.form);
        matches!(
            form,
            Some(crate::formats::manifest::ElfForm::Pie | crate::formats::manifest::ElfForm::FixedExecutable)
        )
    };
    let bare = |part: &&Part<'_>| code(part.bytes).is_some_and(|code| code.guard_reads == 0);
    let parts = file.parts.iter().filter(program).filter(bare);
    parts.map(|part| Hit::new(path, format!("`{path}`{} never reads the stack's guard", part.suffix()))).collect()
}

/// What was found in the tree that a package was built in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Object files and members of archives, by where they are.
    pub units: Vec<(String, Unit)>,
    /// Texts that hold one of [`WORDS`].
    pub mentions: Vec<String>,
}

impl Trace {
    /// Adds one file of the tree.
    pub fn add(&mut self, path: &str, bytes: &[u8]) {
        if let Some(Ok(members)) = ar::members(bytes) {
            let named = |member: ar::Member<'_>| Some((format!("{path}({})", member.name), unit(member.bytes)?));
            self.units.extend(members.into_iter().filter_map(named));
        } else if bytes.starts_with(&elf::ELFMAG) {
            self.units.extend(unit(bytes).map(|unit| (path.to_owned(), unit)));
        } else if !bytes.iter().take(4096).any(|byte| *byte == 0) && needles::find_any(bytes, &WORDS).is_some() {
            self.mentions.push(path.to_owned());
        }
    }

    /// What is wrong with it, one sentence each.
    pub fn findings(&self, package: &str, expected: ExpectedNotes) -> Vec<String> {
        let past = self.units.iter().filter(|(_, unit)| expected.missed_by(unit));
        let mut found: Vec<String> = past
            .map(|(path, unit)| {
                format!("{path}, compiled from {}, went past the toolchain's configuration", unit.source)
            })
            .collect();
        let known = |path: &&String| !KNOWN.iter().any(|(of, end, _)| *of == package && path.ends_with(end));
        let words = self.mentions.iter().filter(known);
        found.extend(words.map(|path| format!("{path} can switch the stack protector off")));
        found
    }

    /// Units that the configuration is for, and how many of them have a guarded function.
    pub fn counts(&self) -> (usize, usize) {
        let ours = |unit: &&Unit| unit.marked && !unit.named_compiler;
        let units = || self.units.iter().map(|(_, unit)| unit).filter(ours);
        (units().count(), units().filter(|unit| unit.guarded).count())
    }
}

#[cfg(test)]
mod tests;
