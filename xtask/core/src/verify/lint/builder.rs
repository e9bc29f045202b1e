//! Texts by which a compiler or linker says who built it. An output that has one depends on it: another build of the same compiler
//! makes other bytes.

use std::sync::LazyLock;

use super::file::File;
use super::needles::Needles;
use super::rule::{Hit, Lint, Rule};
use crate::base::diag::Severity;

/// No output says who built the compiler.
pub const BUILDER: Lint = Lint {
    name: "lint::builder",
    severity: Severity::Error,
    description: "no file says which compiler or linker made it, or who built that",
    remedy: "strip programs with `$STRIP`, which takes `.comment` out; the toolchain's configuration has -fno-ident for objects; \
             a text of the program's own, such as its banner, needs a patch",
    rule: Rule::File(builder),
};

/// How compilers and linkers name themselves: clang and gcc in `.comment`, lld there and in banners.
const NAMES: [&str; 9] = [
    "Debian clang",
    "Debian LLD",
    "Ubuntu clang",
    "(Debian 1",
    "GCC: (",
    "Linker: ",
    "clang version 1",
    "ziglang/",
    "zig-bootstrap",
];

static NEEDLES: LazyLock<Needles> =
    LazyLock::new(|| Needles::texts(&NAMES, "the name of the compiler or of who built it"));

fn builder(file: &File<'_>, _: &Needles) -> Vec<Hit> {
    NEEDLES.hits(file)
}
