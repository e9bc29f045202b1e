//! `[install]`, `[links]` and `license_files`: what is installed, as data.

use super::findings::Findings;
use super::text::path_fault;
use crate::base::diag::Diagnostic;
use crate::base::name::Phase;
use crate::base::name::PkgName;
use crate::model::recipe::install::{self, InstallTable, ROOTS, not_ours};
use crate::model::recipe::raw::{RawRecipe, Text};

/// The table, when the recipe has one.
pub(super) fn check(raw: &RawRecipe, found: &mut Findings) -> Option<InstallTable> {
    let first = raw.install.keys().chain(raw.links.keys()).next()?;
    if raw.phases.all().iter().any(|(phase, _)| *phase == Phase::Install) {
        found.add(
            Diagnostic::error(
                "recipe::two-installs",
                "the recipe has a phase `install` and a table `[install]` or `[links]`",
            )
            .at(first.span())
            .label("would be ignored")
            .help("write everything into the phase, or everything into the tables"),
        );
    }
    for (place, files) in &raw.install {
        let directory = place.get_ref().strip_suffix('/');
        self::place(place, directory.unwrap_or(place.get_ref()), "a place below the root, such as `usr/bin/`", found);
        ours(place, found);
        if files.is_empty() || (directory.is_none() && files.len() > 1) {
            let what = if files.is_empty() { "no file" } else { "more than one file" };
            let message = format!("`{}` is given {what}", place.get_ref());
            found.add(
                Diagnostic::error("recipe::bad-install", message)
                    .at(place.span())
                    .label("a directory ends with `/` and takes files; another place is the new name of one"),
            );
        }
        files.iter().for_each(|file| self::file(file, found));
    }
    for (place, target) in &raw.links {
        self::place(place, place.get_ref(), "a place below the root, such as `usr/bin/mkfs.ext4`", found);
        ours(place, found);
        let relative = target.get_ref().trim_start_matches('/').trim_start_matches("../");
        self::place(target, relative, "a target that holds letters, digits and `._+@/-`", found);
    }
    let list = |(place, files): (&Text, &Vec<Text>)| {
        (place.get_ref().clone(), files.iter().map(|file| file.get_ref().clone()).collect())
    };
    Some(InstallTable {
        files: raw.install.iter().map(list).collect(),
        links: raw.links.iter().map(|(place, target)| (place.get_ref().clone(), target.get_ref().clone())).collect(),
    })
}

/// The script that copies the licence texts.
pub(super) fn licenses(name: &PkgName, files: &[Text], found: &mut Findings) -> String {
    for file in files {
        path(file, file.get_ref(), "a file below `$SRC`, such as `COPYING`", found);
    }
    let files: Vec<String> = files.iter().map(|file| file.get_ref().clone()).collect();
    install::licenses(name, &files)
}

fn file(text: &Text, found: &mut Findings) {
    let path = ROOTS.iter().find_map(|root| text.get_ref().strip_prefix(root)).unwrap_or(text.get_ref());
    self::path(text, path, "a file of the build, or one that begins with `$SRC/`, `$OBJ/` or `$FILES/`", found);
}

/// Refuses a path that leaves its directory, that a program would take for an option, or that the shell would read otherwise
/// than a person does.
fn path(text: &Text, path: &str, expected: &str, found: &mut Findings) {
    refuse(text, path, "._+@/*-", expected, found);
}

/// The same for what is one path, where a `*` would make a file of that name.
fn place(text: &Text, path: &str, expected: &str, found: &mut Findings) {
    refuse(text, path, "._+@/-", expected, found);
}

/// Refuses a place in a directory that is not for packages.
fn ours(place: &Text, found: &mut Findings) {
    let path = place.get_ref();
    if let Some(why) = not_ours(path) {
        let (top, _) = path.split_once('/').unwrap_or((path, ""));
        found.add(
            Diagnostic::error("recipe::bad-install", format!("`{path}` lies in /{top}, {why}"))
                .at(place.span())
                .label("no place of a package")
                .help("install below usr, etc or var"),
        );
    }
}

fn refuse(text: &Text, path: &str, marks: &str, expected: &str, found: &mut Findings) {
    let plain = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    let option = path.starts_with('-').then_some("would be read as an option");
    let shell = (!path.chars().all(plain)).then_some("has a character that the shell would read");
    if let Some(fault) = path_fault(path).or(option).or(shell) {
        let finding = Diagnostic::error("recipe::bad-install", format!("the path `{}` {fault}", text.get_ref()));
        found.add(finding.at(text.span()).label(format!("expected {expected}")));
    }
}
