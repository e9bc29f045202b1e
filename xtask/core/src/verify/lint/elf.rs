//! What programs, libraries and object files say about themselves, and what they must say.

use object::elf;
use object::read::elf::{Dyn as _, ElfFile, FileHeader, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};

use super::{Check, File, Hit, Needles, Part, Rule, leaks};
use crate::base::diag::Severity;
use crate::formats::manifest::{ElfFacts, ElfForm};

const fn check(
    name: &'static str,
    description: &'static str,
    remedy: &'static str,
    rule: fn(&File<'_>, &Needles) -> Vec<Hit>,
) -> Check {
    Check { name, severity: Severity::Error, description, remedy, rule: Rule::File(rule) }
}

/// ELF files can be read.
pub const PARSE: Check = check(
    "check::elf-parse",
    "every file that begins like ELF can be read as such",
    "look at the link step that wrote it; the file is damaged",
    |file, _| rule(file, |part| Some(part.elf.as_ref()?.as_ref().err()?.clone())),
);
/// Programs are position independent.
pub const PIE: Check = check(
    "check::elf-pie",
    "programs are position independent",
    "link through `$CC`, whose configuration says -static-pie, and drop -static or -no-pie from the build's own flags",
    |file, _| {
        facts_rule(file, |elf| (elf.form == ElfForm::FixedExecutable).then(|| "runs at a fixed address".to_owned()))
    },
);
/// Programs need no loader and no library.
pub const STATIC: Check = check(
    "check::elf-static",
    "programs are static: no interpreter, no shared library",
    "link through `$CC`, whose configuration says -static-pie",
    |file, _| facts_rule(file, dynamic),
);
/// Relocations are read-only after start.
pub const RELRO: Check = check(
    "check::elf-relro",
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
pub const NX_STACK: Check = check(
    "check::elf-nx-stack",
    "programs and libraries say that their stack is not executable",
    "keep -Wl,-z,noexecstack of the toolchain's configuration",
    |file, _| {
        facts_rule(file, |elf| {
            (linked(elf) && !elf.nx_stack).then(|| "has an executable stack or does not say".to_owned())
        })
    },
);
/// No memory is writable and executable.
pub const WRITE_XOR_EXECUTE: Check = check(
    "check::elf-wx",
    "no segment is writable and executable",
    "do not link with -N or a linker script that merges text and data",
    |file, _| {
        facts_rule(file, |elf| {
            (linked(elf) && elf.writable_code).then(|| "has a writable and executable segment".to_owned())
        })
    },
);
/// No search path is built in.
pub const RUN_PATH: Check = check(
    "check::elf-run-path",
    "no file has a library search path built in",
    "configure with --disable-rpath, or -DCMAKE_SKIP_RPATH=ON",
    |file, _| facts_rule(file, |elf| elf.run_path.as_ref().map(|path| format!("searches libraries in `{path}`"))),
);
/// Nothing of the seed's C library is inside.
pub const GLIBC: Check = check(
    "check::elf-glibc",
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
    let at = leaks::find_any(part.bytes, &[b"GLIBC_2.", b"GLIBC_PRIVATE", b"GLIBCXX_3.", b"CXXABI_1."])?;
    Some(format!("contains the symbol version `{}`", leaks::word_at(part.bytes, at)))
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

/// What an ELF file says about itself; `None` when the bytes are not ELF, an error text when they only begin like it.
pub fn facts(bytes: &[u8]) -> Option<Result<ElfFacts, String>> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return None;
    }
    // The parser wants eight-byte alignment, which members of archives do not have.
    let copy;
    let bytes = if bytes.as_ptr().cast::<u64>().is_aligned() {
        bytes
    } else {
        copy = bytes.to_vec();
        &copy
    };
    let facts = match bytes.get(4) {
        Some(1) => read::<elf::FileHeader32<Endianness>>(bytes),
        _ => read::<elf::FileHeader64<Endianness>>(bytes),
    };
    Some(facts.map_err(|error| format!("is not readable as ELF: {error}")))
}

fn read<E: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::Result<ElfFacts> {
    let file = ElfFile::<E>::parse(bytes)?;
    let (header, endian) = (file.elf_header(), file.endian());
    let mut facts = ElfFacts {
        form: ElfForm::Other,
        full_relro: false,
        nx_stack: false,
        writable_code: false,
        interpreter: None,
        needed: Vec::new(),
        run_path: None,
        canary_symbol: file.symbols().chain(file.dynamic_symbols()).any(|symbol| is_canary(symbol.name())),
    };
    let (mut relro, mut now, mut pie) = (false, false, false);
    for segment in file.elf_program_headers() {
        let flags = segment.p_flags(endian);
        let (kind, executable) = (segment.p_type(endian), flags.contains(elf::PF_X));
        relro |= kind == elf::PT_GNU_RELRO;
        facts.nx_stack |= kind == elf::PT_GNU_STACK && !executable;
        facts.writable_code |= kind == elf::PT_LOAD && executable && flags.contains(elf::PF_W);
        if let Some(text) = segment.interpreter(endian, bytes)? {
            facts.interpreter = Some(String::from_utf8_lossy(text).into_owned());
        }
        for entry in segment.dynamic(endian, bytes)?.unwrap_or_default() {
            let value = entry.d_val(endian).into();
            match entry.d_tag(endian) {
                elf::DT_NULL => break,
                elf::DT_BIND_NOW => now = true,
                elf::DT_FLAGS => now |= value & elf::DF_BIND_NOW.0 != 0,
                elf::DT_FLAGS_1 => {
                    now |= value & elf::DF_1_NOW.0 != 0;
                    pie |= value & elf::DF_1_PIE.0 != 0;
                }
                _ => {}
            }
        }
    }
    let table = file.elf_dynamic_table()?;
    for entry in &table {
        let text = || table.string(entry).map(|text| String::from_utf8_lossy(text).into_owned());
        match entry.tag {
            elf::DT_NEEDED => facts.needed.push(text()?),
            elf::DT_RPATH | elf::DT_RUNPATH => facts.run_path = Some(text()?),
            _ => {}
        }
    }
    facts.full_relro = relro && now;
    facts.form = match header.e_type(endian) {
        elf::ET_EXEC => ElfForm::FixedExecutable,
        elf::ET_DYN if pie || facts.interpreter.is_some() => ElfForm::Pie,
        elf::ET_DYN => ElfForm::Shared,
        elf::ET_REL => ElfForm::Relocatable,
        _ => ElfForm::Other,
    };
    Ok(facts)
}

fn is_canary(name: object::Result<&str>) -> bool {
    name.is_ok_and(|name| name == "__stack_chk_fail" || name == "__stack_chk_guard")
}
