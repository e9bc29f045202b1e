//! `keys`: makes keys of Secure Boot, and names them.

use anyhow::Result;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::efi_variable::KeyVariable;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::cli::KeysCommand;
use crate::exit::Exit;
use crate::host::clock;
use crate::host::signing_keys::{SigningKeys, Token};

/// A key. As JSON: fields as here.
#[derive(Debug, Serialize)]
struct KeyLine {
    /// `PK`, `KEK` or `db`.
    variable: &'static str,
    /// sha256 of the certificate.
    certificate: Digest,
    /// Whether the private key is in the directory; the one of db may be on a token.
    private_key: bool,
    /// The signed write of the variable.
    auth: Utf8PathBuf,
}

/// Makes keys, or names those that are there.
pub fn run(app: &App, command: &KeysCommand) -> Result<Exit> {
    let keys = match command {
        KeysCommand::Show { dir } => SigningKeys::at(dir),
        KeysCommand::New { dir, name, public_key, sign_with } => {
            outside(app, dir)?;
            let token = public_key.clone().zip(sign_with.clone());
            let token = token.map(|(public_key, command)| Token { public_key, command });
            SigningKeys::create(dir, name, token.as_ref(), Epoch(clock::now()))?
        }
    };
    let lines = KeyVariable::ALL.iter().rev().map(|variable| line(&keys, *variable)).collect::<Result<Vec<_>>>()?;
    app.reporter.show(&json!({ "event": "keys", "keys": lines }), || {
        let row = |line: &KeyLine| {
            let key = if line.private_key { "" } else { "  (private key elsewhere)" };
            format!("{:<4} certificate {}{key}", line.variable, line.certificate)
        };
        lines.iter().map(row).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Good)
}

fn line(keys: &SigningKeys, variable: KeyVariable) -> Result<KeyLine> {
    Ok(KeyLine {
        variable: variable.name(),
        certificate: keys.certificate(variable)?.fingerprint(),
        private_key: keys.file(variable, "key").exists(),
        auth: keys.file(variable, "auth"),
    })
}

/// Private keys do not belong where `git add` finds them.
fn outside(app: &App, dir: &Utf8Path) -> Result<()> {
    let absolute = camino::absolute_utf8(dir)?;
    let existing = absolute.ancestors().find(|parent| parent.exists());
    let real = existing.map(Utf8Path::canonicalize_utf8).transpose()?;
    let root = app.root.canonicalize_utf8()?;
    match real.filter(|dir| dir.starts_with(&root)) {
        None => Ok(()),
        Some(_) => Err(Exit::Usage
            .error(format!("{dir} is inside the checkout, where private keys must not be; name a directory outside"))),
    }
}
