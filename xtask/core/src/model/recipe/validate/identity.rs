//! Identity of a package: name, version, summary, license, home page, CPE, update hint.

use super::findings::Findings;
use super::location::url_fault;
use super::text::{summary_fault, within};
use crate::base::diag::Diagnostic;
use crate::base::name::PkgName;
use crate::model::recipe::raw::{RawRecipe, Text};

/// The checked values. Empty where something was found.
#[derive(Debug, Default)]
pub struct Identity {
    pub name: Option<PkgName>,
    pub version: String,
    pub summary: String,
    pub license: String,
    pub upstream: String,
    pub cpe: Option<String>,
}

pub(super) fn check(raw: &RawRecipe, folder: &str, found: &mut Findings) -> Identity {
    let value = |text: &Option<Text>| text.as_ref().map(|text| text.get_ref().clone());
    let identity = Identity {
        name: name(raw.name.as_ref(), folder, found),
        version: value(&raw.version).unwrap_or_default(),
        summary: value(&raw.summary).unwrap_or_default(),
        license: value(&raw.license).unwrap_or_default(),
        upstream: value(&raw.upstream).unwrap_or_default(),
        cpe: value(&raw.cpe),
    };
    match &raw.version {
        None => found.missing("version", None, "version = \"1.2.3\""),
        Some(text) => version(text, found),
    }
    match &raw.summary {
        None => found.missing("summary", None, "summary = \"Lossless data compression library\""),
        Some(text) => summary(text, found),
    }
    match &raw.license {
        None => found.missing("license", None, "license = \"MIT\""),
        Some(text) => license(text, found),
    }
    match &raw.upstream {
        // Programs of our own have no sources elsewhere, and no other home.
        None if raw.source.is_empty() => {}
        None => found.missing("upstream", None, "upstream = \"https://zlib.net\""),
        Some(text) => address(text, "upstream", found),
    }
    raw.cpe.iter().for_each(|text| cpe(text, found));
    identity
}

fn name(text: Option<&Text>, folder: &str, found: &mut Findings) -> Option<PkgName> {
    let Some(text) = text else {
        found.missing("name", None, &format!("name = \"{folder}\""));
        return None;
    };
    match text.get_ref().parse::<PkgName>() {
        Err(error) => {
            let finding = Diagnostic::error("recipe::bad-name", error.to_string()).at(text.span());
            found.add(finding.label("not a package name"));
            None
        }
        Ok(name) if name.as_str() != folder => {
            let message = format!("the recipe in folder `{folder}` is named `{name}`");
            let finding = Diagnostic::error("recipe::name-folder", message).at(text.span());
            found.add(
                finding.label(format!("expected `{folder}`")).help("name and folder must be equal: rename one of them"),
            );
            None
        }
        Ok(name) => Some(name),
    }
}

/// One line, shared by recipes and split packages.
pub(super) fn summary(text: &Text, found: &mut Findings) {
    if let Some((code, message, here)) = summary_fault(text.get_ref()) {
        found.add(Diagnostic::error(code, message).at(text.span()).label(here));
    }
}

fn version(text: &Text, found: &mut Findings) {
    let version = text.get_ref();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~' | '_' | '-');
    let mut add = |message: String, here: &str| {
        found.add(Diagnostic::error("recipe::bad-version", message).at(text.span()).label(here));
    };
    if version.is_empty() {
        add("the version is empty".to_owned(), "write upstream's version");
    } else if let Some(number) = version.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(char::is_numeric)) {
        add(format!("the version begins with `{}`", &version[..1]), &format!("write `{number}`"));
    } else if !version.chars().all(allowed) || !version.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let message = format!("`{version}` is not a version");
        add(message, "letters, digits, `.`, `+`, `~`, `_`, `-`, beginning with a letter or digit");
    } else if !version.contains(|c: char| c.is_ascii_digit()) {
        add(format!("`{version}` has no digit"), "pin one release, not a moving name");
    }
}

fn license(text: &Text, found: &mut Findings) {
    let expression = text.get_ref();
    let Err(error) = spdx::Expression::parse(expression) else { return };
    let term = expression.get(error.span.clone()).unwrap_or_default();
    let finding = Diagnostic::error("recipe::bad-license", format!("`{expression}` is not an SPDX license expression"))
        .at(within(text, error.span.clone()))
        .label(error.reason.to_string());
    let similar = spdx::imprecise_license_id(term).filter(|(id, _)| id.name != term && !id.is_deprecated());
    let help = match (&error.reason, similar) {
        (spdx::error::Reason::DeprecatedLicenseId, _) => {
            format!("say which is meant: `{0}-only` or `{0}-or-later`", term.trim_end_matches('+'))
        }
        // Another version is another license.
        (_, Some((id, _))) if number(id.name) != number(term) => {
            "write the identifier with its version, from https://spdx.org/licenses/: GPL-3.0-only or GPL-3.0-or-later, \
             LGPL-2.1-or-later, BSD-3-Clause"
                .to_owned()
        }
        (_, Some((id, _))) => {
            // `GPLv2+` is a license "or later", which only the part after its name says.
            let later =
                expression.get(error.span.end..).is_some_and(|rest| rest.starts_with('+')) || term.ends_with('+');
            let name = match id.name.strip_suffix("-only").filter(|_| later) {
                Some(name) => format!("{name}-or-later"),
                None => id.name.to_owned(),
            };
            format!("the SPDX identifier may be `{name}`")
        }
        _ => "identifiers are listed at https://spdx.org/licenses/; join them with AND, OR, WITH".to_owned(),
    };
    found.add(finding.help(help));
}

/// The number in the name of a license, without a last zero: 2 for `GPLv2` and `GPL-2.0-only`.
fn number(name: &str) -> String {
    let digits: String = name.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.trim_matches('.').trim_end_matches(".0").to_owned()
}

fn address(text: &Text, key: &str, found: &mut Findings) {
    if let Some(fault) = url_fault(text.get_ref(), &["https"]) {
        let finding = Diagnostic::error("recipe::bad-url", format!("`{key}` {fault}")).at(text.span());
        found.add(finding.label("expected an https address"));
    }
}

fn cpe(text: &Text, found: &mut Findings) {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '+' | '\\'))
    };
    let parts: Vec<&str> = text.get_ref().split(':').collect();
    if parts.len() != 2 || !parts.into_iter().all(part) {
        let message = format!("`{}` is not `vendor:product`", text.get_ref());
        let finding = Diagnostic::error("recipe::bad-cpe", message).at(text.span());
        found.add(
            finding
                .label("two lower-case words with `:` between")
                .help("they are the 4th and 5th field of the CPE name: cpe:2.3:a:vendor:product:…"),
        );
    }
}
