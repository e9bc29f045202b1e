//! `docs/recipe.md`: the keys of a recipe, what each build style runs, and the compiler flags that can be switched off.

use std::fmt::Write as _;

use ashlar_core::base::name::PkgName;
use ashlar_core::model::recipe::style::{self, StyleInputs};
use ashlar_core::model::recipe::{Style, schema};
use ashlar_core::model::toolchain::Toolchain;

use super::notice::NOTICE;

const INTRODUCTION: &str = "# Recipes: `pkgs/NAME/pkg.toml`

The guide is [how-to/package.md](how-to/package.md); what a phase can rely on is in [build-contract.md](build-contract.md).
Editors that read JSON schemas complete and check recipes with [recipe.schema.json](recipe.schema.json). `cargo xtask check`
finds more: it also knows what the values mean.

## Keys

A key that is not in this table is refused.

";

const STYLES: &str = "
## Build styles

A style supplies the phases that the recipe does not write. `{args}`, `{targets}` and `{check_targets}` are the recipe's keys of
these names (`check_targets` is `check` for `autotools` unless it is given; `configure` and `make` have the phase `check` only
when it is); `NAME` is the package. A phase that is not listed does nothing. `kernel` and `shell` supply no phase.

Whoever wrote it, the phase `install` ends with copying the `license_files`, and, unless the style is `kernel` or `cargo` or the
recipe has no source, with stripping the programs that are below `$DESTDIR`. Paths and addresses of `[[source]]`, `args`,
`targets`, `check_targets` and values of `[build.env]` have the recipe's version where they say `{version}`; scripts have it as
`$VERSION`.
";

const FLAGS: &str = "
## Compiler flags

Everything is compiled with these (`toolchain/hardening.toml`). A recipe switches one off by name and says what breaks.

| `off` | what it prevents, or what it costs |
|---|---|
";

/// The page.
pub fn page(toolchain: &Toolchain) -> String {
    let mut page = format!("{NOTICE}{INTRODUCTION}{}{STYLES}", schema::table());
    for style in style::ALL {
        let scripts = scripts(style);
        if !scripts.is_empty() {
            let _ = write!(page, "\n### {}\n\n```sh\n{scripts}```\n", style.name);
        }
    }
    page += FLAGS;
    for (name, reason) in toolchain.flags() {
        let _ = writeln!(page, "| `{name}` | {reason} |");
    }
    page
}

/// The style's variables and scripts, each phase under its name.
fn scripts(style: Style) -> String {
    let Ok(name) = "name".parse::<PkgName>() else { return String::new() };
    let mut text = String::new();
    for (variable, value) in style::env(style) {
        let _ = writeln!(text, "export {variable}='{value}'");
    }
    let marks = ["args", "targets", "check_targets"].map(|key| [format!("{{{key}}}")]);
    let [args, targets, check_targets] = &marks;
    for (phase, mut script) in
        style::phases(style, StyleInputs { name: &name, args, targets, check_targets }).unwrap_or_default()
    {
        for [mark] in &marks {
            script = script.replace(&format!("'{mark}'"), mark);
        }
        script = script.replace("/name\"", "/NAME\"");
        let _ = write!(text, "# {phase}\n{script}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_that_runs_something_is_shown() {
        let text = style::ALL.map(scripts);
        let silent: Vec<&str> =
            style::ALL.iter().zip(&text).filter(|(_, text)| text.is_empty()).map(|(style, _)| style.name).collect();
        assert_eq!(silent, ["kernel", "shell"]);
        let all = text.concat();
        assert!(all.contains("--disable-dependency-tracking {args}") && !all.contains("'{args}'"), "{all}");
        assert!(all.contains("/usr/bin/NAME\"") && !all.contains("/name"), "{all}");
    }
}
