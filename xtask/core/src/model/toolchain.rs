//! How target code is compiled: `toolchain/hardening.toml` as values, and the files that carry it to the compilers.
//!
//! Policy is data in that file. Here it is read, checked, and rendered for clang, CMake and Meson; a recipe's opt-outs
//! remove flags by name.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde::Deserialize;
use toml::Spanned;

use crate::base::diag::{Diagnostic, line_of};
use crate::base::name::Arch;
use crate::base::schema::{self, Document};
use crate::model::recipe::{OptOut, rooted};

/// Where the seed env keeps the compiler.
pub const LLVM_BIN: &str = "/usr/lib/llvm-19/bin";

const HARDENING: Document = Document {
    noun: "hardening policy",
    syntax: "hardening::syntax",
    invisible: "hardening::invisible",
    unknown_key: "hardening::unknown-key",
    duplicate_key: "hardening::duplicate-key",
    wrong_type: "hardening::wrong-type",
    synonyms: &[("cflags", "cc"), ("cxxflags", "cxx"), ("ldflags", "ld"), ("why", "reason")],
};

/// The compiler flags of the whole system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// What cannot be switched off.
    base: Flags,
    /// What a recipe may switch off by name, in the order of the file.
    flags: Vec<Flag>,
}

/// Command line arguments, by kind of use: lines of clang's configuration files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Flags {
    cc: String,
    cxx: String,
    ld: String,
}

/// A named group of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flag {
    name: String,
    reason: String,
    flags: Flags,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawHardening {
    base: RawFlag,
    flag: Vec<Spanned<RawFlag>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawFlag {
    name: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    cc: Vec<Spanned<String>>,
    cxx: Vec<Spanned<String>>,
    ld: Vec<Spanned<String>>,
}

impl Toolchain {
    /// Reads `toolchain/hardening.toml`.
    ///
    /// # Errors
    /// Every finding.
    pub fn parse(text: &str, file: &Utf8Path) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawHardening = schema::read(text, file, &HARDENING).map_err(|finding| vec![finding])?;
        let mut found = Vec::new();
        let base = arguments(&raw.base, &mut found);
        let mut flags: Vec<Flag> = Vec::new();
        for spanned in &raw.flag {
            let flag = named(spanned, &mut found);
            if let Some(first) = flags.iter().position(|other| !flag.name.is_empty() && other.name == flag.name) {
                let finding = Diagnostic::error("hardening::duplicate", format!("two flags are named `{}`", flag.name));
                let line = line_of(text, raw.flag[first].span().start);
                found.push(
                    finding.at(spanned.span()).label(format!("choose another name; the first is in line {line}")),
                );
            }
            flags.push(flag);
        }
        if found.is_empty() {
            Ok(Self { base, flags })
        } else {
            Err(found.into_iter().map(|finding| finding.in_file(file)).collect())
        }
    }

    /// Name and reason of every flag that can be switched off.
    pub fn flags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.flags.iter().map(|flag| (flag.name.as_str(), flag.reason.as_str()))
    }

    /// The names a recipe may use in `[[hardening]] off = "…"`.
    pub fn flag_names(&self) -> BTreeSet<String> {
        self.flags.iter().map(|flag| flag.name.clone()).collect()
    }

    /// `cc.cfg`: clang's configuration for C, assembler and linking.
    pub fn render_cc_cfg(&self, opt_outs: &[OptOut]) -> String {
        self.render(opt_outs, &[&self.base.cc, &self.base.ld], |flags| &flags.cc)
    }

    /// `cxx.cfg`: the same for C++.
    pub fn render_cxx_cfg(&self, opt_outs: &[OptOut]) -> String {
        self.render(opt_outs, &[&self.base.cc, &self.base.cxx, &self.base.ld], |flags| &flags.cxx)
    }

    /// The files of `/toolchain` by name. `@ROOT@` stands for the root of the build's directories, which the engine chooses.
    pub fn files(&self, opt_outs: &[OptOut]) -> BTreeMap<String, String> {
        let files = [
            ("cc.cfg", self.render_cc_cfg(opt_outs)),
            ("cxx.cfg", self.render_cxx_cfg(opt_outs)),
            ("toolchain.cmake", render_cmake(Arch::X86_64)),
            ("cross.ini", render_meson(Arch::X86_64)),
        ];
        files.into_iter().map(|(name, text)| (name.to_owned(), rooted(&text))).collect()
    }

    fn render(&self, opt_outs: &[OptOut], base: &[&str], language: impl Fn(&Flags) -> &str) -> String {
        let mut text = String::from("# base\n");
        text.extend(base.iter().copied());
        for Flag { name, flags, .. } in &self.flags {
            let parts = if opt_outs.iter().any(|opt_out| opt_out.off == *name) {
                ["# ", name, ": off\n", "", ""]
            } else {
                ["# ", name, "\n", language(flags), &flags.ld]
            };
            text.extend(parts);
        }
        text
    }
}

fn named(spanned: &Spanned<RawFlag>, found: &mut Vec<Diagnostic>) -> Flag {
    let raw = spanned.get_ref();
    let mut missing = |key: &str| {
        let finding = Diagnostic::error("hardening::missing-key", format!("this `[[flag]]` has no `{key}`"));
        found.push(finding.at(spanned.span()).label(format!("needs `{key}`")));
    };
    let text = |value: &Option<Spanned<String>>| value.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default();
    let (name, reason) = (text(&raw.name), text(&raw.reason));
    if name.is_empty() {
        missing("name");
    }
    if reason.trim().is_empty() {
        missing("reason");
    }
    if raw.cc.is_empty() && raw.cxx.is_empty() && raw.ld.is_empty() {
        missing("cc`, `cxx` or `ld");
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(place) = raw.name.as_ref().filter(|_| !name.chars().all(plain)) {
        let finding = Diagnostic::error("hardening::bad-name", format!("`{name}` is not a flag name"));
        found.push(finding.at(place.span()).label("use lower-case letters, digits and `-`"));
    }
    Flag { name, reason, flags: arguments(raw, found) }
}

fn arguments(raw: &RawFlag, found: &mut Vec<Diagnostic>) -> Flags {
    for text in raw.cc.iter().chain(&raw.cxx).chain(&raw.ld) {
        // Also keeps out `@file`, with which clang would read more flags from elsewhere.
        if !text.get_ref().starts_with('-') || text.get_ref().contains(char::is_control) {
            let finding = Diagnostic::error(
                "hardening::bad-argument",
                format!("`{}` is not an option", text.get_ref().escape_debug()),
            );
            found.push(finding.at(text.span()).label("one option per text, beginning with `-`"));
        }
    }
    let lines = |list: &[Spanned<String>]| list.iter().map(|text| cfg_quoted(text.get_ref()) + "\n").collect();
    Flags { cc: lines(&raw.cc), cxx: lines(&raw.cxx), ld: lines(&raw.ld) }
}

/// An argument as clang's configuration files want it: backslashes before what would separate or quote.
fn cfg_quoted(argument: &str) -> String {
    let escape = |c: char| if matches!(c, ' ' | '\t' | '"' | '\'' | '\\') { vec!['\\', c] } else { vec![c] };
    argument.chars().flat_map(escape).collect()
}

/// `toolchain.cmake`: CMake's view of the target. Flags stay in the configuration files alone.
pub fn render_cmake(arch: Arch) -> String {
    let arch = arch.as_str();
    format!(
        r#"set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {arch})
set(CMAKE_C_COMPILER {LLVM_BIN}/clang)
set(CMAKE_CXX_COMPILER {LLVM_BIN}/clang++)
set(CMAKE_ASM_COMPILER {LLVM_BIN}/clang)
set(CMAKE_C_FLAGS_INIT "--config=/toolchain/cc.cfg")
set(CMAKE_CXX_FLAGS_INIT "--config=/toolchain/cxx.cfg")
set(CMAKE_ASM_FLAGS_INIT "--config=/toolchain/cc.cfg")
# Optimisation comes from the configuration files; CMake would add its own -O3.
foreach(language C CXX ASM)
  set(CMAKE_${{language}}_FLAGS_RELEASE "-DNDEBUG" CACHE STRING "")
endforeach()
foreach(tool AR RANLIB NM STRIP OBJCOPY OBJDUMP READELF)
  string(TOLOWER ${{tool}} program)
  set(CMAKE_${{tool}} {LLVM_BIN}/llvm-${{program}} CACHE FILEPATH "")
endforeach()
set(CMAKE_LINKER {LLVM_BIN}/ld.lld CACHE FILEPATH "")
set(CMAKE_FIND_ROOT_PATH /sysroot)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
"#
    )
}

/// `cross.ini`: Meson's view of the target. Target programs run on the build machine, being static, so no wrapper is named.
pub fn render_meson(arch: Arch) -> String {
    let arch = arch.as_str();
    format!(
        r#"[binaries]
c = ['{LLVM_BIN}/clang', '--config=/toolchain/cc.cfg']
cpp = ['{LLVM_BIN}/clang++', '--config=/toolchain/cxx.cfg']
c_ld = 'lld'
cpp_ld = 'lld'
ar = '{LLVM_BIN}/llvm-ar'
nm = '{LLVM_BIN}/llvm-nm'
strip = '{LLVM_BIN}/llvm-strip'
objcopy = '{LLVM_BIN}/llvm-objcopy'
readelf = '{LLVM_BIN}/llvm-readelf'
pkg-config = '/usr/bin/pkg-config'

[properties]
sys_root = '/sysroot'
pkg_config_libdir = ['/sysroot/usr/lib/pkgconfig', '/sysroot/usr/share/pkgconfig']
needs_exe_wrapper = false

[host_machine]
system = 'linux'
cpu_family = '{arch}'
cpu = '{arch}'
endian = 'little'
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
[base]
cc = ["--target=x", "-O2", "-Da=\"b c\""]
cxx = ["-stdlib=libc++"]
ld = ["-static-pie"]
reason = "the target"

[[flag]]
name = "pie"
cc = ["-fPIE"]
cxx = ["-fPIE", "-DCXX"]
reason = "random addresses"

[[flag]]
name = "relro-now"
ld = ["-Wl,-z,relro"]
reason = "read-only afterwards"
"#;

    #[test]
    fn renders_configuration_files() {
        let policy = Toolchain::parse(SAMPLE, "h".into()).unwrap();
        let off = [OptOut { off: "relro-now".into(), reason: "because".into() }];
        insta::assert_snapshot!(format!("{}\n{}", policy.render_cc_cfg(&off), policy.render_cxx_cfg(&[])));
        assert_eq!(policy.flag_names().into_iter().collect::<Vec<_>>(), ["pie", "relro-now"]);
        assert_eq!(policy.flags().next(), Some(("pie", "random addresses")));
    }

    #[test]
    fn renders_build_system_files() {
        insta::assert_snapshot!("cmake", render_cmake(Arch::X86_64));
        insta::assert_snapshot!("meson", render_meson(Arch::X86_64));
    }

    #[test]
    fn files_follow_the_root_of_the_build() {
        let text = SAMPLE.replace("-O2", "-ffile-prefix-map=/build/src=.");
        let files = Toolchain::parse(&text, "h".into()).unwrap().files(&[]);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["cc.cfg", "cross.ini", "cxx.cfg", "toolchain.cmake"]);
        assert!(files["cc.cfg"].contains("-ffile-prefix-map=@ROOT@/src=."));
    }

    #[test]
    fn complaints() {
        let text = "[base]\ncc = [\"@more\"]\n[[flag]]\nname = \"A b\"\ncc = [\"-a\\nb\"]\nreason = \" \"\n\
                    [[flag]]\nreason = \"x\"\n[[flag]]\nname = \"x\"\nld = [\"-x\"]\nreason = \"x\"\n\
                    [[flag]]\nname = \"x\"\nld = [\"-y\"]\nreason = \"y\"\n";
        let found = Toolchain::parse(text, "h".into()).unwrap_err();
        let mut rendered: String = found.iter().map(|finding| finding.render(Some(text))).collect();
        let text = "[base]\ncflags = []\n";
        rendered.push_str(&Toolchain::parse(text, "h".into()).unwrap_err()[0].render(Some(text)));
        insta::assert_snapshot!(rendered);
    }
}
