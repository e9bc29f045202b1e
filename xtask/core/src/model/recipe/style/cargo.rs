//! A Rust crate with its Cargo.lock.

use super::definition::Style;
use crate::base::name::Phase;

/// A Rust crate with its Cargo.lock.
pub const STYLE: Style =
    Style { name: "cargo", scripts: SCRIPTS, env: ENV, base: "rust-std", is_crate: true, ..Style::NOTHING };

// The engine copies the package's folder into $SRC first, so Cargo.toml is in the current directory. What runs on the build
// machine (build scripts, procedural macros, the tests) is linked by clang with the seed's libc: the seed has no `cc`.
const SCRIPTS: &[(Phase, &str)] = &[
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

const ENV: &[(&str, &str)] = &[
    ("CARGO_HOME", "/build/home/.cargo"),
    ("CARGO_TARGET_DIR", "/build/obj"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_NET_OFFLINE", "true"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    // The standard library of the target has no unwinder.
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
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
