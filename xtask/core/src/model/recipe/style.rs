//! Build styles: the phases and environment a recipe gets when it does not write them itself.
//!
//! Scripts use only variables of the build contract. `shell` and `kernel` supply nothing.

use std::collections::BTreeMap;

use super::Style;
use crate::base::name::{Phase, PkgName};

impl Style {
    /// All styles.
    pub const ALL: [Self; 8] = [
        Self::Autotools,
        Self::Configure,
        Self::Cmake,
        Self::Meson,
        Self::Make,
        Self::Cargo,
        Self::Kernel,
        Self::Shell,
    ];

    /// The name as written in recipes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autotools => "autotools",
            Self::Configure => "configure",
            Self::Cmake => "cmake",
            Self::Meson => "meson",
            Self::Make => "make",
            Self::Cargo => "cargo",
            Self::Kernel => "kernel",
            Self::Shell => "shell",
        }
    }

    /// The style of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.as_str() == name)
    }

    /// The directory in which the style builds, as scripts name it.
    pub fn build_directory(self) -> &'static str {
        match self {
            Self::Autotools | Self::Cmake | Self::Meson => "$OBJ",
            Self::Configure | Self::Make | Self::Cargo | Self::Kernel | Self::Shell => "$SRC",
        }
    }

    /// Whether its default scripts receive `[build] targets` and `check_targets`.
    pub fn takes_targets(self) -> bool {
        matches!(self, Self::Autotools | Self::Configure | Self::Make)
    }

    /// Whether its default scripts receive `[build] args`.
    pub fn takes_args(self) -> bool {
        !matches!(self, Self::Kernel | Self::Shell)
    }
}

/// What a recipe gives its style.
#[derive(Debug, Clone, Copy)]
pub struct StyleInputs<'a> {
    /// The package.
    pub name: &'a PkgName,
    /// `[build] args`.
    pub args: &'a [String],
    /// `[build] targets`.
    pub targets: &'a [String],
    /// `[build] check_targets`.
    pub check_targets: &'a [String],
}

/// The default scripts of a style, with arguments and targets quoted for the shell.
///
/// # Errors
/// An argument that no shell can pass on (it holds a NUL character).
pub fn phases(style: Style, inputs: StyleInputs<'_>) -> Result<BTreeMap<Phase, String>, shlex::QuoteError> {
    let words =
        |list: &[String]| list.iter().try_fold(String::new(), |text, word| Ok(text + " " + &shlex::try_quote(word)?));
    let (args, targets, tests) = (words(inputs.args)?, words(inputs.targets)?, words(inputs.check_targets)?);
    let scripts: &[(Phase, &str)] = match style {
        Style::Autotools => &AUTOTOOLS,
        Style::Configure => &CONFIGURE,
        Style::Cmake => &CMAKE,
        Style::Meson => &MESON,
        Style::Make => &MAKE,
        Style::Cargo => &CARGO,
        Style::Kernel | Style::Shell => &[],
    };
    // What these makefiles call their tests, if they have any, is known only to who has read them.
    let untested = matches!(style, Style::Configure | Style::Make) && tests.is_empty();
    let tests = if tests.is_empty() { " check".to_owned() } else { tests };
    let fill = |script: &str| {
        let script = script.replace("{args}", &args).replace("{targets}", &targets).replace("{check_targets}", &tests);
        script.replace("{name}", inputs.name.as_str())
    };
    let runs = |phase: Phase| !(untested && phase == Phase::Check);
    Ok(scripts.iter().filter(|(phase, _)| runs(*phase)).map(|(phase, script)| (*phase, fill(script))).collect())
}

// `--build` equal to `--host` spares config.guess and says the truth: what is compiled also runs here, being static.
const AUTOTOOLS: [(Phase, &str); 4] = [
    (
        Phase::Configure,
        r#"cd "$OBJ"
"$SRC/configure" --build="$TARGET" --host="$TARGET" --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
    --disable-shared --enable-static --disable-dependency-tracking{args}
"#,
    ),
    (Phase::Build, "make -C \"$OBJ\"{targets}\n"),
    (Phase::Check, "make -C \"$OBJ\"{check_targets}\n"),
    (
        Phase::Install,
        r#"make -C "$OBJ" install DESTDIR="$DESTDIR"
find "$DESTDIR" -name '*.la' -exec rm -f {} +
"#,
    ),
];

// A script of that name which was written by hand: it knows no other directory than the source's.
const CONFIGURE: [(Phase, &str); 4] = [
    (Phase::Configure, "./configure --prefix=/usr{args}\n"),
    (Phase::Build, "make{targets}\n"),
    (Phase::Check, "make{check_targets}\n"),
    (Phase::Install, "make install DESTDIR=\"$DESTDIR\"\n"),
];

const CMAKE: [(Phase, &str); 4] = [
    (
        Phase::Configure,
        r#"cmake -S "$SRC" -B "$OBJ" -G 'Unix Makefiles' -DCMAKE_TOOLCHAIN_FILE=/toolchain/toolchain.cmake \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF{args}
"#,
    ),
    (Phase::Build, "make -C \"$OBJ\"\n"),
    (Phase::Check, "ctest --test-dir \"$OBJ\" --output-on-failure -j \"$JOBS\"\n"),
    (Phase::Install, "make -C \"$OBJ\" install DESTDIR=\"$DESTDIR\"\n"),
];

// `plain`: optimisation and hardening come from the cross file's compiler configuration alone.
const MESON: [(Phase, &str); 4] = [
    (
        Phase::Configure,
        r#"meson setup "$OBJ" "$SRC" --cross-file /toolchain/cross.ini --prefix=/usr --libdir=lib \
    --buildtype=plain --default-library=static --wrap-mode=nodownload{args}
"#,
    ),
    (Phase::Build, "meson compile -C \"$OBJ\" -j \"$JOBS\"\n"),
    (Phase::Check, "meson test -C \"$OBJ\" --no-rebuild --print-errorlogs\n"),
    (Phase::Install, "meson install -C \"$OBJ\" --no-rebuild --destdir \"$DESTDIR\"\n"),
];

// On the command line, because makefiles that assign CC themselves win over the environment.
const MAKE: [(Phase, &str); 3] = [
    (
        Phase::Build,
        "make CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr{args}{targets}\n",
    ),
    (
        Phase::Check,
        "make CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr{args}{check_targets}\n",
    ),
    (
        Phase::Install,
        "make install CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr DESTDIR=\"$DESTDIR\"{args}\n",
    ),
];

// The engine copies the package's folder into $SRC first, so Cargo.toml is in the current directory. What runs on the build
// machine (build scripts, procedural macros, the tests) is linked by clang with the seed's libc: the seed has no `cc`.
const CARGO: [(Phase, &str); 4] = [
    (
        Phase::Prepare,
        r#"mkdir -p "$HOME"
printf '#!/bin/sh\nexec clang -fuse-ld=lld "$@"\n' > "$HOME/host-cc"
chmod 755 "$HOME/host-cc"
"#,
    ),
    (Phase::Build, "cargo build --release --frozen --target \"$TARGET\"{args}\n"),
    (Phase::Check, "cargo test --frozen\n"),
    (Phase::Install, "install -D -m 755 \"$OBJ/$TARGET/release/{name}\" \"$DESTDIR/usr/bin/{name}\"\n"),
];

/// What the phase `prepare` of the style `cargo` ends with for a member of a workspace. The member's part of the lock may have crates
/// that only another member's features ask for. cargo takes these out; it can add none, having no network and no crates but those
/// of the lock.
pub const MEMBER_PREPARE: &str = "cargo metadata --offline --format-version 1 > /dev/null\n";

/// The environment a style adds; a recipe's own `[build.env]` wins over it.
pub fn env(style: Style) -> BTreeMap<String, String> {
    let pairs: &[(&str, &str)] = match style {
        Style::Cargo => &CARGO_ENV,
        // Without it, many add `-g`: what it makes is stripped off again, after it took its time.
        Style::Autotools | Style::Configure | Style::Make => &[("CFLAGS", "-O2"), ("CXXFLAGS", "-O2")],
        _ => &[],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const CARGO_ENV: [(&str, &str); 11] = [
    ("CARGO_HOME", "/build/home/.cargo"),
    ("CARGO_TARGET_DIR", "/build/obj"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_NET_OFFLINE", "true"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    // The standard library of the target has no unwinder.
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "/build/home/host-cc"),
    ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "clang"),
    // With --target, cargo keeps these from build scripts. A variable RUSTFLAGS would replace them.
    (
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS",
        "--sysroot=/sysroot/usr -Clinker-flavor=gcc -Clink-self-contained=no -Clink-arg=--config=/toolchain/cc.cfg \
         -Ctarget-feature=+crt-static -Crelocation-model=pie -Cforce-unwind-tables=no -Csymbol-mangling-version=v0 \
         --remap-path-prefix=/build/src=. --remap-path-prefix=/build/vendor=vendor --remap-path-prefix=/build/obj=obj",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs<'a>(name: &'a PkgName, args: &'a [String], targets: &'a [String]) -> StyleInputs<'a> {
        StyleInputs { name, args, targets, check_targets: targets }
    }

    #[test]
    fn scripts_of_every_style() {
        let name = "zlib".parse().unwrap();
        let args = ["--with=a b".to_owned(), "it's".to_owned()];
        let mut text = String::new();
        for style in Style::ALL {
            text.push_str(&format!("=== {}\n", style.as_str()));
            for (variable, value) in env(style) {
                text.push_str(&format!("{variable}={value}\n"));
            }
            for (phase, script) in phases(style, inputs(&name, &args, &[])).unwrap() {
                text.push_str(&format!("--- {phase}\n{script}"));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn arguments_and_targets_reach_the_styles_that_take_them() {
        let name = "zlib".parse().unwrap();
        let marker = ["--marker".to_owned()];
        for style in Style::ALL {
            let with = |args, targets| {
                let scripts = phases(style, inputs(&name, args, targets)).unwrap();
                scripts.into_iter().filter(|(_, text)| text.contains("--marker")).map(|(phase, _)| phase).collect()
            };
            let args: Vec<Phase> = with(&marker, &[]);
            assert_eq!(!args.is_empty(), style.takes_args(), "{style:?}");
            let targets: Vec<Phase> = with(&[], &marker);
            let both: &[Phase] = if style.takes_targets() { &[Phase::Build, Phase::Check] } else { &[] };
            assert_eq!(targets, both, "{style:?}");
            assert_eq!(Style::from_name(style.as_str()), Some(style));
        }
        assert!(phases(Style::Make, inputs(&name, &["\0".to_owned()], &[])).is_err());
        assert_eq!(Style::from_name("bazel"), None);
    }
}
