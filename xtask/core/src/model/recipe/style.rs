//! Build styles: the phases and environment a recipe gets when it does not write them itself.
//!
//! Each is a file here and a line in [`ALL`]; `cargo xtask docs` writes it into docs/recipe.md. Scripts use only variables of the
//! build contract.

mod autotools;
mod cargo;
mod cmake;
mod definition;
mod make;
mod meson;

use std::collections::BTreeMap;

pub use cargo::MEMBER_PREPARE;
pub use definition::Style;

use crate::base::name::{Phase, PkgName};

/// All styles, in the order they are listed to people.
pub const ALL: [Style; 7] = [autotools::STYLE, cmake::STYLE, meson::STYLE, make::STYLE, cargo::STYLE, KERNEL, SHELL];

/// Linux. The recipe writes the phases.
const KERNEL: Style = Style { name: "kernel", first: true, ..Style::NOTHING };
/// Only what the recipe's phases say.
pub const SHELL: Style = Style { name: "shell", ..Style::NOTHING };

/// The style of that name.
pub fn named(name: &str) -> Option<Style> {
    ALL.into_iter().find(|style| style.name == name)
}

/// The default scripts of a style for the package `name`, with `args` quoted for the shell.
///
/// # Errors
/// An argument that no shell can pass on (it holds a NUL character).
pub fn phases(style: Style, name: &PkgName, args: &[String]) -> Result<BTreeMap<Phase, String>, shlex::QuoteError> {
    let mut extra = String::new();
    for arg in args {
        extra.push(' ');
        extra.push_str(&shlex::try_quote(arg)?);
    }
    let fill = |script: &str| script.replace("{args}", &extra).replace("{name}", name.as_str());
    Ok(style.scripts.iter().map(|(phase, script)| (*phase, fill(script))).collect())
}

/// The environment a style adds; a recipe's own `[build.env]` wins over it.
pub fn env(style: Style) -> BTreeMap<String, String> {
    style.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_every_style() {
        let name = "zlib".parse().unwrap();
        let args = ["--with=a b".to_owned(), "it's".to_owned()];
        let mut text = String::new();
        for style in ALL {
            text.push_str(&format!("=== {}\n", style.name));
            for (variable, value) in env(style) {
                text.push_str(&format!("{variable}={value}\n"));
            }
            for (phase, script) in phases(style, &name, &args).unwrap() {
                text.push_str(&format!("--- {phase}\n{script}"));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn arguments_reach_the_phases_that_take_them() {
        let takers = ALL.map(|style| style.phases_with_args().map(Phase::as_str).collect::<Vec<_>>().join(" "));
        assert_eq!(takers, ["configure", "configure", "configure", "build install", "build", "", ""]);
        assert!(phases(make::STYLE, &"zlib".parse().unwrap(), &["\0".to_owned()]).is_err());
        assert!(ALL.into_iter().all(|style| named(style.name) == Some(style)));
        assert_eq!(named("bazel"), None);
    }
}
