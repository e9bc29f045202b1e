//! Build styles: the phases and environment a recipe gets when it does not write them itself.
//!
//! Each is a file here, its `mod`, and an entry of [`ALL`]; `cargo xtask docs` writes it into docs/recipe.md. Scripts use only
//! variables of the build contract.

mod autotools;
mod cargo;
mod cmake;
mod configure;
mod definition;
mod make;
mod meson;

use std::collections::BTreeMap;

pub use cargo::MEMBER_PREPARE;
pub use definition::Style;

use crate::base::name::{Phase, PkgName};

/// All styles, in the order they are listed to people.
pub const ALL: [Style; 8] =
    [autotools::STYLE, configure::STYLE, cmake::STYLE, meson::STYLE, make::STYLE, cargo::STYLE, KERNEL, SHELL];

/// Linux, which installs no programs. The recipe writes the phases.
const KERNEL: Style = Style { name: "kernel", first: true, strip: false, ..Style::NOTHING };
/// Only what the recipe's phases say.
pub const SHELL: Style = Style { name: "shell", ..Style::NOTHING };

/// The style of that name.
pub fn named(name: &str) -> Option<Style> {
    ALL.into_iter().find(|style| style.name == name)
}

/// What a recipe gives its style.
#[derive(Debug, Clone, Copy)]
pub struct StyleInputs<'a> {
    /// The package.
    pub name: &'a PkgName,
    /// `[build] args`.
    pub args: &'a [String],
    /// `[build] targets`.
    pub targets: &'a [String],
    /// `[build] check_targets`.
    pub check_targets: &'a [String],
}

/// The default scripts of a style, with arguments and targets quoted for the shell. Without targets for its tests, a style that
/// cannot know them runs none.
///
/// # Errors
/// An argument that no shell can pass on (it holds a NUL character).
pub fn phases(style: Style, inputs: StyleInputs<'_>) -> Result<BTreeMap<Phase, String>, shlex::QuoteError> {
    let words =
        |list: &[String]| list.iter().try_fold(String::new(), |text, word| Ok(text + " " + &shlex::try_quote(word)?));
    let (args, targets) = (words(inputs.args)?, words(inputs.targets)?);
    let tests = match (inputs.check_targets, style.tests) {
        ([], "") => None,
        ([], default) => Some(format!(" {default}")),
        (given, _) => Some(words(given)?),
    };
    let fill = |(phase, script): &(Phase, &str)| {
        let script = script.replace("{args}", &args).replace("{targets}", &targets);
        let script = match (&tests, script.contains("{check_targets}")) {
            (None, true) => return None,
            (tests, _) => script.replace("{check_targets}", tests.as_deref().unwrap_or_default()),
        };
        Some((*phase, script.replace("{name}", inputs.name.as_str())))
    };
    Ok(style.scripts.iter().filter_map(fill).collect())
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
            for (phase, script) in
                phases(style, StyleInputs { name: &name, args: &args, targets: &[], check_targets: &[] }).unwrap()
            {
                text.push_str(&format!("--- {phase}\n{script}"));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn arguments_and_targets_reach_the_phases_that_take_them() {
        let takers = |style: Style| {
            let phases = |key| style.phases_with(key).map(Phase::as_str).collect::<Vec<_>>().join(" ");
            ["args", "targets", "check_targets"].map(phases)
        };
        assert_eq!(takers(autotools::STYLE), ["configure", "build", "check"]);
        assert_eq!(takers(make::STYLE), ["build check install", "build", "check"]);
        assert_eq!(takers(cargo::STYLE), ["build", "", ""]);
        assert_eq!(takers(SHELL), [""; 3]);
        let name = "zlib".parse().unwrap();
        let scripts = |style, check_targets| {
            phases(style, StyleInputs { name: &name, args: &[], targets: &["lib".to_owned()], check_targets }).unwrap()
        };
        assert_eq!(scripts(configure::STYLE, &[])[&Phase::Build], "make lib\n");
        assert!(!scripts(configure::STYLE, &[]).contains_key(&Phase::Check));
        let test = ["test".to_owned()];
        assert_eq!(scripts(configure::STYLE, &test)[&Phase::Check], "make test\n");
        assert_eq!(scripts(autotools::STYLE, &[])[&Phase::Check], "make -C \"$OBJ\" check\n");
        let bad = ["\0".to_owned()];
        assert!(
            phases(make::STYLE, StyleInputs { name: &name, args: &bad, targets: &[], check_targets: &[] }).is_err()
        );
        assert!(ALL.into_iter().all(|style| named(style.name) == Some(style)));
        assert_eq!(named("bazel"), None);
    }
}
