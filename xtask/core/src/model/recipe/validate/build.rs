//! `[build]`: style, arguments, environment, crates.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::recipe::spanned::Spanned;

use super::findings::Findings;
use super::identity::Identity;
use super::text::{expand, path_fault};
use crate::base::diag::{Diagnostic, suggest};
use crate::base::name::Phase;
use crate::model::recipe::raw::{RawBuild, RawRecipe, Text};
use crate::model::recipe::{Style, rooted, style};

/// What the build contract fixes for every phase; a recipe that changed one of these would break the contract.
pub const CONTRACT: [&str; 26] = [
    "PATH",
    "HOME",
    "LC_ALL",
    "TZ",
    "SOURCE_DATE_EPOCH",
    "TARGET",
    "CC",
    "CXX",
    "AR",
    "RANLIB",
    "NM",
    "STRIP",
    "OBJCOPY",
    "READELF",
    "LD",
    "HOSTCC",
    "HOSTCXX",
    "SRC",
    "OBJ",
    "DESTDIR",
    "SYSROOT",
    "TOOLS",
    "FILES",
    "JOBS",
    "MAKEFLAGS",
    "VERSION",
];

/// The checked table. `style` is `None` where it is absent or unknown.
#[derive(Debug, Default)]
pub struct Build {
    pub style: Option<Style>,
    pub args: Vec<String>,
    pub targets: Vec<String>,
    pub check_targets: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub cargo_lock: Option<String>,
    pub workspace: Option<Vec<String>>,
}

pub(super) fn check(raw: &RawRecipe, identity: &Identity, files: &BTreeSet<String>, found: &mut Findings) -> Build {
    let absent = Spanned::new(0..0, RawBuild::default());
    let table = raw.build.as_ref().unwrap_or(&absent);
    let build = table.get_ref();
    let style = style(raw, table, found);
    environment(build, found);
    let list = |texts: &[Text]| texts.iter().map(|text| expand(text.get_ref(), &identity.version)).collect();
    let mut env = style.map(style::env).unwrap_or_default();
    let own = |(name, value): (&Text, &Text)| (name.get_ref().clone(), expand(value.get_ref(), &identity.version));
    env.extend(build.env.iter().map(own));
    env.values_mut().for_each(|value| *value = rooted(value));
    let checked = Build {
        style,
        args: list(&build.args),
        targets: list(&build.targets),
        check_targets: list(&build.check_targets),
        env,
        cargo_lock: crates(table, style, files, found),
        workspace: workspace(raw, build, style, files, found),
    };
    unused(raw, build, &checked, found);
    checked
}

fn styles() -> String {
    style::ALL.map(|style| format!("`{}`", style.name)).join(", ")
}

/// The style named; `shell` when none is named and the recipe itself says how it is built and installed.
fn style(raw: &RawRecipe, table: &Spanned<RawBuild>, found: &mut Findings) -> Option<Style> {
    let Some(text) = &table.get_ref().style else {
        let by_table = raw.phases.build.is_some() && !(raw.install.is_empty() && raw.links.is_empty());
        if raw.phases.install.is_some() || by_table {
            return Some(style::SHELL);
        }
        let finding = Diagnostic::error("recipe::missing-key", "the recipe does not say how it is built")
            .help(format!("write `style = \"…\"` into `[build]`, or your own `[phases]`; styles: {}", styles()));
        found.add(match &raw.build {
            Some(_) => finding.at(table.span()).label("needs `style`"),
            None => finding,
        });
        return None;
    };
    let style = style::named(text.get_ref());
    if style.is_none() {
        let message = format!("there is no build style `{}`", text.get_ref());
        let finding =
            Diagnostic::error("recipe::unknown-style", message).at(text.span()).help(format!("styles: {}", styles()));
        found.add(match suggest(text.get_ref(), style::ALL.iter().map(|style| style.name)) {
            Some(close) => finding.label(format!("did you mean `{close}`?")),
            None => finding.label("unknown style"),
        });
    }
    style
}

/// Arguments and targets must reach a script: the style takes them, and the recipe did not replace every phase that does.
fn unused(raw: &RawRecipe, build: &RawBuild, checked: &Build, found: &mut Findings) {
    let lists = [
        ("args", "arguments", &build.args),
        ("targets", "targets", &build.targets),
        ("check_targets", "targets", &build.check_targets),
    ];
    for (key, what, list) in lists {
        for text in list.iter().filter(|text| text.get_ref().contains('\0')) {
            let finding =
                Diagnostic::error("recipe::bad-argument", format!("an element of `{key}` holds a NUL character"));
            found.add(finding.at(text.span()).label("no program can receive it"));
        }
        let (Some(first), Some(style)) = (list.first(), checked.style) else { continue };
        // A style without tests of its own runs none, so what is for them reaches nothing.
        let tested = !style.tests.is_empty() || !checked.check_targets.is_empty();
        let takers: Vec<Phase> = style.phases_with(key).filter(|phase| tested || *phase != Phase::Check).collect();
        let written = raw.phases.all();
        let replaced = |taker: &Phase| {
            let by_table = *taker == Phase::Install && !raw.install.is_empty();
            by_table || written.iter().any(|(phase, _)| phase == taker)
        };
        let style = style.name;
        let finding = if takers.is_empty() {
            Diagnostic::error("recipe::unused-args", format!("the style `{style}` takes no {what}"))
                .help("write them into the phase that needs them")
        } else if takers.iter().all(replaced) {
            let phases: Vec<String> = takers.iter().map(|taker| format!("`{taker}`")).collect();
            let phases = phases.join(" and ");
            let message = format!("`{key}` reaches no phase: the recipe replaces {phases} of `{style}`");
            Diagnostic::error("recipe::unused-args", message).help("write them into the recipe's own phase")
        } else {
            continue;
        };
        found.add(finding.at(first.span()).label("would be ignored"));
    }
}

fn environment(build: &RawBuild, found: &mut Findings) {
    for (name, value) in &build.env {
        let text = name.get_ref();
        let letters = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !letters || !text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') {
            let finding = Diagnostic::error("recipe::bad-env", format!("`{text}` is not a variable name"));
            found.add(finding.at(name.span()).label("use A-Z, 0-9 and `_`, not beginning with a digit"));
        } else if CONTRACT.contains(&text.as_str()) {
            found.add(
                Diagnostic::error("recipe::contract-env", format!("`{text}` is fixed by the build contract"))
                    .at(name.span())
                    .label("cannot be changed for all phases")
                    .help("a phase can set it for one command: `NAME=value command`"),
            );
        }
        if value.get_ref().contains(char::is_control) {
            let finding =
                Diagnostic::error("recipe::bad-env", format!("the value of `{text}` has a control character"));
            found.add(finding.at(value.span()).label("write it on one line"));
        }
    }
}

/// The lock file of the crates to provide: named, or `Cargo.lock` for the style `cargo`.
fn crates(
    table: &Spanned<RawBuild>,
    style: Option<Style>,
    files: &BTreeSet<String>,
    found: &mut Findings,
) -> Option<String> {
    let build = table.get_ref();
    let cargo = style.is_some_and(|style| style.is_crate);
    let place = |text: &Option<Text>| text.as_ref().or(build.style.as_ref()).map_or_else(|| table.span(), |t| t.span());
    let lock = match &build.cargo_lock {
        Some(text) => text.get_ref().clone(),
        None if cargo && build.workspace.is_none() => "Cargo.lock".to_owned(),
        None if cargo => {
            cargo_toml(place(&None), files, found);
            return None;
        }
        None => return None,
    };
    if let Some(fault) = path_fault(&lock) {
        let finding = Diagnostic::error("recipe::bad-path", format!("the path `{lock}` {fault}"));
        found.add(finding.at(place(&build.cargo_lock)).label("expected a file in the package's folder"));
    } else if !files.contains(&lock) {
        found.add(
            Diagnostic::error("recipe::missing-cargo-lock", format!("there is no `{lock}` beside the recipe"))
                .at(place(&build.cargo_lock))
                .label("needs the lock file")
                .help("`cargo generate-lockfile` in the package's folder writes it; commit it"),
        );
    }
    if cargo {
        cargo_toml(place(&None), files, found);
    }
    Some(lock)
}

fn cargo_toml(place: Range<usize>, files: &BTreeSet<String>, found: &mut Findings) {
    if !files.contains("Cargo.toml") {
        let finding = Diagnostic::error("recipe::missing-cargo-toml", "there is no `Cargo.toml` beside the recipe");
        found.add(finding.at(place).label("style `cargo` builds the crate in the package's folder"));
    }
}

/// The shared crates of the workspace, of which the recipe's crate is a member.
fn workspace(
    raw: &RawRecipe,
    build: &RawBuild,
    style: Option<Style>,
    files: &BTreeSet<String>,
    found: &mut Findings,
) -> Option<Vec<String>> {
    let list = build.workspace.as_ref()?;
    let mut refuse = |message: &str, label: &str| {
        found.add(Diagnostic::error("recipe::bad-workspace", message).at(list.span()).label(label));
    };
    if style.is_some_and(|style| !style.is_crate) {
        refuse("only the style `cargo` has a workspace", "nothing would read it");
    }
    if build.cargo_lock.is_some() || files.contains("Cargo.lock") {
        let label = "take the recipe's own lock file away, or this key";
        refuse("a member of a workspace has no lock file of its own: the workspace's is read", label);
    }
    if !raw.source.is_empty() {
        refuse("a member of a workspace is its folder, and has no `[[source]]`", "take one of them away");
    }
    for text in list.get_ref() {
        if let Some(fault) = path_fault(text.get_ref()) {
            let finding = Diagnostic::error("recipe::bad-path", format!("the path `{}` {fault}", text.get_ref()));
            found
                .add(finding.at(text.span()).label("expected the folder of a shared crate, relative to the workspace"));
        }
    }
    Some(list.get_ref().iter().map(|text| text.get_ref().clone()).collect())
}
