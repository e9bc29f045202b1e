//! `man`: the manual page of all commands or of one, on standard output.

use anyhow::Result;
use ashlar_core::base::diag::suggest;
use clap::{Command, CommandFactory as _};

use crate::app::App;
use crate::cli::Cli;
use crate::exit::Exit;

/// Prints it.
pub fn run(app: &App, command: Option<&str>) -> Result<Exit> {
    app.reporter.say(String::from_utf8(page(command)?)?);
    Ok(Exit::Good)
}

fn page(command: Option<&str>) -> Result<Vec<u8>> {
    // Cargo's own pages are called `cargo-build`; so `man cargo-xtask` finds this one where it is installed.
    let mut all = Cli::command().name("cargo-xtask").display_name("cargo-xtask");
    all.build();
    let of = match command {
        None => all,
        Some(name) => named(&all, name)?,
    };
    let mut page = Vec::new();
    let source = concat!("xtask ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(of).source(source).manual("Ashlar").render(&mut page)?;
    page.extend(exit_status().into_bytes());
    Ok(page)
}

fn named(all: &Command, name: &str) -> Result<Command> {
    let names = || all.get_subcommands().map(Command::get_name);
    all.find_subcommand(name).cloned().ok_or_else(|| {
        let close = suggest(name, names()).map_or_else(String::new, |close| format!("; did you mean `{close}`?"));
        Exit::Usage.error(format!("there is no command `{name}`{close}"))
    })
}

/// The section that clap does not know of.
fn exit_status() -> String {
    let codes = Exit::ALL.map(|exit| format!(".TP\n.B {}\n{}\n", exit as u8, exit.meaning()));
    format!(".SH \"EXIT STATUS\"\n{}", codes.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_options_and_exit_codes() {
        let text = |command| String::from_utf8(page(command).unwrap()).unwrap();
        let all = text(None);
        assert!(all.contains("cargo\\-xtask") && all.contains("boot\\-test"), "{all}");
        let one = text(Some("gc"));
        assert!(one.contains("distfiles") && one.contains(".SH \"EXIT STATUS\"\n.TP\n.B 0\n"), "{one}");
        let unknown = page(Some("boottest")).unwrap_err();
        assert_eq!(crate::report::failure::exit(&unknown), Exit::Usage);
        assert!(unknown.to_string().contains("did you mean `boot-test`?"), "{unknown}");
    }
}
