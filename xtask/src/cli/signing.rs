//! Options of what signs for Secure Boot.

use ashlar_core::base::command::Command;
use camino::Utf8PathBuf;
use clap::{Args, Subcommand};

/// Options of an ISO for Secure Boot.
#[derive(Debug, Clone, Args)]
pub struct SignArgs {
    /// Write the ISO signed for Secure Boot, by the key of db in this directory; `keys new` makes one.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["print_plan", "stage"])]
    pub sign: Option<Utf8PathBuf>,
    /// Have this command sign instead of DIR/db.key: it gets the bytes on standard input, and writes their bare RSA signature
    /// (PKCS #1 v1.5 with SHA-256).
    #[arg(long, value_name = "COMMAND", requires = "sign", value_parser = command)]
    pub sign_with: Option<Command>,
}

fn command(text: &str) -> Result<Command, &'static str> {
    let words = shlex::split(text).ok_or("a quotation mark is never closed")?;
    let (program, args) = words.split_first().ok_or("there is no command in it")?;
    Ok(Command::new(program).args(args.iter().map(String::as_str)))
}

/// `keys` commands.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes keys, certificates and signed writes of the variables PK, KEK and db.
    New {
        /// Directory, empty or absent, outside of the checkout.
        dir: Utf8PathBuf,
        /// What the certificates' names begin with.
        #[arg(long, default_value = "Ashlar")]
        name: String,
        /// The key of db lies on a token: its public half, in PEM or DER.
        #[arg(long, value_name = "FILE", requires = "sign_with")]
        public_key: Option<Utf8PathBuf>,
        /// The command that signs with it; `iso --sign-with` says how.
        #[arg(long, value_name = "COMMAND", requires = "public_key", value_parser = command)]
        sign_with: Option<Command>,
    },
    /// Names the keys in a directory, with their certificates' fingerprints.
    Show {
        /// Directory.
        dir: Utf8PathBuf,
    },
}
