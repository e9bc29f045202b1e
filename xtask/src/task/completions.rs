//! `completions`: the completion script of a shell, on standard output.

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::app::App;
use crate::cli::Cli;
use crate::exit::Exit;

/// Name of the program that is completed. Shells complete `cargo xtask` as cargo, so it is the binary, or a function or
/// alias of this name.
const PROGRAM: &str = "xtask";

/// Prints it.
pub fn run(app: &App, shell: Shell) -> Result<Exit> {
    app.reporter.say(String::from_utf8(script(shell))?);
    Ok(Exit::Good)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command().bin_name(PROGRAM), PROGRAM, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        let names: Vec<String> =
            Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            let missing: Vec<&String> = names.iter().filter(|name| !script.contains(name.as_str())).collect();
            assert!(missing.is_empty(), "{shell}: {missing:?}");
            assert!(!script.contains("cargo xtask xtask"), "{shell}");
        }
    }
}
