//! Recipes for measuring, made from their number alone: the same ten thousand on every machine.
//!
//! They have what real ones have: every build style, sources, patches, arguments, split packages, opt-outs, tests, crates,
//! and needs that lie some layers deep. Each needs recipes of lower numbers only.

use std::collections::BTreeSet;

use ashlar_core::base::digest::Digest;
use ashlar_core::model::recipe::{Style, style};

const WORDS: [&str; 16] = [
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "joist", "knoll", "ledge",
    "marsh", "notch", "ochre", "plinth",
];
const LICENSES: [&str; 5] = ["MIT", "Apache-2.0 OR MIT", "GPL-2.0-only", "BSD-3-Clause", "LGPL-2.1-or-later"];

/// The files of the recipe with this number, as (path in its folder, text).
pub fn files(number: usize) -> Vec<(String, String)> {
    let mut files = vec![("pkg.toml".to_owned(), recipe(number))];
    for patch in patches(number) {
        let text =
            format!("--- a/src/{patch}.c\n+++ b/src/{patch}.c\n@@ -1 +1 @@\n-int {patch} = 0;\n+int {patch} = 1;\n");
        files.push((format!("patches/{patch}.patch"), text));
    }
    if style(number).is_crate {
        files
            .push(("Cargo.toml".to_owned(), format!("[package]\nname = \"{0}\"\nversion = \"1.0.0\"\n", name(number))));
        files.push(("Cargo.lock".to_owned(), lock(number)));
        files.push(("src/main.rs".to_owned(), format!("fn main() {{\n    println!(\"{}\");\n}}\n", name(number))));
    }
    files
}

/// The name of the recipe with this number.
pub fn name(number: usize) -> String {
    format!("generated-{}-{number:05}", WORDS[number % WORDS.len()])
}

fn style(number: usize) -> Style {
    let styles = style::ALL.map(|style| if style.name == "kernel" { style::SHELL } else { style });
    styles[number % styles.len()]
}

fn patches(number: usize) -> Vec<String> {
    (0..number % 4).map(|patch| format!("000{patch}_{}", WORDS[(number + patch) % WORDS.len()])).collect()
}

fn recipe(number: usize) -> String {
    let (name, style) = (name(number), style(number));
    let version = format!("{}.{}.{}", number % 7, number % 23, number % 5);
    let license = LICENSES[number % LICENSES.len()];
    let libs = list(std::iter::once(style.base.to_owned()).chain(below(number, &[2, 3])));
    let tools = list(below(number, if number.is_multiple_of(6) { &[5] } else { &[] }));
    let patches = list(patches(number).into_iter().map(|patch| format!("{patch}.patch")));
    let sha256 = Digest::of(&name);
    let mut text = format!(
        "name = \"{name}\"\nversion = \"{version}\"\nsummary = \"Package number {number} of a large tree\"\n\
         license = \"{license}\"\nlicense_files = [\"COPYING\"]\nupstream = \"https://{name}.example.org\"\ncpe = \"{name}:{name}\"\n\
         libs = {libs}\ntools = {tools}\npatches = {patches}\n\n\
         [[source]]\nurl = [\"https://{name}.example.org/releases/{name}-{version}.tar.xz\"]\n\
         debian = \"pool/main/g/{name}/{name}_{version}.orig.tar.xz\"\nsha256 = \"{sha256}\"\n\n\
         [build]\nstyle = \"{}\"\n",
        style.name
    );
    if style.phases_with("args").next().is_some() {
        text += "args = [\"--disable-nls\", \"--without-docs\"]\n";
    }
    text += "\n[build.env]\nLIMIT = \"64\"\n";
    if style.scripts.is_empty() {
        text += SCRIPTS;
    }
    if number.is_multiple_of(9) {
        text +=
            "\n[[hardening]]\noff = \"auto-var-init\"\nreason = \"the interpreter's loop becomes a third slower\"\n";
    }
    if number.is_multiple_of(4) {
        text += &format!(
            "\n[[output]]\nname = \"{name}-headers\"\nsummary = \"Headers of it\"\nfiles = [\"usr/include/**\"]\n"
        );
    }
    text + &format!(
        "\n[[test]]\nname = \"prints its version\"\nrun = '''\n/dest/usr/bin/{name} --version | grep -q '{version}'\n'''\n"
    )
}

/// The recipes that the one with this number needs: those with a part of its number, so that needs are some ten levels deep.
fn below(number: usize, parts: &[usize]) -> Vec<String> {
    let numbers: BTreeSet<usize> = parts.iter().map(|part| number / part).filter(|below| *below > 0).collect();
    numbers.into_iter().map(name).collect()
}

fn list(names: impl IntoIterator<Item = String>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn lock(number: usize) -> String {
    let mut text = format!("version = 4\n\n[[package]]\nname = \"{}\"\nversion = \"1.0.0\"\n", name(number));
    for (at, word) in WORDS.iter().enumerate() {
        let (version, checksum) = (number % (at + 2), Digest::of(format!("{word} {number}")));
        text += &format!(
            "\n[[package]]\nname = \"{word}\"\nversion = \"0.{version}.0\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"\n"
        );
    }
    text
}

const SCRIPTS: &str = r#"
[phases]
configure = '''
CFLAGS=-O2 ./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var --disable-shared --enable-static
grep -q '^#define HAVE_SYSTEM_TYPE 1' config.h
'''
build = '''
make -s
'''
check = '''
make -s check
'''
install = '''
make -s install DESTDIR="$DESTDIR"
find "$DESTDIR" -name '*.la' -exec rm -f {} +
install -D -m 644 COPYING "$DESTDIR/usr/share/licenses/COPYING"
'''
"#;

#[cfg(test)]
mod tests {
    use ashlar_core::model::recipe::{parse, validate};

    use super::*;

    #[test]
    fn recipes_of_every_style_are_valid() {
        let flags = BTreeSet::from(["auto-var-init".to_owned()]);
        let mut styles = BTreeSet::new();
        for number in 0..64 {
            let shown = format!("pkgs/{}/pkg.toml", name(number));
            let files = files(number);
            let names = files.iter().map(|(path, _)| path.clone()).collect();
            let raw = parse::parse(&files[0].1, shown.as_str().into()).unwrap();
            let recipe = validate::validate(&raw, shown.as_str().into(), &names, &flags).unwrap();
            styles.insert(recipe.style.name);
        }
        assert_eq!(styles.len(), style::ALL.len() - 1, "all but the kernel's: {styles:?}");
        insta::assert_snapshot!(recipe(36));
    }
}
