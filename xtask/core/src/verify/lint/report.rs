//! How the ELF files of an image are hardened, as a table: one row for each file, and how many have what they must.
//!
//! The checks fail a build on the first fault; this shows what holds, by name. [`super::object_files`] says what the stack
//! protector's column proves.

use std::fmt::Write as _;

use serde::Serialize;

use super::object_files::{self, Code};
use crate::formats::elf;
use crate::formats::manifest::{ElfFacts, ElfForm};

/// One ELF file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Path in the image.
    pub path: String,
    /// The package it is from.
    pub package: String,
    /// Its sources are Rust: bounds are checked by the language, and CET's marks are not made.
    pub rust: bool,
    /// What the linker decided.
    pub elf: ElfFacts,
    /// Instructions that read the stack's guard; absent for code that is not for x86-64.
    pub guard_reads: Option<usize>,
    /// Marked for CET in every part.
    pub marked: bool,
}

/// A property that every program has.
type Property = (&'static str, fn(&Row) -> bool);

/// The columns that must hold.
const PROPERTIES: [Property; 7] = [
    ("PIE", |row| matches!(row.elf.form, ElfForm::Pie | ElfForm::Shared)),
    ("static", |row| row.elf.interpreter.is_none() && row.elf.needed.is_empty()),
    ("RELRO", |row| row.elf.full_relro),
    ("NX", |row| row.elf.nx_stack),
    ("W^X", |row| !row.elf.writable_code),
    ("no path", |row| row.elf.run_path.is_none()),
    ("guard", |row| row.guard_reads.is_none_or(|reads| reads > 0)),
];

impl Row {
    /// The row of a file; `None` when it is not a linked ELF file, an error text when it cannot be read.
    pub fn of(path: &str, package: &str, rust: bool, bytes: &[u8]) -> Option<Result<Self, String>> {
        let elf = match elf::facts(bytes)? {
            Ok(elf) => elf,
            Err(error) => return Some(Err(format!("/{path} {error}"))),
        };
        if elf.form == ElfForm::Relocatable {
            return None;
        }
        let code = object_files::code(bytes);
        let marked = code.is_some_and(|Code { marked, .. }| marked);
        let (path, package) = (path.to_owned(), package.to_owned());
        Some(Ok(Self { path, package, rust, elf, guard_reads: code.map(|code| code.guard_reads), marked }))
    }

    /// What it lacks.
    pub fn lacking(&self) -> Vec<&'static str> {
        PROPERTIES.iter().filter(|(_, holds)| !holds(self)).map(|(name, _)| *name).collect()
    }
}

/// All rows and the share of files that have each property.
pub fn table(rows: &[Row]) -> String {
    let mut out = format!("{:<34} {:<16} {:<5}", "file", "package", "from");
    for (name, _) in PROPERTIES {
        let _ = write!(out, " {name:>7}");
    }
    out += "  guard reads  CET marks\n";
    for row in rows {
        let _ = write!(out, "{:<34} {:<16} {:<5}", row.path, row.package, if row.rust { "Rust" } else { "C" });
        for (_, holds) in PROPERTIES {
            let _ = write!(out, " {:>7}", if holds(row) { "yes" } else { "NO" });
        }
        let reads = row.guard_reads.map_or_else(|| "-".to_owned(), |reads| reads.to_string());
        let _ = writeln!(out, "  {reads:>11}  {}", if row.marked { "yes" } else { "no" });
    }
    let _ = writeln!(out, "\n{} ELF files", rows.len());
    for (name, holds) in PROPERTIES {
        let good = rows.iter().filter(|row| holds(row)).count();
        // Rounded down: 100 is all of them.
        let _ = writeln!(out, "{name:<8} {good:>4}  {} %", (100 * good).checked_div(rows.len()).unwrap_or(100));
    }
    let marked = rows.iter().filter(|row| row.marked).count();
    let _ = writeln!(
        out,
        "marked for CET in every part: {marked} (for information: Linux does not enforce it for programs yet,"
    );
    out += "  and musl's assembler and Rust's library have no marks)\n";
    out + "_FORTIFY_SOURCE: none; musl has no checking variants of its functions\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_real_files() {
        let rows: Vec<Row> = [
            ("usr/bin/good", "a", include_bytes!("object_files/samples/guarded.elf").as_slice()),
            ("usr/bin/bare", "b", include_bytes!("object_files/samples/unguarded.elf").as_slice()),
            ("usr/lib/x.o", "b", include_bytes!("object_files/samples/guarded.o").as_slice()),
            ("usr/bin/script", "b", b"#!/bin/sh\n".as_slice()),
        ]
        .into_iter()
        .filter_map(|(path, package, bytes)| Row::of(path, package, false, bytes))
        .map(Result::unwrap)
        .collect();
        assert_eq!(rows.iter().map(Row::lacking).collect::<Vec<_>>(), [vec![], vec!["guard"]]);
        insta::assert_snapshot!(table(&rows));
        assert!(Row::of("x", "a", false, b"\x7fELF").unwrap().unwrap_err().starts_with("/x is not readable"));
    }
}
