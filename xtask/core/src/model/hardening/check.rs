//! Promises about the running system, as data: `checks.toml` of a layer, and checks derived from its other data.
//!
//! A check has a kind and the kind's keys. This and `ashlar-audit` share both and the text form (`programs/lib/checks`); only
//! `ashlar-audit` knows what a kind means.

use std::collections::BTreeSet;

use camino::Utf8Path;
use checks::{KINDS, Kind};
use serde::{Deserialize, Serialize};

use super::layer::Layer;
use crate::base::diag::{Diagnostic, suggest};
use crate::base::schema::{self, Document};

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HardeningCheck {
    /// The layer that promises.
    pub layer: Layer,
    /// Unique within the layer, kebab case or the name of a setting.
    pub id: String,
    /// One line: what is so when the promise is kept.
    pub summary: String,
    /// Why it matters.
    pub reason: String,
    /// A key of [`KINDS`].
    pub kind: String,
    /// Key and value in the order of [`KINDS`]; a list repeats its key.
    pub keys: Vec<(String, String)>,
}

const DOCUMENT: Document = Document {
    noun: "check",
    syntax: "check::syntax",
    invisible: "check::invisible",
    unknown_key: "check::unknown-key",
    duplicate_key: "check::duplicate-key",
    wrong_type: "check::wrong-type",
    synonyms: &[("name", "id"), ("why", "reason"), ("description", "summary")],
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    check: Vec<toml::Spanned<toml::Table>>,
}

/// Reads a `checks.toml`. A check that says `with` is a promise of several layers together, and is left out when one of those
/// is `off`.
///
/// # Errors
/// Every finding: unknown kinds and keys, missing keys, no reason.
pub fn parse(
    layer: Layer,
    text: &str,
    file: &Utf8Path,
    off: &BTreeSet<Layer>,
) -> Result<Vec<HardeningCheck>, Vec<Diagnostic>> {
    let written: Written = schema::read(text, file, &DOCUMENT).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    let mut checks = Vec::new();
    for entry in written.check {
        let span = entry.span();
        let mut reader = Reader { table: entry.into_inner(), span, file, findings: &mut findings };
        let with = reader.layers();
        checks.extend(reader.check(layer).filter(|_| with.is_disjoint(off)));
    }
    if findings.is_empty() { Ok(checks) } else { Err(findings) }
}

/// Takes one `[[check]]` apart.
struct Reader<'a> {
    table: toml::Table,
    span: std::ops::Range<usize>,
    file: &'a Utf8Path,
    findings: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn check(&mut self, layer: Layer) -> Option<HardeningCheck> {
        let [id, summary, reason, kind] = ["id", "summary", "reason", "kind"].map(|key| self.text(key));
        let (id, summary, reason, kind) = (id?, summary?, reason?, kind?);
        if reason.len() < 10 {
            self.complain(
                "check::reason",
                format!("`{id}` has no reason worth the name"),
                "say what an attacker gains without it",
            );
        }
        let Some(Kind { required, optional, .. }) = KINDS.iter().find(|known| known.name == kind) else {
            let names = KINDS.iter().map(|known| known.name);
            let help = match suggest(&kind, names.clone()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("kinds: {}", names.collect::<Vec<_>>().join(", ")),
            };
            self.complain("check::unknown-kind", format!("`{id}` is of an unknown kind `{kind}`"), &help);
            return None;
        };
        let mut keys = Vec::new();
        for key in required.iter().chain(*optional) {
            match self.table.remove(*key) {
                Some(value) => self.values(&id, key, &value, &mut keys),
                None if required.contains(key) => {
                    self.complain(
                        "check::missing-key",
                        format!("`{id}` lacks `{key}`"),
                        &format!("a {kind} check needs it"),
                    );
                }
                None => {}
            }
        }
        let left: Vec<String> = self.table.keys().cloned().collect();
        for key in left {
            let known = [*required, *optional].concat().join(", ");
            self.complain(
                "check::unknown-key",
                format!("`{key}` of `{id}` is not a key of a {kind} check"),
                &format!("its keys: {known}"),
            );
        }
        Some(HardeningCheck { layer, id, summary, reason, kind, keys })
    }

    /// The other layers that a check needs.
    fn layers(&mut self) -> BTreeSet<Layer> {
        let names = match self.table.remove("with") {
            None => Vec::new(),
            Some(toml::Value::Array(names)) => names,
            Some(other) => vec![other],
        };
        let mut layers = BTreeSet::new();
        for name in names {
            match name.as_str().and_then(Layer::named) {
                Some(layer) => drop(layers.insert(layer)),
                None => {
                    let help = format!("a list of layers: {}", Layer::ALL.map(Layer::folder).join(", "));
                    self.complain("check::unknown-layer", format!("`with` names {name}, which is not a layer"), &help);
                }
            }
        }
        layers
    }

    /// A text that every check has.
    fn text(&mut self, key: &str) -> Option<String> {
        match self.table.remove(key) {
            Some(toml::Value::String(text)) if !text.is_empty() && !text.contains('\n') => Some(text),
            _ => {
                self.complain(
                    "check::missing-key",
                    format!("a check has no one-line text `{key}`"),
                    "every check has id, kind, summary and reason",
                );
                None
            }
        }
    }

    /// A value as one line each.
    fn values(&mut self, id: &str, key: &str, value: &toml::Value, into: &mut Vec<(String, String)>) {
        let mut add = |text: String| into.push((key.to_owned(), text));
        match value {
            toml::Value::String(text) if !text.contains('\n') => add(text.clone()),
            toml::Value::Integer(number) => add(number.to_string()),
            toml::Value::Boolean(yes) => add(yes.to_string()),
            toml::Value::Array(list) => list.iter().for_each(|item| self.values(id, key, item, into)),
            _ => self.complain(
                "check::wrong-type",
                format!("`{key}` of `{id}` is neither a text of one line, a number, a truth value nor a list of them"),
                "write it so",
            ),
        }
    }

    fn complain(&mut self, code: &'static str, message: String, help: &str) {
        let finding = Diagnostic::error(code, message).in_file(self.file).at(self.span.clone()).help(help);
        self.findings.push(finding);
    }
}

/// A finding for each id that a layer has twice.
pub(super) fn unique(checks: &[HardeningCheck], findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for check in checks {
        if !seen.insert((check.layer, &check.id)) {
            let message = format!("two checks of layer {} are called `{}`", check.layer.number(), check.id);
            findings.push(Diagnostic::error("check::duplicate", message).help("rename one of them"));
        }
    }
}

/// The form that `ashlar-audit` reads.
pub fn render(checks: &[HardeningCheck]) -> String {
    checks::write(checks.iter().map(|check| checks::Block {
        layer: check.layer.number(),
        id: &check.id,
        kind: &check.kind,
        keys: &check.keys,
        summary: &check.summary,
        reason: &check.reason,
    }))
}

/// A finding for each check that `ashlar-audit` would not understand, such as one whose mode is not octal.
pub(super) fn understood(text: &str, findings: &mut Vec<Diagnostic>) {
    for error in checks::parse(text).err().unwrap_or_default() {
        let finding = Diagnostic::error("check::not-understood", error.message);
        findings.push(finding.help("ashlar-audit would refuse the whole file: correct the check of that name"));
    }
}
