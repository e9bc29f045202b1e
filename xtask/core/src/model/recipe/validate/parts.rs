//! `[[hardening]]`, `[[output]]` and `[[test]]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::recipe::spanned::Spanned;

use super::findings::Findings;
use super::identity::summary;
use super::phases::{ended, network};
use super::text::path_fault;
use crate::base::diag::{Diagnostic, suggest};
use crate::base::name::PkgName;
use crate::model::recipe::raw::{RawOptOut, RawRecipe, RawTest, Text};
use crate::model::recipe::{InstallTest, OptOut, Output};

/// Shorter than this, a reason only repeats that there is one.
const MIN_REASON: usize = 20;

pub(super) fn hardening(list: &[Spanned<RawOptOut>], flags: &BTreeSet<String>, found: &mut Findings) -> Vec<OptOut> {
    let mut opt_outs: Vec<OptOut> = Vec::new();
    for spanned in list {
        let RawOptOut { off, reason } = spanned.get_ref();
        let place = Some(("[[hardening]]", spanned.span()));
        match off {
            None => found.missing("off", place.clone(), "off = \"stack-clash\""),
            Some(text) => flag(text, flags, opt_outs.iter().any(|other| &other.off == text.get_ref()), found),
        }
        match reason {
            None => found.missing("reason", place, "reason = \"assembly without frame information\""),
            Some(text) if text.get_ref().trim().chars().count() < MIN_REASON => found.add(
                Diagnostic::error(
                    "recipe::short-reason",
                    "the reason for switching a hardening flag off says too little",
                )
                .at(text.span())
                .label("say what breaks, and where"),
            ),
            Some(_) => {}
        }
        let value = |text: &Option<Text>| text.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default();
        opt_outs.push(OptOut { off: value(off), reason: value(reason) });
    }
    opt_outs
}

fn flag(text: &Text, flags: &BTreeSet<String>, again: bool, found: &mut Findings) {
    let name = text.get_ref();
    if again {
        let message = format!("`{name}` is switched off twice");
        found.add(Diagnostic::error("recipe::duplicate-opt-out", message).at(text.span()).label("second mention"));
    }
    if !flags.contains(name) {
        let list: Vec<String> = flags.iter().map(|flag| format!("`{flag}`")).collect();
        let finding = Diagnostic::error("recipe::unknown-flag", format!("there is no hardening flag `{name}`"))
            .at(text.span())
            .help(format!("flags of toolchain/hardening.toml: {}", list.join(", ")));
        found.add(match suggest(name, flags.iter().map(String::as_str)) {
            Some(close) => finding.label(format!("did you mean `{close}`?")),
            None => finding.label("unknown flag"),
        });
    }
}

/// Octal permission bits by path. Set-id bits are refused: nothing in Ashlar has them.
pub(super) fn modes(table: &BTreeMap<Text, Text>, found: &mut Findings) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::new();
    for (path, text) in table {
        if let Some(fault) = path_fault(path.get_ref()) {
            let message = format!("the path `{}` {fault}", path.get_ref());
            found.add(
                Diagnostic::error("recipe::mode-path", message).at(path.span()).label("write it relative to the root"),
            );
        }
        match u32::from_str_radix(text.get_ref(), 8) {
            Ok(mode) if mode <= 0o1777 => drop(modes.insert(path.get_ref().clone(), mode)),
            _ => found.add(
                Diagnostic::error("recipe::bad-mode", format!("`{}` is not a mode a package may have", text.get_ref()))
                    .at(text.span())
                    .label("octal digits, at most 1777")
                    .help("set-user and set-group bits are refused: nothing in Ashlar has them"),
            ),
        }
    }
    modes
}

pub(super) fn outputs(raw: &RawRecipe, found: &mut Findings) -> Vec<Output> {
    let mut taken: BTreeSet<String> = raw.name.iter().map(|name| name.get_ref().clone()).collect();
    let mut outputs = Vec::with_capacity(raw.output.len());
    for spanned in &raw.output {
        let output = spanned.get_ref();
        let place = Some(("[[output]]", spanned.span()));
        let name = match &output.name {
            None => {
                found.missing("name", place.clone(), "name = \"libunwind\"");
                None
            }
            Some(text) => output_name(text, &mut taken, found),
        };
        match &output.summary {
            None => found.missing("summary", place.clone(), "summary = \"Stack unwinder\""),
            Some(text) => summary(text, found),
        }
        if output.files.is_empty() {
            found.missing("files", place, "files = [\"usr/lib/libunwind*\"]");
        }
        output.files.iter().for_each(|glob| self::glob(glob, found));
        outputs.extend(name.map(|name| Output {
            name,
            summary: output.summary.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default(),
            files: output.files.iter().map(|glob| glob.get_ref().clone()).collect(),
        }));
    }
    outputs
}

fn output_name(text: &Text, taken: &mut BTreeSet<String>, found: &mut Findings) -> Option<PkgName> {
    let finding = match text.get_ref().parse::<PkgName>() {
        Err(error) => Diagnostic::error("recipe::bad-name", error.to_string()).label("not a package name"),
        Ok(name) if !taken.insert(name.to_string()) => {
            Diagnostic::error("recipe::duplicate-output", format!("the recipe makes `{name}` twice"))
                .label("choose another name")
        }
        Ok(name) => return Some(name),
    };
    found.add(finding.at(text.span()));
    None
}

fn glob(text: &Text, found: &mut Findings) {
    let glob = text.get_ref();
    if let Some(fault) = path_fault(glob) {
        let finding = Diagnostic::error("recipe::bad-glob", format!("the pattern `{glob}` {fault}"));
        found.add(finding.at(text.span()).label("expected a pattern relative to the root, such as `usr/lib/*.a`"));
    }
}

pub(super) fn tests(list: &[Spanned<RawTest>], files: &BTreeSet<String>, found: &mut Findings) -> Vec<InstallTest> {
    let mut tests: Vec<InstallTest> = Vec::with_capacity(list.len());
    for spanned in list {
        let RawTest { name, run, program, links } = spanned.get_ref();
        let place = Some(("[[test]]", spanned.span()));
        let value = |text: &Option<Text>| text.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default();
        match name {
            None => found.missing("name", place.clone(), "name = \"prints its version\""),
            Some(text) if text.get_ref().trim().is_empty() || text.get_ref().contains(char::is_control) => found.add(
                Diagnostic::error("recipe::bad-test", "the test's name is not one line of text")
                    .at(text.span())
                    .label("say what is tested"),
            ),
            Some(text) if tests.iter().any(|test| &test.name == text.get_ref()) => found.add(
                Diagnostic::error("recipe::bad-test", format!("two tests are named `{}`", text.get_ref()))
                    .at(text.span())
                    .label("choose another name"),
            ),
            Some(_) => {}
        }
        let script = match (run, program) {
            (Some(text), None) => {
                if text.get_ref().trim().is_empty() {
                    let finding = Diagnostic::error("recipe::bad-test", "the test does nothing");
                    found.add(finding.at(text.span()).label("write its script"));
                }
                network(text, found);
                ended(text.get_ref())
            }
            (None, Some(program)) => compiled(program, links, files, found),
            (None, None) => {
                found.missing("run", place, "run = '''\"$DESTDIR/usr/bin/tool\" --version'''");
                String::new()
            }
            (Some(_), Some(program)) => {
                let finding = Diagnostic::error("recipe::bad-test", "the test has both `run` and `program`");
                found.add(finding.at(program.span()).label("a program is run without a script; remove one of them"));
                String::new()
            }
        };
        tests.push(InstallTest { name: value(name), run: script });
    }
    tests
}

/// The script that compiles, links and runs a test program.
fn compiled(program: &Text, links: &[Text], files: &BTreeSet<String>, found: &mut Findings) -> String {
    let file = program.get_ref();
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._+/-".contains(c));
    if !files.contains(file) || !plain(file) || !file.ends_with(".c") {
        let message = format!("there is no C program `{file}` beside the recipe");
        found.add(
            Diagnostic::error("recipe::bad-test", message).at(program.span()).label("expected a file such as `test.c`"),
        );
    }
    for library in links.iter().filter(|library| !plain(library.get_ref())) {
        let message = format!("`{}` is not the name of a library", library.get_ref());
        found
            .add(Diagnostic::error("recipe::bad-test", message).at(library.span()).label("expected `cap` for `-lcap`"));
    }
    let libraries: String = links.iter().map(|library| format!(" -l{}", library.get_ref())).collect();
    format!(
        "$CC -I/dest/usr/include \"$FILES/{file}\" -L/dest/usr/lib{libraries} -o /tmp/test-program\n/tmp/test-program\n"
    )
}
