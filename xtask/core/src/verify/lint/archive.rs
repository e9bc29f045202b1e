//! `ar` archives (static libraries) carry no time and no owner.

use super::file::File;
use super::needles::Needles;
use super::rule::{Hit, Lint, Rule};
use crate::base::diag::Severity;
use crate::formats::ar::Member;

/// Members have no time, no owner.
pub const METADATA: Lint = Lint {
    name: "lint::archive-metadata",
    severity: Severity::Error,
    description: "static libraries can be read, and their members carry no time and no owner",
    remedy: "make archives with `llvm-ar` without the `U` modifier; `$AR` does",
    rule: Rule::File(metadata),
};

fn metadata(file: &File<'_>, _: &Needles) -> Vec<Hit> {
    let path = &file.entry.path;
    if let Some(reason) = file.broken {
        return vec![Hit::new(path, format!("`{path}` cannot be read as an archive: {reason}"))];
    }
    let named = file.parts.iter().filter_map(|part| part.member.as_ref()).find(|member| !member.anonymous);
    let hit = |member: &Member<'_>| {
        Hit::new(path, format!("the member `{}` of `{path}` carries a time or an owner", member.name))
    };
    named.map(hit).into_iter().collect()
}
