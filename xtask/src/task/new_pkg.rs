//! `new-pkg`: writes the skeleton of a recipe. What it leaves blank, `cargo xtask check` asks for.

use std::collections::BTreeSet;

use anyhow::Result;
use ashlar_core::base::diag::Diagnostic;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::outdated::upstream_version;
use ashlar_core::model::recipe::{Style, parse, validate};
use ashlar_core::model::tree::PACKAGES;
use camino::{Utf8Path, Utf8PathBuf};

use crate::app::App;
use crate::cli::NewPkgArgs;
use crate::exit::Exit;
use crate::host::checkout;
use crate::host::fetch::Fetcher;
use crate::host::invalid::invalid;
use crate::host::mirror::Mirrors;

/// Writes `pkgs/<name>/pkg.toml`, prints its path, and notes what is left to fill in.
pub fn run(app: &App, args: &NewPkgArgs) -> Result<Exit> {
    let shown = Utf8PathBuf::from(format!("pkgs/{}/pkg.toml", args.name));
    let path = app.root.join(&shown);
    let taken = PACKAGES.iter().map(|place| Utf8Path::new(place).join(args.name.as_str()).join("pkg.toml"));
    if let Some(other) = taken.into_iter().find(|file| app.root.join(file).exists()) {
        let finding = Diagnostic::error("new-pkg::exists", format!("there is a recipe `{}` already", args.name));
        return Err(invalid(&app.root, &[finding.help(format!("edit {other}, or choose another name"))]));
    }
    let sha256 = pin(app, args);
    let text = skeleton(&args.name, args.style, args.url.as_deref(), args.debian.as_deref(), sha256.as_ref());
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(&path, &text)?;
    app.reporter.say(&shown);
    let files = checkout::files_below(&app.root, &Utf8Path::new("pkgs").join(args.name.as_str()))?;
    for finding in findings(&text, &shown, &files) {
        app.reporter.note(format!("to fill in: {}", finding.message));
    }
    app.reporter.note(
        "then: `cargo xtask check`; docs/recipe.md lists every key, CONTRIBUTING.md what a pull request must show",
    );
    Ok(Exit::Good)
}

/// The sha256 of the source, fetched; nothing without a source. A source that cannot be fetched now is a note, not a
/// failure: the skeleton has a blank for it.
fn pin(app: &App, args: &NewPkgArgs) -> Option<Digest> {
    if args.url.is_none() && args.debian.is_none() {
        return None;
    }
    match try_pin(app, args) {
        Ok((digest, place)) => {
            app.reporter.note(format!("sha256 of what {place} has: {digest}; compare it with upstream's"));
            Some(digest)
        }
        Err(error) => {
            app.reporter.note(format!("{error:#}\n       fill in `sha256` yourself"));
            None
        }
    }
}

fn try_pin(app: &App, args: &NewPkgArgs) -> Result<(Digest, String)> {
    let mirrors = Mirrors::detect(None)?;
    let locations = mirrors.unpinned(args.debian.as_deref(), args.url.as_slice());
    let store = app.store()?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let (digest, location) = fetcher.pin(&format!("the source of {}", args.name), &locations)?;
    Ok((digest, location.shown()))
}

/// The findings of `check` about the skeleton, without those that need other recipes.
fn findings(text: &str, shown: &Utf8Path, files: &BTreeSet<String>) -> Vec<Diagnostic> {
    match parse::parse(text, shown) {
        Ok(raw) => validate::validate(&raw, shown, files, &BTreeSet::new()).err().unwrap_or_default(),
        Err(findings) => findings,
    }
}

/// The text of the recipe: known values filled in, unknown ones empty, optional keys as comments.
fn skeleton(name: &PkgName, style: Style, url: Option<&str>, debian: Option<&str>, sha256: Option<&Digest>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let version = debian.and_then(upstream_version).or_else(|| url.and_then(url_version)).unwrap_or_default();
    // A value, and from column 39 on what it means.
    let line = |key: &str, value: String, meaning: &str| {
        let line = format!("{key} = {value}");
        format!("{line:37} # {meaning}\n")
    };
    // The crate of a Rust package of our own is the package's folder.
    let sources = !style.is_crate || url.or(debian).is_some();
    // Editors that know this line complete keys, and mark those that do not exist.
    let mut out = String::from("#:schema ../../docs/recipe.schema.json\n");
    out += "# Keys: docs/recipe.md. `cargo xtask check` names what is missing or wrong.\n";
    out += &line("name", quoted(name.as_str()), "the folder's name");
    out += &line("version", quoted(&version), "upstream's");
    out += &line("summary", quoted(""), "one line, no article before it, no full stop behind it");
    out += &line("license", quoted(""), "SPDX expression, such as MIT or GPL-2.0-only");
    if sources {
        out += &line("license_files", "[\"COPYING\"]".to_owned(), "the license's text, below $SRC");
        out += &line("upstream", quoted(""), "home page, https");
    }
    out += &line("# cpe", quoted("vendor:product"), "for matching known vulnerabilities");
    out += &line("libs", format!("[{}]", quoted(style.base)), "linked; they come, with all they need, to $SYSROOT");
    out += &line("# tools", "[]".to_owned(), "run while building; they come to $TOOLS");
    out += &line("# patches", "[\"0001-why.patch\"]".to_owned(), "files in patches/, applied with -p1 in this order");
    if sources {
        out += "\n[[source]]\n";
        out += &match url {
            Some(url) => format!("url = [{}]\n", quoted(url)),
            None => {
                line("# url", "[\"https://…\"]".to_owned(), "upstream's addresses; one of url and debian is needed")
            }
        };
        out += &match debian {
            Some(path) => format!("debian = {}\n", quoted(path)),
            None => line("# debian", quoted("pool/…"), "path of the orig tarball in Debian's pool"),
        };
        out += &format!("sha256 = {}\n", quoted(&sha256.map(Digest::to_string).unwrap_or_default()));
    }
    out += &format!("\n[build]\nstyle = {}\n", quoted(style.name));
    if style.phases_with("args").next().is_some() {
        out += &line("# args", "[]".to_owned(), "added to the style's own arguments");
    }
    out += if style.scripts.is_empty() { PHASES } else { "" };
    out + TEST
}

const PHASES: &str = "
[phases]
build = '''
make
'''
install = '''
make install DESTDIR=\"$DESTDIR\"
'''
";

const TEST: &str = "
# [[test]]
# name = \"prints its version\"
# run = '''/dest/usr/bin/tool --version'''
";

/// The version in the file name of an address: `…/name-1.2.3.tar.gz`, `…/v1.2.3.tar.gz`.
fn url_version(url: &str) -> Option<String> {
    let file = url.split(['?', '#']).next()?.rsplit('/').next()?;
    let stem = [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar.lz", ".tgz", ".txz", ".tbz2", ".tar", ".zip"]
        .iter()
        .find_map(|ending| file.strip_suffix(ending))?;
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let tag = |text: &str| digit(text.strip_prefix('v').unwrap_or(text));
    let after = stem.match_indices(['-', '_']).map(|(at, _)| &stem[at + 1..]).find(|rest| tag(rest));
    let version = after.or_else(|| tag(stem).then_some(stem))?;
    plausible(version.strip_prefix('v').unwrap_or(version))
}

fn plausible(version: &str) -> Option<String> {
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_names_of_files() {
        for (url, version) in [
            ("https://zlib.net/fossils/zlib-1.3.1.tar.gz", Some("1.3.1")),
            ("https://a.b/x/archive/v2.0.tar.gz", Some("2.0")),
            ("https://a.b/lib-foo-v1.0-rc1.tar.xz?download", Some("1.0-rc1")),
            ("https://a.b/x264_0.1.zip", Some("0.1")),
            ("https://a.b/latest.tar.gz", None),
        ] {
            assert_eq!(url_version(url).as_deref(), version, "{url}");
        }
    }

    #[test]
    fn a_skeleton_is_valid_once_its_blanks_are_filled() {
        let name: PkgName = "zlib".parse().unwrap();
        let shown = Utf8PathBuf::from("pkgs/zlib/pkg.toml");
        let digest = Digest::of("x");
        for style in ashlar_core::model::recipe::style::ALL {
            let text = skeleton(&name, style, Some("https://zlib.net/zlib-1.3.1.tar.gz"), None, Some(&digest));
            assert!(text.contains("version = \"1.3.1\""), "{text}");
            let files = ["Cargo.toml", "Cargo.lock"].map(str::to_owned).into();
            let blanks: Vec<String> =
                findings(&text, &shown, &files).into_iter().map(|finding| finding.message).collect();
            assert!(!blanks.is_empty(), "{}: nothing is left to fill in", style.name);
            let filled = text
                .replace("summary = \"\"", "summary = \"Compression library\"")
                .replace("license = \"\"", "license = \"Zlib\"")
                .replace("upstream = \"\"", "upstream = \"https://zlib.net\"");
            let left = findings(&filled, &shown, &files);
            assert!(left.is_empty(), "{}: {left:?}\n{filled}", style.name);
        }
    }

    #[test]
    fn without_a_source_its_blanks_are_named() {
        let name: PkgName = "zlib".parse().unwrap();
        let text = skeleton(&name, ashlar_core::model::recipe::style::ALL[0], None, None, None);
        let codes: Vec<&str> =
            findings(&text, "pkgs/zlib/pkg.toml".into(), &BTreeSet::new()).iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&"recipe::source-location") && codes.contains(&"recipe::bad-sha256"), "{codes:?}");
    }
}
