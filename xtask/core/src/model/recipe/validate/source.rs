//! `[[source]]`: locations, digest, and where the files go.

use std::collections::BTreeMap;

use crate::model::recipe::spanned::Spanned;

use super::findings::Findings;
use super::location::{pool_fault, pool_path_of, url_fault};
use super::text::path_fault;
use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;
use crate::model::recipe::Source;
use crate::model::recipe::raw::{MAX_STRIP, RawSource, Text};

/// Archives that are not unpacked here, by how their names end.
const FOREIGN: [&str; 8] = [".zip", ".7z", ".rar", ".whl", ".jar", ".rpm", ".lz", ".lzma"];

pub(super) fn check(list: &[Spanned<RawSource>], found: &mut Findings) -> Vec<Source> {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut sources = Vec::new();
    for (number, spanned) in list.iter().enumerate() {
        let raw = spanned.get_ref();
        locations(spanned, found);
        let sha256 = digest(spanned, found);
        let strip = strip(raw.strip.as_ref(), found);
        for text in raw.include.iter().chain(&raw.to) {
            path(text, found);
        }
        let to = raw.to.as_ref().map_or_else(|| ".".to_owned(), |to| to.get_ref().clone());
        let Some(sha256) = sha256 else { continue };
        if let Some(first) = seen.insert((sha256.to_string(), to.clone()), number) {
            found.add(
                Diagnostic::error("recipe::duplicate-source", "two sources unpack the same file to the same place")
                    .at(spanned.span())
                    .label(format!("same sha256 and `to` as source {}", first + 1))
                    .help("remove one, or correct the sha256 that was copied"),
            );
        }
        sources.push(Source {
            urls: raw.url.iter().map(|url| url.get_ref().clone()).collect(),
            debian: raw.debian.as_ref().map(|path| path.get_ref().clone()),
            sha256,
            strip,
            include: raw.include.iter().map(|prefix| prefix.get_ref().clone()).collect(),
            to,
        });
    }
    sources
}

fn locations(spanned: &Spanned<RawSource>, found: &mut Findings) {
    let raw = spanned.get_ref();
    if raw.url.is_empty() && raw.debian.is_none() {
        found.add(
            Diagnostic::error("recipe::source-location", "this source has no location")
                .at(spanned.span())
                .label("needs `url` or `debian`")
                .help("url = [\"https://…\"] is upstream's address, debian = \"pool/…\" the path in Debian's pool"),
        );
    }
    for text in raw.url.iter().chain(&raw.debian) {
        if let Some(end) = FOREIGN.iter().find(|end| text.get_ref().to_ascii_lowercase().ends_with(*end)) {
            found.add(
                Diagnostic::error("recipe::archive", format!("`{end}` archives cannot be unpacked"))
                    .at(text.span())
                    .label("not a tarball")
                    .help("sources are tar archives, plain or with gzip, bzip2, xz or zstd (`.crate` is one); most projects publish one"),
            );
        }
    }
    for (number, url) in raw.url.iter().enumerate() {
        let text = url.get_ref();
        let finding = if let Some(fault) = url_fault(text, &["https", "http"]) {
            Diagnostic::error("recipe::bad-url", format!("`{text}` {fault}"))
                .label("expected an address that anyone can fetch")
        } else if let Some(path) = pool_path_of(text) {
            Diagnostic::error("recipe::mirror-host", "a Debian mirror is named in the recipe")
                .label("each builder chooses mirrors")
                .help(format!("write `debian = \"{path}\"` instead"))
        } else if raw.url[..number].iter().any(|other| other.get_ref() == text) {
            Diagnostic::error("recipe::duplicate-url", "the same address is listed twice").label("second mention")
        } else {
            continue;
        };
        found.add(finding.at(url.span()));
    }
    if let Some((path, fault)) = raw.debian.as_ref().and_then(|path| Some((path, pool_fault(path.get_ref())?))) {
        found.add(
            Diagnostic::error("recipe::bad-pool-path", format!("the pool path {fault}"))
                .at(path.span())
                .label("not a pool path")
                .help("example: debian = \"pool/main/m/musl/musl_1.2.5.orig.tar.gz\""),
        );
    }
}

fn digest(spanned: &Spanned<RawSource>, found: &mut Findings) -> Option<Digest> {
    let Some(text) = &spanned.get_ref().sha256 else {
        found.missing("sha256", Some(("[[source]]", spanned.span())), "sha256 = \"<64 hex digits>\"");
        return None;
    };
    match text.get_ref().parse::<Digest>() {
        Ok(digest) => Some(digest),
        Err(error) => {
            let finding = Diagnostic::error("recipe::bad-sha256", error.to_string()).at(text.span());
            found.add(finding.label("not a sha256").help("`sha256sum <file>` prints it; compare with upstream's"));
            None
        }
    }
}

fn strip(value: Option<&Spanned<i64>>, found: &mut Findings) -> u32 {
    let Some(value) = value else { return 1 };
    match u32::try_from(*value.get_ref()) {
        Ok(strip) if i64::from(strip) <= MAX_STRIP => strip,
        _ => {
            let message = format!("`strip = {}` is out of range", value.get_ref());
            let finding = Diagnostic::error("recipe::bad-strip", message).at(value.span());
            found.add(finding.label(format!("0 to {MAX_STRIP} leading path components")));
            1
        }
    }
}

fn path(text: &Text, found: &mut Findings) {
    if let Some(fault) = path_fault(text.get_ref()) {
        let finding = Diagnostic::error("recipe::bad-path", format!("the path `{}` {fault}", text.get_ref()));
        found.add(finding.at(text.span()).label("expected a path inside the source tree"));
    }
}
