//! Facts that ELF files state about themselves.

use object::elf;
use object::read::elf::{Dyn as _, ElfFile, FileHeader, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};

use super::manifest::{ElfFacts, ElfForm};

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
