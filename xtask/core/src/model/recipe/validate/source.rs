//! `[[source]]`: locations, digest, and where the files go.

use std::collections::BTreeMap;

use crate::model::recipe::spanned::Spanned;

use super::findings::Findings;
use super::location::{pool_fault, pool_path_of, url_fault};
use super::text::{expand, path_fault};
use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;
use crate::model::recipe::raw::{MAX_STRIP, RawPatch, RawRecipe, RawSource, Text};
use crate::model::recipe::{CrateName, Source};

/// Archives that are not unpacked here, by how their names end.
const FOREIGN: [&str; 8] = [".zip", ".7z", ".rar", ".whl", ".jar", ".rpm", ".lz", ".lzma"];

/// `[[source]]`.
pub(super) fn check(raw: &RawRecipe, version: &str, found: &mut Findings) -> Vec<Source> {
    files(&raw.source, "[[source]]", version, found)
}

/// `[[patch]]`: files that are fetched as sources are. The patches in them are `include`; `to` tells the files apart.
pub(super) fn patches(raw: &RawRecipe, version: &str, found: &mut Findings) -> Vec<Source> {
    let source = |(number, spanned): (usize, &Spanned<RawPatch>)| {
        let RawPatch { url, debian, sha256, members } = spanned.get_ref().clone();
        let to = Spanned::new(spanned.span(), (number + 1).to_string());
        let strip = Some(Spanned::new(spanned.span(), 0));
        Spanned::new(
            spanned.span(),
            RawSource { url, debian, krate: None, sha256, strip, include: members, to: Some(to) },
        )
    };
    files(&raw.patch.iter().enumerate().map(source).collect::<Vec<_>>(), "[[patch]]", version, found)
}

fn files(list: &[Spanned<RawSource>], table: &str, version: &str, found: &mut Findings) -> Vec<Source> {
    let mut seen: BTreeMap<(Digest, String), usize> = BTreeMap::new();
    // Of the size that it will have: a tree holds as many of these as it has sources.
    let mut sources = Vec::with_capacity(list.len());
    for (number, spanned) in list.iter().map(|spanned| expanded(spanned, version)).enumerate() {
        let raw = spanned.get_ref();
        locations(&spanned, table, found);
        let sha256 = digest(&spanned, table, found);
        let strip = strip(raw.strip.as_ref(), found);
        for text in raw.include.iter().chain(&raw.to) {
            path(text, found);
        }
        let to = raw.to.as_ref().map_or_else(|| ".".to_owned(), |to| to.get_ref().clone());
        let Some(sha256) = sha256 else { continue };
        if let Some(first) = seen.insert((sha256, to.clone()), number) {
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
            krate: raw.krate.as_ref().and_then(|text| krate(text, found)),
            sha256,
            strip,
            include: raw.include.iter().map(|prefix| prefix.get_ref().clone()).collect(),
            to,
        });
    }
    sources
}

/// The source with the version filled in, so that what is judged is what will be fetched.
fn expanded(spanned: &Spanned<RawSource>, version: &str) -> Spanned<RawSource> {
    let fill = |text: &mut Text| *text = Spanned::new(text.span(), expand(text.get_ref(), version));
    let mut raw = spanned.get_ref().clone();
    raw.url
        .iter_mut()
        .chain(&mut raw.debian)
        .chain(&mut raw.krate)
        .chain(&mut raw.include)
        .chain(&mut raw.to)
        .for_each(fill);
    Spanned::new(spanned.span(), raw)
}

fn locations(spanned: &Spanned<RawSource>, table: &str, found: &mut Findings) {
    let raw = spanned.get_ref();
    if raw.url.is_empty() && raw.debian.is_none() && raw.krate.is_none() {
        found.add(
            Diagnostic::error("recipe::source-location", format!("this `{table}` has no location"))
                .at(spanned.span())
                .label(if table == "[[patch]]" {
                    "needs `url` or `debian`"
                } else {
                    "needs `url`, `debian` or `crate`"
                })
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

/// `name@version`.
fn krate(text: &Text, found: &mut Findings) -> Option<CrateName> {
    let plain = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    match text.get_ref().split_once('@') {
        Some((name, version)) if plain(name, "_-") && plain(version, ".+-") => {
            Some(CrateName { name: name.to_owned(), version: version.to_owned() })
        }
        _ => {
            let message = format!("`{}` is not the name and the version of a crate", text.get_ref());
            found.add(
                Diagnostic::error("recipe::bad-crate", message)
                    .at(text.span())
                    .label("expected `name@version`")
                    .help("example: crate = \"libz-sys@1.1.33\""),
            );
            None
        }
    }
}

fn digest(spanned: &Spanned<RawSource>, table: &str, found: &mut Findings) -> Option<Digest> {
    let Some(text) = &spanned.get_ref().sha256 else {
        found.missing("sha256", Some((table, spanned.span())), "sha256 = \"<64 hex digits>\"");
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
