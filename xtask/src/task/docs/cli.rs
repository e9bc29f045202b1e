//! `docs/cli.md`: every command, option, default and exit code, of the types that read the command line.

use std::fmt::Write as _;

use ashlar_lab::scenario::{self, Target};
use clap::{Arg, Command, CommandFactory as _};

use super::notice::NOTICE;
use crate::cli::Cli;
use crate::exit::Exit;

const INTRODUCTION: &str = "# Command line

Every command is `cargo xtask COMMAND`, and each has `--help`. Results go to standard output, progress and notes to standard
error. `cargo xtask man` and `cargo xtask man COMMAND` print manual pages.

Shells complete for a program called `xtask`. In bash:

```sh
xtask() { cargo xtask \"$@\"; }
source <(cargo xtask completions bash)
```

";

const ENVIRONMENT: &str = "## Environment

| variable | what it does |
|---|---|
| `ASHLAR_STORE` | Directory of the store; `--store` wins. |
| `ASHLAR_MIRRORS` | Addresses of mirrors of the store's `distfiles`, tried before upstream. |
| `ASHLAR_DEBIAN_MIRROR` | Debian mirror for pool paths and the seed; otherwise those of apt's configuration. |
| `NO_COLOR` | Errors have no colours on a terminal either. |
| `XDG_CACHE_HOME` | The store is at `ashlar` in it when nothing else is said; otherwise at `~/.cache/ashlar`. |
";

/// The page.
pub fn page() -> String {
    let mut all = Cli::command();
    all.build();
    let mut page = format!("{NOTICE}{INTRODUCTION}## Exit codes\n\n| code | means |\n|---:|---|\n");
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit as u8, exit.meaning());
    }
    let _ = write!(page, "\n{ENVIRONMENT}\n## Options of every command\n\n");
    page += &table(all.get_arguments().filter(|arg| arg.is_global_set()));
    page += "\n## Commands\n\n| command | |\n|---|---|\n";
    for command in commands(&all) {
        let name = command.get_name();
        let _ = writeln!(page, "| [`{name}`](#{name}) | {} |", about(command));
    }
    for command in commands(&all) {
        section(&mut page, command, "###");
    }
    page + &scenarios()
}

fn scenarios() -> String {
    let mut text = String::from("\n## Boot scenarios\n\n| `boot-test` | runs in | what it shows |\n|---|---|---|\n");
    let short = scenario::names(Target::Test);
    for scenario in scenario::NAMES.iter().filter_map(|name| scenario::named(name, "").ok()) {
        let target = if short.contains(&scenario.name) { "test" } else { "test-all" };
        let _ = writeln!(text, "| `{}` | {target} | {} |", scenario.name, cell(scenario.summary));
    }
    text
}

fn commands(of: &Command) -> impl Iterator<Item = &Command> {
    of.get_subcommands().filter(|command| command.get_name() != "help")
}

fn about(command: &Command) -> String {
    command.get_about().map(|text| cell(&text.to_string())).unwrap_or_default()
}

fn section(page: &mut String, command: &Command, level: &str) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).trim_start_matches("cargo xtask ");
    let usage = command.clone().render_usage().to_string();
    let _ = write!(
        page,
        "\n{level} {name}\n\n{}\n\n```text\n{}\n```\n",
        about(command),
        usage.trim_start_matches("Usage: ")
    );
    let own = command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help").collect::<Vec<_>>();
    if !own.is_empty() {
        let _ = write!(page, "\n{}", table(own.into_iter()));
    }
    for command in commands(command) {
        section(page, command, "####");
    }
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let rows = args.map(|arg| format!("| {} | {} |\n", spelling(arg), meaning(arg)));
    format!("| argument | |\n|---|---|\n{}", rows.collect::<String>())
}

/// `-j`, `--jobs JOBS`; a positional argument as clap's usage has it.
fn spelling(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let takes = arg.get_action().takes_values();
    let long = arg.get_long().map(|long| match arg.get_num_args() {
        Some(range) if takes && range.min_values() == 0 => format!("`--{long}[=<{value}>]`"),
        _ if takes => format!("`--{long} <{value}>`"),
        _ => format!("`--{long}`"),
    });
    let short = arg.get_short().map(|short| format!("`-{short}`"));
    let named: Vec<String> = short.into_iter().chain(long).collect();
    if !named.is_empty() {
        return named.join(", ");
    }
    let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) { "..." } else { "" };
    let value = if value.is_empty() { arg.get_id().as_str().to_uppercase() } else { value };
    if arg.is_required_set() { format!("`<{value}>{many}`") } else { format!("`[{value}]{many}`") }
}

/// Help, values and default, as one line.
fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(|text| cell(&text.to_string())).unwrap_or_default();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        let _ = write!(text, " One of {}.", values.join(", "));
    }
    let defaults: Vec<&str> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(text, " Default: `{}`.", defaults.join(" "));
    }
    text
}

fn cell(text: &str) -> String {
    let text = text.replace('\n', " ").replace('|', "\\|").replace('<', "\\<");
    if text.is_empty() || text.ends_with(['.', ']', '?']) { text } else { text + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_on_the_page() {
        let page = page();
        let mut all = Cli::command();
        all.build();
        for command in commands(&all) {
            let name = command.get_name();
            let section = page.split(&format!("\n### {name}\n")).nth(1).unwrap_or_else(|| panic!("{name} is missing"));
            for long in command.get_arguments().filter(|arg| !arg.is_global_set()).filter_map(Arg::get_long) {
                assert!(long == "help" || section.contains(&format!("`--{long}")), "{name} --{long}");
            }
        }
        assert!(page.contains("| 42 | A boot test failed"), "{page}");
    }

    #[test]
    fn a_default_and_the_values_are_named() {
        let page = page();
        let (_, section) = page.split_once("\n### boot-test\n").unwrap();
        assert!(section.contains("Default: `240`."), "{section}");
        assert!(section.contains("One of `uefi-cd`"), "{section}");
    }
}
